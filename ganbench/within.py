"""Samples class by class, for metrics within classes."""

from torch import Tensor

from ganbench.evidence import Evidence, EvidenceError, Reference, TooFewError


def classes(fake: Evidence, real: Reference, fewest: int) -> list[tuple[Tensor, Tensor]]:
    """For each class of the reference, the features (n, d) of the generated samples that were asked to be of it, and
    those (m, d) of the real ones.

    Raises EvidenceError without labels and for a generated class that the reference does not have, and TooFewError for
    a class with fewer than `fewest` samples on either side.
    """
    asked, true = fake.asked(), real.evidence.asked()
    labels = true.unique().tolist()
    unknown = sorted(set(asked.tolist()) - set(labels))
    if unknown:
        raise EvidenceError(f"the reference has no samples of the generated classes {unknown}")
    found = [(fake.features[asked == label], real.features[true == label]) for label in labels]
    for label, sides in zip(labels, found, strict=True):
        for features, what in zip(sides, ("generated", "real"), strict=True):
            if len(features) < fewest:
                wanted = f"at least {fewest} {what} samples of class {label}"
                raise TooFewError(f"this metric needs {wanted}, and there are {len(features)}")
    return found
