"""The kernel distance between generated and real features."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3, KID, by torch-fidelity: the mean over random subsets, the
    same ones in every run. A subset has at most half as many samples as the smaller side, and at least 2."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "kd"
    title: ClassVar[str] = "Kernel distance"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "-infinity to infinity, in practice hardly below 0"
    floor: ClassVar[str] = "A perfect generator scores 0 on average, so values slightly below 0 occur."
    minimum: ClassVar[int] = 4
    citation: ClassVar[str] = "Bińkowski et al. 2018"
    order: ClassVar[int] = 20

    subsets: PositiveInt = 100
    subset_size: PositiveInt = 1000
    """Samples of each random subset, at most."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The mean over subsets. Raises EvidenceError for fewer than 4 samples on either side."""
        enough(fake, self.minimum)
        enough(real.evidence, self.minimum, "real")
        size = max(2, min(self.subset_size, len(fake) // 2, len(real.evidence) // 2))
        found = kid_features_to_metric(
            fake.features, real.features, kid_subsets=self.subsets, kid_subset_size=size, verbose=False
        )
        return float(found[KEY_METRIC_KID_MEAN])

    def perfect(self, real: Reference, samples: int) -> float:
        """The estimate is unbiased."""
        return 0.0
