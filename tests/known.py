"""Data whose modes are known, and samples that are planted in them."""

import torch
from torch import Tensor

from ganbench.datasets.ring8 import Dataset as Ring8
from ganbench.evidence import Evidence, Reference
from ganbench.mixtures import Mixture
from ganbench.streams import stream

RING = Ring8().mixture()


def points(mixture: Mixture = RING) -> Reference:
    """The reference of a mixture."""
    some = Evidence(perfect(mixture, 50).features)
    return Reference(some, mixture.mean(), mixture.covariance(), mixture, mixture.weights)


def images(weights: list[float], covered_share: float = 0.1) -> Reference:
    """The reference of images whose classes have these shares; their features are of one dimension."""
    some, one = classified([1] * len(weights)), torch.ones(1, dtype=torch.float64)
    shares = torch.tensor(weights, dtype=torch.float64)
    return Reference(some, 0 * one, torch.diag(one), mode_weights=shares, covered_share=covered_share)


def perfect(mixture: Mixture, samples: int, seed: int = 0) -> Evidence:
    """Samples of a perfect generator."""
    return Evidence(mixture.sample(samples, stream(seed, "perfect generator")).double())


def planted(counts: list[int], lost: int = 0, mixture: Mixture = RING) -> Evidence:
    """That many points on each of the first centres, and some far from all of them."""
    on_centres = mixture.centres[: len(counts)].repeat_interleave(torch.tensor(counts, dtype=torch.int64), 0)
    return Evidence(torch.cat([on_centres, torch.full((lost, mixture.centres.shape[1]), 50.0, dtype=torch.float64)]))


def classified(counts: list[int]) -> Evidence:
    """Images of which that many are predicted to be of each class, with features of variance 1."""
    logits = torch.eye(len(counts), dtype=torch.float64).repeat_interleave(torch.tensor(counts), 0)
    features = torch.linspace(-1.7, 1.7, len(logits), dtype=torch.float64)[:, None]
    return Evidence(features, logits)


def drawn(weights: Tensor, samples: int, seed: int) -> Evidence:
    """Images whose classes a perfect generator draws."""
    generator = stream(seed, "perfect generator")
    classes = torch.multinomial(weights, samples, replacement=True, generator=generator)
    return classified(torch.bincount(classes, minlength=len(weights)).tolist())
