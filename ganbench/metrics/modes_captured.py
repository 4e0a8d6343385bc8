"""Modes with at least one high-quality sample."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.evidence import Evidence, Reference
from ganbench.mixtures import high_quality_counts


@dataclass(frozen=True)
class Metric:
    """The number of modes whose centre is nearest to at least one sample within 3 standard deviations of it
    (Srivastava et al. 2017; Lin et al. 2018, section 4.1). Range 0 to K."""

    kinds: ClassVar[tuple[str, ...]] = ("points",)
    title: ClassVar[str] = "Modes captured"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "modes"
    order: ClassVar[int] = 10
    digits: ClassVar[int] = 1

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The count."""
        return float((high_quality_counts(fake.features, real.true_mixture()) > 0).sum())
