"""How unevenly the modes are filled."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from scipy.special import rel_entr

from ganbench import modes
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """KL(generated || true) over the K modes, in nats, from the valid samples.

    Points are valid within 3 sigma of their nearest mode: of its centre (`ball`), or in every coordinate (`box`); with
    `any`, every point counts at its nearest mode. Every image counts at its predicted class. The other direction,
    KL(true || generated), is infinite as soon as one mode is missed.
    """

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ("modes",)
    short: ClassVar[str] = "rkl"
    title: ClassVar[str] = "Reverse KL over modes"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = "nats"
    range: ClassVar[str] = "0 to log(1 / smallest true share), log K for equal shares; undefined without valid samples"
    floor: ClassVar[str] = (
        "A perfect generator has (K - 1) / (2N) on average, N the number of valid samples, not 0: counts scatter. "
        "To first order in 1/N."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "Lin et al. 2018 (PacGAN); every point counts: Liu et al. 2020"
    order: ClassVar[int] = 30

    rule: Literal["ball", "box", "any"] = "ball"
    """When a point counts for its nearest mode."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The divergence; NaN if no sample is valid. Raises EvidenceError for data without known modes."""
        counts, _ = modes.count(fake, real, self.rule)
        if counts.sum() == 0:
            return math.nan
        share = counts.double() / counts.sum()
        return float(rel_entr(share.numpy(), real.true_mode_weights().double().numpy()).sum())

    def perfect(self, real: Reference, samples: int) -> float:
        """What a perfect generator has on average, to first order in 1 / samples."""
        return (len(real.true_mode_weights()) - 1) / (2 * samples * modes.valid_share(real, self.rule))
