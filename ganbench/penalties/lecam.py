"""LeCam: scores of each kind stay near what the other kind has scored so far."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import NonNegativeFloat, NonNegativeInt
from torch import Tensor


@dataclass(frozen=True)
class Penalty:
    """weight * (E[(D(x) - a_fake)+^2] + E[(a_real - D(G(z)))+^2]), with a_real and a_fake the exponential moving
    averages of the mean scores of real and of generated samples (Tseng et al. 2021, arXiv:2104.03310, section 3). The
    paper writes the square of the whole difference; the authors' code (google/lecam-gan, lecam_reg) takes only what is
    above 0, as here, and updates an average before it compares with it.
    """

    search: ClassVar[dict[str, tuple[Any, ...]]] = {"weight": ("log", 0.01, 10.0)}
    recordable: ClassVar[bool] = True

    weight: NonNegativeFloat = 0.3
    """0.3 in the authors' code for CIFAR-10."""
    decay: NonNegativeFloat = 0.99
    """What an average keeps of itself at each call."""
    start: NonNegativeInt = 0
    """Calls at the beginning during which an average is just the latest mean, and nothing is penalised."""

    def begin(self) -> "Memory":
        """The penalty of one training, which remembers."""
        return Memory(self)


@dataclass
class Memory:
    """The averages of both kinds of scores (2,), and how many calls they are of. Both are tensors that are changed in
    place, so that a step on a GPU can be recorded."""

    penalty: Penalty
    calls: Tensor | None = None
    averages: Tensor | None = None

    def __call__(
        self, discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, stream: torch.Generator
    ) -> Tensor:
        """Real and fake samples (batch, ...) to the weighted penalty, a scalar that can be differentiated."""
        scores = [discriminator(real), discriminator(fake.detach())]
        means = torch.stack([of.detach().mean() for of in scores])
        if self.calls is None or self.averages is None:
            self.calls, self.averages = torch.zeros_like(means[0]), means.clone()
        kept = self.penalty.decay
        followed = kept * self.averages + (1 - kept) * means
        self.averages.copy_(torch.where(self.calls < max(self.penalty.start, 1), means, followed))
        self.calls.add_(1)
        above = scores[0] - self.averages[1], self.averages[0] - scores[1]
        value = sum((of.relu().square().mean() for of in above), means.new_zeros(()))
        return torch.where(self.calls > self.penalty.start, self.penalty.weight * value, 0.0)

    def state_dict(self) -> dict[str, Any]:
        """All that it remembers."""
        return {"calls": self.calls, "averages": self.averages}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember that instead."""
        self.calls, self.averages = state["calls"], state["averages"]
