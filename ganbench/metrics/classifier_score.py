"""The Inception Score's formula on the dataset's own classifier."""

from dataclasses import dataclass
from typing import ClassVar

from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """exp(E KL(p(y|x) || p(y))) (Salimans et al. 2016) by torch-fidelity, one split, on the logits of the
    dataset's frozen classifier, not of the Inception network. Never looks at real data; a generator that
    repeats one sharp sample per class gets the top value. Range 1 to the number of classes."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    title: ClassVar[str] = "Classifier score"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = ""
    order: ClassVar[int] = 30
    digits: ClassVar[int] = 2

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The score."""
        found = isc_features_to_metric(fake.class_logits(), splits=1, shuffle=False)
        return float(found[KEY_METRIC_ISC_MEAN])
