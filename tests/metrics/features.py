"""Features for tests of metrics, and references made of them."""

import torch
from torch import Tensor

from ganbench.bins import fit, number
from ganbench.evidence import Evidence, Reference, Training
from ganbench.frechet import moments
from ganbench.neighbours import spacing
from ganbench.streams import stream


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=stream(seed, "test"), dtype=torch.float64)


def measured(features: Tensor, **parts: Tensor) -> Reference:
    return Reference(Evidence(features, **parts), *moments(features))


def trained_on(real: Tensor, training: Tensor, **parts: Tensor) -> Reference:
    """A reference that keeps its training split."""
    centres, counts = fit(training, number(len(training)), 0)
    split = Training(Evidence(training, **parts), spacing(training), centres, counts)
    return Reference(Evidence(real, **parts), *moments(real), training=split)


def rotation(dimension: int, seed: int) -> Tensor:
    return torch.linalg.qr(normal(dimension, dimension, seed=seed))[0]


def two_feature_sets() -> tuple[Tensor, Tensor]:
    """Like a classifier's: not negative, correlated, differently spread."""
    mixing = normal(16, 16, seed=1)
    return torch.relu(normal(300, 16, seed=2) @ mixing + 0.3), torch.relu(1.2 * normal(400, 16, seed=3) @ mixing.T)
