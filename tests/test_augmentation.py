"""Differentiable augmentation: what it changes, what it leaves, and that gradients come through."""

import pytest
import torch
from torch import Tensor

from ganbench.augmentation import augment
from ganbench.streams import stream


def images(count: int = 64, channels: int = 3, size: int = 16) -> Tensor:
    return 2 * torch.rand(count, channels, size, size, generator=stream(0, "images"), dtype=torch.float64) - 1


@pytest.mark.parametrize("kind", ["colour", "translation", "cutout"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_keep_their_shape_and_change_each_in_its_own_way(kind: str, channels: int) -> None:
    one = images(1, channels)
    made = augment(one.expand(64, -1, -1, -1), [kind], stream(1, "a"))  # type: ignore[list-item]
    assert made.shape == (64, channels, 16, 16)
    assert len({tuple(image.flatten().tolist()) for image in made}) > 20


@pytest.mark.parametrize("kind", ["colour", "translation", "cutout"])
def test_the_same_stream_gives_the_same_images(kind: str) -> None:
    first, second = (augment(images(), [kind], stream(1, "a")) for _ in range(2))  # type: ignore[list-item]
    assert torch.equal(first, second)


def test_gradients_are_those_of_finite_differences() -> None:
    start = images(2, 2, 8).requires_grad_(True)

    def changed(batch: Tensor) -> Tensor:
        return augment(batch, ["colour", "translation", "cutout"], stream(1, "a"))

    assert torch.autograd.gradcheck(changed, start)


def test_a_translation_moves_pixels_by_an_eighth_at_most_and_fills_with_grey() -> None:
    dot = torch.zeros(500, 1, 16, 16)
    dot[:, :, 8, 8] = 1.0
    moved = augment(dot, ["translation"], stream(1, "a"))
    assert (moved.sum((1, 2, 3)) == 1).all()
    places = moved.squeeze(1).nonzero()[:, 1:] - 8
    assert sorted(set(places[:, 0].tolist())) == sorted(set(places[:, 1].tolist())) == [-2, -1, 0, 1, 2]
    full = augment(torch.ones(500, 1, 16, 16), ["translation"], stream(1, "a"))
    assert set(full.unique().tolist()) == {0.0, 1.0}


def test_a_cutout_is_a_square_of_half_the_size() -> None:
    made = augment(torch.ones(500, 1, 16, 16), ["cutout"], stream(1, "a"))
    hidden = (made == 0).sum((1, 2, 3))
    assert hidden.max() == 64
    assert hidden.min() >= 16  # a corner: a quarter of the square
    assert (made.amin(1).amin(1) == 0).any(0).all()  # every column is hidden somewhere


def test_colour_keeps_the_order_of_pixels_in_a_grey_image() -> None:
    grey = images(32, 1)
    made = augment(grey, ["colour"], stream(1, "a"))
    assert torch.equal(made.flatten(1).argsort(1), grey.flatten(1).argsort(1))
    shift = (made.mean((1, 2, 3)) - grey.mean((1, 2, 3))).abs()
    assert 0.3 < shift.max() <= 0.5
