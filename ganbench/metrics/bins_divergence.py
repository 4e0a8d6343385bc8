"""How differently the bins of feature space are filled."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.bins import counts
from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """Jensen-Shannon divergence in nats between the shares of generated and of training samples in k-means bins of the
    training features: H((p + q) / 2) - (H(p) + H(q)) / 2."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("training",)
    short: ClassVar[str] = "bin-jsd"
    title: ClassVar[str] = "Divergence over bins"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = "nats"
    range: ClassVar[str] = "0 to log 2 = 0.693"
    floor: ClassVar[str] = (
        "A perfect generator scores about (K - 1) / 8 (1 / n + 1 / m) for K bins, n generated and m training samples, "
        "because finite samples have other shares than their distribution."
    )
    minimum: ClassVar[int] = 100
    citation: ClassVar[str] = "Richardson & Weiss 2018"
    order: ClassVar[int] = 52

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The divergence. Raises EvidenceError for fewer than 100 samples, and without the training split."""
        enough(fake, self.minimum)
        training = real.training_split()
        p, q = (found.double() / found.sum() for found in (counts(fake, training), training.bin_counts))
        return max(0.0, float(_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2))


def _entropy(shares: Tensor) -> Tensor:
    return -torch.xlogy(shares, shares).sum()
