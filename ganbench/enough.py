"""Refuse to measure too few samples."""

from ganbench.evidence import Evidence, TooFewError


def enough(evidence: Evidence, fewest: int, who: str = "generated") -> None:
    """Raises TooFewError if there are fewer samples than a metric can say something about."""
    if len(evidence) < fewest:
        raise TooFewError(f"this metric needs at least {fewest} {who} samples, and there are {len(evidence)}")
