"""A hinge loss that smooths the corner of the hinge."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import PositiveFloat
from torch import Tensor

from ganbench_extras.corners import smooth_hinge


@dataclass(frozen=True)
class Loss:
    """The hinge loss (Lim & Ye 2017) with softplus(sharpness * x) / sharpness for max(0, x); an example, from no paper.

    The sharper, the nearer to the hinge; beyond the margin the gradient fades instead of ending.
    """

    search: ClassVar[dict[str, tuple[Any, ...]]] = {"margin": ("linear", 0.5, 2.0), "sharpness": ("log", 1.0, 32.0)}

    margin: PositiveFloat = 1.0
    """The score from which a sample is judged well enough."""
    sharpness: PositiveFloat = 8.0
    """How near to the corner of the hinge."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...), in (0, inf)."""
        kept_apart = smooth_hinge(self.margin - real, self.sharpness), smooth_hinge(self.margin + fake, self.sharpness)
        return kept_apart[0].mean(-1) + kept_apart[1].mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (..., batch) to the loss (...)."""
        return -fake.mean(-1)
