"""Metrics of samples that are made for captions."""

import math
from dataclasses import replace

import pytest
import torch
from features import measured
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import one_hot

from ganbench import attributes
from ganbench.evidence import Evidence, EvidenceError, Reference, TooFewError, Training
from ganbench.metrics.attribute_accuracy import Metric as AttributeAccuracy
from ganbench.metrics.r_precision import Metric as RPrecision
from ganbench.metrics.r_precision import _first
from ganbench.streams import stream

ARTICLE, SIZES, COLOURS, SHAPES = 1, (2, 3), (4, 5, 6), (7, 8)
WORDS = 9
HELD_OUT = (6, 8)


def drawn(count: int, role: str = "captions", *, held_out: bool = True) -> Tensor:
    """Captions (count, 4), article, size, colour and shape; the size is left out in a half."""
    random = stream(0, role)

    def choice(group: tuple[int, ...]) -> Tensor:
        return torch.tensor(group)[torch.randint(len(group), (4 * count,), generator=random)]

    sizes = choice(SIZES) * torch.randint(2, (4 * count,), generator=random)
    found = torch.stack([torch.full((4 * count,), ARTICLE), sizes, choice(COLOURS), choice(SHAPES)], 1)
    missing = (found[:, 2:] == torch.tensor(HELD_OUT)).all(1)
    return found[:count] if held_out else found[~missing][:count]


def made(captions: Tensor, shown: Tensor, sure: float = 10.0) -> Evidence:
    """Samples for captions, read as `shown`."""
    logits = sure * one_hot(shown, WORDS).double().flatten(1)
    return Evidence(torch.zeros(len(captions), 2, dtype=torch.float64), logits, given=captions)


def reference(training: Tensor | None = None) -> Reference:
    captions = drawn(400, "training", held_out=False) if training is None else training
    split = Training(made(captions, captions), torch.zeros(len(captions)), torch.zeros(1, 2), torch.ones(1))
    return replace(measured(torch.randn(9, 2, dtype=torch.float64)), training=split)


def test_what_is_read_right_is_counted_by_attribute() -> None:
    """Four captions: the size is named in two and right in one, the colour right in three, the shape in all."""
    asked = torch.tensor([[1, 2, 4, 7], [1, 3, 5, 7], [1, 0, 4, 8], [1, 0, 5, 8]]).repeat(3, 1)
    shown = torch.tensor([[1, 2, 4, 7], [1, 2, 5, 7], [1, 3, 4, 8], [4, 0, 4, 8]]).repeat(3, 1)
    value = AttributeAccuracy()(made(asked, shown), reference())
    assert value == pytest.approx(100 * (1 / 2 + 3 / 4 + 1) / 3)
    assert AttributeAccuracy(whole=True)(made(asked, shown), reference()) == pytest.approx(50)


def test_captions_with_new_pairs_of_words_are_counted_apart() -> None:
    asked = drawn(600)
    new = (asked[:, 2:] == torch.tensor(HELD_OUT)).all(1)
    assert 0.1 < new.double().mean() < 0.25
    shown = asked.clone()
    shown[new, 3] = 7  # never composes
    assert AttributeAccuracy(captions="seen", whole=True)(made(asked, shown), reference()) == 100
    assert AttributeAccuracy(captions="held-out", whole=True)(made(asked, shown), reference()) == 0
    assert AttributeAccuracy(captions="held-out")(made(asked, shown), reference()) == pytest.approx(100 * 2 / 3)
    together = AttributeAccuracy(whole=True)(made(asked, shown), reference())
    assert together == pytest.approx(100 * (1 - float(new.double().mean())))


def test_samples_that_ignore_their_captions_score_chance() -> None:
    asked, shown = drawn(20_000), drawn(20_000, "others")
    chance = 100 * (1 / 4 + 1 / 3 + 1 / 2) / 3  # a size that was asked for is shown in a quarter
    assert AttributeAccuracy()(made(asked, shown), reference()) == pytest.approx(chance, abs=1)
    every = torch.cartesian_prod(*[torch.arange(1, 7)] * 4)
    others = every[torch.randperm(len(every), generator=stream(0, "others"))]
    assert RPrecision()(made(every, others), reference()) == pytest.approx(1, abs=0.5)


@given(st.permutations(range(40)), st.booleans())
@settings(max_examples=20, deadline=None)
def test_the_order_of_samples_does_not_matter(order: list[int], whole: bool) -> None:
    asked, shown = drawn(40), drawn(40, "others")
    one, other = made(asked, shown), made(asked[order], shown[order])
    for metric in (AttributeAccuracy(whole=whole), RPrecision(others=9)):
        assert metric(one, reference()) == pytest.approx(metric(other, reference()))


def test_a_share_of_wrong_samples_lowers_both_by_it() -> None:
    """With different captions for all, a sample that shows another one's caption has that one before its own."""
    asked = torch.cartesian_prod(*map(torch.tensor, ((ARTICLE,), SIZES, COLOURS, SHAPES)))
    for wrong in range(len(asked)):
        shown = asked.clone()
        shown[:wrong, 1] = 5 - shown[:wrong, 1]
        value = RPrecision(others=len(asked) - 1)(made(asked, shown), reference(asked))
        assert value == pytest.approx(100 * (1 - wrong / len(asked)))
        value = AttributeAccuracy(whole=True)(made(asked, shown), reference(asked))
        assert value == pytest.approx(100 * (1 - wrong / len(asked)))


def test_a_reader_that_knows_nothing_gives_r_precision_of_one_in_a_hundred() -> None:
    asked = drawn(700)
    assert RPrecision()(made(asked, asked, sure=0.0), reference()) == pytest.approx(1)
    assert RPrecision()(made(asked, asked), reference()) == pytest.approx(100)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(1, 12))
def test_r_precision_is_the_share_of_all_draws(better: int, equal: int, worse: int, drawn: int) -> None:
    """Against the sum over how many of the drawn are better (none) and equal, each choice counted."""
    among = better + equal + worse
    if drawn > among:
        return
    cases = [(math.comb(equal, t) * math.comb(worse, drawn - t), 1 / (1 + t)) for t in range(min(equal, drawn) + 1)]
    exact = sum(count * share for count, share in cases) / math.comb(among, drawn)
    [found] = _first(*(torch.tensor([float(n)], dtype=torch.float64) for n in (better, equal, among)), drawn)
    assert float(found) == pytest.approx(exact, rel=1e-9, abs=1e-12)


def test_likelihoods_are_sums_of_log_probabilities() -> None:
    captions = drawn(5)
    logits = torch.randn(3, 4 * WORDS, dtype=torch.float64)
    found = attributes.likelihoods(logits, captions)
    assert found.shape == (3, 5)
    for i in range(3):
        for j in range(5):
            logs = [logits[i, WORDS * p : WORDS * (p + 1)].log_softmax(0)[captions[j, p]] for p in range(4)]
            torch.testing.assert_close(found[i, j], torch.stack(logs).sum())


def test_what_cannot_be_measured_is_an_error() -> None:
    asked = drawn(200)
    bare = replace(made(asked, asked), given=None)
    for metric in (AttributeAccuracy(), RPrecision()):
        with pytest.raises(EvidenceError, match="captions"):
            metric(bare, reference())
        with pytest.raises(EvidenceError, match="classifier"):
            metric(replace(made(asked, asked), logits=None), reference())
        with pytest.raises(TooFewError):
            metric(made(asked[:5], asked[:5]), reference())
    with pytest.raises(TooFewError, match="99"):
        RPrecision()(made(asked[:1].repeat(150, 1), asked[:1].repeat(150, 1)), reference())


@pytest.mark.parametrize("on", ["held-out", "seen"])
def test_none_or_all_of_the_captions_may_be_held_out(on: str) -> None:
    """Then the other metric has no value, which a page shows as such."""
    asked = drawn(200, held_out=False) if on == "held-out" else torch.tensor([[ARTICLE, 2, *HELD_OUT]]).repeat(50, 1)
    with pytest.raises(TooFewError, match=on):
        AttributeAccuracy(captions=on)(made(asked, asked), reference())  # type: ignore[arg-type]
    other = AttributeAccuracy(captions="seen" if on == "held-out" else "held-out")
    assert other(made(asked, asked), reference()) == 100


def test_examples_are_half_new() -> None:
    asked, training = drawn(300), drawn(400, "training", held_out=False)
    rows, usual = attributes.examples(asked, training, 6)
    assert len({tuple(row) for row in rows.tolist()}) == len(rows) == 6
    assert attributes.held_out(rows, training).tolist() == [False] * usual + [True] * (6 - usual)
    assert usual == 3
    assert attributes.examples(asked, training, 4)[1] == 2
    rows, usual = attributes.examples(asked, asked, 6)
    assert (len(rows), usual) == (6, 6)
    assert attributes.examples(asked[:1], training, 6)[0].tolist() == asked[:1].tolist()
