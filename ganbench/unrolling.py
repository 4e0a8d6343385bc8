"""The discriminator some steps ahead, as a function that the generator's gradient goes through (Metz et al. 2017).

The steps are those of the discriminator's own optimizer from its present state, written as differentiable
functions: torch's optimizers change tensors in place.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer

Scores = Callable[..., Tensor]
"""Of samples (batch, ...), followed by their conditions where there are any."""
Weights = dict[str, Tensor]


def ahead(network: nn.Module, optimizer: Optimizer, loss: Callable[[Scores], Tensor], steps: int) -> Scores:
    """The scores (batch,) of samples by a discriminator that has taken `steps` more steps down `loss`.

    `loss` is the discriminator's, as a function of its scores. What comes back depends differentiably on everything
    that the loss depends on. Neither the network nor the optimizer changes (batch normalisation's running
    statistics do, as in any forward pass).
    """
    weights = {name: p.detach().requires_grad_() for name, p in network.named_parameters() if p.requires_grad}
    (group,) = optimizer.param_groups
    states = {name: dict(optimizer.state.get(p, {})) for name, p in network.named_parameters()}

    def scores(*seen: Tensor) -> Tensor:  # by the weights of the moment: after the loop, the last ones
        found: Tensor = functional_call(network, weights, seen)
        return found

    for _ in range(steps):
        slopes = torch.autograd.grad(loss(scores), list(weights.values()), create_graph=True)
        weights = {
            name: stepped(type(optimizer), group, states[name], weight, slope)
            for (name, weight), slope in zip(weights.items(), slopes, strict=True)
        }
    return scores


def stepped(
    kind: type[Optimizer], group: dict[str, Any], state: dict[str, Any], weight: Tensor, slope: Tensor
) -> Tensor:
    """A weight after one step of an optimizer; changes the entries of `state`. Raises TypeError for others.

    A setting is a number, or float64 (rows, 1): one for each row of the weight.
    """
    decay, rate = group["weight_decay"], group["lr"]
    if kind is torch.optim.AdamW:
        weight = _like(weight, 1 - rate * decay) * weight
    elif isinstance(decay, Tensor) or decay:
        slope = slope + _like(weight, decay) * weight
    if kind is torch.optim.SGD:
        direction = _momentum(group, state, slope)
    elif kind is torch.optim.RMSprop:
        direction = _rmsprop(group, state, slope)
    elif kind in (torch.optim.Adam, torch.optim.AdamW):
        direction = _adam(group, state, slope)
    else:
        raise TypeError(f"no differentiable step of {kind.__name__} is known")
    moved: Tensor = weight - _like(weight, rate) * direction
    return moved


def _like(tensor: Tensor, setting: Any) -> Any:
    """A setting in the type of what it is used with: a column of float64 would make everything float64."""
    return setting.to(tensor.dtype) if isinstance(setting, Tensor) else setting


def _momentum(group: dict[str, Any], state: dict[str, Any], slope: Tensor) -> Tensor:
    momentum = group["momentum"]
    if not isinstance(momentum, Tensor) and not momentum:
        return slope
    before: Tensor | None = state.get("momentum_buffer")
    moved = slope if before is None else _like(slope, momentum) * before + slope
    state["momentum_buffer"] = moved
    return moved


def _rmsprop(group: dict[str, Any], state: dict[str, Any], slope: Tensor) -> Tensor:
    alpha = group["alpha"]
    square = _like(slope, alpha) * state.get("square_avg", 0.0) + _like(slope, 1 - alpha) * slope.square()
    state["square_avg"] = square
    return _momentum(group, state, slope / (_root(square) + _like(slope, group["eps"])))


def _adam(group: dict[str, Any], state: dict[str, Any], slope: Tensor) -> Tensor:
    beta1, beta2 = group["betas"]
    before = state.get("step", 0.0)  # on the device, where it stays: reading it would wait for the device
    count = (before.double() if isinstance(before, Tensor) else before) + 1
    mean: Tensor = _like(slope, beta1) * state.get("exp_avg", 0.0) + _like(slope, 1 - beta1) * slope
    square = _like(slope, beta2) * state.get("exp_avg_sq", 0.0) + _like(slope, 1 - beta2) * slope.square()
    state |= {"step": count, "exp_avg": mean, "exp_avg_sq": square}
    root = _root(square) / _like(slope, (1 - beta2**count) ** 0.5)
    direction: Tensor = mean / _like(slope, 1 - beta1**count) / (root + _like(slope, group["eps"]))
    return direction


def _root(square: Tensor) -> Tensor:
    """The square root with derivative 0 at 0, where autograd's is infinite: a dead unit must not make NaN."""
    positive = square > 0
    return torch.where(positive, torch.where(positive, square, 1.0).sqrt(), 0.0)
