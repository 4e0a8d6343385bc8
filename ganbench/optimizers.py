"""Optimizers by their settings."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def warm_up() -> None:
    """Take a step of nothing. torch imports a second's worth of modules on the first step of any optimizer, and no
    run should have that in its time."""
    torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.0).step()


def build(settings: dict[str, Any], parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The torch optimizer of a method's settings; the fused kernel where there is one (up to 1.4 times faster)."""
    options = {key: value for key, value in settings.items() if key != "name"}
    match settings["name"]:
        case "adam":
            return torch.optim.Adam(parameters, **{**options, "betas": tuple(options["betas"])}, fused=True)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, **options)
        case "sgd":
            return torch.optim.SGD(parameters, **options, fused=True)
        case name:
            raise ValueError(f"no optimizer is called '{name}'")


def average(network: nn.Module, decay: float) -> AveragedModel:
    """A copy that follows a network: the weights after the first step, then decay * average + (1 - decay) * weights
    after each, of the running statistics of batch normalisation too."""
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
