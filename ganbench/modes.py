"""Which mode each generated sample is in, and which samples are in none."""

import math
from typing import Literal

import torch
from scipy.special import chdtr
from torch import Tensor

from ganbench.evidence import Evidence, EvidenceError, Reference
from ganbench.mixtures import REACH, Mixture, high_quality_counts

Validity = Literal["ball", "box", "any"]
"""Which points are valid: those within 3 sigma of their nearest mode by the ball or the box rule, or all."""


def count(fake: Evidence, real: Reference, rule: Validity = "ball") -> tuple[Tensor, int]:
    """How many valid samples each of the K modes has, (K,) int64, and how many samples are invalid.

    A point is in its nearest mode if the rule finds it valid. The mode of an image is its predicted class, and every
    image is valid, as in the evaluation of stacked MNIST by PacGAN (Lin et al. 2018): the rule is about points only.
    Raises EvidenceError for data without known modes, for no samples, and for samples that do not fit the data.
    """
    modes = len(real.true_mode_weights())
    if len(fake) == 0:
        raise EvidenceError("there are no samples to find modes in")
    counts = class_counts(fake) if real.mixture is None else _point_counts(fake.features, real.mixture, rule)
    if len(counts) != modes:
        raise EvidenceError(f"the samples are told apart into {len(counts)} modes, and the data has {modes}")
    return counts, len(fake) - int(counts.sum())


def class_counts(samples: Evidence) -> Tensor:
    """How many samples are predicted to be of each class, (classes,) int64. Raises EvidenceError without logits."""
    return torch.bincount(samples.predicted(), minlength=samples.class_logits().shape[1])


def fewest(share: float, truth: Tensor, samples: int) -> Tensor:
    """The fewest of some samples that are a `share` of what each mode should have, and one at least: (K,) float64.

    `truth` (K,): the true share of each mode. Rounding must not turn 0.07 of 100 into more than 7.
    """
    return (share * samples * truth.double() - 1e-9).ceil().clamp(min=1)


def valid_share(real: Reference, rule: Validity = "ball") -> float:
    """The share of real samples that are valid, 0 to 1.

    Exact for modes so far apart that no sample strays into another mode: P(chi2_d <= 9) in a ball of 3 sigma,
    erf(3 / sqrt 2)^d in a box. Overlapping modes have more. 1 for classified images.
    """
    if real.mixture is None or rule == "any":
        return 1.0
    dimension = real.mixture.centres.shape[1]
    return float(chdtr(dimension, REACH**2)) if rule == "ball" else math.erf(REACH / math.sqrt(2)) ** dimension


def _point_counts(points: Tensor, mixture: Mixture, rule: Validity) -> Tensor:
    if points.shape[1] != mixture.centres.shape[1]:
        raise EvidenceError(f"the samples have {points.shape[1]} dimensions, and the data {mixture.centres.shape[1]}")
    if rule == "any":
        return torch.bincount(mixture.nearest(points)[0], minlength=len(mixture.centres))
    return high_quality_counts(points, mixture, rule)
