"""Networks of one shape as one: their parameters stacked, their layers as batched matrix products."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils import parametrize

from ganbench.layers import Maxout, MinibatchDeviation, MinibatchDiscrimination

ELEMENTWISE = (nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.GELU)
MIXING = (nn.BatchNorm1d, MinibatchDiscrimination, MinibatchDeviation)
LINE = 16
"""Numbers in a cache line."""

ROW = 64
"""A member's parameters, and each of them within, begin at a multiple of so many numbers: in every slot alike."""

Weights = Mapping[str, Tensor]
Step = Callable[[Weights, Tensor], Tensor]
"""A layer of all members, as a function of the stacked parameters by name, and of what goes in."""


class UnstackableError(Exception):
    """A network that cannot be stacked; the message says which part of it."""


@dataclass(frozen=True)
class Place:
    """Where a parameter lies in a member's row of numbers. A linear weight lies transposed, as products want it."""

    start: int
    shape: torch.Size
    transposed: bool

    def of(self, row: Tensor) -> Tensor:
        """The parameter in rows (..., numbers): (..., *shape), or transposed."""
        lying = (self.shape[1], self.shape[0]) if self.transposed else self.shape
        found: Tensor = row[..., self.start : self.start + self.shape.numel()].unflatten(-1, lying)
        return found

    def put(self, row: Tensor, value: Tensor) -> Tensor:
        """Write a member's parameter into its row, and return it as what it looks like there."""
        there = self.of(row)
        there = there.t() if self.transposed else there
        there.copy_(value)
        return there


class Stack:
    """Networks of one shape: samples (members, batch, ...) to outputs (members, batch, ...).

    The members stay the ordinary networks that they were, and their parameters and buffers become views of the
    stack's: whatever reads or changes a member reads or changes the stack.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        """Raises UnstackableError for a network of layers that are not known here."""
        self.members = tuple(members)
        first = self.members[0]
        self._layers = [_step(name, layer) for name, layer in _leaves("", first)]
        self.mixes = any(isinstance(layer, MIXING) for _, layer in _leaves("", first))
        """Whether what comes out for a sample depends on the others of its batch."""
        frozen = [name for name, parameter in first.named_parameters() if not parameter.requires_grad]
        if frozen:
            raise UnstackableError(f"its parameter {frozen[0]} does not learn")
        transposed = {f"{name}.weight" for name, layer in _leaves("", first) if type(layer) is nn.Linear}
        self._places: dict[str, Place] = {}
        end = 0
        for name, parameter in first.named_parameters():
            self._places[name] = Place(end, parameter.shape, name in transposed)
            end += math.ceil(parameter.numel() / ROW) * ROW
        like = next(first.parameters())
        self.flat = torch.zeros(len(self.members), end, dtype=like.dtype, device=like.device)
        """All parameters (members, numbers), a row per member, with zeros between."""
        for row, member in zip(self.flat, self.members, strict=True):
            for name, parameter in member.named_parameters():
                parameter.data = self._places[name].put(row, parameter.data)
        self.weights = {name: weight.detach().requires_grad_() for name, weight in self.named(self.flat).items()}
        """The parameters by name (members, ...): views of `flat` that gradients are taken for."""
        self.buffers = {
            name: torch.stack([m.get_buffer(name) for m in self.members]) for name, _ in first.named_buffers()
        }
        """Running statistics by name (members, ...)."""
        for name, stacked in self.buffers.items():
            for member, view in zip(self.members, stacked, strict=True):
                member.get_buffer(name).data = view

    def __call__(self, samples: Tensor) -> Tensor:
        """Samples (members, batch, ...) to outputs (members, batch, ...)."""
        return self.through(self.weights, samples)

    def through(self, weights: Weights, samples: Tensor) -> Tensor:
        """The same by other weights, as `named` gives them."""
        state = {**weights, **self.buffers}
        for layer in self._layers:
            samples = layer(state, samples)
        return samples

    def named(self, rows: Tensor) -> dict[str, Tensor]:
        """Rows like `flat` (members, numbers) as parameters by name (members, ...)."""
        return {name: place.of(rows) for name, place in self._places.items()}

    def slopes(self, loss: Tensor) -> Tensor:
        """The gradients of a loss for the weights, laid out like `flat`."""
        found = torch.autograd.grad(loss, list(self.weights.values()))
        rows = torch.zeros_like(self.flat)
        for place, slope in zip(self._places.values(), found, strict=True):
            place.of(rows).copy_(slope)
        return rows


def _leaves(prefix: str, module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The layers of a sequence, in the order of the data. Raises UnstackableError for anything else."""
    if not isinstance(module, nn.Sequential):
        return [(prefix, module)]
    dot = prefix and f"{prefix}."
    return [leaf for name, child in module.named_children() for leaf in _leaves(f"{dot}{name}", child)]


def _step(name: str, layer: nn.Module) -> Step:
    """A layer as a function of stacked parameters."""
    if isinstance(layer, nn.Linear):
        return _linear(name, layer)
    if type(layer) is nn.BatchNorm1d and layer.affine and layer.track_running_stats and layer.momentum is not None:
        return _batch_norm(name, layer)
    if type(layer) is nn.GroupNorm and layer.num_groups == 1 and layer.affine:
        return _layer_norm(name, layer)
    if type(layer) in (MinibatchDiscrimination, MinibatchDeviation):
        return _each_alone(name, layer)
    if type(layer) is Maxout:
        return lambda _, x: x.unflatten(2, (-1, layer.pieces)).amax(3)
    if type(layer) is nn.Flatten and layer.end_dim == -1:
        return lambda _, x: x.flatten(layer.start_dim + 1)
    if type(layer) is nn.Unflatten and layer.dim == 1:
        return lambda _, x: x.unflatten(2, layer.unflattened_size)
    if type(layer) in ELEMENTWISE:
        return lambda _, x: layer(x)
    raise UnstackableError(f"its layer {name or 'itself'} is a {type(layer).__name__}, which packs do not know")


def _linear(name: str, layer: nn.Linear) -> Step:
    if not parametrize.is_parametrized(layer):
        return lambda weights, x: _affine(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))
    computed = [(key, type(part).__name__) for key, part in layer.named_modules() if key.count(".") == 2]
    if computed != [("parametrizations.weight.0", "_WeightNorm")]:
        raise UnstackableError(f"its layer {name} has a weight that is computed, in a way that packs do not know")

    def normalised(weights: Weights, x: Tensor) -> Tensor:
        length, direction = (weights[f"{name}.parametrizations.weight.original{i}"] for i in (0, 1))
        weight = direction * (length / direction.norm(dim=2, keepdim=True))
        return _affine(x, weight.mT, weights.get(f"{name}.bias"))

    return normalised


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x (members, batch, in), weight (members, in, out), bias (members, out).

    Kernels round by where in memory a product begins. So that a weight's gradient begins alike for all members, outputs
    are filled up where in * out numbers are no multiple of a cache line.
    """
    inputs, outputs = weight.shape[1:]
    filling = -outputs % LINE if inputs * outputs % LINE else 0
    if filling:
        weight = functional.pad(weight, (0, filling))
        bias = None if bias is None else functional.pad(bias, (0, filling))
    made = torch.bmm(x, weight) if bias is None else torch.baddbmm(bias[:, None], x, weight)
    return made[..., :outputs].contiguous() if filling else made


def _batch_norm(name: str, layer: nn.BatchNorm1d) -> Step:
    """The features of all members side by side, as channels of one batch: statistics are per channel."""

    def normalised(weights: Weights, x: Tensor) -> Tensor:
        members, batch, features = x.shape
        weight, bias, mean, variance = (
            weights[f"{name}.{part}"].reshape(-1) for part in ("weight", "bias", "running_mean", "running_var")
        )
        flat = x.transpose(0, 1).reshape(batch, members * features)
        out = functional.batch_norm(flat, mean, variance, weight, bias, True, layer.momentum or 0.0, layer.eps)
        weights[f"{name}.num_batches_tracked"].add_(1)
        return out.view(batch, members, features).transpose(0, 1)

    return normalised


def _layer_norm(name: str, layer: nn.GroupNorm) -> Step:
    def normalised(weights: Weights, x: Tensor) -> Tensor:
        out = functional.layer_norm(x, x.shape[2:], eps=layer.eps)
        return out * weights[f"{name}.weight"][:, None] + weights[f"{name}.bias"][:, None]

    return normalised


def _each_alone(name: str, layer: nn.Module) -> Step:
    """A layer whose intermediate numbers are too many for all members at once."""
    own = [key for key, _ in layer.named_parameters()]

    def one_by_one(weights: Weights, x: Tensor) -> Tensor:
        made = [
            functional_call(layer, {key: weights[f"{name}.{key}"][m] for key in own}, (x[m],)) for m in range(len(x))
        ]
        return torch.stack(made)

    return one_by_one
