"""Layers by which a discriminator sees a whole batch, so that samples that are all alike give themselves away."""

import torch
from torch import Tensor, nn


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
        distance = (projected[:, None] - projected[None]).abs().sum(3)
        return torch.cat([features, (-distance).exp().sum(1) - 1], 1)  # without the sample itself


class MinibatchDeviation(nn.Module):
    """Appends the standard deviation over the batch, averaged over all features, as one more feature or channel
    (Karras et al. 2018, section 3)."""

    def forward(self, features: Tensor) -> Tensor:
        """Features (batch, n, ...) to (batch, n + 1, ...)."""
        deviation = (features.var(0, correction=0) + 1e-8).sqrt().mean()
        return torch.cat([features, deviation.expand(len(features), 1, *features.shape[2:])], 1)
