"""Every built-in loss: the contract that all losses keep, and the formulas of their papers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganbench import plugins

REGISTRY = plugins.discover()
LOSSES = REGISTRY.names("loss")
SIDES = ("discriminator", "generator")

every_loss = pytest.mark.parametrize("name", LOSSES)
both_sides = pytest.mark.parametrize("side", SIDES)


def loss(name: str, **given: Any) -> Any:
    card = REGISTRY.card("loss", name)
    settings, problems = plugins.resolve(card, given)
    assert not problems
    return plugins.load(card, settings)


def scores(*shape: int, seed: int = 0, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    real, fake = scale * torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    return real, fake


def test_the_built_in_losses_are_found() -> None:
    assert {
        "minimax",
        "non-saturating",
        "wasserstein",
        "least-squares",
        "hinge",
        "relativistic",
        "relativistic-average",
    } <= set(LOSSES)


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
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 30.0, 500.0])
def test_coarse_numbers_are_close_to_exact_ones(name: str, side: str, dtype: torch.dtype, size: float) -> None:
    coarse = [(size * score).to(dtype) for score in scores(16)]
    value = getattr(loss(name), side)(*coarse)
    exact = getattr(loss(name), side)(*(score.double() for score in coarse))
    assert value.dtype == dtype
    torch.testing.assert_close(
        value.double(), exact, rtol=4 * torch.finfo(dtype).eps, atol=4 * torch.finfo(dtype).eps * size
    )


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


def average_loss(winner: Tensor, loser: Tensor) -> Tensor:
    return -log_d(winner - loser.mean()).mean() - log_not_d(loser - winner.mean()).mean()


FORMULAS: dict[tuple[str, str], Callable[[Tensor, Tensor], Tensor]] = {
    ("minimax", "discriminator"): entropy_loss,
    ("minimax", "generator"): lambda _, fake: log_not_d(fake).mean(),
    ("non-saturating", "discriminator"): entropy_loss,
    ("non-saturating", "generator"): lambda _, fake: -log_d(fake).mean(),
    ("wasserstein", "discriminator"): lambda real, fake: -(real.sum() - fake.sum()) / len(real),
    ("wasserstein", "generator"): lambda _, fake: -fake.sum() / len(fake),
    ("least-squares", "discriminator"): lambda real, fake: 0.5 * ((real - 1) ** 2).mean() + 0.5 * (fake**2).mean(),
    ("least-squares", "generator"): lambda _, fake: 0.5 * ((fake - 1) ** 2).mean(),
    ("hinge", "discriminator"): lambda real, fake: -(real - 1).clamp(max=0).mean() - (-fake - 1).clamp(max=0).mean(),
    ("hinge", "generator"): lambda _, fake: -fake.sum() / len(fake),
    ("relativistic", "discriminator"): lambda real, fake: -log_d(real - fake).mean(),
    ("relativistic", "generator"): lambda real, fake: -log_d(fake - real).mean(),
    ("relativistic-average", "discriminator"): average_loss,
    ("relativistic-average", "generator"): lambda real, fake: average_loss(fake, real),
}


@pytest.mark.parametrize(("name", "side"), FORMULAS)
def test_the_formula_of_the_paper(name: str, side: str) -> None:
    real, fake = scores(50, scale=3.0)
    expected = FORMULAS[name, side](real, fake)
    torch.testing.assert_close(getattr(loss(name), side)(real, fake), expected, rtol=1e-12, atol=1e-14)


def test_at_score_zero_the_gan_losses_are_logarithms_of_two() -> None:
    zero = torch.zeros(4, dtype=torch.float64)
    two = torch.tensor(2.0, dtype=torch.float64)
    for name, discriminator, generator in (
        ("minimax", 2, -1),
        ("non-saturating", 2, 1),
        ("relativistic", 1, 1),
        ("relativistic-average", 2, 2),
    ):
        torch.testing.assert_close(loss(name).discriminator(zero, zero), discriminator * two.log())
        torch.testing.assert_close(loss(name).generator(zero, zero), generator * two.log())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("minimax", 0.0),
        ("non-saturating", -1.0),
        ("wasserstein", -1.0),
        ("least-squares", -51.0),
        ("hinge", -1.0),
        ("relativistic", -1.0),
        ("relativistic-average", -2.0),
    ],
)
def test_what_the_generator_learns_from_a_fake_that_is_surely_fake(name: str, expected: float) -> None:
    fake = torch.tensor([-50.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(name).generator(torch.zeros(1, dtype=torch.float64), fake), fake)
    assert gradient.item() == pytest.approx(expected, abs=1e-15)


def test_only_the_wasserstein_loss_says_that_its_scores_are_a_critics() -> None:
    critics = {name for name in LOSSES if REGISTRY.card("loss", name).traits.get("critic", False)}
    assert "wasserstein" in critics
    assert critics.isdisjoint(
        {"minimax", "non-saturating", "least-squares", "hinge", "relativistic", "relativistic-average"}
    )


# Relativistic losses


@every_loss
def test_a_loss_asks_for_fresh_real_scores_exactly_if_its_generator_looks_at_them(name: str) -> None:
    real, fake = (score.requires_grad_(True) for score in scores(7))
    (gradient,) = torch.autograd.grad(loss(name).generator(real, fake), real, allow_unused=True)
    looks = gradient is not None and bool((gradient != 0).any())
    assert looks == REGISTRY.card("loss", name).traits.get("relativistic", False)


batches = st.lists(st.tuples(st.floats(-30, 30), st.floats(-30, 30)), min_size=1, max_size=9)


@pytest.mark.parametrize("name", ["relativistic", "relativistic-average"])
@given(batches, st.floats(-100, 100))
def test_only_differences_of_scores_count(name: str, pairs: list[tuple[float, float]], shift: float) -> None:
    real, fake = torch.tensor(pairs, dtype=torch.float64).T
    for side in SIDES:
        objective = getattr(loss(name), side)
        torch.testing.assert_close(objective(real + shift, fake + shift), objective(real, fake), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["relativistic", "relativistic-average"])
@given(batches)
def test_the_generator_plays_the_discriminators_game_with_the_roles_swapped(
    name: str, pairs: list[tuple[float, float]]
) -> None:
    real, fake = torch.tensor(pairs, dtype=torch.float64).T
    assert torch.equal(loss(name).generator(real, fake), loss(name).discriminator(fake, real))


def test_real_and_fake_are_paired_by_place_and_not_on_average() -> None:
    real, fake = torch.tensor([[3.0, -3.0], [2.0, -2.0]], dtype=torch.float64)
    for name, same in (("relativistic", False), ("relativistic-average", True)):
        for side in SIDES:
            objective = getattr(loss(name), side)
            assert (objective(real, fake) == objective(real, fake.flip(0))) == same, (name, side)


def test_one_pair_is_its_own_average() -> None:
    real, fake = scores(1)
    for side in SIDES:
        paired, average = (getattr(loss(name), side)(real, fake) for name in ("relativistic", "relativistic-average"))
        torch.testing.assert_close(average, 2 * paired)


# Least squares


@given(batches, st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3))
def test_the_targets_of_least_squares(pairs: list[tuple[float, float]], a: float, b: float, c: float) -> None:
    real, fake = torch.tensor(pairs, dtype=torch.float64).T
    given = loss("least-squares", fake_target=a, real_target=b, generator_target=c)
    count = len(pairs)
    expected = sum((r - b) ** 2 + (f - a) ** 2 for r, f in pairs) / (2 * count)
    assert given.discriminator(real, fake).item() == pytest.approx(expected, rel=1e-12, abs=1e-300)
    expected = sum((f - c) ** 2 for _, f in pairs) / (2 * count)
    assert given.generator(real, fake).item() == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_least_squares_of_probabilities_saturates_as_the_scores_do_not() -> None:
    real, fake = scores(50, scale=3.0)
    given = loss("least-squares", of="probability")
    expected = ((log_d(real).exp() - 1) ** 2).mean() / 2 + (log_d(fake).exp() ** 2).mean() / 2
    torch.testing.assert_close(given.discriminator(real, fake), expected)
    torch.testing.assert_close(given.generator(real, fake), ((log_d(fake).exp() - 1) ** 2).mean() / 2)
    surely_fake = torch.tensor([-50.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(given.generator(real, surely_fake), surely_fake)
    assert gradient.item() == pytest.approx(0, abs=1e-20)


# Hinge


def test_scores_beyond_the_margin_no_longer_move_the_discriminator() -> None:
    real = torch.tensor([0.5, 1.5, -4.0], dtype=torch.float64, requires_grad=True)
    fake = torch.tensor([-0.5, -1.5, 4.0], dtype=torch.float64, requires_grad=True)
    to_real, to_fake = torch.autograd.grad(loss("hinge").discriminator(real, fake), (real, fake))
    torch.testing.assert_close(to_real, torch.tensor([-1 / 3, 0.0, -1 / 3], dtype=torch.float64))
    torch.testing.assert_close(to_fake, torch.tensor([1 / 3, 0.0, 1 / 3], dtype=torch.float64))
