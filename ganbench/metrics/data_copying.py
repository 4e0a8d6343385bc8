"""Whether generated samples are nearer to the training split than unseen real ones are."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference
from ganbench.neighbours import to_training


@dataclass(frozen=True)
class Metric:
    """C_T over the whole space, without the paper's cells: the z of a Mann-Whitney test of the distances from generated
    to nearest training samples against those from real reference samples, ties corrected, in standard deviations.
    Below about -3 samples are nearer to the training split than unseen real ones are: copies. Above 3 they are
    farther: underfitting, the usual case. Copies in one region can hide behind poor samples elsewhere. Grows with
    the number of samples."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("training",)
    short: ClassVar[str] = "copying"
    title: ClassVar[str] = "Data copying"
    direction: ClassVar[str] = "none"
    unit: ClassVar[str] = "sd"
    range: ClassVar[str] = "-infinity to infinity; near 0 is good"
    floor: ClassVar[str] = (
        "A perfect generator scores 0 on average with standard deviation 1; strongly negative values mean copies."
    )
    minimum: ClassVar[int] = 20
    citation: ClassVar[str] = "Meehan et al. 2020"
    order: ClassVar[int] = 61

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The z; NaN if all distances are equal.

        Raises EvidenceError for fewer than 20 samples on either side, and without the training split.
        """
        enough(fake, self.minimum)
        enough(real.evidence, self.minimum, "real")
        training = real.training_split()
        generated, unseen = to_training(fake, training)[0], to_training(real.evidence, training)[0]
        return _mann_whitney(generated.numpy(), unseen.numpy())

    def perfect(self, real: Reference, samples: int) -> float:
        """Generated and unseen real samples can be exchanged."""
        return 0.0


def _mann_whitney(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The z of the share of pairs in which x is larger; NaN if all values are equal."""
    n, m, ranks = len(x), len(y), rankdata(np.concatenate([x, y]))
    larger = ranks[:n].sum() - n * (n + 1) / 2
    ties = np.unique(ranks, return_counts=True)[1].astype(float)
    variance = n * m / 12 * (n + m + 1 - (ties**3 - ties).sum() / ((n + m) * (n + m - 1)))
    return float((larger - n * m / 2) / math.sqrt(variance)) if variance > 0 else math.nan
