"""What metrics see: features of generated samples, and the reference that they are compared with."""

from dataclasses import dataclass

from torch import Tensor

from ganbench.mixtures import Mixture


class EvidenceError(Exception):
    """A metric asked for something that its data does not have."""


@dataclass(frozen=True)
class Evidence:
    """Samples as features (n, d) float64 (points are their own features), and logits (n, classes) of images."""

    features: Tensor
    logits: Tensor | None = None

    def class_logits(self) -> Tensor:
        """The logits. Raises EvidenceError for data without a classifier."""
        if self.logits is None:
            raise EvidenceError("this metric needs the logits of a classifier, and points have none")
        return self.logits


@dataclass(frozen=True)
class Reference:
    """The test split as features (n, d) float64, its moments (exact where known), and the true modes if any."""

    features: Tensor
    mean: Tensor
    covariance: Tensor
    mixture: Mixture | None = None

    def true_mixture(self) -> Mixture:
        """The modes. Raises EvidenceError for data whose modes are not known."""
        if self.mixture is None:
            raise EvidenceError("this metric needs a dataset whose modes are known")
        return self.mixture
