"""One loss, or several of which each member has its own."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ganbench.train import Loss


class Losses:
    """A `Loss` on scores (members, batch) that takes each member's objective from the member's own loss.

    Each loss sees scores of a full pack, and zeros for members that are not there or not its own: the shape, and so the
    rounding, is the same in any company, and what overflows in one loss reaches no member of another.
    """

    def __init__(self, losses: Sequence[Loss], device: torch.device, width: int) -> None:
        """The loss of each member; equal ones are evaluated once. `width`: members of a full pack."""
        distinct = list(dict.fromkeys(losses))
        self.relativistic = getattr(distinct[0], "relativistic", False)
        self._mine = [(loss, torch.tensor([one == loss for one in losses], device=device)) for loss in distinct]
        self._empty = width - len(losses)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (members, batch) to what each discriminator minimises (members,)."""
        return self._of([(loss.discriminator, mine) for loss, mine in self._mine], real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (members, batch) to what each generator minimises (members,)."""
        return self._of([(loss.generator, mine) for loss, mine in self._mine], real, fake)

    def _of(
        self, sides: Sequence[tuple[Callable[[Tensor, Tensor], Tensor], Tensor]], real: Tensor, fake: Tensor
    ) -> Tensor:
        if len(sides) == 1:
            return self._full(sides[0][0], real, fake)
        total = real.new_zeros(len(real))
        for side, mine in sides:
            own = mine[:, None]
            value = self._full(side, torch.where(own, real, 0.0), torch.where(own, fake, 0.0))
            total = torch.where(mine, value, total)
        return total

    def _full(self, side: Callable[[Tensor, Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        """An objective on scores that are filled up to those of a full pack: torch computes what is left over of whole
        vectors by other instructions, which round differently."""
        members = len(real)
        if self._empty:
            real, fake = (functional.pad(scores, (0, 0, 0, self._empty)) for scores in (real, fake))
        return _checked(side, real, fake)[:members]


def _checked(side: Callable[[Tensor, Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    value = side(real, fake)
    if value.shape != real.shape[:1]:
        raise ValueError(
            f"{side.__module__} turns scores {tuple(real.shape)} into {tuple(value.shape)}; reduce by `.mean(-1)`, or "
            f"say `packs: ClassVar[bool] = False`"
        )
    return value
