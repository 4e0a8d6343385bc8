"""How far the mean of the samples is from that of the data."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """The Euclidean distance of the mean of the generated points from the true mean. For a game of two numbers whose
    saddle is (0, 0), sqrt(x^2 + y^2), the "norm" of Heusel et al. 2017, Figure 4."""

    kinds: ClassVar[tuple[str, ...]] = ("points",)
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "distance"
    title: ClassVar[str] = "Distance of the means"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = "data units"
    range: ClassVar[str] = "0 to infinity"
    floor: ClassVar[str] = "Not 0 for a finite sample, except where all samples are one point."
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "Heusel et al. 2017 (TTUR), Figure 4"
    order: ClassVar[int] = 5

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The distance."""
        return float((fake.features.mean(0) - real.mean).norm())
