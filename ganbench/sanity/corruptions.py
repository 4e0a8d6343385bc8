"""Ways to spoil real samples, each with a strength that grows.

Every corruption is a function of a pool of real samples, a strength and a random stream, and gives as many samples as
a run would. The same stream at every strength: what is spoilt at one step is spoilt at the next one too.
After Borji 2019 and the checks of Räisä et al. 2025 (arXiv:2505.22450).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from ganbench.streams import stream

SHARES = (0.1, 0.3, 0.9)

COPIES = (2.0, 3.0, 5.0)
"""With c copies the luck of which samples are repeated moves a mean by sqrt(c - 1) times the spread of real data, and
a verdict is to be about repetition, not luck."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Real samples to spoil, points (n, d) or uint8 images (n, channels, size, size), none of which an extractor was
    trained on, and the `modes` (n,) that they are of: the classes of images. The first `count` of them are what is
    spoilt, the others are spare. `training`: samples of the training split."""

    samples: Tensor
    modes: Tensor
    training: Tensor
    count: int

    @property
    def real(self) -> Tensor:
        """The samples before they are spoilt."""
        return self.samples[: self.count]

    @property
    def places(self) -> Tensor:
        """The place of each sample's mode among all modes (n,)."""
        places: Tensor = self.modes.unique(return_inverse=True)[1]
        return places

    def members(self, random: torch.Generator) -> list[Tensor]:
        """The indices of each mode's samples, shuffled."""
        order = torch.randperm(len(self.samples), generator=random)
        return [order[self.modes[order] == mode] for mode in self.modes.unique()]


@dataclass(frozen=True)
class Corruption:
    """What is done, `strength` in words, the steps from weak to strong, and whether it is for images only."""

    title: str
    text: str
    strength: str
    steps: tuple[float, ...]
    spoil: Callable[[Pool, float, torch.Generator], Tensor]
    images_only: bool = False

    def __call__(self, pool: Pool, strength: float) -> Tensor:
        """As many spoilt samples as the pool counts."""
        return self.spoil(pool, strength, stream(0, f"sanity {self.title}"))


def noise(pool: Pool, strength: float, random: torch.Generator) -> Tensor:
    """Gaussian noise on every number; images are rounded and cut to 0..255."""
    real = pool.real.float()
    noisy = real + strength * real.std() * torch.randn(real.shape, generator=random)
    return _like(noisy, pool.real)


def blur(pool: Pool, strength: float, _: torch.Generator) -> Tensor:
    """A Gaussian blur, cut off at 3 sigma."""
    sigma = strength * pool.real.shape[-1]
    return _like(gaussian_blur(pool.real.float(), 2 * int(3 * sigma + 0.5) + 1, sigma), pool.real)


def mode_dropping(pool: Pool, strength: float, random: torch.Generator) -> Tensor:
    """The first modes vanish, and the others fill their place."""
    weights = pool.places.bincount().double()
    weights[: min(round(strength * len(weights)), len(weights) - 1)] = 0
    return _drawn(pool, weights, random)


def imbalance(pool: Pool, strength: float, random: torch.Generator) -> Tensor:
    """Shares that fall by the same factor from each mode to the next."""
    modes = len(pool.modes.unique())
    return _drawn(pool, strength ** -torch.linspace(0, 1, modes, dtype=torch.float64), random)


def duplicates(pool: Pool, strength: float, random: torch.Generator) -> Tensor:
    """Copies of few samples of each mode, as many of a mode as there were."""
    own, copied = pool.places[: pool.count], pool.real.clone()
    for mode in own.unique():
        (members,) = torch.where(own == mode)
        shuffled = members[torch.randperm(len(members), generator=random)]
        originals = math.ceil(len(members) / strength)
        copied[shuffled] = pool.real[shuffled[torch.arange(len(members)) % originals]]
    return copied


def mode_invention(pool: Pool, strength: float, random: torch.Generator) -> Tensor:
    """Samples half way between two modes."""
    members = pool.members(random)
    partners = [members[mode] for mode in _partners(pool, members, random).tolist()]
    chosen = torch.rand(pool.count, generator=random, dtype=torch.float64)
    others = torch.stack([some[int(share * len(some))] for some, share in zip(partners, chosen, strict=True)])
    between = (pool.real.float() + pool.samples[others].float()) / 2
    return _mixed(pool.real, _like(between, pool.real), strength, random)


def memorisation(pool: Pool, strength: float, random: torch.Generator) -> Tensor:
    """Training samples, unchanged; again and again if there are fewer than wanted."""
    order = torch.randperm(len(pool.training), generator=random)
    copies = pool.training[order[torch.arange(pool.count) % len(order)]]
    return _mixed(pool.real, copies, strength, random)


def constant(pool: Pool, _: float, __: torch.Generator) -> Tensor:
    """The real sample that is nearest to the mean of the first mode."""
    first = pool.real[pool.places[: pool.count] == 0]
    typical = (first.float() - first.float().mean(0)).flatten(1).norm(dim=1).argmin()
    return first[typical].expand(pool.real.shape).contiguous()


SUITE = (
    Corruption(
        "noise",
        "Gaussian noise on every pixel or coordinate.",
        "its standard deviation, in units of that of the data",
        (0.03, 0.1, 0.3, 1.0),
        noise,
    ),
    Corruption(
        "blur",
        "A Gaussian blur.",
        "its standard deviation, as a share of the width of the image",
        (0.02, 0.04, 0.08, 0.16),
        blur,
        images_only=True,
    ),
    Corruption(
        "mode dropping",
        "The first modes (classes) are left out one after the other, and samples of the others take their place. "
        "Where real samples do not suffice, they are repeated.",
        "the share of the modes that is left out",
        (0.1, 0.3, 0.5, 0.9),
        mode_dropping,
    ),
    Corruption(
        "duplicates",
        "Few samples, repeated exactly, and as many of each mode as before: only variety is lost.",
        "how many times each sample occurs",
        COPIES,
        duplicates,
    ),
    Corruption(
        "mode invention",
        "Samples are replaced by the mean of two of different modes: a cross-fade of an image with one of another "
        "class, a point half way to a point of the nearest other mode.",
        "the share that is half way",
        SHARES,
        mode_invention,
    ),
    Corruption(
        "label imbalance",
        "The shares of the modes fall geometrically from the first to the last. Where real samples do not suffice, "
        "they are repeated.",
        "how many times the first is as frequent as the last",
        (2.0, 10.0, 100.0),
        imbalance,
    ),
    Corruption(
        "memorisation",
        "Samples are replaced by exact training samples.",
        "the share that is training samples",
        SHARES,
        memorisation,
    ),
    Corruption(
        "constant sample",
        "Every sample is the same real one, the most typical of the first mode: the nearest to its mean.",
        "1: all samples",
        (1.0,),
        constant,
    ),
)


def _like(spoilt: Tensor, real: Tensor) -> Tensor:
    """Of the real samples' type; images rounded as generated ones are."""
    return spoilt if real.is_floating_point() else spoilt.round().clamp(0, 255).to(real.dtype)


def _mixed(real: Tensor, other: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Real samples with a random share of them replaced by the other ones at their place."""
    replaced = torch.randperm(len(real), generator=random)[: round(share * len(real))]
    mixture = real.clone()
    mixture[replaced] = other[replaced]
    return mixture


def _drawn(pool: Pool, weights: Tensor, random: torch.Generator) -> Tensor:
    """Samples with other shares of the modes, in random order. None is repeated while its mode has others."""
    drawn = torch.multinomial(weights, pool.count, replacement=True, generator=random)
    indices = torch.empty(pool.count, dtype=torch.int64)
    for mode, members in enumerate(pool.members(random)):
        wanted = drawn == mode
        indices[wanted] = members[torch.arange(int(wanted.sum())) % len(members)]
    return pool.samples[indices]


def _partners(pool: Pool, members: list[Tensor], random: torch.Generator) -> Tensor:
    """For each sample, the place of a mode to be half way to (count,): any other one for images. For points the
    nearest, as on a grid the middle of two points can lie on a third mode."""
    own, modes = pool.places[: pool.count], len(members)
    if not pool.samples.is_floating_point():
        return (own + torch.randint(1, modes, (pool.count,), generator=random)) % modes
    centres = torch.stack([pool.samples[some].mean(0) for some in members])
    return torch.cdist(centres, centres).fill_diagonal_(torch.inf).argmin(1)[own]
