"""Coverage within classes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor

from ganbench.evidence import Evidence, EvidenceError, Reference, TooFewError
from ganbench.neighbours import overlap


@dataclass(frozen=True)
class Metric:
    """The mean over classes of the coverage of the real samples of a class by the generated samples that were asked to
    be of it. Catches a generator that makes few sorts of each class, which the accuracy of labels does not."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ("labels",)
    short: ClassVar[str] = "class-coverage"
    title: ClassVar[str] = "Coverage within classes"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to 1"
    floor: ClassVar[str] = "As for coverage, with the numbers of samples of a class."
    minimum: ClassVar[int] = 20
    citation: ClassVar[str] = "Naeem et al. 2020, here within classes"
    order: ClassVar[int] = 74

    neighbours: PositiveInt = 5
    """How far the ball of a real sample reaches, in neighbours of its class."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The mean share.

        Raises EvidenceError without labels, for a generated class that the reference does not have, and for a class
        with no more samples than neighbours on either side.
        """
        asked, true = fake.asked(), real.evidence.asked()
        classes = true.unique().tolist()
        unknown = sorted(set(asked.tolist()) - set(classes))
        if unknown:
            raise EvidenceError(f"the reference has no samples of the generated classes {unknown}")
        shares = [self._share(fake.features[asked == of], real.features[true == of], of) for of in classes]
        return float(torch.stack(shares).mean())

    def _share(self, fake: Tensor, real: Tensor, label: int) -> Tensor:
        for features, what in ((fake, "generated"), (real, "real")):
            if len(features) <= self.neighbours:
                wanted = f"at least {self.neighbours + 1} {what} samples of class {label}"
                raise TooFewError(f"this metric needs {wanted}, and there are {len(features)}")
        return overlap(Evidence(fake), Evidence(real), self.neighbours).covered.double().mean()
