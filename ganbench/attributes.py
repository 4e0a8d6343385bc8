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
    known = {(int(a), int(b)) for a, b in _pairs(training).flatten(0, 1).unique(dim=0)}
    return torch.tensor([any((int(a), int(b)) not in known for a, b in pairs) for pairs in _pairs(captions)])


def _pairs(captions: Tensor) -> Tensor:
    """Each word with the next (n, places - 1, 2)."""
    return torch.stack([captions[:, :-1], captions[:, 1:]], 2)
