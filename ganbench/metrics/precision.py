"""The share of generated samples that lie among real ones."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt

from ganbench.evidence import Evidence, Reference
from ganbench.neighbours import overlap


@dataclass(frozen=True)
class Metric:
    """The share of generated samples in the union of the balls around real samples, each reaching to its k-th nearest
    other real sample, surface included. One real outlier has a ball that accepts much: density is less easily
    fooled. Depends on k and on the number of samples of both sides."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "precision"
    title: ClassVar[str] = "Precision"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to 1"
    floor: ClassVar[str] = (
        "A perfect generator scores what real data scores, not 1: the balls do not fill the support, the less so the "
        "more features there are. Compare with real data."
    )
    minimum: ClassVar[int] = 6
    citation: ClassVar[str] = "Kynkäänniemi et al. 2019"
    order: ClassVar[int] = 40

    neighbours: PositiveInt = 5
    """k: how far a ball reaches, in neighbours."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share. Raises EvidenceError where a side has no more samples than neighbours."""
        return float((overlap(fake, real.evidence, self.neighbours).around > 0).double().mean())
