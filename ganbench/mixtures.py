"""Mixtures of round Gaussians: exact moments, samples, and the nearest mode of a point."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from ganbench.data import Split
from ganbench.streams import stream

SPLIT_SIZES = {"train": 100_000, "validation": 10_000, "test": 10_000}
"""100,000 training points, as PacGAN (Lin et al. 2018) and WGAN-GP's gan_toy.py draw them."""

REACH = 3.0
"""How many sigma from its mode's centre a sample of high quality may be."""

Rule = Literal["ball", "box"]


@dataclass(frozen=True)
class Mixture:
    """K round Gaussians: `centres` (K, d), standard deviation `sigma`, `weights` (K,) that sum to 1, equal if not
    given. Kept as float64."""

    centres: Tensor
    sigma: float
    weights: Tensor = field(default_factory=lambda: torch.ones(1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "centres", self.centres.double())
        weights = self.weights.expand(len(self.centres))  # one weight stands for all
        object.__setattr__(self, "weights", weights.double() / weights.double().sum())

    def mean(self) -> Tensor:
        """The exact mean (d,)."""
        return self.weights @ self.centres

    def covariance(self) -> Tensor:
        """The exact covariance (d, d): between the modes, plus sigma^2 within."""
        offset = self.centres - self.mean()
        within = self.sigma**2 * torch.eye(offset.shape[1], dtype=offset.dtype)
        return offset.T @ (self.weights[:, None] * offset) + within

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` points (count, d), float32."""
        return self.labelled(count, generator).samples

    def labelled(self, count: int, generator: torch.Generator) -> Split:
        """`count` points (count, d), float32, and the mode that each is from (count,)."""
        mode = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        noise = torch.randn(count, self.centres.shape[1], generator=generator, dtype=self.centres.dtype)
        return Split((self.centres[mode] + self.sigma * noise).float(), mode)

    def splits(self) -> dict[str, Split]:
        """The fixed data of a study: the same points for every run, method and seed."""
        return {name: self.labelled(size, stream(0, f"mixture {name}")) for name, size in SPLIT_SIZES.items()}

    def nearest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The index of the nearest centre of each point (n, d), and the offset from it (n, d)."""
        points = points.to(self.centres)
        mode = torch.cdist(points, self.centres, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
        return mode, points - self.centres[mode]


def high_quality_counts(points: Tensor, mixture: Mixture, rule: Rule = "ball") -> Tensor:
    """How many points (n, d) are of high quality, by their nearest mode: (K,) integers.

    `ball`: within 3 sigma of the centre, the rule of PacGAN's evaluation (Lin et al. 2018, section 4.1); in 2-D a
    perfect generator has 1 - exp(-4.5) = 98.89 % of its samples there. `box`: within 3 sigma in every coordinate,
    the rule of the self-conditioned GAN (Liu et al. 2020); 99.46 % in 2-D.
    """
    mode, offset = mixture.nearest(points)
    distance = offset.norm(dim=1) if rule == "ball" else offset.abs().amax(1)
    return torch.bincount(mode[distance <= REACH * mixture.sigma], minlength=len(mixture.centres))
