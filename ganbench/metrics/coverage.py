"""The share of real samples that have a generated one near."""

import math
from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt

from ganbench.evidence import Evidence, Reference
from ganbench.neighbours import overlap


@dataclass(frozen=True)
class Metric:
    """The share of real samples whose ball, reaching to the k-th nearest other real sample, surface included, holds at
    least one generated sample. Comparable only between equal numbers of generated and of real samples."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "coverage"
    title: ClassVar[str] = "Coverage"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to 1"
    floor: ClassVar[str] = (
        "A perfect generator with M samples against N real ones scores 1 - prod_{i=1..k} (N - i) / (M + N - i): about "
        "0.97 for k = 5 and M = N, less for fewer generated samples."
    )
    minimum: ClassVar[int] = 6
    citation: ClassVar[str] = "Naeem et al. 2020"
    order: ClassVar[int] = 43

    neighbours: PositiveInt = 5
    """k: how far a ball reaches, in neighbours."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share. Raises EvidenceError where a side has no more samples than neighbours."""
        return float(overlap(fake, real.evidence, self.neighbours).covered.double().mean())

    def perfect(self, real: Reference, samples: int) -> float:
        """One minus the probability that the k nearest of a real sample, of both sides together, are all real."""
        count = len(real.evidence)
        return 1 - math.prod((count - i) / (samples + count - i) for i in range(1, self.neighbours + 1))
