"""Every built-in constraint, and weight clipping exactly."""

import pytest
import torch
from torch import nn

from ganbench import plugins
from ganbench.constraints.weight_clipping import Constraint as WeightClipping

REGISTRY = plugins.discover()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 20), nn.BatchNorm1d(20), nn.Linear(20, 1)).double()


@pytest.mark.parametrize("name", REGISTRY.names("constraint"))
def test_a_constraint_holds_after_one_call_and_keeps_the_parameters_trainable(name: str) -> None:
    card = REGISTRY.card("constraint", name)
    settings, problems = plugins.resolve(card, {})
    assert not problems
    constrain, critic = plugins.load(card, settings), network()
    parameters = list(critic.parameters())
    with torch.no_grad():
        assert constrain(critic) is None
    once = [p.clone() for p in parameters]
    with torch.no_grad():
        constrain(critic)
    assert all(torch.equal(a, b) for a, b in zip(once, critic.parameters(), strict=True))
    assert [id(p) for p in critic.parameters()] == [id(p) for p in parameters]  # the optimizer still holds them
    assert all(p.requires_grad and p.grad_fn is None for p in parameters)


@pytest.mark.parametrize("bound", [0.01, 0.1, 0.5])
def test_weight_clipping_puts_every_parameter_within_the_bound_and_leaves_the_rest_alone(bound: float) -> None:
    critic = network()
    before = [p.detach().clone() for p in critic.parameters()]
    assert any((p.abs() > bound).any() for p in before)
    assert any(((p.abs() < bound) & (p != 0)).any() for p in before)
    with torch.no_grad():
        WeightClipping(bound)(critic)
    for old, new in zip(before, critic.parameters(), strict=True):
        inside = old.abs() <= bound
        assert torch.equal(new[inside], old[inside])
        assert torch.equal(new[~inside], old[~inside].sign() * bound)


def test_weight_clipping_does_not_touch_running_statistics() -> None:
    critic = network()
    with torch.no_grad():
        WeightClipping(0.01)(critic)
    assert torch.equal(critic[1].running_var, torch.ones(20, dtype=torch.float64))  # type: ignore[index]


def test_the_default_bound_is_the_papers() -> None:
    assert WeightClipping().bound == 0.01
