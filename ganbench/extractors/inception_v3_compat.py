"""The Inception network of the published FID and IS, through torch-fidelity."""

import io
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganbench.weights import WeightsError


class Inception(nn.Module):
    """torch-fidelity's network, for grey images too."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images (n, 1 or 3, size, size) to pooled features (n, 2048) and logits without bias (n, 1008).

        Grey images are repeated to three channels. Raises ValueError for another number of channels.
        """
        if images.shape[1] not in (1, 3):
            raise ValueError(f"Inception sees images of 1 or 3 channels, and these have {images.shape[1]}")
        features, logits = self.network(images.expand(-1, 3, -1, -1))
        return features, logits


@dataclass(frozen=True)
class Extractor:
    """Inception v3 as of 2015, trained on ImageNet (Szegedy et al. 2016, arXiv:1512.00567) and converted from
    TensorFlow by torch-fidelity: what FID (Heusel et al. 2017) and IS (Salimans et al. 2016) of the literature are
    computed with, and resized as there. Small grey images are far from what it was trained on."""

    provides: ClassVar[tuple[str, ...]] = ("logits",)
    weights_url: ClassVar[str] = (
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
    )
    weights_file: ClassVar[str] = "weights-inception-2015-12-05-6726825d.pth"
    weights_sha256: ClassVar[str] = "6726825d"
    weights_variable: ClassVar[str] = "GANBENCH_INCEPTION"

    weights: str = ""
    """The path of the file, if it is not where ganbench looks for it."""

    def pretrained(self, weights: Path) -> nn.Module:
        """The network with the weights of a file. Raises WeightsError if that cannot be read or has others."""
        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            trusted = io.BytesIO()  # torch-fidelity would unpickle whatever the file holds
            torch.save(state, trusted)
            trusted.seek(0)
            network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"], trusted)
        except (OSError, UnpicklingError, RuntimeError, EOFError, TypeError, AttributeError) as error:
            raise WeightsError(f"{weights}: not the weights of {self.weights_file} ({error!r:.300})") from error
        return Inception(network).eval().requires_grad_(False)
