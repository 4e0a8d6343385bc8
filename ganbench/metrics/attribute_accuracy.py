"""The share of what captions say that is to be seen in the samples made for them."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from ganbench import attributes
from ganbench.enough import enough
from ganbench.evidence import Evidence, Reference, TooFewError


@dataclass(frozen=True)
class Metric:
    """The percentage of the attributes of captions (sizes, colours, shapes, relations) that a gated reader of images
    finds in the samples made for them: the mean over attributes, each over the captions that name it. Words that
    every caption has at that place, such as articles, do not count. What a caption leaves out may be anything. Says
    nothing about variety: the same right picture for every caption scores 100."""

    kinds: ClassVar[tuple[str, ...]] = ("images",)
    needs: ClassVar[tuple[str, ...]] = ("attributes", "captions", "training")
    short: ClassVar[str] = "attr-acc"
    title: ClassVar[str] = "Attribute accuracy"
    direction: ClassVar[str] = "higher"
    unit: ClassVar[str] = "%"
    range: ClassVar[str] = "0 to 100"
    floor: ClassVar[str] = (
        "Samples that ignore their captions score the chance that an attribute is right by itself, which the row of "
        "real samples with others' captions shows. A perfect generator scores what real samples do: the accuracy of "
        "the reader, just below 100."
    )
    minimum: ClassVar[int] = 10
    citation: ClassVar[str] = "after the semantic object accuracy of Hinz et al. 2020 (arXiv:1910.13321)"
    order: ClassVar[int] = 6

    captions: Literal["all", "held-out", "seen"] = "all"
    """Which captions count: all, or only those with a pair of neighbouring words that no training caption has ("red
    square"), or only those without."""
    whole: bool = False
    """Whether captions count in the place of attributes, each as right if all its attributes are."""

    def __call__(self, fake: Evidence, real: Reference) -> float:
        """The share in percent.

        Raises EvidenceError for fewer than 10 samples, for none with a caption that counts, and without captions, a
        reader, or the training split.
        """
        enough(fake, self.minimum)
        asked, training = attributes.captions(fake), attributes.captions(real.training_split().evidence)
        named, right = attributes.said(asked, training), attributes.right(fake.class_logits(), asked)
        if self.captions != "all":
            held_out = attributes.held_out(asked, training)
            named = named & (held_out if self.captions == "held-out" else ~held_out)[:, None]
        counted = named.any(1)
        if not counted.any():
            raise TooFewError(f"none of the {len(fake)} captions is one that counts ({self.captions})")
        if self.whole:
            return 100 * float((right | ~named)[counted].all(1).double().mean())
        shares = (right & named).sum(0).double() / named.sum(0)
        return 100 * float(shares[named.any(0)].mean())
