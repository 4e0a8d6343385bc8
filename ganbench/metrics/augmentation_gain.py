"""What generated images add to a small real training set."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import PositiveInt

from ganbench.downstream import accuracy
from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """The accuracy on the real reference of a classifier trained on a small real set and all generated images, minus
    that of one trained on the small real set alone, in percentage points. Both train for the same number of steps,
    so that the gain is not one of longer training. The small set is the first samples of the training split."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("training", "labels")
    short: ClassVar[str] = "aug-gain"
    title: ClassVar[str] = "Augmentation gain"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "points"
    range: ClassVar[str] = "-100 to 100"
    floor: ClassVar[str] = (
        "0 means that generated images add nothing. A perfect generator gains what as many more real images would: the "
        "less, the better the small real set is alone."
    )
    minimum: ClassVar[int] = 10
    citation: ClassVar[str] = "after the Naive Augmentation Score of Ravuri & Vinyals 2019, here with a small real set"
    order: ClassVar[int] = 71

    real: PositiveInt = 1000
    steps: PositiveInt = 1000

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The difference in percentage points.

        Raises EvidenceError for fewer than 10 generated samples, for fewer training samples than asked for, and
        without labels.
        """
        enough(fake, self.minimum)
        generated, asked = fake.labelled()
        images, labels = real.labelled_training()
        enough(real.training_split().evidence, self.real, "training")
        images, labels = images[: self.real], labels[: self.real]
        alone = real.evidence.once(
            ("small real set", real, self.real, self.steps), lambda: accuracy(images, labels, real, self.steps)
        )
        return accuracy(torch.cat([images, generated]), torch.cat([labels, asked]), real, self.steps) - alone
