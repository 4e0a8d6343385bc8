"""Every built-in loss: the contract that all losses keep, and the formulas of their papers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ganbench import plugins

REGISTRY = plugins.discover()
LOSSES = REGISTRY.names("loss")
SIDES = ("discriminator", "generator")

every_loss = pytest.mark.parametrize("name", LOSSES)
both_sides = pytest.mark.parametrize("side", SIDES)


def loss(name: str) -> Any:
    card = REGISTRY.card("loss", name)
    settings, problems = plugins.resolve(card, {})
    assert not problems
    return plugins.load(card, settings)


def scores(*shape: int, seed: int = 0, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    real, fake = scale * torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    return real, fake


def test_the_built_in_losses_are_found() -> None:
    assert {"minimax", "non-saturating", "wasserstein"} <= set(LOSSES)


@every_loss
@both_sides
@pytest.mark.parametrize("batch", [1, 7])
def test_a_batch_of_scores_gives_one_finite_number(name: str, side: str, batch: int) -> None:
    value = getattr(loss(name), side)(*scores(batch))
    assert value.shape == ()
    assert value.dtype == torch.float64
    assert value.isfinite()


@every_loss
@both_sides
def test_members_are_reduced_one_by_one(name: str, side: str) -> None:
    real, fake = scores(3, 7)
    objective = getattr(loss(name), side)
    stacked = objective(real, fake)
    assert stacked.shape == (3,)
    alone = torch.stack([objective(r, f) for r, f in zip(real, fake, strict=True)])
    torch.testing.assert_close(stacked, alone, rtol=1e-14, atol=0)


@every_loss
def test_the_discriminator_wants_high_real_and_low_fake_scores(name: str) -> None:
    real, fake = scores(7, scale=0.1)
    now = loss(name).discriminator(real, fake)
    assert loss(name).discriminator(real + 0.1, fake) < now
    assert loss(name).discriminator(real, fake + 0.1) > now


@every_loss
def test_the_generator_wants_high_fake_scores(name: str) -> None:
    real, fake = scores(7, scale=0.1)
    assert loss(name).generator(real, fake + 0.1) < loss(name).generator(real, fake)


@every_loss
@both_sides
def test_the_order_of_samples_does_not_matter(name: str, side: str) -> None:
    real, fake = scores(7)
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    objective = getattr(loss(name), side)
    torch.testing.assert_close(objective(real[order], fake[order]), objective(real, fake), rtol=1e-14, atol=0)


@every_loss
@both_sides
def test_scores_are_left_as_they_are(name: str, side: str) -> None:
    real, fake = scores(7)
    copies = real.clone(), fake.clone()
    getattr(loss(name), side)(real, fake)
    assert torch.equal(real, copies[0])
    assert torch.equal(fake, copies[1])


@every_loss
@both_sides
def test_gradients_agree_with_finite_differences(name: str, side: str) -> None:
    real, fake = (score.requires_grad_(True) for score in scores(2, 5))
    assert torch.autograd.gradcheck(getattr(loss(name), side), (real, fake))


@every_loss
@both_sides
@pytest.mark.parametrize("real", [-1e4, 1e4])
@pytest.mark.parametrize("fake", [-1e4, 1e4])
def test_huge_scores_stay_finite(name: str, side: str, real: float, fake: float) -> None:
    inputs = [torch.full((3,), value, requires_grad=True) for value in (real, fake)]
    value = getattr(loss(name), side)(*inputs)
    assert value.isfinite()
    for gradient in torch.autograd.grad(value, inputs, allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


def log_d(score: Tensor) -> Tensor:
    """log D, the discriminator being a sigmoid of the score."""
    return torch.log(1 / (1 + torch.exp(-score)))


def log_not_d(score: Tensor) -> Tensor:
    return torch.log(1 - 1 / (1 + torch.exp(-score)))


def entropy_loss(real: Tensor, fake: Tensor) -> Tensor:
    return -log_d(real).mean() - log_not_d(fake).mean()


FORMULAS: dict[tuple[str, str], Callable[[Tensor, Tensor], Tensor]] = {
    ("minimax", "discriminator"): entropy_loss,
    ("minimax", "generator"): lambda _, fake: log_not_d(fake).mean(),
    ("non-saturating", "discriminator"): entropy_loss,
    ("non-saturating", "generator"): lambda _, fake: -log_d(fake).mean(),
    ("wasserstein", "discriminator"): lambda real, fake: -(real.sum() - fake.sum()) / len(real),
    ("wasserstein", "generator"): lambda _, fake: -fake.sum() / len(fake),
}


@pytest.mark.parametrize(("name", "side"), FORMULAS)
def test_the_formula_of_the_paper(name: str, side: str) -> None:
    real, fake = scores(50, scale=3.0)
    expected = FORMULAS[name, side](real, fake)
    torch.testing.assert_close(getattr(loss(name), side)(real, fake), expected, rtol=1e-12, atol=1e-14)


def test_at_score_zero_the_gan_losses_are_logarithms_of_two() -> None:
    zero = torch.zeros(4, dtype=torch.float64)
    two = torch.tensor(2.0, dtype=torch.float64)
    for name, generator in (("minimax", -two.log()), ("non-saturating", two.log())):
        torch.testing.assert_close(loss(name).discriminator(zero, zero), 2 * two.log())
        torch.testing.assert_close(loss(name).generator(zero, zero), generator)


@pytest.mark.parametrize(("name", "expected"), [("minimax", 0.0), ("non-saturating", -1.0), ("wasserstein", -1.0)])
def test_what_the_generator_learns_from_a_fake_that_is_surely_fake(name: str, expected: float) -> None:
    fake = torch.tensor([-50.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(name).generator(torch.zeros(1, dtype=torch.float64), fake), fake)
    assert gradient.item() == pytest.approx(expected, abs=1e-15)


def test_only_the_wasserstein_loss_says_that_its_scores_are_a_critics() -> None:
    critics = {name for name in LOSSES if REGISTRY.card("loss", name).traits.get("critic", False)}
    assert "wasserstein" in critics
    assert critics.isdisjoint({"minimax", "non-saturating"})
