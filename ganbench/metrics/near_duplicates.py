"""The share of generated samples that have a near copy among the generated samples."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference
from ganbench.neighbours import to_others

QUANTILE = 0.001


@dataclass(frozen=True)
class Metric:
    """The percentage of generated samples that have another one within tau, `<=`. Tau is the 0.1 % quantile of the
    distance of a real reference sample to its nearest other one, taken downwards to a distance that occurs: 0 where
    that many real samples have exact duplicates, which leaves exact duplicates to be counted. After the birthday
    paradox test, whose human judge tau replaces. More samples lie closer: comparable only between equal numbers."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "dup"
    title: ClassVar[str] = "Near-duplicates"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = "%"
    range: ClassVar[str] = "0 to 100"
    floor: ClassVar[str] = (
        "A perfect generator scores about 0.1 for as many samples as the reference has, about 0.1 n / m for n against "
        "m. Real data is the control; a collapsed generator is near 100."
    )
    minimum: ClassVar[int] = 2
    citation: ClassVar[str] = "Arora & Zhang 2017"
    order: ClassVar[int] = 62

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share in percent. Raises EvidenceError for fewer than 2 samples on either side."""
        enough(fake, self.minimum)
        enough(real.evidence, self.minimum, "real")
        tau = to_others(real.evidence, 1).quantile(QUANTILE, interpolation="lower")
        return 100 * float((to_others(fake, 1) <= tau).double().mean())
