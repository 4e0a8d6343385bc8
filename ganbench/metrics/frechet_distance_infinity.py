"""The Fréchet distance extrapolated to infinitely many generated samples."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference
from ganbench.frechet import to_reference
from ganbench.streams import stream

SIZES = 15


@dataclass(frozen=True)
class Metric:
    """The intercept of a straight line through the Fréchet distances of 15 random subsets of the generated samples
    against 1 / size, by least squares. The sizes are evenly spaced from a tenth of the samples, at most 5000, and at
    least 2 d (below, the distance is no straight line in 1 / size), to all of them. Only the generated side is
    extrapolated: the bias of a finite reference stays. The subsets are random but the same in every run."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "fd-inf"
    title: ClassVar[str] = "Fréchet distance, extrapolated"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "-infinity to infinity"
    floor: ClassVar[str] = (
        "A perfect generator scores about 0 where the reference is exact (points), and the bias of the finite "
        "reference elsewhere; the extrapolation adds noise, so values slightly below 0 occur."
    )
    minimum: ClassVar[int] = 30
    citation: ClassVar[str] = "Chong & Forsyth 2020"
    order: ClassVar[int] = 16

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The intercept. Raises EvidenceError for fewer than 30 samples, or fewer than 4 per feature."""
        count, dimensions = fake.features.shape
        enough(fake, max(self.minimum, 4 * dimensions))
        sizes = np.linspace(max(min(5000, count // 10), 2 * dimensions), count, SIZES).astype(int)
        random = stream(0, "fd-inf")
        subsets = (fake.features[torch.randperm(count, generator=random)[:size]] for size in sizes)
        return float(np.polyfit(1 / sizes, [to_reference(subset, real) for subset in subsets], 1)[1])
