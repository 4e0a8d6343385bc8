"""The slope of a discriminator's scores, for penalties on it."""

from collections.abc import Callable

import torch
from torch import Tensor


def slopes(scores: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The gradient of each point's score at that point: points (batch, ...) to slopes (batch, numbers per point), or
    of a pack's members, (members, batch, ...) to (members, batch, numbers per point).

    Differentiable once more. The scores (batch,), or (members, batch), must each depend on their own point alone,
    which batch normalisation voids.
    """
    points = points.detach().requires_grad_(True)
    found = scores(points)
    (gradient,) = torch.autograd.grad(found.sum(), points, create_graph=True)
    return gradient.reshape(*found.shape, -1)


def lengths(slopes: Tensor, epsilon: float = 0.0) -> Tensor:
    """sqrt(epsilon + squared length) of slopes (..., n): (...). Without epsilon, a slope of 0 has derivative 0."""
    if epsilon == 0:
        norms: Tensor = torch.linalg.vector_norm(slopes, dim=-1)
        return norms
    return (slopes.square().sum(-1) + epsilon).sqrt()
