"""The discriminator some steps ahead, against the optimizers of torch and against finite differences."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ganbench import optimizers, unrolling
from ganbench.streams import stream

SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {"name": "adam", "lr": 0.03, "betas": [0.5, 0.9], "eps": 1e-8, "weight_decay": 0.01},
    "adamw": {"name": "adamw", "lr": 0.03, "betas": [0.5, 0.9], "eps": 1e-8, "weight_decay": 0.1},
    "rmsprop": {"name": "rmsprop", "lr": 0.03, "alpha": 0.9, "eps": 1e-8, "momentum": 0.3, "weight_decay": 0.01},
    "sgd": {"name": "sgd", "lr": 0.1, "momentum": 0.5, "weight_decay": 0.01},
}


def normal(*shape: int, role: str) -> Tensor:
    return torch.randn(*shape, generator=stream(0, role), dtype=torch.float64)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)).double()


def gan_loss(real: Tensor, fake: Tensor) -> Callable[[unrolling.Scores], Tensor]:
    return lambda scores: softplus(-scores(real)).mean() + softplus(scores(fake)).mean()


def taken(discriminator: nn.Module, optimizer: torch.optim.Optimizer, loss: Any, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        loss(discriminator).backward()
        optimizer.step()


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("name", SETTINGS)
def test_steps_ahead_are_those_that_the_optimizer_would_take(name: str, before: int) -> None:
    real, fake, probe = (normal(16, 2, role=role) for role in ("real", "fake", "probe"))
    discriminator = network()
    optimizer = optimizers.build(SETTINGS[name], discriminator.parameters())
    taken(discriminator, optimizer, gan_loss(real, fake + 1), before)
    ahead = unrolling.ahead(discriminator, optimizer, gan_loss(real, fake), 4)(probe)

    twin, later = copy.deepcopy((discriminator, optimizer))
    taken(twin, later, gan_loss(real, fake), 4)
    torch.testing.assert_close(ahead, twin(probe), rtol=1e-10, atol=1e-12)
    assert not torch.allclose(ahead, discriminator(probe), rtol=1e-3)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_gradient_goes_through_the_steps(name: str) -> None:
    real, start = normal(6, 2, role="real"), normal(6, 2, role="fake")
    discriminator = network()
    optimizer = optimizers.build(SETTINGS[name], discriminator.parameters())
    taken(discriminator, optimizer, gan_loss(real, start + 1), 2)

    def objective(fake: Tensor) -> Tensor:
        return unrolling.ahead(discriminator, optimizer, gan_loss(real, fake), 3)(fake).sum()

    fake = start.clone().requires_grad_(True)
    assert torch.autograd.gradcheck(objective, fake, eps=1e-6, atol=1e-5)
    (through,) = torch.autograd.grad(objective(fake), fake)
    frozen = unrolling.ahead(discriminator, optimizer, gan_loss(real, start), 3)
    (beside,) = torch.autograd.grad(frozen(fake).sum(), fake)
    assert not torch.allclose(through, beside, rtol=1e-2)


@pytest.mark.parametrize("name", SETTINGS)
def test_looking_ahead_changes_neither_network_nor_optimizer(name: str) -> None:
    real, fake = normal(6, 2, role="real"), normal(6, 2, role="fake")
    discriminator = network()
    optimizer = optimizers.build(SETTINGS[name], discriminator.parameters())
    taken(discriminator, optimizer, gan_loss(real, fake), 2)
    before = copy.deepcopy((discriminator.state_dict(), optimizer.state_dict()))
    unrolling.ahead(discriminator, optimizer, gan_loss(real, fake), 3)(real)
    torch.testing.assert_close((discriminator.state_dict(), optimizer.state_dict()), before, rtol=0, atol=0)
    assert all(parameter.requires_grad for parameter in discriminator.parameters())


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_a_weight_without_gradient_makes_no_nan(name: str) -> None:
    discriminator = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)).double()
    optimizer = optimizers.build(SETTINGS[name] | {"weight_decay": 0.0}, discriminator.parameters())
    fake = torch.zeros(4, 2, dtype=torch.float64).requires_grad_(True)  # so the weight's gradient is 0
    scores = unrolling.ahead(discriminator, optimizer, lambda d: d(fake).square().mean(), 2)(fake)
    (slope,) = torch.autograd.grad(scores.sum(), fake)
    assert slope.isfinite().all()


def test_an_unknown_optimizer_is_refused() -> None:
    discriminator = network()
    optimizer = torch.optim.Adagrad(discriminator.parameters())
    with pytest.raises(TypeError, match="Adagrad"):
        unrolling.ahead(discriminator, optimizer, gan_loss(normal(4, 2, role="a"), normal(4, 2, role="b")), 1)
