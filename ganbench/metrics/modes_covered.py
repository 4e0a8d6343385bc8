"""Modes with at least a stated part of their samples."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import PositiveFloat
from torch import Tensor

from ganbench import modes
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """The number of modes that have at least `share` of the samples that they should have, and one at least.

    Mode i of weight w_i should have w_i N of the N generated samples; without a `share`, the dataset says from which
    part on a mode counts. A few stray samples or errors of a classifier cover no mode, unlike modes captured.
    """

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ("modes",)
    short: ClassVar[str] = "covered"
    title: ClassVar[str] = "Modes covered"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "modes"
    range: ClassVar[str] = "0 to K, the number of modes"
    floor: ClassVar[str] = (
        "A perfect generator covers a mode as often as a binomial count reaches the threshold: K in practice for "
        "a share of 0.1, and fewer with few samples a mode or a share near 1."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "ganbench, after the modes captured of Srivastava et al. 2017 and Lin et al. 2018"
    order: ClassVar[int] = 12

    rule: Literal["ball", "box"] = "ball"
    """When a point counts for its nearest mode."""
    share: PositiveFloat | None = None

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The number of modes. Raises EvidenceError for data without known modes."""
        counts, _ = modes.count(fake, real, self.rule)
        return float((counts >= self._fewest(real, len(fake))).sum())

    def perfect(self, real: Reference, samples: int) -> float:
        """The expected number for a perfect generator: exact for modes that are far apart."""
        from scipy.stats import binom

        probability = real.true_mode_weights().double() * modes.valid_share(real, self.rule)
        return float(binom.sf(self._fewest(real, samples) - 1, samples, probability).sum())

    def _fewest(self, real: Reference, samples: int) -> Tensor:
        share = real.covered_share if self.share is None else self.share
        return modes.fewest(share, real.true_mode_weights(), samples)
