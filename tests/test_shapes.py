"""The dataset of shapes: captions are true, and what is held out is held out."""

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ganbench import canvas, captions
from ganbench.data import EXTRACTOR, DataError, Split
from ganbench.datasets import shapes
from ganbench.datasets.shapes import Dataset

WORDS = Dataset.words


@pytest.fixture(scope="module")
def splits() -> dict[str, Split]:
    """Fewer pictures than there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "COUNTS", {"train": 4_000, "validation": 500, "test": 1_500, EXTRACTOR: 500})
        return Dataset().splits(Path("nowhere"))


def said(split: Split) -> Tensor:
    assert split.captions is not None
    return split.captions


def sentences(split: Split) -> list[str]:
    return [captions.text(caption, WORDS) for caption in said(split)]


def number(word: str) -> int:
    return WORDS.index(word) + 1


def test_the_vocabulary_is_that_of_the_captions(splits: dict[str, Split]) -> None:
    assert set(WORDS) == {shapes.ARTICLE, *shapes.SIZES, *shapes.COLOURS, *canvas.KINDS, *shapes.RELATIONS}
    assert set(said(splits["train"]).unique().tolist()) == set(range(len(WORDS) + 1))


def test_splits_have_pictures_labels_and_captions(splits: dict[str, Split]) -> None:
    for split in splits.values():
        count = len(split.samples)
        assert (split.samples.dtype, split.samples.shape[1:]) == (torch.uint8, (3, 32, 32))
        assert (said(split).dtype, said(split).shape) == (torch.int64, (count, 8))
        assert split.labels is not None
        assert split.labels.unique().tolist() == list(range(Dataset.classes))


def test_captions_read_as_english(splits: dict[str, Split]) -> None:
    pattern = (
        r"a (small|large) (red|green|blue|yellow|purple|white) (circle|square|triangle)"
        r"( (left of|right of|above|below) a (red|green|blue|yellow|purple|white) (circle|square|triangle))?"
    )

    assert all(re.fullmatch(pattern, sentence) for sentence in sentences(splits["test"]))


def test_held_out_pairs_are_in_every_split_but_the_training_split(splits: dict[str, Split]) -> None:
    for name, split in splits.items():
        for colour, kind in shapes.HELD_OUT:
            there = any(f"{colour} {kind}" in sentence for sentence in sentences(split))
            assert there == (name != "train")


def test_every_part_of_a_held_out_pair_is_trained_on_with_others(splits: dict[str, Split]) -> None:
    everything = " | ".join(sentences(splits["train"]))
    for colour, kind in shapes.HELD_OUT:
        others = [pair for pair in shapes.HELD_OUT if pair != (colour, kind)]
        assert all(
            f"{colour} {other}" in everything
            for other in canvas.KINDS
            if other != kind and (colour, other) not in others
        )
        assert sum(f"{other} {kind}" in everything for other in shapes.COLOURS) == len(shapes.COLOURS) - 1


def test_a_picture_shows_what_its_caption_says(splits: dict[str, Split]) -> None:
    """Read without learning: the paint of each object, how many pixels it has and where its middle is."""
    split = splits["test"]
    for picture, caption in zip(split.samples[:300], said(split)[:300], strict=True):
        words = [WORDS[index - 1] for index in caption.tolist() if index]
        objects = [words[1:4], ["", *words[6:8]]] if len(words) == 8 else [words[1:4]]
        middles = []
        if len(objects) == 2 and objects[0][1] == objects[1][1]:
            continue  # two objects of one colour cannot be told apart so
        for size, colour, kind in objects:
            paint = torch.tensor(shapes.PAINTS[shapes.COLOURS.index(colour)])[:, None, None]
            there = ((picture.int() - paint).abs() < 25).all(0)
            rows, columns = there.nonzero().double().unbind(1)
            middles.append((float(columns.mean()), float(rows.mean())))
            radius = shapes.RADII[shapes.SIZES.index(size)] if size else shapes.MEDIUM
            area = {"circle": torch.pi, "square": 4.0, "triangle": 2.0}[kind] * radius**2
            assert 0.45 * area < len(rows) < 1.05 * area
        if len(objects) == 2:
            (x, y), (other_x, other_y) = middles
            places = {"left of": x < other_x, "right of": x > other_x, "above": y < other_y, "below": y > other_y}
            assert places[words[4]]


def test_all_is_drawn_alike_often_and_independently(splits: dict[str, Split]) -> None:
    found = said(splits["train"])
    two = found[:, 4] > 0
    assert two.double().mean() == pytest.approx(0.5, abs=0.03)
    for group, place in ((shapes.SIZES, 1), (shapes.RELATIONS, 4)):
        shares = [(found[two][:, place] == number(word)).double().mean() for word in group]
        assert shares == pytest.approx([1 / len(group)] * len(group), abs=0.04)
    assert ((found[two][:, 2] == number("green")) & (found[two][:, 6] == number("green"))).double().mean() < 0.06


def test_with_one_object_captions_are_short() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "COUNTS", {"train": 50, "validation": 5, "test": 5})
        found = Dataset(objects=1).splits(Path("nowhere"))["train"]
    assert said(found).shape == (50, 4)
    assert (said(found) > 0).all()


@given(st.sampled_from(range(3)), st.floats(3, 7), st.floats(10, 22), st.floats(10, 22))
def test_an_object_covers_its_area(kind: int, radius: float, x: float, y: float) -> None:
    share = canvas.coverage(canvas.KINDS[kind], torch.tensor([[x, y]]), torch.tensor([radius]), 32)
    area = (torch.pi, 4.0, 2.0)[kind] * radius**2
    assert float(share.sum()) == pytest.approx(area, rel=0.08)  # corners are cut
    assert float(share.min()) >= 0 <= float(share.max()) <= 1


def test_nothing_covers_nothing() -> None:
    for kind in canvas.KINDS:
        share = canvas.coverage(kind, torch.rand(50, 2) * 32, torch.full((50,), canvas.NOTHING), 32)
        assert not share.any()


# captions as text


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=9), min_size=1, max_size=5))
def test_a_caption_that_is_written_is_read_again(rows: list[list[str]]) -> None:
    found = captions.parse([" ".join(row) for row in rows], WORDS, "test")
    assert [[WORDS[index - 1] for index in row if index] for row in found.tolist()] == rows
    assert [captions.text(row, WORDS) for row in found] == [" ".join(row) for row in rows]


def test_case_and_punctuation_do_not_matter() -> None:
    plain = captions.parse(["a red circle left of a square"], WORDS, "test")
    assert torch.equal(captions.parse(["  A red circle, left\tof a SQUARE. "], WORDS, "test"), plain)
    assert (plain > 0).sum() == 6


def test_of_words_that_begin_alike_the_longest_is_taken() -> None:
    assert captions.parse(["left of a left"], ("left", "left of", "a"), "test").tolist() == [[2, 3, 1]]


def test_captions_of_a_length_are_filled_up_and_never_cut() -> None:
    assert captions.parse(["a red circle"], WORDS, "test", 5).tolist() == [[1, 4, 10, 0, 0]]
    with pytest.raises(DataError, match="test: the caption of sample 1 has 3 words, and 2 fit"):
        captions.parse(["a circle", "a red circle"], WORDS, "test", 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a red sqare", "sample 1.*'a red sqare'.*unknown word 'sqare'; did you mean 'square'"),
        ("a red circle left a square", "unknown word 'left'; did you mean 'left of'"),
        ("", "sample 1 is empty"),
        (" . ", "sample 1 is empty"),
    ],
)
def test_a_caption_that_cannot_be_read_is_named(text: str, says: str) -> None:
    with pytest.raises(DataError, match=f"captions.txt.*{says}"):
        captions.parse(["a red circle", text], WORDS, "captions.txt")
