"""Fully connected networks, for points and for small images."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from ganbench import layers

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.2),
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


@dataclass(frozen=True)
class Architecture:
    """Generator: noise, 256, 512, sample (ReLU; tanh on images, linear on points).
    Discriminator: sample, 512, 256, score (LeakyReLU 0.2). torch's default initialisation.

    `maxout` takes the largest of `maxout_pieces` linear functions per unit. A norm stands between a hidden layer and
    its activation, and the layer before batch normalisation has no bias. Weights may also start normal with standard
    deviation 0.02, orthogonal, or uniform by Glorot & Bengio 2010 (`xavier`) or He et al. 2015 (`he`), times `gain`,
    with biases of 0. So the networks of other papers are settings: PacGAN's for mixtures (Lin et al. 2018,
    arXiv:1712.04086) has generator_widths [400, 400, 400, 400] with generator_norm batch, discriminator_widths [200,
    200, 200] with maxout, noise_dim 2 and initialisation normal; WGAN-GP's (Gulrajani et al. 2017, arXiv:1704.00028)
    has three layers of 512 ReLU, noise_dim 2 and he; the demonstration of unrolled GANs (Metz et al. 2017,
    arXiv:1611.02163) two of 128 tanh, noise_dim 256 and orthogonal with gain 1.4.
    """

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    packs: ClassVar[bool] = True
    conditions: ClassVar[tuple[str, ...]] = ("projection", "classifier")

    noise_dim: PositiveInt = 64
    """Random numbers that a sample is made from."""
    generator_widths: tuple[PositiveInt, ...] = (256, 512)
    """Units of each hidden layer."""
    discriminator_widths: tuple[PositiveInt, ...] = (512, 256)
    """Units of each hidden layer."""
    generator_activation: Literal["relu", "leaky-relu", "elu", "softplus", "tanh"] = "relu"
    """What follows each hidden layer."""
    discriminator_activation: Literal["relu", "leaky-relu", "elu", "softplus", "tanh", "maxout"] = "leaky-relu"
    """What follows each hidden layer."""
    maxout_pieces: PositiveInt = 5
    generator_norm: Literal["none", "batch"] = "none"
    discriminator_norm: Literal["none", "batch", "layer", "weight"] = "none"
    """What normalises the discriminator's layers (`ganbench.layers`)."""
    minibatch: Literal["none", "discrimination", "deviation"] = "none"
    """A layer by which the discriminator sees the whole batch (`ganbench.layers`)."""
    initialisation: Literal["default", "normal", "orthogonal", "xavier", "he"] = "default"
    gain: PositiveFloat = 1.0

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from noise (batch, noise_dim) to samples (batch, *shape); images are in [-1, 1]."""
        widths = (self.noise_dim, *self.generator_widths)
        steps: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            steps += self._hidden(before, after, self.generator_norm, self.generator_activation)
        steps.append(nn.Linear(widths[-1], math.prod(shape)))
        if len(shape) > 1:
            steps += [nn.Tanh(), nn.Unflatten(1, shape)]
        return self._initialised(nn.Sequential(*steps))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """A network from samples (batch, *shape) to scores (batch,)."""
        widths = (math.prod(shape), *self.discriminator_widths)
        steps: list[nn.Module] = [nn.Flatten()] if len(shape) > 1 else []
        for before, after in itertools.pairwise(widths):
            steps += self._hidden(before, after, self.discriminator_norm, self.discriminator_activation)
        network = nn.Sequential(*steps, *layers.score(widths[-1], self.minibatch))
        return layers.weight_normalised(self._initialised(network), self.discriminator_norm)

    def _hidden(self, before: int, after: int, norm: layers.Norm, activation: str) -> list[nn.Module]:
        """A layer, its normalisation if any, its activation."""
        outputs = after * self.maxout_pieces if activation == "maxout" else after
        steps: list[nn.Module] = [nn.Linear(before, outputs, bias=norm != "batch")]
        if norm in ("batch", "layer"):
            steps.append(layers.normalisation(norm, outputs, maps=False))
        return [*steps, layers.Maxout(self.maxout_pieces) if activation == "maxout" else ACTIVATIONS[activation]()]

    def _initialised(self, network: nn.Sequential) -> nn.Sequential:
        if self.initialisation != "default":
            for layer in network:
                if isinstance(layer, nn.Linear):
                    self._start(layer.weight)
                    if layer.bias is not None:
                        nn.init.zeros_(layer.bias)
        return network

    def _start(self, weight: Tensor) -> None:
        if self.initialisation == "normal":
            nn.init.normal_(weight, 0.0, 0.02 * self.gain)
        elif self.initialisation == "orthogonal":
            nn.init.orthogonal_(weight, self.gain)
        elif self.initialisation == "xavier":
            nn.init.xavier_uniform_(weight, self.gain)
        else:
            bound = self.gain * math.sqrt(6 / weight.shape[1])
            nn.init.uniform_(weight, -bound, bound)
