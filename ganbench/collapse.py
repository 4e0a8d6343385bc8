"""When a run counts as collapsed.

A run is collapsed if one of two things is true of its samples:

1. Fewer than half of the modes hold at least a tenth of their true share of the samples. A point is in its nearest
   mode however far away it lies; an image is in its predicted class, if the classifier is the dataset's own. Only
   modes that should have five samples or more are asked, so that a small evaluation accuses nobody.
2. The total variance of the features, the trace of their covariance, is below a tenth of the real one.

Where no modes are known, only the second can be true. A run that makes poor samples everywhere is not collapsed.
"""

from ganbench import modes
from ganbench.evidence import Evidence, EvidenceError, Reference

HELD_SHARE = 0.1
"""A mode is held from this part of its true share on."""

FEWEST_HELD = 0.5
"""A run that holds a smaller part of the modes is collapsed."""

LEAST_VARIANCE = 0.1
"""A run whose total variance is a smaller part of the real one is collapsed."""

FEWEST_EXPECTED = 5
"""How many of the samples a mode should have before it is asked: a perfect generator misses one in 150 such modes."""


def verdict(fake: Evidence, real: Reference, own_classes: bool = False) -> str | None:
    """Why the samples are collapsed, one sentence with the numbers, or None.

    `own_classes`: the logits are of the dataset's own classes, so that these are its modes where no others are known;
    their true shares are then the predictions on the real samples. Raises EvidenceError for fewer than two samples,
    and for samples that do not fit the data.
    """
    if len(fake) < 2 or fake.features.shape[1] != len(real.mean):
        shape = tuple(fake.features.shape)
        raise EvidenceError(f"two samples or more of {len(real.mean)} features are wanted; got {shape}")
    return _few_modes(fake, real, own_classes) or _little_variance(fake, real)


def _few_modes(fake: Evidence, real: Reference, own_classes: bool) -> str | None:
    if real.mode_weights is not None:
        counts, truth = modes.count(fake, real, "any")[0], real.mode_weights
    elif own_classes:
        counts, truth = modes.class_counts(fake), modes.class_counts(real.evidence).double() / len(real.evidence)
    else:
        return None
    asked = truth * len(fake) >= FEWEST_EXPECTED
    held = asked & (counts >= modes.fewest(HELD_SHARE, truth, len(fake)))
    if held.sum() >= FEWEST_HELD * asked.sum():
        return None
    found = f"{held.sum()} of {asked.sum()} modes"
    return f"{found} hold at least a tenth of their share of {len(fake):,} samples"


def _little_variance(fake: Evidence, real: Reference) -> str | None:
    share = float(fake.features.var(0).sum() / real.covariance.trace())
    if share >= LEAST_VARIANCE:
        return None
    return f"the total variance of {len(fake):,} samples is {100 * share:.2g} % of the real one"
