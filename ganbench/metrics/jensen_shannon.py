"""A bounded, symmetric measure of how unevenly the modes are filled."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from scipy.special import rel_entr

from ganbench import modes
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """Jensen-Shannon divergence (not its square root) between generated and true shares of the K modes, in nats.

    (KL(p || m) + KL(w || m)) / 2 with m = (p + w) / 2, p from the valid samples. Points are valid within 3 sigma of
    their nearest mode: of its centre (`ball`), or in every coordinate (`box`). Every image counts at its predicted
    class. A missed mode counts in both halves, so that it weighs more than in the reverse KL.
    """

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ("modes",)
    short: ClassVar[str] = "jsd"
    title: ClassVar[str] = "Jensen-Shannon over modes"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = "nats"
    range: ClassVar[str] = "0 to log 2 = 0.693; undefined without valid samples"
    floor: ClassVar[str] = (
        "A perfect generator has (K - 1) / (8N) on average, N the number of valid samples, not 0: counts scatter. "
        "To first order in 1/N."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "Lin 1991; over modes: Lin et al. 2018 (PacGAN)"
    order: ClassVar[int] = 32

    rule: Literal["ball", "box"] = "ball"
    """When a point counts for its nearest mode."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The divergence; NaN if no sample is valid. Raises EvidenceError for data without known modes."""
        counts, _ = modes.count(fake, real, self.rule)
        if counts.sum() == 0:
            return math.nan
        share, truth = (counts.double() / counts.sum()).numpy(), real.true_mode_weights().double().numpy()
        middle = (share + truth) / 2
        return float(rel_entr(share, middle).sum() + rel_entr(truth, middle).sum()) / 2

    def perfect(self, real: Reference, samples: int) -> float:
        """What a perfect generator has on average, to first order in 1 / samples."""
        return (len(real.true_mode_weights()) - 1) / (8 * samples * modes.valid_share(real, self.rule))
