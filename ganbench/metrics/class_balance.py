"""How far the generated classes are from the real ones."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """Total variation between the predicted classes of generated and of real samples: half the sum of the absolute
    differences of their shares, which is the share of samples that would have to change class. One classifier
    predicts both sides, so that its habits cancel. Blind to everything within a class."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("classes",)
    short: ClassVar[str] = "class-tv"
    title: ClassVar[str] = "Class imbalance"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to 1"
    floor: ClassVar[str] = (
        "A perfect generator scores above 0, because n generated and m real samples have other shares than their "
        "distribution: about sum_c sqrt(p_c (1 - p_c) (1 / n + 1 / m) / (2 pi)). Compare with real data."
    )
    minimum: ClassVar[int] = 10
    citation: ClassVar[str] = "defined here"
    order: ClassVar[int] = 50

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The distance. Raises EvidenceError for fewer than 10 samples on either side, and without a classifier."""
        enough(fake, self.minimum)
        enough(real.evidence, self.minimum, "real")
        return float((_shares(fake) - _shares(real.evidence)).abs().sum()) / 2


def _shares(evidence: Evidence) -> Tensor:
    return evidence.predicted().bincount(minlength=evidence.class_logits().shape[1]).double() / len(evidence)
