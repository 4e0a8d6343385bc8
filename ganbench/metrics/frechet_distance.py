"""The distance between two Gaussians fitted to generated and real samples."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference
from ganbench.frechet import to_reference


@dataclass(frozen=True)
class Metric:
    """Fréchet distance |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)). For points against the exact moments of the
    mixture; for images on the features of an extractor, and comparable only with values on the same extractor, the
    same real samples and as many generated ones. Where the extractor is a classifier of the dataset, it is not the
    Inception network of the usual FID."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "fd"
    title: ClassVar[str] = "Fréchet distance"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to infinity"
    floor: ClassVar[str] = (
        "A perfect generator scores above 0, because finite samples have other moments than their distribution: "
        "about d (d + 5) / (2 n) for n generated and n real samples with d uncorrelated features of variance 1. "
        "Compare with real data."
    )
    minimum: ClassVar[int] = 2
    citation: ClassVar[str] = "Dowson & Landau 1982; Heusel et al. 2017"
    order: ClassVar[int] = 15

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The squared distance. Raises EvidenceError for fewer than 2 samples."""
        enough(fake, self.minimum)
        return to_reference(fake.features, real)
