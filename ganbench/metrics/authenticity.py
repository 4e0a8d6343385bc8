"""The share of generated samples that are not near copies of a training sample."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference
from ganbench.neighbours import to_training


@dataclass(frozen=True)
class Metric:
    """A generated sample is authentic if it is farther from its nearest training sample than that one is from its own
    nearest other training sample. A generator that is far from the data is authentic as well: read it beside a
    distance. In percent."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("training",)
    short: ClassVar[str] = "auth"
    title: ClassVar[str] = "Authenticity"
    direction: ClassVar[str] = "none"
    unit: ClassVar[str] = "%"
    range: ClassVar[str] = "0 to 100"
    floor: ClassVar[str] = (
        "Copies score 0. A perfect generator scores what unseen real data scores, well below 100 and different for "
        "every dataset; clearly less than that means memorisation, clearly more means samples far from the data."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "Alaa et al. 2022"
    order: ClassVar[int] = 60

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share in percent. Raises EvidenceError without samples, and without the training split."""
        enough(fake, self.minimum)
        training = real.training_split()
        distances, nearest = to_training(fake, training)
        return 100 * float((distances > training.spacing[nearest]).double().mean())
