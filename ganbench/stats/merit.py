"""What is better: one order for both directions, with failed runs at the bottom."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Direction = Literal["lower", "higher"]

SIGN = {"lower": -1.0, "higher": 1.0}


def merit(values: ArrayLike, direction: Direction) -> Floats:
    """The values, of any shape, such that higher is better; -inf for a failed run. KeyError for another direction."""
    found = np.asarray(values, dtype=float)
    return np.where(np.isfinite(found), SIGN[direction] * found, -np.inf)


def finished(values: ArrayLike) -> NDArray[np.bool_]:
    """Which values are numbers of runs that did not fail, in the shape of the values."""
    return np.asarray(np.isfinite(np.asarray(values, dtype=float)))
