"""The Inception Score's formula on the extractor's own classes."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor

from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference


@dataclass(frozen=True)
class Metric:
    """exp of the mutual information between a sample and its predicted class, exp(H(mean p) - mean H(p)) in nats, with
    p the softmax of the logits. With several splits, the mean of their scores, each over its share of the samples in
    order. Never looks at real data: a generator that repeats one sharp sample per class gets the top value. On
    the logits of the dataset's own classifier it is not the Inception Score of the literature."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("logits",)
    short: ClassVar[str] = "is"
    title: ClassVar[str] = "Classifier score"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "1 to the number of classes"
    floor: ClassVar[str] = (
        "A perfect generator scores what real data scores: below the number of classes, because the classifier is "
        "not sure of every real sample, and real classes are not equally frequent."
    )
    minimum: ClassVar[int] = 2
    citation: ClassVar[str] = "Salimans et al. 2016"
    order: ClassVar[int] = 30

    splits: PositiveInt = 1

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The score. Raises EvidenceError for fewer than 2 samples a split, and without logits."""
        enough(fake, self.minimum * self.splits)
        logits, count = fake.class_logits(), len(fake)
        ends = [i * count // self.splits for i in range(self.splits + 1)]
        scores = [_score(logits[start:end]) for start, end in pairwise(ends)]
        return sum(scores) / self.splits


def _score(logits: Tensor) -> float:
    logs = logits.log_softmax(1)
    shares = logs.exp()
    mean = shares.mean(0)
    return float(((shares * logs).sum(1).mean() - torch.xlogy(mean, mean).sum()).exp())
