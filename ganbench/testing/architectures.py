"""The contract of an architecture: both networks, for every kind and size of data that it declares, and for every form
of condition that its networks take."""

import unittest
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.given import Form
from ganbench.packs.network import Stack, UnstackableError
from ganbench.testing.material import ContractError, close, demand, normal, same, seeded, state

DEFAULT_SIZES = (16, 32)
"""Image sizes that an architecture is tried on which declares none."""
COUNT = 7
"""Samples of a batch."""
SOURCES, CLASSES, WORDS, LENGTH = 2, 4, 6, 3
"""Of conditions: channels of an image, classes, words with the one that fills up, words of a caption."""


@dataclass(frozen=True)
class Case:
    """One shape of samples, and the form of condition that both networks take beside it, if they do."""

    architecture: Any
    shape: tuple[int, ...]
    form: Form | None

    def __str__(self) -> str:
        return f"{self.shape}" + (f" from {self.form.kind} {self.form.shape}" if self.form else "")

    def networks(self, seed: int = 0) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator, built after a seed."""
        forms = () if self.form is None else (self.form,)
        with seeded(seed):
            return self.architecture.generator(self.shape, *forms), self.architecture.discriminator(self.shape, *forms)

    def noise(self, count: int = COUNT) -> Tensor:
        """What a generator makes samples from."""
        return normal(count, self.architecture.noise_dim, role="noise")

    def given(self, count: int = COUNT) -> tuple[Tensor, ...]:
        """What both networks take besides: conditions, or nothing."""
        if self.form is None:
            return ()
        drawn = normal(count, *self.form.shape, role=f"given {self.form.kind}")
        if self.form.kind == "image":
            return (drawn.clamp(-1, 1),)
        return ((10 * drawn).long() % self.form.count,)

    def tried(self) -> list[tuple[str, nn.Module, tuple[Tensor, ...]]]:
        """Each network in evaluation, and a batch of all that goes into it."""
        generator, discriminator = (network.eval().requires_grad_(False) for network in self.networks())
        samples = normal(COUNT, *self.shape, role="samples").clamp(-1, 1)
        given = self.given()
        return [
            ("generator", generator, (self.noise(), *given)),
            ("discriminator", discriminator, (samples, *given)),
        ]


def shapes(architecture: Any) -> None:
    """Noise becomes samples of the right shape, samples become scores (batch,), or (batch * patches,) from images."""
    for case in _cases(architecture):
        generator, discriminator = case.networks()
        made = generator(case.noise(), *case.given())
        right = made.shape == (COUNT, *case.shape)
        demand(right, f"for samples {case} the generator makes {tuple(made.shape[1:])}")
        scores = discriminator(made.detach(), *case.given())
        patches = case.form is not None and case.form.kind == "image"
        right = scores.dim() == 1 and (len(scores) == COUNT or (patches and len(scores) % COUNT == 0))
        wanted = f"({COUNT} * patches,)" if patches else f"({COUNT},)"
        demand(right, f"{COUNT} samples {case} get scores {tuple(scores.shape)}; they should be {wanted}")
        demand(bool(made.isfinite().all() and scores.isfinite().all()), f"a sample or score of {case} is not finite")


def image_range(architecture: Any) -> None:
    """Images are in [-1, 1], also for extreme noise."""
    for case in _cases(architecture):
        if len(case.shape) == 3:
            generator, _ = case.networks()
            extreme = float(generator(100 * case.noise(), *case.given()).detach().abs().max())
            demand(extreme <= 1, f"a pixel of an image {case} is {extreme:.3g}; end the generator with nn.Tanh()")


def batch_sizes(architecture: Any) -> None:
    """A trained generator makes 1 sample as well as 7, and the discriminator scores them."""
    for case in _cases(architecture):
        generator, discriminator = (network.eval() for network in case.networks())
        for size in (1, COUNT):
            made = generator(case.noise(size), *case.given(size))
            scores = discriminator(made, *case.given(size))
            demand(
                made.shape[:1] == (size,) and scores.dim() > 0 and len(scores) % size == 0,
                f"a batch of {size} becomes samples {tuple(made.shape)} with scores {tuple(scores.shape)}",
            )


def gradients(architecture: Any) -> None:
    """Every weight of both networks is reached, and they share none."""
    for case in _cases(architecture):
        generator, discriminator = case.networks()
        shared = {id(p) for p in generator.parameters()} & {id(p) for p in discriminator.parameters()}
        demand(not shared, "generator and discriminator share parameters; build each anew")
        given = case.given()
        discriminator(generator(case.noise(), *given), *given).square().sum().backward()
        for side, network in (("generator", generator), ("discriminator", discriminator)):
            without = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
            demand(not without, f"no gradient reaches {', '.join(without)} of the {side} for samples {case}")


def conditions(architecture: Any) -> None:
    """Samples and scores are other ones for other conditions."""
    if not getattr(architecture, "given", ()):
        raise unittest.SkipTest("its networks take no condition themselves (`given: ClassVar[tuple[str, ...]]`)")
    for case in _cases(architecture):
        for side, network, (inputs, given) in case.tried():
            same_given = torch.equal(network(inputs, given), network(inputs, given.flip(0)))
            demand(not same_given, f"the {side} of {case} makes the same of other conditions")


def permutation(architecture: Any) -> None:
    """In evaluation, each sample depends on its own noise and each score on its own sample, wherever they stand."""
    order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
    for case in _cases(architecture):
        for side, network, inputs in case.tried():
            with seeded():
                before = network(*inputs).unflatten(0, (COUNT, -1))  # a row of scores for each sample
            with seeded():
                after = network(*(of[order] for of in inputs)).unflatten(0, (COUNT, -1))
            demand(close(before[order], after), f"the {side} of {case} depends on the order of the batch")


def precision(architecture: Any) -> None:
    """Both networks also work in bfloat16."""
    for case in _cases(architecture):
        generator, discriminator = (network.bfloat16() for network in case.networks())
        given = tuple(of.bfloat16() if of.is_floating_point() else of for of in case.given())
        made = generator(case.noise().bfloat16(), *given)
        scores = discriminator(made, *given)
        demand(
            made.dtype == scores.dtype == torch.bfloat16 and bool(scores.isfinite().all()),
            f"in bfloat16, samples {case} are {made.dtype} and scores {scores.dtype}, or not finite",
        )


def inputs_unchanged(architecture: Any) -> None:
    """Noise, samples and conditions are the same afterwards."""
    for case in _cases(architecture):
        for side, network, inputs in case.tried():
            passed = [of.clone() for of in inputs]
            network(*passed)
            kept = all(torch.equal(after, before) for after, before in zip(passed, inputs, strict=True))
            demand(kept, f"the {side} of {case} changes its input in place")


def determinism(architecture: Any) -> None:
    """The seed of torch decides the weights; in evaluation, the same input gives the same output."""
    for case in _cases(architecture):
        first, second = case.networks(), case.networks()
        equal = all(same(state(a), state(b)) for a, b in zip(first, second, strict=True))
        demand(equal, f"two builds with one seed differ for samples {case}; draw from torch's global generator")
        for side, network, inputs in case.tried():
            with seeded(0):
                once = network(*inputs)
            with seeded(1):
                twice = network(*inputs)
            demand(torch.equal(once, twice), f"the {side} of {case} draws random numbers in evaluation")


def weights(architecture: Any) -> None:
    """The state dict is all there is: loaded into another build, it makes the same samples."""
    for case in _cases(architecture):
        trained, _ = case.networks(seed=0)
        other, _ = case.networks(seed=1)
        inputs = (case.noise(), *case.given())
        trained(*inputs)  # running statistics are part of the state
        other.load_state_dict(trained.state_dict())
        made = []
        for network in (trained, other):
            with seeded():
                made.append(network.eval()(*inputs))
        demand(torch.equal(*made), f"a generator of {case} makes other samples once its weights are stored and loaded")


def packs(architecture: Any) -> None:
    """Networks of one shape can be stacked, and together make what each makes alone."""
    if not getattr(architecture, "packs", False):
        raise unittest.SkipTest("not declared (`packs: ClassVar[bool] = True`), so its runs are trained one by one")
    for case in _cases(architecture):
        demand(case.form is None, "`packs` is declared, and runs with conditions are trained one by one")
        alone, members = ([case.networks(seed) for seed in range(2)] for _ in range(2))
        inputs = torch.stack([case.noise(), 2 * case.noise()])
        for which, side in enumerate(("generator", "discriminator")):
            try:
                together = Stack([pair[which] for pair in members])(inputs)
            except UnstackableError as error:
                raise ContractError(f"the {side} of {case} cannot be stacked: {error}") from error
            wanted = torch.stack([pair[which](of) for pair, of in zip(alone, inputs, strict=True)])
            demand(close(together, wanted), f"the {side} of {case} makes something else in a pack than alone")
            inputs = wanted.detach()


CHECKS = (
    shapes,
    image_range,
    batch_sizes,
    gradients,
    conditions,
    permutation,
    precision,
    inputs_unchanged,
    determinism,
    weights,
    packs,
)


def _cases(architecture: Any) -> list[Case]:
    """Points, and grey and colour images of every declared size, with every form of condition that it takes."""
    found: list[Case] = []
    if "points" in architecture.kinds:
        found += [Case(architecture, (2,), form) for form in _forms(architecture, ())]
    if "images" in architecture.kinds:
        sizes = getattr(architecture, "sizes", DEFAULT_SIZES)
        shapes = [(channels, size, size) for size in sizes for channels in (1, 3)]
        found += [Case(architecture, shape, form) for shape in shapes for form in _forms(architecture, shape)]
    return found


def _forms(architecture: Any, shape: tuple[int, ...]) -> list[Form | None]:
    """The conditions that its networks take beside samples of a shape; for most, none."""
    forms = {
        "class": Form("class", (), CLASSES),
        "text": Form("text", (LENGTH,), WORDS),
        "image": Form("image", (SOURCES, *shape[1:]), 0),
    }
    taken = getattr(architecture, "given", ())
    return [forms[kind] for kind in taken if kind != "image" or shape] or [None]
