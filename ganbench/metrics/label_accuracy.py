"""The share of generated samples that are of the class they were asked to be."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """The percentage of generated samples whose class, as the dataset's frozen classifier predicts it, is the one that
    was asked for; of points, whose nearest mode is the one. Says nothing about variety: one perfect image per class
    scores 100."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ("classes", "labels")
    short: ClassVar[str] = "label-acc"
    title: ClassVar[str] = "Label accuracy"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "%"
    range: ClassVar[str] = "0 to 100"
    floor: ClassVar[str] = (
        "A perfect generator scores the accuracy of the classifier on real data, below 100; above it, samples are "
        "more typical than real ones."
    )
    minimum: ClassVar[int] = 10
    citation: ClassVar[str] = "Shmelkov et al. 2018 (GAN-test)"
    order: ClassVar[int] = 5

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share in percent. Raises EvidenceError for fewer than 10 samples, without labels or a classifier."""
        enough(fake, self.minimum)
        found = fake.predicted() if real.mixture is None else real.mixture.nearest(fake.features)[0]
        return 100 * float((found == fake.asked()).double().mean())
