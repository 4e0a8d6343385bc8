"""Equal mixtures of round Gaussians: exact moments, samples, and the nearest mode of a point."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ganbench.data import Split
from ganbench.streams import stream

SPLIT_SIZES = {"train": 100_000, "validation": 10_000, "test": 10_000}
"""100,000 training points, as PacGAN (Lin et al. 2018) and WGAN-GP's gan_toy.py draw them."""


@dataclass(frozen=True)
class Mixture:
    """K round Gaussians of equal weight: `centres` (K, d), standard deviation `sigma`. Kept as float64."""

    centres: Tensor
    sigma: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "centres", self.centres.double())

    def mean(self) -> Tensor:
        """The exact mean (d,)."""
        return self.centres.mean(0)

    def covariance(self) -> Tensor:
        """The exact covariance (d, d): between the modes, plus sigma^2 within."""
        offset = self.centres - self.mean()
        within = self.sigma**2 * torch.eye(offset.shape[1], dtype=offset.dtype)
        return offset.T @ offset / len(offset) + within

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` points (count, d), float32."""
        mode = torch.randint(len(self.centres), (count,), generator=generator)
        noise = torch.randn(count, self.centres.shape[1], generator=generator, dtype=self.centres.dtype)
        return (self.centres[mode] + self.sigma * noise).float()

    def splits(self) -> dict[str, Split]:
        """The fixed data of a study: the same points for every run, method and seed."""
        return {name: Split(self.sample(size, stream(0, f"mixture {name}"))) for name, size in SPLIT_SIZES.items()}


def high_quality_counts(points: Tensor, mixture: Mixture) -> Tensor:
    """How many points (n, d) lie within 3 sigma of each mode, by their nearest mode: (K,) integers.

    The rule of PacGAN's evaluation (Lin et al. 2018, section 4.1). In 2-D a perfect generator has
    1 - exp(-4.5) = 98.89 % of its samples there.
    """
    distance, mode = torch.cdist(
        points.to(mixture.centres), mixture.centres, compute_mode="donot_use_mm_for_euclid_dist"
    ).min(1)
    return torch.bincount(mode[distance <= 3 * mixture.sigma], minlength=len(mixture.centres))
