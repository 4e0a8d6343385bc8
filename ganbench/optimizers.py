"""Optimizers by their settings."""

import warnings
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from ganbench import capture


def warm_up() -> None:
    """Take a step of nothing. torch imports a second's worth of modules on the first step of any optimizer, and no
    run should have that in its time."""
    torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.0).step()


def build(settings: dict[str, Any], parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The torch optimizer of a method's settings; the fused kernel where there is one (up to 1.4 times faster). On a
    GPU all that changes from step to step is there, so that its step can be recorded (`capture`)."""
    learning = list(parameters)
    options = {key: value for key, value in settings.items() if key != "name"}
    recordable: dict[str, Any] = {}
    if learning[0].device.type in capture.RECORDERS:
        options["lr"] = torch.tensor(options["lr"], dtype=torch.float32, device=learning[0].device)
        recordable = {"capturable": True}
        warnings.filterwarnings("ignore", "This instance was constructed with capturable=True")
    match settings["name"]:
        case "adam":
            betas = {"betas": tuple(options["betas"])}
            return torch.optim.Adam(learning, **{**options, **betas, **recordable}, fused=True)
        case "adamw":
            betas = {"betas": tuple(options["betas"])}
            return torch.optim.AdamW(learning, **{**options, **betas, **recordable}, fused=True)
        case "rmsprop":
            together = {"foreach": True} if recordable else {}  # the other way reads its learning rate back
            return torch.optim.RMSprop(learning, **options, **recordable, **together)
        case "sgd":
            return torch.optim.SGD(learning, **options, fused=True)
        case name:
            raise ValueError(f"no optimizer is called '{name}'")


def falling(optimizer: torch.optim.Optimizer, steps: int) -> LRScheduler:
    """A schedule whose learning rate falls linearly, to 0 after `steps` steps of the schedule."""
    return LambdaLR(optimizer, lambda step: 1 - min(step, steps) / steps)
