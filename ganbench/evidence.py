"""What metrics see: generated samples as features, and the real samples that they are compared with."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import Tensor

from ganbench.mixtures import Mixture

Made = TypeVar("Made")


class EvidenceError(Exception):
    """Samples that cannot be measured, or a metric that asked for something that its data does not have."""


class TooFewError(EvidenceError):
    """Fewer samples than a metric can say something about."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Samples as metrics see them.

    `features` (n, d) float64, finite: points are their own features. `logits` (n, classes) float64 where the
    extractor has any. `images` uint8 (n, channels, size, size). `labels` (n,) int64: the true class of a real
    sample, the class that a generated one was asked to be. `given` (n, ...): all that it was made for, as its condition
    is, and `truth` (n, ...) the real sample of that. `again` (m, ...), m <= n: for the first conditions another sample,
    with other noise; None for real samples. Raises EvidenceError for features of another shape or
    type, or that are not finite.
    """

    features: Tensor
    logits: Tensor | None = None
    images: Tensor | None = None
    labels: Tensor | None = None
    given: Tensor | None = None
    truth: Tensor | None = None
    again: Tensor | None = None
    _made: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        shape, kind = tuple(self.features.shape), str(self.features.dtype).removeprefix("torch.")
        if self.features.dim() != 2 or kind != "float64":
            raise EvidenceError(f"features are float64 (samples, dimensions); got {kind} {shape}")
        for name in ("features", "logits"):
            values = getattr(self, name)
            if values is not None and not values.isfinite().all():
                raise EvidenceError(f"the {name} of a sample are not finite")
        for name in ("logits", "images", "labels", "given", "truth"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self):
                raise EvidenceError(f"{len(self)} samples have features, and {len(values)} have {name}")

    def __len__(self) -> int:
        return len(self.features)

    def first(self, count: int) -> "Evidence":
        """The first `count` samples. Raises EvidenceError if there are fewer."""
        if count > len(self):
            raise EvidenceError(f"{count} samples are wanted, and there are {len(self)}")
        if count == len(self):
            return self
        parts = (self.logits, self.images, self.labels, self.given, self.truth, self.again)
        return Evidence(self.features[:count], *(None if part is None else part[:count] for part in parts))

    def class_logits(self) -> Tensor:
        """The logits. Raises EvidenceError for data without a classifier."""
        if self.logits is None:
            raise EvidenceError("this metric needs the logits of a classifier, and these samples have none")
        return self.logits

    def predicted(self) -> Tensor:
        """The class of the largest logit of each sample (n,). Raises EvidenceError without a classifier."""
        return self.class_logits().argmax(1)

    def labelled(self) -> tuple[Tensor, Tensor]:
        """The images and their labels. Raises EvidenceError where there are none."""
        if self.images is None or self.labels is None:
            raise EvidenceError("this metric needs labelled images, and these samples have no labels")
        return self.images, self.labels

    def asked(self) -> Tensor:
        """The class that each sample is of, or was asked to be (n,). Raises EvidenceError without labels."""
        if self.labels is None:
            raise EvidenceError("this metric needs labels, and these samples have none")
        return self.labels

    def paired(self) -> tuple[Tensor, Tensor]:
        """The images, and the true image of each one's condition. Raises EvidenceError where there are none."""
        if self.images is None or self.truth is None:
            raise EvidenceError("this metric needs a true image for each sample, and these samples have none")
        return self.images, self.truth

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` returned the first time: work that several metrics share lives as long as the samples."""
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]
        return made


@dataclass(frozen=True, eq=False)
class Training:
    """The training split, for diagnostics of memorisation and of coverage.

    `spacing` (n,): the distance of each training sample to its nearest other one. `bin_centres` (bins, d) and
    `bin_counts` (bins,): k-means of the training features, and how many of them are nearest to each centre.
    """

    evidence: Evidence
    spacing: Tensor
    bin_centres: Tensor
    bin_counts: Tensor


@dataclass(frozen=True, eq=False)
class Reference:
    """What generated samples are compared with: real samples that no generator and no extractor was trained on.

    `mean` (d,) and `covariance` (d, d) float64 are exact where the distribution is known, else those of `evidence`.
    `mixture`: the true modes of points. `mode_weights` (K,): the true share of each mode, of points or of classified
    images. `covered_share`: the share of its true count from which a mode counts as covered.
    """

    evidence: Evidence
    mean: Tensor
    covariance: Tensor
    mixture: Mixture | None = None
    mode_weights: Tensor | None = None
    covered_share: float = 0.1
    training: Training | None = None

    @property
    def features(self) -> Tensor:
        """The features (n, d) of the real samples."""
        return self.evidence.features

    def true_mode_weights(self) -> Tensor:
        """The share of each mode (K,). Raises EvidenceError for data whose modes are not known."""
        if self.mode_weights is None:
            raise EvidenceError("this metric needs data whose modes are known")
        return self.mode_weights

    def training_split(self) -> Training:
        """The training split. Raises EvidenceError if it was not kept."""
        if self.training is None:
            raise EvidenceError("this metric needs the training split, and this data has none at hand")
        return self.training

    def labelled_training(self) -> tuple[Tensor, Tensor]:
        """Training images and their labels. Raises EvidenceError where there are none."""
        return self.training_split().evidence.labelled()
