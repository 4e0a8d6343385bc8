"""How alike generated images and the true ones are in structure."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.enough import enough
from ganbench.evidence import Evidence, EvidenceError, Reference

AT_ONCE = 500
SMALLEST = 6
"""Pixels a side: the window of 11 pixels is mirrored at the border."""


@dataclass(frozen=True)
class Metric:
    """Structural similarity of each generated image and the true image of its condition, averaged over pixels, channels
    and images: means, variances and covariance in a Gaussian window of 11 pixels with standard deviation 1.5, K1 = 0.01
    and K2 = 0.03 (by torchmetrics, which mirrors the border). Like PSNR it prefers a blurred guess to a sharp one in
    the wrong place, though less."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("truth",)
    short: ClassVar[str] = "ssim"
    title: ClassVar[str] = "SSIM"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "-1 to 1"
    floor: ClassVar[str] = (
        "Only copies of the true images score 1. Where a condition allows many images, a perfect generator makes "
        "another one of them, and scores less."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "Wang, Bovik, Sheikh & Simoncelli 2004"
    order: ClassVar[int] = 18

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The mean. Raises EvidenceError without samples, without true images, and for images below 6 pixels."""
        from torchmetrics.image import StructuralSimilarityIndexMeasure

        enough(fake, self.minimum)
        images, truth = fake.paired()
        if images.shape[-1] < SMALLEST:
            raise EvidenceError(f"SSIM needs images of {SMALLEST} pixels a side; these have {images.shape[-1]}")
        mean = StructuralSimilarityIndexMeasure(data_range=255.0).to(images.device)
        for made, true in zip(images.split(AT_ONCE), truth.split(AT_ONCE), strict=True):
            mean.update(made.float(), true.float())
        value = mean.compute()
        assert not isinstance(value, tuple)  # as no more than the mean was asked for
        return float(value)
