"""The Fréchet distance within classes."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ganbench import within
from ganbench.evidence import Evidence, Reference
from ganbench.frechet import distance, factor, moments

FEWEST = 10


@dataclass(frozen=True)
class Metric:
    """The mean over classes of the Fréchet distance between the generated samples that were asked to be of a class and
    the real reference samples of it. Catches a generator that ignores the class or varies too little within it. The
    bias of small samples is that of a class, not of the whole: compare with real data."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ("labels",)
    short: ClassVar[str] = "class-fd"
    title: ClassVar[str] = "Fréchet distance within classes"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to infinity"
    floor: ClassVar[str] = (
        "A perfect generator scores above 0, the more so the fewer samples a class has: about d (d + 5) / (2 n) for n "
        "generated and n real samples a class, with d uncorrelated features of variance 1."
    )
    minimum: ClassVar[int] = 20
    citation: ClassVar[str] = "Benny et al. 2021 (within-class FID)"
    order: ClassVar[int] = 73

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The mean distance.

        Raises EvidenceError for a class of the reference with fewer than 10 samples on either side, for a generated
        class that the reference does not have, and without labels.
        """
        distances = [distance(*_gaussian(made), *_gaussian(true)) for made, true in within.classes(fake, real, FEWEST)]
        return sum(distances) / len(distances)


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and the factor of the covariance."""
    mean, covariance = moments(features)
    return mean, factor(covariance)
