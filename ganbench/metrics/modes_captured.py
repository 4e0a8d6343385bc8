"""Modes with at least one valid sample."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganbench import modes
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """The number of modes that have at least one valid sample.

    Points are valid within 3 sigma of their nearest mode: of its centre (`ball`), or in every coordinate (`box`). The
    mode of an image is its predicted class, and the errors of the classifier add modes that the generator lacks: read
    it beside the modes covered.
    """

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ("modes",)
    short: ClassVar[str] = "modes"
    title: ClassVar[str] = "Modes captured"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "modes"
    range: ClassVar[str] = "0 to K, the number of modes"
    floor: ClassVar[str] = (
        "A perfect generator captures mode i with probability 1 - (1 - w_i q)^N: N samples, w_i the share of the mode, "
        "q the share of real points that are valid. K in practice, and fewer with few samples a mode."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "Srivastava et al. 2017 (VEEGAN); Lin et al. 2018 (PacGAN); box rule: Liu et al. 2020"
    order: ClassVar[int] = 10

    rule: Literal["ball", "box"] = "ball"
    """When a point counts for its nearest mode."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The number of modes. Raises EvidenceError for data without known modes."""
        counts, _ = modes.count(fake, real, self.rule)
        return float((counts > 0).sum())

    def perfect(self, real: Reference, samples: int) -> float:
        """The expected number for a perfect generator: exact for modes that are far apart."""
        probability = real.true_mode_weights().double() * modes.valid_share(real, self.rule)
        return float((1 - (1 - probability) ** samples).sum())
