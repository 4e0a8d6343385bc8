"""How far the mean of the samples is from the true mean."""  # the first line is what `ganbench list` prints

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """What it measures, and its traps: this text is printed on the page."""

    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ()  # of: modes, classes, logits, training, labels
    short: ClassVar[str] = "mean-gap"  # begins the column's name: mean-gap_10k
    title: ClassVar[str] = "Gap of the means"
    direction: ClassVar[str] = "lower"  # is better; or "higher", or "none" for a diagnostic
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to infinity"
    floor: ClassVar[str] = "A perfect generator scores about sqrt(tr(S) / n) for n samples of covariance S, not 0."
    minimum: ClassVar[int] = 1  # generated samples that it needs
    citation: ClassVar[str] = "Author year"
    order: ClassVar[int] = 90  # of the columns; the smallest applicable one is a dataset's headline

    # Settings: a type, a plain default, and what it is. A study writes `{name: my-metric, norm: maximum}`.
    norm: Literal["euclidean", "maximum"] = "euclidean"
    """Of the difference between the means."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The value. NaN where it is not defined; raise EvidenceError for samples that cannot be measured."""
        gap = fake.features.mean(0) - real.mean
        return float(gap.norm() if self.norm == "euclidean" else gap.abs().max())

    # def perfect(self, real: Reference, samples: int) -> float:
    #     """Optional: the expected value of a perfect generator."""
