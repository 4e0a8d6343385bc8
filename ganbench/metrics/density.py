"""How densely real samples surround generated ones."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt

from ganbench.evidence import Evidence, Reference
from ganbench.neighbours import overlap


@dataclass(frozen=True)
class Metric:
    """In how many balls around real samples a generated sample lies on average, divided by k. A ball reaches to the
    k-th nearest other real sample, surface included. Above 1 where generated samples crowd the densest regions."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "density"
    title: ClassVar[str] = "Density"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to the number of real samples over k; around 1"
    floor: ClassVar[str] = (
        "A perfect generator scores 1 on average, whatever the sizes; so do real data. Beyond 1 more is not better."
    )
    minimum: ClassVar[int] = 6
    citation: ClassVar[str] = "Naeem et al. 2020"
    order: ClassVar[int] = 42

    neighbours: PositiveInt = 5
    """k: how far a ball reaches, in neighbours."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The mean over generated samples. Raises EvidenceError where a side has no more samples than neighbours."""
        return float(overlap(fake, real.evidence, self.neighbours).around.double().mean()) / self.neighbours

    def perfect(self, real: Reference, samples: int) -> float:
        """A sample of the same distribution is among the k nearest of a real one's N with probability k / N."""
        return 1.0
