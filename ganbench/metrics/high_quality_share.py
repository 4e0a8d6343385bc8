"""The share of samples that lie in a mode."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.evidence import Evidence, Reference
from ganbench.mixtures import high_quality_counts


@dataclass(frozen=True)
class Metric:
    """Samples within 3 standard deviations of their nearest mode, in percent (Srivastava et al. 2017). In 2-D a
    perfect generator reaches 98.89, and a generator collapsed onto one centre reaches 100: read it beside the
    modes captured. Range 0 to 100."""

    kinds: ClassVar[tuple[str, ...]] = ("points",)
    title: ClassVar[str] = "High-quality samples"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "%"
    order: ClassVar[int] = 20
    digits: ClassVar[int] = 1

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share in percent."""
        counts = high_quality_counts(fake.features, real.true_mixture())
        return 100 * float(counts.sum()) / len(fake.features)
