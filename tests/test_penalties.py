"""Every built-in penalty, and the exact values of the gradient penalty."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganbench import plugins
from ganbench.penalties.gradient_penalty import Penalty as GradientPenalty
from ganbench.streams import stream

REGISTRY = plugins.discover()
every_penalty = pytest.mark.parametrize("name", REGISTRY.names("penalty"))


def penalty(name: str) -> Any:
    card = REGISTRY.card("penalty", name)
    settings, problems = plugins.resolve(card, {})
    assert not problems
    return plugins.load(card, settings)


def smooth_critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0)).double()


def points(count: int, role: str) -> Tensor:
    return torch.randn(count, 2, generator=stream(0, role), dtype=torch.float64)


def slope(*a: float) -> Any:
    vector = torch.tensor(a, dtype=torch.float64)
    return lambda x: x.flatten(1) @ vector + 7.0


@every_penalty
def test_a_penalty_is_a_finite_scalar_that_trains_the_critic_and_not_the_samples(name: str) -> None:
    critic = smooth_critic()
    real, fake = points(6, "real"), points(6, "fake")
    copies = real.clone(), fake.clone()
    value = penalty(name)(critic, real, fake, stream(0, "penalty"))
    assert value.shape == ()
    assert value.isfinite()
    value.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.parameters())
    assert torch.equal(real, copies[0])
    assert torch.equal(fake, copies[1])
    assert not real.requires_grad
    assert not fake.requires_grad


@every_penalty
def test_a_penalty_is_a_function_of_its_stream(name: str) -> None:
    arguments = smooth_critic(), points(6, "real"), points(6, "fake")
    first, second = (penalty(name)(*arguments, stream(0, "penalty")) for _ in range(2))
    assert torch.equal(first, second)


@every_penalty
def test_the_gradient_for_the_critic_agrees_with_finite_differences(name: str) -> None:
    critic = smooth_critic()
    real, fake = points(4, "real"), points(4, "fake")

    def value() -> Tensor:
        out: Tensor = penalty(name)(critic, real, fake, stream(0, "penalty"))
        return out

    weights = [p for p in critic.parameters() if p.dim() == 2]  # the last bias has no gradient at all
    exact = torch.autograd.grad(value(), weights)
    step = 1e-6
    for weight, gradient in zip(weights, exact, strict=True):
        for index in range(weight.numel()):
            around = []
            for sign in (1, -1):
                with torch.no_grad():
                    weight.view(-1)[index] += sign * step
                around.append(value().item())
                with torch.no_grad():
                    weight.view(-1)[index] -= sign * step
            assert gradient.view(-1)[index].item() == pytest.approx((around[0] - around[1]) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("weight", [10.0, 0.1])
@pytest.mark.parametrize(("a", "norm"), [((3.0, 4.0), 5.0), ((0.6, 0.8), 1.0), ((0.0, 0.5), 0.5)])
def test_a_linear_critic_pays_for_the_length_of_its_slope(weight: float, a: tuple[float, float], norm: float) -> None:
    found = GradientPenalty(weight)(slope(*a), points(6, "real"), points(6, "fake"), stream(0, "penalty"))
    assert found.item() == pytest.approx(weight * (norm - 1) ** 2, rel=1e-12, abs=1e-15)


def test_the_slope_of_an_image_is_taken_over_all_its_pixels() -> None:
    images = torch.rand(3, 2, 4, 4, generator=stream(0, "images"), dtype=torch.float64)
    found = GradientPenalty(1.0)(slope(*[1.0] * 32), images, -images, stream(0, "penalty"))
    assert found.item() == pytest.approx((math.sqrt(32) - 1) ** 2, rel=1e-12)


def test_the_points_lie_between_a_real_sample_and_its_fake() -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(1)

    real = torch.zeros(1000, 2, dtype=torch.float64)
    fake = torch.tensor([1.0, 10.0], dtype=torch.float64).expand(1000, 2)
    GradientPenalty()(critic, real, fake, stream(0, "penalty"))
    share = seen[0][:, 0]
    torch.testing.assert_close(seen[0][:, 1], 10 * share)  # one share a sample: on the line between the two
    assert share.min() >= 0
    assert share.max() <= 1
    assert share.mean().item() == pytest.approx(0.5, abs=4 / math.sqrt(12_000))
    assert share.var().item() == pytest.approx(1 / 12, abs=0.01)


def test_another_stream_looks_at_other_points() -> None:
    arguments = smooth_critic(), points(6, "real"), points(6, "fake")
    assert GradientPenalty()(*arguments, stream(0, "penalty")) != GradientPenalty()(*arguments, stream(1, "penalty"))


def test_a_batch_pays_the_mean_of_what_its_samples_pay_alone() -> None:
    critic, samples = smooth_critic(), points(5, "real")
    together = GradientPenalty()(critic, samples, samples, stream(0, "penalty"))
    alone = [GradientPenalty()(critic, one[None], one[None], stream(0, "penalty")) for one in samples]
    torch.testing.assert_close(together, torch.stack(alone).mean(), rtol=1e-12, atol=0)
