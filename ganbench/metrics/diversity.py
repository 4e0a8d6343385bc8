"""How much two samples for one condition differ."""

from dataclasses import dataclass
from typing import ClassVar

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference, TooFewError


@dataclass(frozen=True)
class Metric:
    """The root mean square difference in grey levels between two samples that were made for one condition with
    different noise, averaged over the first conditions. Says nothing about quality: noise is diverse. Read it beside
    the Fréchet distance. In pixels, so that it needs no network and is exactly 0 for a generator that ignores its
    noise, as generators from images tend to (Isola et al. 2017, section 3.1); LPIPS, which Zhu et al. 2017
    (arXiv:1711.11586) take, compares features of a pretrained network."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("again",)
    short: ClassVar[str] = "diversity"
    title: ClassVar[str] = "Diversity over noise"
    direction: ClassVar[str] = "none"
    unit: ClassVar[str] = "grey levels"
    range: ClassVar[str] = "0 to 255"
    floor: ClassVar[str] = (
        "A generator that ignores its noise scores 0. A perfect one scores what two real samples of one condition "
        "differ by: as much as two of one class, next to nothing where the condition leaves nothing open."
    )
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "after Zhu et al. 2017, here in pixels"
    order: ClassVar[int] = 63

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The mean in grey levels. Raises TooFewError without samples, or without second ones, as of real data."""
        enough(fake, self.minimum)
        if fake.images is None or fake.again is None:
            raise TooFewError("this metric needs two samples for each condition, and these have one")
        gap = fake.images[: len(fake.again)].double() - fake.again.double()
        return float(gap.square().flatten(1).mean(1).sqrt().mean())
