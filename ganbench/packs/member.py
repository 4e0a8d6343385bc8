"""One member of a pack, as if it were trained by itself."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ganbench.course import State
from ganbench.packs.loop import Player
from ganbench.packs.network import Stack


@dataclass(frozen=True)
class Member:
    """A generator or discriminator of a pack."""

    player: Player
    slot: int

    @property
    def network(self) -> nn.Module:
        """The ordinary network, with its present weights."""
        return self.player.stack.members[self.slot]

    def weights(self) -> dict[str, State]:
        """A copy on the CPU of its weights, `raw`, and of their average, `ema`."""
        return self.player.weights(self.slot)

    def state_dict(self) -> dict[str, Any]:
        """All that changes in training: the member's rows."""
        optimizer, average = self.player.optimizer, self.player.average
        return {
            "network": self._rows(self.player.stack),
            "optimizer": {name: moment[self.slot] for name, moment in optimizer.moments.items()},
            "steps": optimizer.steps,
            "average": None if average is None else {**self._rows(average.stack), "begun": average.begun},
        }

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as then; all members of a pack come from the same step."""
        optimizer, average = self.player.optimizer, self.player.average
        self._put(self.player.stack, state["network"])
        for name, moment in optimizer.moments.items():
            moment[self.slot].copy_(state["optimizer"][name])
        optimizer.steps.copy_(state["steps"])
        if average is not None:
            self._put(average.stack, state["average"])
            average.begun = state["average"]["begun"]

    def _rows(self, stack: Stack) -> dict[str, Any]:
        buffers = {name: buffer[self.slot] for name, buffer in stack.buffers.items()}
        return {"weights": stack.flat[self.slot], "buffers": buffers}

    def _put(self, stack: Stack, state: dict[str, Any]) -> None:
        stack.flat[self.slot].copy_(state["weights"])
        for name, buffer in stack.buffers.items():
            buffer[self.slot].copy_(state["buffers"][name])
