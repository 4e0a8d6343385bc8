"""What generated images add to a small real training set."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor

from ganbench.downstream import accuracy
from ganbench.enough import enough
from ganbench.evidence import Evidence, EvidenceError, Reference


@dataclass(frozen=True)
class Metric:
    """The accuracy on the real reference of a classifier trained on a small real set and all generated images, minus
    that of one trained on the small real set alone, in percentage points. Both train for the same number of steps,
    so that the gain is not one of longer training. The small set is the first samples of the training split.

    With `rare`, that set is imbalanced: of the last classes, as many as `rare` says, it has no more than `kept` images
    each, and of the generated images only those of these classes are added, until they are as frequent as the others
    are on average.
    """

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
    """Images of the small set, before rare classes are thinned out."""
    steps: PositiveInt = 1000
    """Of each classifier's training."""
    rare: NonNegativeInt = 0
    """Classes, the last ones, that the small set has few images of."""
    kept: PositiveInt = 10
    """Images of each rare class."""

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
        if self.rare:
            images, labels, generated, asked = self._imbalanced(images, labels, generated, asked)
        alone = real.evidence.once(("small real set", real, self), lambda: accuracy(images, labels, real, self.steps))
        return accuracy(torch.cat([images, generated]), torch.cat([labels, asked]), real, self.steps) - alone

    def _imbalanced(
        self, images: Tensor, labels: Tensor, generated: Tensor, asked: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The real images without most of the rare ones, and the generated ones that make up for them."""
        first = int(labels.max()) + 1 - self.rare
        counts = labels.bincount()
        if first < 1:
            raise EvidenceError(f"{self.rare} of {len(counts)} classes cannot be rare; one must be frequent")
        wanted = max(0, int(counts[:first].double().mean()) - self.kept)
        classes = range(first, len(counts))
        frequent = (labels < first).nonzero().flatten()
        chosen = torch.cat([frequent, *((labels == rare).nonzero().flatten()[: self.kept] for rare in classes)])
        added = torch.cat([(asked == rare).nonzero().flatten()[:wanted] for rare in classes])
        return images[chosen], labels[chosen], generated[added], asked[added]
