"""The accuracy on real images of a classifier trained on generated ones."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt

from ganbench.downstream import accuracy
from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """A new classifier is trained on the generated images and the classes that they were asked to be, and tested on the
    real reference; in percent. Catches missing classes, wrong classes and lack of variety alike. The number of
    training steps is fixed, whatever the number of images."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("labels",)
    short: ClassVar[str] = "cas"
    title: ClassVar[str] = "Classification accuracy score"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "%"
    range: ClassVar[str] = "0 to 100"
    floor: ClassVar[str] = (
        "A perfect generator scores what a classifier trained on as many real images scores, below 100. Real data can "
        "be the better teacher even where the Fréchet distance is small."
    )
    minimum: ClassVar[int] = 10
    citation: ClassVar[str] = "Ravuri & Vinyals 2019"
    order: ClassVar[int] = 70

    steps: PositiveInt = 1000

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The accuracy in percent. Raises EvidenceError for fewer than 10 samples, and without labels."""
        enough(fake, self.minimum)
        return accuracy(*fake.labelled(), real, self.steps)
