"""The contract of a constraint: it keeps a discriminator in bounds, and keeps it a network that can be trained."""

import unittest
from typing import Any

import torch
from torch import nn

from ganbench.packs.network import Stack
from ganbench.testing.material import convolutional_judge, demand, judge, normal, same, seeded, state

LARGE = 10.0
"""By how much weights are multiplied, so that there is something to constrain."""


def acts(constraint: Any) -> None:
    """Large weights do not stay as they are: the scores change."""
    samples = normal(7, 2, role="samples")
    free, held = _large(judge((2,))), _constrained(constraint, _large(judge((2,))))
    demand(not torch.equal(free(samples), held(samples)), "a discriminator with large weights scores as it did without")


def convolutions(constraint: Any) -> None:
    """Networks with convolutions are constrained too."""
    samples = normal(7, 1, 8, 8, role="samples")
    free, held = _large(convolutional_judge()), _constrained(constraint, _large(convolutional_judge()))
    before, after = (next(network.children())(samples) for network in (free, held))
    demand(bool(after.isfinite().all()), "the features of a convolution are not finite")
    demand(not torch.equal(before, after), "a convolution with large weights is left as it was")


def projection(constraint: Any) -> None:
    """Once is enough: a second call in a row changes no parameter any more."""
    network = _constrained(constraint, _large(judge((2,))))
    before = state(network)
    with torch.no_grad():
        constraint(network)
    after = state(network)
    demand(
        all(torch.allclose(before[name], after[name], rtol=1e-3, atol=1e-6) for name in before),
        "a second call right after the first changes the parameters again; a projection would not",
    )


def finite(constraint: Any) -> None:
    """Parameters and scores are finite, with large weights too."""
    network = _constrained(constraint, _large(judge((2,))))
    values = [*network.parameters(), network(normal(7, 2, role="samples"))]
    demand(all(bool(v.isfinite().all()) for v in values), "weights or scores are not finite after the constraint")


def same_parameters(constraint: Any) -> None:
    """The parameters stay the same objects, of the same shape: the optimizer holds on to them."""
    network = judge((2,))
    before = {id(p): p.shape for p in network.parameters()}
    after = {id(p): p.shape for p in _constrained(constraint, network).parameters()}
    demand(before == after, "parameters are replaced or reshaped; change them in place, as in `p.clamp_(...)`")


def gradients(constraint: Any) -> None:
    """Every weight can still be trained."""
    network = _constrained(constraint, judge((2,)))
    network(normal(7, 2, role="samples")).square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    demand(not without, f"no gradient reaches {', '.join(without)}")


def batch_sizes(constraint: Any) -> None:
    """The network still scores a batch of 1 and one of 7."""
    network = _constrained(constraint, judge((2,)))
    for size in (1, 7):
        scores = network(normal(size, 2, role="samples"))
        demand(scores.shape == (size,), f"a batch of {size} gets scores {tuple(scores.shape)}")


def precision(constraint: Any) -> None:
    """The type of the weights stays, float32 and bfloat16, and so does that of the scores."""
    for kind in (torch.float32, torch.bfloat16):
        network = _constrained(constraint, _large(judge((2,))).to(kind))
        found = {p.dtype for p in network.parameters()} | {network(normal(7, 2, role="samples").to(kind)).dtype}
        demand(found == {kind}, f"a network of {kind} becomes one of {', '.join(map(str, found))}")


def determinism(constraint: Any) -> None:
    """The same network and the same seed of torch give the same network."""
    first, second = (_constrained(constraint, _large(judge((2,)))) for _ in range(2))
    demand(same(state(first), state(second)), "two networks that were equal differ after the constraint")


def mode_unchanged(constraint: Any) -> None:
    """The network stays in training mode."""
    network = _constrained(constraint, judge((2,)))
    demand(all(module.training for module in network.modules()), "the constraint leaves the network in another mode")


def packs(constraint: Any) -> None:
    """In a pack it holds for each member, whose parameters are then parts of larger tensors, and for no other."""
    if not getattr(constraint, "packs", False):
        raise unittest.SkipTest("not declared (`packs: ClassVar[bool] = True`), so its runs are trained one by one")
    demand(not hasattr(constraint, "prepare"), "a network that `prepare` changes cannot be stacked")
    networks = [_large(judge((2,))) for _ in range(2)]
    stack, alone = Stack(networks), _constrained(constraint, _large(judge((2,))))
    with torch.no_grad():
        constraint(networks[1])
    for name, value in state(alone).items():
        found = stack.members[1].get_parameter(name)
        demand(torch.equal(found, value), f"of a member of a pack, {name} is not what it is of a network alone")
    free = state(_large(judge((2,))))
    demand(same(state(stack.members[0]), free), "another member of the pack is changed too")


CHECKS = (
    acts,
    convolutions,
    projection,
    finite,
    same_parameters,
    gradients,
    batch_sizes,
    precision,
    determinism,
    mode_unchanged,
    packs,
)


def _large(network: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(LARGE)
    return network


def _constrained(constraint: Any, network: nn.Module) -> nn.Module:
    """The network as it is after a step of training: prepared, and then constrained."""
    with seeded():
        if hasattr(constraint, "prepare"):
            constraint.prepare(network)
        with torch.no_grad():
            constraint(network)
    return network
