"""Attributes: the places of a caption where words differ, and what a reader of images says of them.

A reader has one head for each place of a caption, that is, a distribution over all words and the padding. So the
captions of a dataset must have a fixed form: a word that says the colour of the first object is at one place only.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from ganbench.captions import PADDING
from ganbench.evidence import Evidence, EvidenceError


def captions(evidence: Evidence) -> Tensor:
    """The captions (n, places) that samples were made for, or stand for. Raises EvidenceError where there are none."""
    if evidence.given is None or evidence.given.dim() != 2:
        raise EvidenceError("this metric needs samples that were made for captions, and these were not")
    return evidence.given


def heads(logits: Tensor, places: int) -> Tensor:
    """A reader's logits (n, places * words) as log-probabilities (n, places, words) of the words at each place."""
    found: Tensor = logits.unflatten(1, (places, -1)).log_softmax(2)
    return found


def loss(logits: Tensor, captions: Tensor) -> Tensor:
    """The mean over places of the cross-entropy: what a reader learns from logits and captions (n, places)."""
    return cross_entropy(logits.unflatten(1, (captions.shape[1], -1)).transpose(1, 2), captions)


def right(logits: Tensor, captions: Tensor) -> Tensor:
    """Whether the most probable word at each place is that of the caption: bool (n, places)."""
    return heads(logits, captions.shape[1]).argmax(2) == captions


def likelihoods(logits: Tensor, captions: Tensor) -> Tensor:
    """log p(caption | image) of every caption (m, places) for every image (n, ...): (n, m), the sum over places."""
    logs = heads(logits, captions.shape[1])
    return logs.flatten(1) @ one_hot(captions, logs.shape[2]).flatten(1).to(logs.dtype).T


def said(captions: Tensor, training: Tensor) -> Tensor:
    """Where a caption names an attribute: bool (n, places). It has a word there, and the training captions have not
    always the same word there."""
    varies = torch.tensor([len(place[place != PADDING].unique()) > 1 for place in training.unbind(1)])
    return (captions != PADDING) & varies


def held_out(captions: Tensor, training: Tensor) -> Tensor:
    """Which captions have two neighbouring words that are neighbours in no training caption: bool (n,)."""
    words = 1 + max(int(captions.max()), int(training.max()))
    pairs, known = (words * of[:, :-1] + of[:, 1:] for of in (captions, training))
    return (~torch.isin(pairs, known.unique())).any(1)


def examples(captions: Tensor, training: Tensor, count: int) -> tuple[Tensor, int]:
    """At most `count` different captions (rows, places) in their order, and how many of them are not held out: these
    come first, and are half of them if there are enough of both."""
    rows = torch.tensor([list(row) for row in dict.fromkeys(map(tuple, captions[:100].tolist()))])
    new = held_out(rows, training)
    fresh = rows[new][: max(count // 2, count - int((~new).sum()))]
    usual = rows[~new][: count - len(fresh)]
    return torch.cat([usual, fresh]), len(usual)
