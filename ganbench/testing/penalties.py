"""The contract of a penalty: a weighted term of the discriminator's loss, drawn from the given stream."""

import dataclasses
import unittest
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.streams import stream
from ganbench.testing.material import close, demand, judge, normal, same, seeded, state

SHAPES: tuple[tuple[int, ...], ...] = ((2,), (1, 8, 8))
DRAWS = 400
"""How many draws are averaged where a value is random."""


def finite_scalar(penalty: Any) -> None:
    """One finite number, for points and for images."""
    for shape in SHAPES:
        value = _value(penalty, shape, 16)
        demand(bool(value.isfinite()), f"the penalty is {value.item()} for samples {shape}")


def gradients(penalty: Any) -> None:
    """The value has a gradient for the discriminator's weights, and the call leaves none behind."""
    discriminator = judge((2,))
    real, fake = _samples((2,), 16)
    value = _call(penalty, discriminator, real, fake)
    weights = list(discriminator.parameters())
    demand(all(p.grad is None for p in weights), "the call leaves gradients in the discriminator; use autograd.grad")
    found = torch.autograd.grad(value, weights, allow_unused=True) if value.requires_grad else ()
    demand(
        any(g is not None and bool(g.any()) for g in found),
        "no gradient reaches the discriminator's weights; a gradient within a penalty needs `create_graph=True`",
    )
    demand(real.grad is None and fake.grad is None, "the call leaves gradients in the samples")


def others_untouched(penalty: Any) -> None:
    """No gradient reaches what made the fake samples: a penalty is the discriminator's alone."""
    discriminator = judge((2,))
    real, fake = (samples.requires_grad_(True) for samples in _samples((2,), 16))
    value = _call(penalty, discriminator, real, fake * 1)
    (found,) = torch.autograd.grad(value, [fake], allow_unused=True) if value.requires_grad else (None,)
    demand(found is None or not found.any(), "a gradient reaches the fake samples; take them as `fake.detach()`")


def batch_sizes(penalty: Any) -> None:
    """A batch of 1 and one of 7 give finite values."""
    for size in (1, 7):
        value = _value(penalty, (2,), size)
        demand(bool(value.isfinite()), f"the penalty is {value.item()} for a batch of {size}")


def permutation(penalty: Any) -> None:
    """The order of the batch does not matter, on average over what is drawn."""
    real, fake = _samples((2,), 4)
    order = torch.tensor([2, 0, 3, 1])
    discriminator = judge((2,))

    def draws(real: Tensor, fake: Tensor) -> Tensor:
        return torch.stack([_call(penalty, discriminator, real, fake, seed).detach() for seed in range(DRAWS)]).double()

    before, after = draws(real, fake), draws(real[order], fake[order])
    error = float((before.var() + after.var()).div(DRAWS).sqrt())
    gap = float((before.mean() - after.mean()).abs())
    demand(
        gap <= 5 * error + 1e-4 * float(before.mean().abs()),
        f"the penalty is {before.mean():.5g} on average, and {after.mean():.5g} in another order of the batch",
    )


def precision(penalty: Any) -> None:
    """float32 samples give float32; bfloat16 samples and weights give a finite value of their type, or float32."""
    value = _value(penalty, (2,), 16)
    demand(value.dtype == torch.float32, f"float32 samples give {value.dtype}")
    discriminator = judge((2,)).bfloat16()
    real, fake = (samples.bfloat16() for samples in _samples((2,), 16))
    short = _call(penalty, discriminator, real, fake)
    demand(
        short.dtype in (torch.bfloat16, torch.float32) and bool(short.isfinite()),
        f"bfloat16 samples give {short.item()} ({short.dtype})",
    )


def inputs_unchanged(penalty: Any) -> None:
    """Samples, weights, and the discriminator's mode are the same afterwards."""
    discriminator = judge((2,))
    before = state(discriminator)
    real, fake = _samples((2,), 16)
    given = real.clone(), fake.clone()
    _call(penalty, discriminator, *given)
    demand(torch.equal(given[0], real) and torch.equal(given[1], fake), "the samples are changed in place")
    demand(not given[0].requires_grad and not given[1].requires_grad, "the samples are made to require a gradient")
    demand(same(state(discriminator), before), "the discriminator's weights are changed")
    demand(
        discriminator.training and all(p.requires_grad for p in discriminator.parameters()),
        "the discriminator is left in another mode, or without gradients",
    )


def determinism(penalty: Any) -> None:
    """All random numbers come from the stream: same stream, same value."""
    real, fake = _samples((2,), 16)
    values = []
    for seed in (0, 1):
        with seeded(seed):
            values.append(_bare(penalty, judge((2,)), real.clone(), fake.clone(), 0).detach())
    demand(
        torch.equal(*values),
        f"the penalty is {values[0].item()}, then {values[1].item()} for the same stream; draw with `generator=stream`",
    )


def packs(penalty: Any) -> None:
    """In a pack, samples (members, batch, ...) and a stream per member give one value per member, as for each alone."""
    _skip_unless_packed(penalty)
    real, fake = (torch.stack([normal(8, 2, role=f"{kind} of {m}") for m in range(3)]) for kind in ("real", "fake"))
    discriminator = judge((2,))

    def scores(samples: Tensor) -> Tensor:
        found: Tensor = discriminator(samples.flatten(0, -2)).reshape(samples.shape[:-1])
        return found

    with seeded():
        together = penalty(scores, real, fake, [stream(m, "testing packs") for m in range(3)])
        alone = [penalty(scores, real[m], fake[m], stream(m, "testing packs")) for m in range(3)]
    demand(
        together.shape == (3,) and close(together, torch.stack(alone)),
        f"3 members have the penalties {together.tolist()} together, and {[a.item() for a in alone]} alone; reduce by "
        f"`.mean(-1)`, and draw by `ganbench.streams.uniform`",
    )


def scales(penalty: Any) -> None:
    """The setting named `scale` multiplies the whole penalty: members of a pack may differ in it."""
    name = getattr(penalty, "scale", None)
    if name is None:
        raise unittest.SkipTest("it declares no `scale`, so runs with other settings do not share a pack")
    demand(hasattr(penalty, name), f"`scale` is '{name}', which is no setting of it")
    once, thrice = (_value(dataclasses.replace(penalty, **{name: factor}), (2,), 16) for factor in (1.0, 3.0))
    demand(close(3 * once, thrice), f"with {name} 1 it is {once.item()}, and with {name} 3 it is {thrice.item()}")


def memory(penalty: Any) -> None:
    """A penalty that remembers does so in what its `begin()` returns, which can be saved and goes on from there."""
    if not hasattr(penalty, "begin"):
        return
    discriminator, batches = judge((2,)), [_samples((2,), size) for size in (16, 7, 16, 16)]

    def course(remembering: Any, of: list[tuple[Tensor, Tensor]]) -> list[float]:
        return [float(remembering(discriminator, *both, stream(0, "testing penalty")).detach()) for both in of]

    whole = course(penalty.begin(), batches)
    demand(whole == course(penalty.begin(), batches), "`begin()` does not begin anew: it remembers another training")
    first, second = penalty.begin(), penalty.begin()
    halves = course(first, batches[:2])
    second.load_state_dict(first.state_dict())
    halves += course(second, batches[2:])
    demand(whole == halves, f"saved and loaded it gives {halves}, otherwise {whole}; is something not in `state_dict`?")


CHECKS = (
    finite_scalar,
    gradients,
    others_untouched,
    batch_sizes,
    permutation,
    precision,
    inputs_unchanged,
    determinism,
    packs,
    scales,
    memory,
)


def _skip_unless_packed(penalty: Any) -> None:
    if not getattr(penalty, "packs", False):
        raise unittest.SkipTest("not declared (`packs: ClassVar[bool] = True`), so its runs are trained one by one")


def _samples(shape: tuple[int, ...], size: int) -> tuple[Tensor, Tensor]:
    return normal(size, *shape, role="real samples"), normal(size, *shape, role="fake samples")


def _value(penalty: Any, shape: tuple[int, ...], size: int) -> Tensor:
    return _call(penalty, judge(shape), *_samples(shape, size)).detach()


def _call(penalty: Any, discriminator: nn.Module, real: Tensor, fake: Tensor, seed: int = 0) -> Tensor:
    with seeded():
        return _bare(penalty, discriminator, real, fake, seed)


def _bare(penalty: Any, discriminator: nn.Module, real: Tensor, fake: Tensor, seed: int) -> Tensor:
    if hasattr(penalty, "begin"):  # each call is the first of a training
        penalty = penalty.begin()
    value = penalty(discriminator, real, fake, stream(seed, "testing penalty"))
    demand(isinstance(value, Tensor) and value.dim() == 0, f"the penalty is {value!r}; it should be one number, ()")
    found: Tensor = value
    return found
