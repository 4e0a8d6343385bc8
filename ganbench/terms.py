"""Terms beside the adversarial loss, for samples that are made for something."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganbench.specs import Spec
from ganbench.train import Term


@dataclass(frozen=True)
class Classification:
    """Both players want the discriminator's second output to name the class that a sample was made for (Odena et al.
    2017, arXiv:1610.09585, section 2: L_C, there with weights of 1), the discriminator of real and generated
    samples."""

    on_discriminator: float
    on_generator: float

    def discriminator(self, network: nn.Module, real: Tensor, fake: Tensor, given: Sequence[Tensor]) -> Tensor:
        """The mean cross entropies of real and of generated samples (batch, ...) with classes (batch,), summed."""
        value = self._missed(network, real, given[0]) + self._missed(network, fake, given[0])
        return self.on_discriminator * value

    def generator(self, network: nn.Module, real: Tensor, fake: Tensor, given: Sequence[Tensor]) -> Tensor:
        """The mean cross entropy of generated samples."""
        return self.on_generator * self._missed(network, fake, given[0])

    def _missed(self, network: nn.Module, samples: Tensor, classes: Tensor) -> Tensor:
        logits: Tensor = network.classes(samples)  # type: ignore[operator]
        return cross_entropy(logits, classes)


@dataclass(frozen=True)
class Reconstruction:
    """The generator's samples are near the true samples of their conditions (Isola et al. 2017, arXiv:1611.07004,
    equation 3): the mean absolute difference, of images in [-1, 1]."""

    weight: float

    def discriminator(self, network: nn.Module, real: Tensor, fake: Tensor, given: Sequence[Tensor]) -> Tensor:
        """Nothing."""
        return torch.zeros((), device=real.device)

    def generator(self, network: nn.Module, real: Tensor, fake: Tensor, given: Sequence[Tensor]) -> Tensor:
        """The weighted mean absolute difference of samples (batch, ...)."""
        return self.weight * (fake - real).abs().mean()


def of(method: Spec) -> list[Term]:
    """The terms of a run's method."""
    wishes, found = method.get("conditional"), list[Term]()
    if wishes is None:
        return found
    if wishes["discriminator"] == "classifier":
        found.append(Classification(*wishes["classification"]))
    if wishes["reconstruction"]:
        found.append(Reconstruction(wishes["reconstruction"]))
    return found
