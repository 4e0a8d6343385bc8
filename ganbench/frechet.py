"""The Fréchet distance between two Gaussians.

With factors S = L L^T, the eigenvalues of S1 S2 are the squared singular values of L1^T L2, so the trace of the root
of S1 S2 is the sum of those singular values. Nothing is squared on the way: the result stays accurate where the
eigenvalues of S1 S2 themselves drown in rounding, as for fewer samples than features. A pivoted Cholesky
factorisation finds the rank and costs a tenth of an eigendecomposition.
"""

import numpy as np
import torch
from scipy.linalg.lapack import dpstrf
from torch import Tensor

from ganbench.evidence import EvidenceError, Reference


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (d,) and the covariance (d, d), divided by n - 1, of features (n, d) float64 with n at least 2."""
    mean = features.mean(0)
    offset = features - mean
    return mean, offset.T @ offset / (len(features) - 1)


def factor(covariance: Tensor) -> Tensor:
    """L (d, rank) with L L^T = covariance (d, d) float64, positive semidefinite.

    Pivots below d * epsilon * the largest variance count as zero. Raises EvidenceError if the covariance is not finite.
    """
    if not covariance.isfinite().all():
        raise EvidenceError("the covariance of the features is not finite")
    lower, pivots, rank, _ = dpstrf(covariance.numpy().T, lower=1)
    found = np.zeros((len(covariance), rank))
    found[pivots - 1] = np.tril(lower)[:, :rank]
    return torch.from_numpy(found)


def distance(mean1: Tensor, factor1: Tensor, mean2: Tensor, factor2: Tensor) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) for means (d,) and factors (d, rank) (Dowson & Landau 1982).

    At least 0, which rounding could miss.
    """
    shared = np.linalg.svd((factor1.T @ factor2).numpy(), compute_uv=False).sum()  # sooner done than torch's
    apart = (mean1 - mean2).square().sum() + factor1.square().sum() + factor2.square().sum() - 2 * shared
    return max(0.0, float(apart))


def to_reference(features: Tensor, real: Reference) -> float:
    """The distance of the moments of features (n, d) to those of the reference, whose factor is computed once."""
    mean, covariance = moments(features)
    known = real.evidence.once(("frechet factor", real), lambda: factor(real.covariance))
    return distance(mean, factor(covariance), real.mean, known)
