"""The contract of an architecture: both networks, for every kind and size of data that it declares."""

import unittest
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.packs.network import Stack, UnstackableError
from ganbench.testing.material import ContractError, close, demand, normal, same, seeded, state

DEFAULT_SIZES = (16, 32)
"""Image sizes that an architecture is tried on which declares none."""


def shapes(architecture: Any) -> None:
    """Noise becomes samples of the right shape, samples become scores (batch,)."""
    for shape in _shapes(architecture):
        generator, discriminator = _networks(architecture, shape)
        made = generator(_noise(architecture, 7))
        demand(made.shape == (7, *shape), f"for samples {shape} the generator makes {tuple(made.shape[1:])}")
        scores = discriminator(made.detach())
        demand(scores.shape == (7,), f"7 samples {shape} get scores {tuple(scores.shape)}; they should be (7,)")
        demand(bool(made.isfinite().all() and scores.isfinite().all()), f"a sample or score of {shape} is not finite")


def image_range(architecture: Any) -> None:
    """Images are in [-1, 1], also for extreme noise."""
    for shape in _shapes(architecture):
        if len(shape) == 3:
            generator, _ = _networks(architecture, shape)
            extreme = float(generator(100 * _noise(architecture, 7)).detach().abs().max())
            demand(extreme <= 1, f"a pixel of an image {shape} is {extreme:.3g}; end the generator with nn.Tanh()")


def batch_sizes(architecture: Any) -> None:
    """A trained generator makes 1 sample as well as 7, and the discriminator scores them."""
    for shape in _shapes(architecture):
        generator, discriminator = (network.eval() for network in _networks(architecture, shape))
        for size in (1, 7):
            made = generator(_noise(architecture, size))
            scores = discriminator(made)
            demand(
                made.shape[:1] == scores.shape[:1] == (size,),
                f"a batch of {size} becomes samples {tuple(made.shape)} with scores {tuple(scores.shape)}",
            )


def gradients(architecture: Any) -> None:
    """Every weight of both networks is reached, and they share none."""
    for shape in _shapes(architecture):
        generator, discriminator = _networks(architecture, shape)
        shared = {id(p) for p in generator.parameters()} & {id(p) for p in discriminator.parameters()}
        demand(not shared, "generator and discriminator share parameters; build each anew")
        discriminator(generator(_noise(architecture, 7))).square().sum().backward()
        for side, network in (("generator", generator), ("discriminator", discriminator)):
            without = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
            demand(not without, f"no gradient reaches {', '.join(without)} of the {side} for samples {shape}")


def permutation(architecture: Any) -> None:
    """In evaluation, each sample depends on its own noise and each score on its own sample, wherever they stand."""
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    for shape in _shapes(architecture):
        for side, network, given in _tried(architecture, shape):
            with seeded():
                before = network(given)
            with seeded():
                after = network(given[order])
            demand(close(before[order], after), f"the {side} of {shape} depends on the order of the batch")


def precision(architecture: Any) -> None:
    """Both networks also work in bfloat16."""
    for shape in _shapes(architecture):
        generator, discriminator = (network.bfloat16() for network in _networks(architecture, shape))
        made = generator(_noise(architecture, 7).bfloat16())
        scores = discriminator(made)
        demand(
            made.dtype == scores.dtype == torch.bfloat16 and bool(scores.isfinite().all()),
            f"in bfloat16, samples {shape} are {made.dtype} and scores {scores.dtype}, or not finite",
        )


def inputs_unchanged(architecture: Any) -> None:
    """Noise and samples are the same afterwards."""
    for shape in _shapes(architecture):
        for side, network, given in _tried(architecture, shape):
            passed = given.clone()
            network(passed)
            demand(torch.equal(passed, given), f"the {side} of {shape} changes its input in place")


def determinism(architecture: Any) -> None:
    """The seed of torch decides the weights; in evaluation, the same input gives the same output."""
    for shape in _shapes(architecture):
        first, second = _networks(architecture, shape), _networks(architecture, shape)
        equal = all(same(state(a), state(b)) for a, b in zip(first, second, strict=True))
        demand(equal, f"two builds with one seed differ for samples {shape}; draw from torch's global generator")
        for side, network, given in _tried(architecture, shape):
            with seeded(0):
                once = network(given)
            with seeded(1):
                twice = network(given)
            demand(torch.equal(once, twice), f"the {side} of {shape} draws random numbers in evaluation")


def weights(architecture: Any) -> None:
    """The state dict is all there is: loaded into another build, it makes the same samples."""
    for shape in _shapes(architecture):
        trained, _ = _networks(architecture, shape, seed=0)
        other, _ = _networks(architecture, shape, seed=1)
        trained(_noise(architecture, 7))  # running statistics are part of the state
        other.load_state_dict(trained.state_dict())
        noise = _noise(architecture, 7)
        made = []
        for network in (trained, other):
            with seeded():
                made.append(network.eval()(noise))
        demand(torch.equal(*made), f"a generator of {shape} makes other samples once its weights are stored and loaded")


def packs(architecture: Any) -> None:
    """Networks of one shape can be stacked, and together make what each makes alone."""
    if not getattr(architecture, "packs", False):
        raise unittest.SkipTest("not declared (`packs: ClassVar[bool] = True`), so its runs are trained one by one")
    for shape in _shapes(architecture):
        alone, members = ([_networks(architecture, shape, seed) for seed in range(2)] for _ in range(2))
        given = torch.stack([_noise(architecture, 7), 2 * _noise(architecture, 7)])
        for which, side in enumerate(("generator", "discriminator")):
            try:
                together = Stack([pair[which] for pair in members])(given)
            except UnstackableError as error:
                raise ContractError(f"the {side} of {shape} cannot be stacked: {error}") from error
            wanted = torch.stack([pair[which](of) for pair, of in zip(alone, given, strict=True)])
            demand(close(together, wanted), f"the {side} of {shape} makes something else in a pack than alone")
            given = wanted.detach()


CHECKS = (
    shapes,
    image_range,
    batch_sizes,
    gradients,
    permutation,
    precision,
    inputs_unchanged,
    determinism,
    weights,
    packs,
)


def _shapes(architecture: Any) -> list[tuple[int, ...]]:
    """Points, and grey and colour images of every declared size."""
    found: list[tuple[int, ...]] = [(2,)] if "points" in architecture.kinds else []
    if "images" in architecture.kinds:
        sizes = getattr(architecture, "sizes", DEFAULT_SIZES)
        found += [(channels, size, size) for size in sizes for channels in (1, 3)]
    return found


def _networks(architecture: Any, shape: tuple[int, ...], seed: int = 0) -> tuple[nn.Module, nn.Module]:
    with seeded(seed):
        return architecture.generator(shape), architecture.discriminator(shape)


def _tried(architecture: Any, shape: tuple[int, ...]) -> list[tuple[str, nn.Module, Tensor]]:
    """Each network in evaluation, and a batch of 7 of what goes into it."""
    generator, discriminator = (network.eval().requires_grad_(False) for network in _networks(architecture, shape))
    samples = normal(7, *shape, role="samples").clamp(-1, 1)
    return [("generator", generator, _noise(architecture, 7)), ("discriminator", discriminator, samples)]


def _noise(architecture: Any, count: int) -> Tensor:
    return normal(count, architecture.noise_dim, role="noise")
