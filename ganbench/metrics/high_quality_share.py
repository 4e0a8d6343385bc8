"""The share of samples that lie in a mode."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganbench import modes
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """Samples within 3 standard deviations of their nearest mode, in percent.

    `rule`: within 3 sigma of the centre (`ball`: Srivastava et al. 2017; Lin et al. 2018), or in every coordinate
    (`box`: Liu et al. 2020). Says nothing about diversity: read it beside the modes captured.
    """

    kinds: ClassVar[tuple[str, ...]] = ("points",)
    needs: ClassVar[tuple[str, ...]] = ("modes",)
    short: ClassVar[str] = "hq"
    title: ClassVar[str] = "High-quality samples"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "%"
    range: ClassVar[str] = "0 to 100"
    floor: ClassVar[str] = (
        "A perfect generator has 98.89 % in 2-D (box rule: 99.46 %), as real points lie beyond 3 sigma too. "
        "More is not better: a generator collapsed onto one centre reaches 100 %."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "Srivastava et al. 2017 (VEEGAN); Lin et al. 2018 (PacGAN); box rule: Liu et al. 2020"
    order: ClassVar[int] = 20

    rule: Literal["ball", "box"] = "ball"

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share in percent. Raises EvidenceError for data without known modes."""
        counts, _ = modes.count(fake, real, self.rule)
        return 100 * float(counts.sum()) / len(fake)

    def perfect(self, real: Reference, samples: int) -> float:
        """What a perfect generator has on average, in percent: exact for modes that are far apart."""
        return 100 * modes.valid_share(real, self.rule)
