"""Spectral normalisation: every layer of the discriminator has Lipschitz constant 1, about."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils.parametrizations import spectral_norm


@dataclass(frozen=True)
class Constraint:
    """Each weight is divided by its largest singular value (Miyato et al. 2018, arXiv:1802.05957, section 2.1), a
    convolution's as a matrix (out channels, rest), which bounds its Lipschitz constant only up to the kernel's overlap.

    The division is part of the forward pass, so gradients go through it. The singular value is tracked by power
    iteration, `power_iterations` in each forward pass in training mode: a step of the discriminator has at least
    two passes, real and fake, where the paper has one update (Algorithm 1). Batch normalisation would undo the
    bound, and layer normalisation too; the paper's discriminators have none.
    """

    discriminator_norm: ClassVar[str] = "none"

    power_iterations: PositiveInt = 1

    def prepare(self, discriminator: nn.Module) -> None:
        """Put the division before every weight, once, before training. The parameters stay the same objects.

        Draws the first singular vectors from torch's global random generator.
        """
        for layer in list(discriminator.modules()):
            if isinstance(layer, (nn.Linear, nn.Embedding, _ConvNd)):
                spectral_norm(layer, n_power_iterations=self.power_iterations)

    def __call__(self, discriminator: nn.Module) -> None:
        """Nothing: the constraint always holds."""
