"""The distance between two Gaussians fitted to generated and real samples."""

from dataclasses import dataclass
from typing import ClassVar

from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """Frechet distance |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson & Landau 1982; Heusel et al. 2017) by
    torch-fidelity. For points against the exact moments of the mixture; for images on the features of the
    dataset's frozen classifier, which is not the Inception network of the usual FID. Biased upwards by small
    samples: compare with the real-data row. Range 0 to infinity."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    title: ClassVar[str] = "Fréchet distance"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    order: ClassVar[int] = 15
    digits: ClassVar[int] = 3

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The squared distance."""
        truth = {"mu": real.mean.numpy(), "sigma": real.covariance.numpy()}
        found = fid_statistics_to_metric(fid_features_to_statistics(fake.features), truth, verbose=False)
        return float(found[KEY_METRIC_FID])
