"""The kernel distance between generated and real features."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import PositiveInt
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """Unbiased squared MMD with the kernel (x.y / d + 1)^3 (Binkowski et al. 2018, KID) by torch-fidelity: the
    mean over random subsets, on the features of the dataset's frozen classifier. A subset has at most half as
    many samples as the smaller side. May be slightly negative when the two are alike."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    title: ClassVar[str] = "Kernel distance"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    order: ClassVar[int] = 20
    digits: ClassVar[int] = 4

    subsets: PositiveInt = 100
    subset_size: PositiveInt = 1000

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The mean over subsets."""
        size = min(self.subset_size, len(fake.features) // 2, len(real.features) // 2)
        found = kid_features_to_metric(
            fake.features, real.features, kid_subsets=self.subsets, kid_subset_size=size, verbose=False
        )
        return float(found[KEY_METRIC_KID_MEAN])
