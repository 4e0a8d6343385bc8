"""One optimizer for all members of a pack, each with settings of its own."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ganbench import unrolling
from ganbench.specs import Spec

KINDS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


class Optimizer:
    """Adam, AdamW, RMSprop or SGD, as torch.optim defines them, on rows of weights (members, numbers).

    Each operation either goes row by row or is correctly rounded, so that a row's result is the same to the bit in
    any slot and company. The optimizers of torch.optim have one setting for all, and bring a second's worth of modules
    into the process.
    """

    def __init__(self, settings: Sequence[Spec], weights: Tensor) -> None:
        """The settings of each member: of one kind, momentum and weight decay 0 for all or for none."""
        self.name = str(settings[0]["name"])
        self._weights = weights
        self.steps = torch.zeros((), dtype=torch.float64, device=weights.device)
        """Steps that it has taken: like all that changes, a tensor that is changed in place."""
        self._first_rates = self._column([member["lr"] for member in settings])
        self.rates = self._first_rates.clone()
        """The learning rates (members, 1), which may fall."""
        self.settings: dict[str, Any] = {}
        for key in settings[0].keys() - {"name", "lr", "betas"}:
            values = [member[key] for member in settings]
            self.settings[key] = self._column(values) if any(values) else 0.0
        if "betas" in settings[0]:
            self.settings["betas"] = tuple(self._column([m["betas"][i] for m in settings]) for i in (0, 1))
        self._least = weights.new_full((1, 1), torch.finfo(weights.dtype).tiny * 1e6)
        self.moments = {name: torch.zeros_like(weights) for name in self._moments()}
        """What it remembers of slopes (members, numbers), in the names of torch.optim."""

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self._weights.device)[:, None]

    def _moments(self) -> list[str]:
        if self.name in ("adam", "adamw"):
            return ["exp_avg", "exp_avg_sq"]
        momentum = ["momentum_buffer"] if torch.is_tensor(self.settings["momentum"]) else []
        return ["square_avg", *momentum] if self.name == "rmsprop" else momentum

    @torch.no_grad()
    def step(self, slopes: Tensor) -> None:
        """One step down the slopes (members, numbers), in place."""
        weights, decay = self._weights, self.settings["weight_decay"]
        self.steps.add_(1)
        if torch.is_tensor(decay):
            if self.name == "adamw":
                weights.mul_(self._cast(1 - self.rates * decay))
            else:
                slopes = torch.addcmul(slopes, weights, self._cast(decay))
        if self.name in ("adam", "adamw"):
            direction, rates = self._adam(slopes)
        else:
            direction, rates = self._momentum(self._scaled(slopes) if self.name == "rmsprop" else slopes), self.rates
        weights.addcmul_(direction, self._cast(-rates))

    def _adam(self, slopes: Tensor) -> tuple[Tensor, Tensor]:
        """A direction, and its rates: the corrections of both moments' bias (Kingma & Ba 2015, end of section 2)."""
        beta1, beta2 = self.settings["betas"]
        mean, square = self.moments["exp_avg"], self.moments["exp_avg_sq"]
        mean.lerp_(slopes, self._cast(1 - beta1))
        square.lerp_(self._squared(slopes), self._cast(1 - beta2))
        root_of_bias = (1 - beta2**self.steps).sqrt()
        root = square.sqrt().add_(self._cast(self.settings["eps"] * root_of_bias))
        return torch.div(mean, root, out=root), self.rates * root_of_bias / (1 - beta1**self.steps)

    def _scaled(self, slopes: Tensor) -> Tensor:
        square = self.moments["square_avg"]
        square.lerp_(self._squared(slopes), self._cast(1 - self.settings["alpha"]))
        return slopes / square.sqrt().add_(self._cast(self.settings["eps"]))

    def _squared(self, slopes: Tensor) -> Tensor:
        """Squares, plus a number that is nothing beside `eps`: on a CPU the root of 0, or of a number too small for
        full precision, takes up to 30 times as long."""
        return torch.addcmul(self._least, slopes, slopes)

    def _momentum(self, slopes: Tensor) -> Tensor:
        if not torch.is_tensor(self.settings["momentum"]):
            return slopes
        moved: Tensor = self.moments["momentum_buffer"].mul_(self._cast(self.settings["momentum"])).add_(slopes)
        return moved

    def _cast(self, column: Tensor) -> Tensor:
        return column.to(self._weights.dtype)

    def fall(self, step: int, steps: int) -> None:
        """Learning rates after a step of training in which they fall linearly, to 0 after `steps`."""
        torch.mul(self._first_rates, 1 - min(step, steps) / steps, out=self.rates)

    @property
    def state(self) -> dict[str, Any]:
        """A copy of its state for `ahead`, in the names of torch.optim."""
        return {"step": self.steps, **self.moments}

    def ahead(self, state: dict[str, Any], weights: Tensor, slopes: Tensor) -> Tensor:
        """Weights one differentiable step on from `weights`; changes the entries of `state`."""
        return unrolling.stepped(KINDS[self.name], {"lr": self.rates, **self.settings}, state, weights, slopes)
