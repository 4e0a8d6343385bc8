"""The contract of a loss: two pure functions of the discriminator's scores."""

import unittest
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ganbench.testing.material import close, demand, normal, seeded

SIDES = ("discriminator", "generator")


def finite_scalars(loss: Any) -> None:
    """Both sides return one finite number, also for scores far from 0."""
    for scale in (1, 100):
        real, fake = scale * normal(16, role="real"), scale * normal(16, role="fake")
        for side in SIDES:
            value = _value(loss, side, real, fake)
            demand(bool(value.isfinite()), f"{side} returns {value.item()} for scores of size {scale}")


def gradients(loss: Any) -> None:
    """The discriminator learns from real and fake scores; the generator from fake ones, and not from real ones."""
    for side in SIDES:
        of_real, of_fake = _gradients(loss, side, normal(16, role="real"), normal(16, role="fake"))
        demand(bool(of_fake.any()), f"{side} has no gradient for the fake scores")
        if side == "discriminator":
            demand(bool(of_real.any()), "discriminator has no gradient for the real scores")
        elif not getattr(loss, "relativistic", False):
            demand(
                not of_real.any(),
                "generator has a gradient for the real scores, which do not depend on the generator; "
                "a loss that compares both declares `relativistic: ClassVar[bool] = True`",
            )


def sign(loss: Any) -> None:
    """A mistaken discriminator raises real scores and lowers fake ones; a rejected generator raises fake ones."""
    low, high = torch.full((8,), -1.0), torch.full((8,), 1.0)
    of_real, of_fake = _gradients(loss, "discriminator", low, high)
    demand(bool((of_real < 0).all()), "discriminator does not fall where real scores rise from -1; real means high")
    demand(bool((of_fake > 0).all()), "discriminator does not rise where fake scores rise from 1; fake means low")
    _, of_fake = _gradients(loss, "generator", high, low)
    demand(bool((of_fake < 0).all()), "generator does not fall where fake scores rise from -1; it wants high scores")


def batch_sizes(loss: Any) -> None:
    """A batch of 1 and one of 7 give finite values and finite gradients."""
    for size in (1, 7):
        real, fake = normal(size, role="real"), normal(size, role="fake")
        for side in SIDES:
            found = [_value(loss, side, real, fake), *_gradients(loss, side, real, fake)]
            demand(all(bool(f.isfinite().all()) for f in found), f"{side} is not finite for a batch of {size}")


def permutation(loss: Any) -> None:
    """The order of the batch does not matter."""
    real, fake = normal(7, role="real"), normal(7, role="fake")
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    for side in SIDES:
        before, after = _value(loss, side, real, fake), _value(loss, side, real[order], fake[order])
        demand(close(before, after), f"{side} is {before.item()}, and {after.item()} in another order of the batch")


def precision(loss: Any) -> None:
    """float32 scores give float32; bfloat16 scores give about the same value."""
    real, fake = normal(16, role="real"), normal(16, role="fake")
    for side in SIDES:
        exact = _value(loss, side, real, fake)
        demand(exact.dtype == torch.float32, f"{side} turns float32 scores into {exact.dtype}")
        short = _value(loss, side, real.bfloat16(), fake.bfloat16())
        demand(
            short.dtype in (torch.bfloat16, torch.float32) and close(short.float(), exact, 0.05),
            f"{side} is {exact.item()} in float32 and {short.item()} ({short.dtype}) in bfloat16",
        )


def inputs_unchanged(loss: Any) -> None:
    """The scores that go in are the same afterwards."""
    real, fake = normal(16, role="real"), normal(16, role="fake")
    for side in SIDES:
        given = real.clone(), fake.clone()
        _call(loss, side)(*given)
        demand(torch.equal(given[0], real) and torch.equal(given[1], fake), f"{side} changes its scores in place")


def determinism(loss: Any) -> None:
    """Same scores, same value, whatever was drawn or called before."""
    real, fake = normal(16, role="real"), normal(16, role="fake")
    for side in SIDES:
        values = [_value(loss, side, real, fake, seed) for seed in (0, 1)]
        demand(torch.equal(*values), f"{side} is {values[0].item()}, then {values[1].item()} for the same scores")


def last_axis(loss: Any) -> None:
    """Scores (members, batch) give one value per member, the same as each member alone: it is safe in packs."""
    if getattr(loss, "packs", True) is False:
        raise unittest.SkipTest("declared unsafe (`packs`), so its runs are trained one by one")
    real, fake = normal(3, 16, role="real"), normal(3, 16, role="fake")
    for side in SIDES:
        with seeded():
            together = _call(loss, side)(real.clone(), fake.clone())
        alone = torch.stack([_value(loss, side, r, f) for r, f in zip(real, fake, strict=True)])
        demand(
            close(together, alone),
            f"{side} turns scores (3, 16) into {tuple(together.shape)}, or mixes members; reduce by `.mean(-1)`",
        )


CHECKS = (
    finite_scalars,
    gradients,
    sign,
    batch_sizes,
    permutation,
    precision,
    inputs_unchanged,
    determinism,
    last_axis,
)


def _call(loss: Any, side: str) -> Callable[[Tensor, Tensor], Tensor]:
    function: Callable[[Tensor, Tensor], Tensor] = getattr(loss, side)
    return function


def _value(loss: Any, side: str, real: Tensor, fake: Tensor, seed: int = 0) -> Tensor:
    """The loss of one side for copies of these scores."""
    with seeded(seed):
        value = _call(loss, side)(real.clone(), fake.clone())
    demand(isinstance(value, Tensor) and value.dim() == 0, f"{side} returns {value!r}; it should be one number, ()")
    return value.detach()


def _gradients(loss: Any, side: str, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of one side's loss for the real and the fake scores; 0 where it does not depend on them."""
    leaves = [scores.clone().requires_grad_(True) for scores in (real, fake)]
    with seeded():
        value = _call(loss, side)(leaves[0] * 1, leaves[1] * 1)  # results, as a network's scores are
    demand(value.requires_grad, f"{side} returns a value without a gradient")
    found = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    of_real, of_fake = (torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=True))
    return of_real, of_fake
