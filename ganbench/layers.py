"""Pieces of discriminators: normalisation as one axis, layers that see a whole batch, and how weights start."""

from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

Norm = Literal["none", "batch", "layer", "instance", "weight"]
Minibatch = Literal["none", "discrimination", "deviation"]

Network = TypeVar("Network", bound=nn.Module)


class Uniform(nn.Module):
    """Standard normal noise as uniform noise in (-1, 1): twice its distribution function, less 1."""

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (batch, n) to noise (batch, n)."""
        return torch.erf(noise / 2**0.5)


class MinibatchDiscrimination(nn.Module):
    """Appends to each sample's features how near the others are (Salimans et al. 2016, section 3.2).

    Features (batch, n) to (batch, n + kernels): each kernel maps the features to `dimensions` numbers, and its output
    is the sum over the other samples of exp(-L1 distance).
    """

    def __init__(self, features: int, kernels: int = 32, dimensions: int = 8) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, kernels, dimensions) * 0.05)

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, n) to (batch, n + kernels)."""
        projected = torch.einsum("bn,nkd->bkd", features, self.weight)
        # dimension by dimension: all at once would be 2 times slower, and batch * batch * kernels * dimensions numbers
        distance = sum(((at[:, None] - at[None]).abs() for at in projected.unbind(2)), projected.new_zeros(()))
        return torch.cat([features, (-distance).exp().sum(1) - 1], 1)  # without the sample itself


class MinibatchDeviation(nn.Module):
    """Appends the standard deviation over the batch, averaged over all features, as one more feature or channel
    (Karras et al. 2018, section 3)."""

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, n, ...) to (batch, n + 1, ...)."""
        deviation = (features.var(0, correction=0) + 1e-8).sqrt().mean()
        return torch.cat([features, deviation.expand(len(features), 1, *features.shape[2:])], 1)


class Maxout(nn.Module):
    """The largest of each `pieces` neighbouring features (Goodfellow et al. 2013, arXiv:1302.4389)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, pieces * n) to (batch, n)."""
        pieces: Tensor = features.unflatten(1, (-1, self.pieces))
        return pieces.amax(2)


def normalisation(norm: Norm, width: int, *, maps: bool = True) -> nn.Module:
    """What follows a layer with `width` channels of maps (batch, width, size, size), or features (batch, width).

    `batch` mixes the samples; `layer` takes each sample over all its channels and pixels, `instance` each channel of
    it alone. A single feature has nothing to be normalised over, so for features `instance` is `layer`. `weight` is
    not a layer: see `weight_normalised`.
    """
    if norm == "batch":
        return nn.BatchNorm2d(width) if maps else nn.BatchNorm1d(width)
    if norm == "instance" and maps:
        return nn.InstanceNorm2d(width, affine=True)
    if norm in ("layer", "instance"):
        return nn.GroupNorm(1, width)
    return nn.Identity()


def weight_normalised(network: Network, norm: Norm) -> Network:
    """If the norm is `weight`: every linear and convolutional weight as a direction and a length per output
    (Salimans & Kingma 2016, arXiv:1602.07868, section 2). To be called last, as it keeps the weights as they are."""
    if norm == "weight":
        for layer in list(network.modules()):
            if isinstance(layer, (nn.Linear, nn.Conv2d)):
                weight_norm(layer)
    return network


def score(features: int, minibatch: Minibatch) -> list[nn.Module]:
    """The end of a discriminator: features (batch, features), and what a minibatch layer appends to them, to scores
    (batch,)."""
    if minibatch == "discrimination":
        layer = MinibatchDiscrimination(features)
        return [layer, nn.Linear(features + layer.weight.shape[1], 1), nn.Flatten(0)]
    if minibatch == "deviation":
        return [MinibatchDeviation(), nn.Linear(features + 1, 1), nn.Flatten(0)]
    return [nn.Linear(features, 1), nn.Flatten(0)]


def narrow(network: Network) -> Network:
    """Weights of linear and (transposed) convolutional layers from N(0, 0.02), biases 0 (Radford et al. 2016, section
    4)."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
