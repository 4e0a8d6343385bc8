"""A moving average of a network's weights."""

import copy
from typing import Any

import torch
from torch import nn

from ganbench.course import State


class Average:
    """A copy that follows a network: the weights after the first step, then decay * average + (1 - decay) * weights
    after each, of the running statistics of batch normalisation too.

    torch's AveragedModel does the same, and sends a number to the GPU at every step: such a step cannot be captured.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network)
        self.begun = False
        """Whether it has followed a step."""
        self._decay = decay

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """One step after the network, in place."""
        pairs = list(zip(named_tensors(self.network).values(), named_tensors(network).values(), strict=True))
        floats = [(mean, new) for mean, new in pairs if mean.is_floating_point()]
        torch._foreach_lerp_([m for m, _ in floats], [n for _, n in floats], 1 - self._decay if self.begun else 1.0)
        for mean, new in pairs:
            if not mean.is_floating_point():
                mean.copy_(mean * self._decay + new * (1 - self._decay) if self.begun else new)
        self.begun = True

    def state_dict(self) -> dict[str, Any]:
        """All that changes in training, for `load_state_dict`."""
        return {"begun": self.begun, "network": named_tensors(self.network)}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of an equal average, in place."""
        self.begun = state["begun"]
        for name, tensor in named_tensors(self.network).items():
            tensor.copy_(state["network"][name])


def named_tensors(module: nn.Module) -> State:
    """Its parameters and buffers, those too that torch's `state_dict` leaves out."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
