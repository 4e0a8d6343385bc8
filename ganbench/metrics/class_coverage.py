"""Coverage within classes."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import PositiveInt

from ganbench import within
from ganbench.evidence import Evidence, Reference
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
        shares = [
            overlap(Evidence(made), Evidence(true), self.neighbours).covered.double().mean()
            for made, true in within.classes(fake, real, self.neighbours + 1)
        ]
        return float(torch.stack(shares).mean())
