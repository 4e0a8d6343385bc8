"""Moving averages of a pack's networks."""

import copy

import torch
from torch import Tensor

from ganbench.packs.network import Stack


class Average:
    """Copies that follow networks, as `ganbench.average` does: their weights after the first step, then
    decay * average + (1 - decay) * weights, of running statistics too."""

    def __init__(self, followed: Stack, decay: float) -> None:
        self.stack = Stack([copy.deepcopy(member) for member in followed.members])
        self._followed, self._decay = followed, decay
        self.begun = False
        """Whether it has followed a step."""

    @torch.no_grad()
    def follow(self) -> None:
        """One step after the networks."""
        pairs = [(self.stack.flat, self._followed.flat)]
        pairs += [(self.stack.buffers[name], buffer) for name, buffer in self._followed.buffers.items()]
        for mean, new in pairs:
            if not self.begun:
                mean.copy_(new)
            elif mean.is_floating_point():
                mean.lerp_(new, self._column(mean))
            else:
                mean.copy_(mean * self._decay + new * (1 - self._decay))
        self.begun = True

    def _column(self, like: Tensor) -> Tensor:
        """The weight of what is new, a row for each member: rows are then averaged alike in every slot."""
        return like.new_full((len(like), *[1] * (like.dim() - 1)), 1 - self._decay)
