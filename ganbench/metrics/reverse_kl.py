"""How unevenly the modes are covered."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from ganbench.evidence import Evidence, Reference
from ganbench.mixtures import high_quality_counts


@dataclass(frozen=True)
class Metric:
    """KL(generated || true) over the K modes, from high-quality samples, in nats (Lin et al. 2018, section 4.1).
    Range 0 to log K. N samples of a perfect generator have (K - 1) / (2N) on average, not 0. Undefined when no
    sample is of high quality."""

    kinds: ClassVar[tuple[str, ...]] = ("points",)
    title: ClassVar[str] = "Reverse KL over modes"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = "nats"
    order: ClassVar[int] = 30
    digits: ClassVar[int] = 3

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The divergence; NaN if no sample is of high quality."""
        counts = high_quality_counts(fake.features, real.true_mixture()).double()
        if counts.sum() == 0:
            return math.nan
        share = counts / counts.sum()
        return float(torch.xlogy(share, share * len(share)).sum())
