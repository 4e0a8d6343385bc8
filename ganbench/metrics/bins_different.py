"""The share of bins of feature space that are filled differently."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.bins import counts
from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference

NORMAL = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: 5 % on both sides together."""


@dataclass(frozen=True)
class Metric:
    """NDB / K: k-means bins of the training features, and the share of them whose proportions of generated and of
    training samples differ at the 5 % level by the pooled two-proportion z test. A bin that is empty on both sides
    does not differ. More samples find smaller differences: comparable only between equal numbers."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("training",)
    short: ClassVar[str] = "ndb"
    title: ClassVar[str] = "Bins that differ"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to 1"
    floor: ClassVar[str] = "A perfect generator scores about 0.05, the level of the test. Values below are chance."
    minimum: ClassVar[int] = 100
    citation: ClassVar[str] = "Richardson & Weiss 2018"
    order: ClassVar[int] = 51

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share. Raises EvidenceError for fewer than 100 samples, and without the training split."""
        enough(fake, self.minimum)
        training = real.training_split()
        found, expected = counts(fake, training).double(), training.bin_counts.double()
        n, m = found.sum(), expected.sum()
        pooled = (found + expected) / (n + m)
        error = (pooled * (1 - pooled) * (1 / n + 1 / m)).sqrt()
        return float(((found / n - expected / m).abs() > NORMAL * error).double().mean())
