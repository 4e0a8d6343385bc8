"""The share of samples that are in the wrong mode, or in none."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from ganbench import modes
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """Total variation, half the sum of absolute differences, over K modes and a category for invalid samples.

    The true share of mode i is q w_i and that of the invalid ones 1 - q, q being the share of real samples that are
    valid: real points lie beyond 3 sigma too, and a generator that does the same is not charged for it. So this is a
    lower bound of the total variation between the two distributions. Points are valid within 3 sigma of their nearest
    mode: of its centre (`ball`), or in every coordinate (`box`). Every image is valid, in its predicted class.
    """

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ("modes",)
    short: ClassVar[str] = "tv"
    title: ClassVar[str] = "Total variation over modes"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to 1"
    floor: ClassVar[str] = (
        "A perfect generator has about sqrt(K / (2 pi N)) for equal shares, not 0: counts of N samples scatter. "
        "The 1.11 % of real 2-D points beyond 3 sigma (box rule: 0.54 %) cost it nothing."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "ganbench; total variation over categories, see Levin, Peres & Wilmer 2009, chapter 4"
    order: ClassVar[int] = 34

    rule: Literal["ball", "box"] = "ball"
    """When a point counts for its nearest mode."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The distance. Raises EvidenceError for data without known modes."""
        counts, invalid = modes.count(fake, real, self.rule)
        share = torch.cat([counts, torch.tensor([invalid])]).double() / len(fake)
        return float((share - self._truth(real)).abs().sum()) / 2

    def perfect(self, real: Reference, samples: int) -> float:
        """What a perfect generator has on average: exact for modes that are far apart.

        Half the mean absolute deviations of binomial counts, by de Moivre's formula (Diaconis & Zabell 1991).
        """
        from scipy.stats import binom

        truth = self._truth(real).numpy()
        above = (truth * samples).astype(int) + 1
        return float((above * (1 - truth) * binom.pmf(above, samples, truth)).sum()) / samples

    def _truth(self, real: Reference) -> torch.Tensor:
        """The true share of each mode and of the invalid samples (K + 1,)."""
        valid = modes.valid_share(real, self.rule)
        return torch.cat([valid * real.true_mode_weights().double(), torch.tensor([1 - valid], dtype=torch.float64)])
