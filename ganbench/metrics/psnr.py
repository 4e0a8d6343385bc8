"""How near generated images are to the true ones, pixel by pixel."""

import math
from dataclasses import dataclass
from typing import ClassVar

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference

CEILING = 10 * math.log10(12 * 255**2)
"""Decibels at a mean squared error of 1/12 grey levels squared, that of rounding to bytes."""


@dataclass(frozen=True)
class Metric:
    """Peak signal-to-noise ratio 10 log10(255^2 / mean squared error) of each generated image and the true image of its
    condition, averaged over the images (by torchmetrics). An image counts as 58.9 dB at most, the error of rounding to
    bytes, so that equal images do not make the mean infinite. The best guess under this metric is the mean of all
    images that a condition allows, which is blurred: a generator trained with L1 or L2 alone scores higher than one
    that makes sharp images. Read it beside the Fréchet distance (the trade-off of Blau & Michaeli 2018,
    arXiv:1711.06077)."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("truth",)
    short: ClassVar[str] = "psnr"
    title: ClassVar[str] = "PSNR"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "dB"
    range: ClassVar[str] = "0 to 58.9"
    floor: ClassVar[str] = (
        "Only copies of the true images score 58.9. Where a condition allows many images, a perfect generator makes "
        "another one of them, and scores about 3 dB less than their mean would."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "e.g. Wang & Bovik 2009"
    order: ClassVar[int] = 17

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The mean in decibels. Raises EvidenceError without samples, and without true images."""
        from torchmetrics.functional.image import peak_signal_noise_ratio

        enough(fake, self.minimum)
        images, truth = (part.float() for part in fake.paired())
        each = peak_signal_noise_ratio(images, truth, data_range=255.0, reduction="none", dim=(1, 2, 3))
        return float(each.double().clamp(max=CEILING).mean())
