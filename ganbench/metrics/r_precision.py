"""How often a sample's own caption is the first of a hundred."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor

from ganbench import attributes
from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference, TooFewError


@dataclass(frozen=True)
class Metric:
    """The percentage of samples whose own caption is more probable than 99 others, drawn from those captions of other
    samples that differ from it: R-precision with R = 1 (Xu et al. 2018, section 4). There the captions are ranked by
    the cosine similarity of DAMSM's two encoders; here by log p(caption | image), the sum over the words that the
    gated reader of attributes gives. So it can be compared within ganbench, and not with published values. Nothing is
    drawn: the value is the expectation over all draws, ties broken at random."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("attributes", "captions")
    short: ClassVar[str] = "r-prec"
    title: ClassVar[str] = "R-precision"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "%"
    range: ClassVar[str] = "0 to 100"
    floor: ClassVar[str] = (
        "Samples that ignore their captions score 1, one in a hundred, and a little more where captions repeat: see "
        "the row of real samples with others' captions. A perfect generator scores what real samples do: below 100, "
        "because the reader is not sure of every real sample."
    )
    minimum: ClassVar[int] = 100
    citation: ClassVar[str] = "Xu et al. 2018 (AttnGAN, arXiv:1711.10485)"
    order: ClassVar[int] = 75

    others: PositiveInt = 99
    """Captions that the sample's own is ranked among."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share in percent. Raises EvidenceError for samples with fewer other captions than that, and without
        captions or a reader."""
        enough(fake, self.others + 1)
        captions = attributes.captions(fake)
        different, which = captions.unique(dim=0, return_inverse=True)
        often = torch.bincount(which, minlength=len(different)).double()
        scores = attributes.likelihoods(fake.class_logits(), different)
        own = scores.gather(1, which[:, None])
        others = often.repeat(len(fake), 1).scatter_(1, which[:, None], 0)
        better, equal = (others * (scores > own)).sum(1), (others * (scores == own)).sum(1)
        if (others.sum(1) < self.others).any():
            raise TooFewError(f"a sample's caption differs from fewer than {self.others} of the others")
        return 100 * float(_first(better, equal, others.sum(1), self.others).mean())


def _first(better: Tensor, equal: Tensor, among: Tensor, drawn: int) -> Tensor:
    """The probability (n,) that one caption comes first before so many `drawn` from `among` others without replacement,
    of which so many are better and equal.

    With u of the equal ones taken as better, u uniform on 0 to `equal`, it is the mean of
    C(among - better - u, drawn) / C(among, drawn); the sum over u telescopes: C(n, k) = C(n + 1, k + 1) - C(n, k + 1).
    """
    below = among - better
    most = _choose(below + 1, drawn + 1, among, drawn)
    least = _choose(below - equal, drawn + 1, among, drawn)
    return ((most - least) / (equal + 1)).clamp(0, 1)  # a probability, but for rounding


def _choose(n: Tensor, k: int, of: Tensor, drawn: int) -> Tensor:
    """C(n, k) / C(of, drawn), 0 for n < k."""
    possible = n.clamp(min=k)
    logs = possible.add(1).lgamma() - possible.sub(k).add(1).lgamma() - math.lgamma(k + 1)
    logs = logs - (of.add(1).lgamma() - of.sub(drawn).add(1).lgamma() - math.lgamma(drawn + 1))
    return torch.where(n < k, 0.0, logs.exp())
