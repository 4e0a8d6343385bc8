"""The DCGAN with which PacGAN's authors repeated VEEGAN's experiment."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt
from torch import nn

from ganbench import layers

EPSILON, MOMENTUM = 1e-5, 0.1


@dataclass(frozen=True)
class Architecture:
    """DCGAN for 28x28 images with 5x5 convolutions (fjxmlzn/PacGAN,
    stacked_MNIST_experiments/VEEGAN_experiment/model.py, after carpedm20/DCGAN-tensorflow): the generator has a linear
    layer to 512 maps of 2x2 and transposed convolutions to 4, 7, 14 and 28 pixels with 256, 128 and 64 maps; the
    discriminator strided convolutions of 64, 128, 256 and 512 maps, normalised but the first. Noise is uniform.
    """

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    sizes: ClassVar[tuple[int, ...]] = (28,)

    noise_dim: PositiveInt = 100
    """Random numbers that a sample is made from."""
    width: PositiveInt = 64
    """Maps after the discriminator's first layer."""

    def generator(self, shape: tuple[int, ...]) -> nn.Module:
        """From noise (batch, noise_dim) to images (batch, channels, 28, 28) in [-1, 1]."""
        width = 8 * self.width
        steps: list[nn.Module] = [
            layers.Uniform(),
            nn.Linear(self.noise_dim, width * 4),
            nn.Unflatten(1, (width, 2, 2)),
            nn.BatchNorm2d(width, EPSILON, MOMENTUM),
            nn.ReLU(),
        ]
        for even in (1, 0, 1):  # to 4, 7 and 14 pixels
            steps.append(nn.ConvTranspose2d(width, width // 2, 5, stride=2, padding=2, output_padding=even))
            width //= 2
            steps += [nn.BatchNorm2d(width, EPSILON, MOMENTUM), nn.ReLU()]
        steps += [nn.ConvTranspose2d(width, shape[0], 5, stride=2, padding=2, output_padding=1), nn.Tanh()]
        return layers.narrow(nn.Sequential(*steps))

    def discriminator(self, shape: tuple[int, ...]) -> nn.Module:
        """From images (batch, channels, 28, 28) to scores (batch,)."""
        width = self.width
        steps: list[nn.Module] = [nn.Conv2d(shape[0], width, 5, stride=2, padding=2), nn.LeakyReLU(0.2)]
        for _ in range(3):
            steps.append(nn.Conv2d(width, 2 * width, 5, stride=2, padding=2))
            width *= 2
            steps += [nn.BatchNorm2d(width, EPSILON, MOMENTUM), nn.LeakyReLU(0.2)]
        return layers.narrow(nn.Sequential(*steps, nn.Flatten(), *layers.score(width * 4, "none")))
