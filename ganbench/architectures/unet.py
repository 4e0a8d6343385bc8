"""pix2pix: images to images by a U-Net, judged patch by patch."""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, ClassVar, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganbench import layers
from ganbench.given import Form

WIDEST = 8
"""No layer is more than so many times as wide as the first."""
DROPPED = 3
"""So many of the deepest decoder layers have dropout, those of the published network."""
STRIDED = {16: 1, 34: 2}
"""How many layers halve the size, by the pixels a side that a patch then has."""


@dataclass(frozen=True)
class Architecture:
    """pix2pix (Isola et al. 2017, arXiv:1611.07004, section 3.2 and appendix 6.1) for images of 16, 32 and 64 pixels
    that are made from images.

    The generator halves the source by strided 4x4 convolutions down to 1x1, through f, 2f, 4f, 8f, 8f, ... channels,
    and doubles it as often; each decoder layer also sees the encoder's output of its size (`skips`). LeakyReLU 0.2 in
    the encoder, ReLU in the decoder, batch normalisation but at the ends and at 1x1, where it would leave nothing of a
    single image; tanh last. The only noise is dropout in the deepest three decoder layers, in evaluation too. Its
    coins are the signs of `noise`: channel j of these layers, counted through, is kept, and doubled, if noise number j
    mod `noise_dim` is positive, else it is 0. The paper drops single pixels of channels, by a layer that draws for
    itself; here a sample is a function of its noise and its source.

    The discriminator sees source and sample together and gives a score to each of the overlapping patches (PatchGAN):
    the paper's of 16 pixels (f, 2f channels), or one layer deeper, 34 (f, 2f, 4f); its 70 pixels are for images of
    256. Weights start from N(0, 0.02).
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (16, 32, 64)
    given: ClassVar[tuple[str, ...]] = ("image",)
    search: ClassVar[dict[str, tuple[Any, ...]]] = {"width": ("choice", 16, 32, 64)}

    noise_dim: PositiveInt = 64
    """Random numbers that a sample is made from, each a coin of dropout."""
    width: PositiveInt = 64
    """f: channels after the first layer of both networks."""
    skips: bool = True
    """Whether decoder layers see the encoder's; without them it is an encoder and a decoder (section 4.2)."""
    patch: Literal[16, 34] = 16
    """Pixels a side of what one score is of."""
    discriminator_norm: Literal["none", "batch", "layer", "instance", "weight"] = "batch"
    """What normalises the discriminator's layers (`ganbench.layers`)."""

    def generator(self, shape: tuple[int, ...], given: Form) -> nn.Module:
        """A network from noise (batch, noise_dim) and sources (batch, given channels, size, size) to images (batch,
        channels, size, size) in [-1, 1]."""
        return layers.narrow(UNet(given.shape[0], shape, self.width, self.noise_dim, self.skips))

    def discriminator(self, shape: tuple[int, ...], given: Form) -> nn.Module:
        """A network from images (batch, channels, size, size) and sources to scores (batch * patches,), those of one
        image side by side."""
        width, norm = self.width, self.discriminator_norm
        steps: list[nn.Module] = [nn.Conv2d(shape[0] + given.shape[0], width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for stride in [2] * (STRIDED[self.patch] - 1) + [1]:
            steps.append(nn.Conv2d(width, 2 * width, 4, stride, 1, bias=norm != "batch"))
            width *= 2
            steps += [layers.normalisation(norm, width), nn.LeakyReLU(0.2)]
        steps += [nn.Conv2d(width, 1, 4, 1, 1), nn.Flatten(0)]
        return layers.weight_normalised(layers.narrow(Judge(*steps)), norm)


class UNet(nn.Module):
    """A source to an image: an encoder, and a decoder that sees the encoder's layers."""

    def __init__(self, sources: int, shape: tuple[int, ...], width: int, noise_dim: int, skips: bool) -> None:
        super().__init__()
        depth = shape[1].bit_length() - 1
        widths = [width * min(2**level, WIDEST) for level in range(depth)]
        self.skips = skips
        self.encoder = nn.ModuleList(
            _halving(before, after, first=level == 0, last=level == depth - 1)
            for level, (before, after) in enumerate(pairwise([sources, *widths]))
        )
        upwards = [*reversed(widths[:-1]), shape[0]]
        inputs = [widths[-1], *(of * (2 if skips else 1) for of in upwards[:-1])]
        self.decoder = nn.ModuleList(
            _doubling(before, after, last=level == depth - 1)
            for level, (before, after) in enumerate(zip(inputs, upwards, strict=True))
        )
        self.dropped = [*pairwise(accumulate(upwards[: min(DROPPED, depth - 1)], initial=0))]
        self.tosses = -(-self.dropped[-1][1] // noise_dim)

    def forward(self, noise: Tensor, given: Tensor) -> Tensor:
        """Noise (batch, noise_dim) and sources (batch, sources, size, size) to images (batch, channels, size, size)."""
        coins = 2 * (noise > 0).to(given.dtype).repeat(1, self.tosses)[..., None, None]
        maps, below = given, []
        for layer in self.encoder:
            maps = layer(maps)
            below.append(maps)
        for level, layer in enumerate(self.decoder):
            if level and self.skips:
                maps = torch.cat([maps, below[-1 - level]], 1)
            maps = layer(maps)
            if level < len(self.dropped):
                first, end = self.dropped[level]
                maps = maps * coins[:, first:end]
        return maps


class Judge(nn.Module):
    """Layers that see samples and their sources as channels of one image."""

    def __init__(self, *steps: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*steps)

    def forward(self, samples: Tensor, given: Tensor) -> Tensor:
        """Samples (batch, channels, size, size) and sources (batch, sources, size, size) to scores."""
        scores: Tensor = self.layers(torch.cat([given, samples], 1))
        return scores


def _halving(before: int, after: int, first: bool, last: bool) -> nn.Sequential:
    """A layer of the encoder."""
    steps: list[nn.Module] = [] if first else [nn.LeakyReLU(0.2)]
    steps.append(nn.Conv2d(before, after, 4, 2, 1, bias=first or last))
    return nn.Sequential(*steps, *([] if first or last else [nn.BatchNorm2d(after)]))


def _doubling(before: int, after: int, last: bool) -> nn.Sequential:
    """A layer of the decoder."""
    convolution = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=last)
    return nn.Sequential(nn.ReLU(), convolution, nn.Tanh() if last else nn.BatchNorm2d(after))
