"""Bins of feature space: k-means of the training split, and how many samples fall into each."""

import torch
from sklearn.cluster import KMeans
from torch import Tensor

from ganbench.evidence import Evidence, EvidenceError, Training
from ganbench.neighbours import to_nearest
from ganbench.streams import derive

MOST = 100
"""As many as Richardson & Weiss (2018) use."""

PER_BIN = 50
"""Training samples that a bin should have on average: with fewer, the share of a bin is mostly noise."""


def number(samples: int) -> int:
    """How many bins that many training samples get: min(100, samples // 50), and at least 2."""
    return max(2, min(MOST, samples // PER_BIN))


def fit(features: Tensor, bins: int, seed: int) -> tuple[Tensor, Tensor]:
    """k-means of features (n, d) float64: centres (bins, d) float64 and counts (bins,) int64, fullest first.

    One start by k-means++. The same for the same input. Raises EvidenceError for fewer samples than bins.
    """
    if len(features) < bins:
        raise EvidenceError(f"{bins} bins need at least as many training samples, and there are {len(features)}")
    means = KMeans(bins, n_init=1, random_state=derive(seed, "bins") % 2**32).fit(features.numpy())
    centres = torch.from_numpy(means.cluster_centers_)
    counts = _counts(features, centres)
    order = counts.argsort(descending=True, stable=True)
    return centres[order], counts[order]


def counts(evidence: Evidence, training: Training) -> Tensor:
    """How many samples are nearest to each of the training split's centres (bins,) int64."""
    return evidence.once(("bins", training), lambda: _counts(evidence.features, training.bin_centres))


def _counts(features: Tensor, centres: Tensor) -> Tensor:
    return to_nearest(features, centres)[1].bincount(minlength=len(centres))
