"""Conditions that are images: each source against a value worked out by hand, each baseline, and each bad sample."""

from typing import Any

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from ganbench import images
from ganbench.conditions import colourisation, denoising, edges, inpainting, super_resolution
from ganbench.data import DataError, Split
from ganbench.streams import stream

RULES: list[Any] = [
    super_resolution.Condition(),
    super_resolution.Condition(2),
    inpainting.Condition(),
    inpainting.Condition("random", 5),
    colourisation.Condition(),
    denoising.Condition(),
    edges.Condition(),
    edges.Condition(0),
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=str)


def some(count: int = 6, channels: int = 3, size: int = 16, role: str = "some images") -> Split:
    """Smooth random images."""
    small = torch.randint(0, 256, (count, channels, 5, 5), generator=stream(0, role), dtype=torch.uint8)
    return Split(images.resized(small, size))


def sources(rule: Any, split: Split, seed: int = 0) -> Tensor:
    made: Tensor = rule.of(split, stream(seed, "condition"))
    return made


@every_rule
def test_there_is_a_source_of_bytes_for_each_sample_and_a_baseline_for_each_source(rule: Any) -> None:
    split = some()
    before = split.samples.clone()
    made = sources(rule, split)
    assert made.dtype == torch.uint8
    assert made.shape[0] == 6
    assert made.shape[2:] == (16, 16)
    baseline = rule.trivial(made[:4], some(role="training"))
    assert baseline.dtype == torch.uint8
    assert baseline.shape == (4, 3, 16, 16)
    assert torch.equal(split.samples, before)


@every_rule
def test_the_stream_decides_and_nothing_else_draws(rule: Any) -> None:
    split = some()
    before = torch.get_rng_state()
    first, same, other = (sources(rule, split, seed) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    draws = isinstance(rule, denoising.Condition) or getattr(rule, "where", "") == "random"
    assert torch.equal(first, other) != draws
    assert torch.equal(torch.get_rng_state(), before)


@every_rule
def test_a_source_depends_on_its_own_sample_only(rule: Any) -> None:
    split = some()
    changed = split.samples.clone()
    changed[2] = 255 - changed[2]
    before, after = sources(rule, split), sources(rule, Split(changed))
    others = [0, 1, 3, 4, 5]
    assert torch.equal(before[others], after[others])


def test_low_resolution_has_no_more_than_a_pixel_in_sixteen() -> None:
    rule = super_resolution.Condition(4)
    split = some(size=32)
    seen = sources(rule, split)
    small = images.resized(split.samples, 8)
    assert torch.equal(images.resized(small, 32), seen)
    assert torch.equal(rule.trivial(seen, split), seen)
    flat = Split(torch.full((2, 1, 16, 16), 77, dtype=torch.uint8))
    assert torch.equal(sources(rule, flat), flat.samples)


def test_a_central_hole_is_grey_and_its_mask_white() -> None:
    split = some(size=16)
    made = sources(inpainting.Condition("centre", 6), split)
    assert made.shape == (6, 4, 16, 16)
    assert (made[:, :3, 5:11, 5:11] == 128).all()
    assert (made[:, 3, 5:11, 5:11] == 255).all()
    assert int((made[:, 3] > 0).sum()) == 6 * 36
    outside = made[:, 3:] == 0
    assert torch.equal(made[:, :3][outside.expand(-1, 3, -1, -1)], split.samples[outside.expand(-1, 3, -1, -1)])


@settings(max_examples=30, deadline=None)
@drawn(size=st.integers(3, 12), data=st.data())
def test_random_holes_are_whole_boxes_within_the_image(size: int, data: st.DataObject) -> None:
    side = data.draw(st.integers(1, size - 1))
    split = Split(torch.zeros(20, 1, size, size, dtype=torch.uint8))
    mask = sources(inpainting.Condition("random", side), split, data.draw(st.integers(0, 9)))[:, 1] > 0
    rows, columns = mask.any(2), mask.any(1)
    assert (rows.sum(1) == side).all()
    assert (columns.sum(1) == side).all()
    assert torch.equal(mask, rows[:, :, None] & columns[:, None, :])


def test_random_holes_reach_every_corner() -> None:
    split = Split(torch.zeros(400, 1, 5, 5, dtype=torch.uint8))
    mask = sources(inpainting.Condition("random", 3), split)[:, 1] > 0
    assert mask.any(0).all()
    corners = {tuple(box.nonzero()[0].tolist()) for box in mask}
    assert corners == {(row, column) for row in range(3) for column in range(3)}


def test_mean_fill_is_the_mean_training_image_in_the_hole_alone() -> None:
    rule = inpainting.Condition("centre", 2)
    train = Split(torch.stack([torch.full((1, 4, 4), 10), torch.full((1, 4, 4), 21)]).to(torch.uint8))
    split = Split(torch.full((1, 1, 4, 4), 200, dtype=torch.uint8))
    filled = rule.trivial(sources(rule, split), train)
    assert (filled[0, 0, 1:3, 1:3] == 16).all()  # 15.5, rounded to even
    assert int((filled == 200).sum()) == 12


def test_luminance_of_pure_colours() -> None:
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 10, 10]], dtype=torch.uint8)
    split = Split(colours[:, :, None, None].expand(-1, -1, 2, 2).contiguous())
    assert sources(colourisation.Condition(), split)[:, 0, 0, 0].tolist() == [76, 150, 29, 255, 10]


def test_noise_has_the_stated_deviation() -> None:
    split = Split(torch.full((50, 1, 16, 16), 128, dtype=torch.uint8))
    noise = sources(denoising.Condition(sigma=20.0), split).double() - 128
    assert abs(float(noise.std()) - 20) < 0.5
    assert abs(float(noise.mean())) < 0.5
    pairs = torch.stack([noise[:, 0, :, 0::2].flatten(), noise[:, 0, :, 1::2].flatten()])
    assert abs(float(pairs.corrcoef()[0, 1])) < 0.03


def test_the_filter_removes_noise() -> None:
    split, rule = some(size=32), denoising.Condition(sigma=50.0)
    noisy = sources(rule, split)
    error = [(of.double() - split.samples.double()).square().mean() for of in (noisy, rule.trivial(noisy, split))]
    assert error[1] < error[0] / 2


def test_a_step_has_its_height_as_magnitude_and_an_edge_on_either_side() -> None:
    step = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    step[..., 3:] = 64
    assert sources(edges.Condition(threshold=0), Split(step))[0, 0, 2].tolist() == [0, 0, 64, 64, 0, 0]
    assert sources(edges.Condition(threshold=64), Split(step))[0, 0, 2].tolist() == [0, 0, 255, 255, 0, 0]
    assert torch.equal(
        sources(edges.Condition(), Split(step.mT.contiguous())), sources(edges.Condition(), Split(step)).mT
    )
    with pytest.raises(DataError, match="no gradient reaches the threshold 65"):
        sources(edges.Condition(threshold=65), Split(step))


def test_the_mean_image_is_exact_over_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "AT_ONCE", 4)
    split = some(count=11)
    assert torch.equal(images.mean(split.samples)[0], split.samples.double().mean(0).round().to(torch.uint8))
    assert images.luminance(split.samples).shape == (11, 1, 16, 16)


@pytest.mark.parametrize(
    ("rule", "shape", "said"),
    [
        (super_resolution.Condition(4), (3, 1, 18, 18), r"sample 0 has 18x18 pixels.* a multiple of 4"),
        (super_resolution.Condition(4), (3, 1, 4, 4), "and larger"),
        (inpainting.Condition(side=8), (3, 1, 8, 8), "sample 0 has 8x8 pixels, and a hole of 8x8 leaves nothing"),
        (colourisation.Condition(), (3, 1, 8, 8), r"sample 0 has 1 colour channel\(s\); colourisation needs colour"),
        (colourisation.Condition(), (3, 3, 8, 8), "sample 0 is grey, and so are all others"),
        (edges.Condition(), (3, 1, 8, 8), "sample 0 has no edge"),
    ],
)
def test_samples_that_a_rule_cannot_take_are_named(rule: Any, shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        sources(rule, Split(torch.full(shape, 9, dtype=torch.uint8)))
