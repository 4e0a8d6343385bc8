"""Sample sheets: size, mode, and that every sample is where it should be."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench import sheet
from ganbench.streams import stream


def drawn(samples: torch.Tensor, folder: Path, extent: float = 1.0) -> Image.Image:
    path = folder / "sheet.png"
    sheet.write(samples, path, extent)
    assert [p.name for p in folder.iterdir()] == ["sheet.png"]
    picture = Image.open(path)
    assert picture.format == "PNG"
    return picture


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("rows", [1, 8])
def test_images_lie_in_a_square_row_by_row(channels: int, mode: str, size: int, rows: int, tmp_path: Path) -> None:
    images = torch.randint(256, (rows * rows, channels, size, size), generator=stream(0, "test"), dtype=torch.uint8)
    picture = drawn(images, tmp_path)
    side = rows * (size + 1) - 1
    assert picture.size == (side, side)
    assert picture.mode == mode
    pixels = torch.from_numpy(np.array(picture)).reshape(side, side, channels).permute(2, 0, 1)
    for index, image in enumerate(images):
        top, left = (place * (size + 1) for place in divmod(index, rows))
        assert torch.equal(pixels[:, top : top + size, left : left + size], image)
    if rows > 1:
        assert (pixels[:, size] == 255).all()
        assert (pixels[:, :, size] == 255).all()


def test_two_channels_are_red_and_green(tmp_path: Path) -> None:
    images = torch.randint(256, (4, 2, 16, 16), generator=stream(0, "test"), dtype=torch.uint8)
    picture = drawn(images, tmp_path)
    assert picture.mode == "RGB"
    pixels = np.array(picture)
    assert (pixels[:16, :16, :2] == images[0].permute(1, 2, 0).numpy()).all()
    assert not pixels[:16, :16, 2].any()


def test_a_turned_memory_format_draws_the_same_picture(tmp_path: Path) -> None:
    images = torch.randint(256, (4, 3, 16, 16), generator=stream(0, "test"), dtype=torch.uint8)
    pictures = []
    for name, tensor in (("a", images), ("b", images.to(memory_format=torch.channels_last))):
        (tmp_path / name).mkdir()
        pictures.append(np.array(drawn(tensor, tmp_path / name)))
    assert (pictures[0] == pictures[1]).all()


@pytest.mark.parametrize(
    ("point", "corner"),
    [((-0.99, 0.99), (0, 0)), ((0.99, 0.99), (0, 255)), ((-0.99, -0.99), (255, 0)), ((0.99, -0.99), (255, 255))],
)
def test_points_are_dark_where_they_are_with_the_second_axis_upwards(
    point: tuple[float, float], corner: tuple[int, int], tmp_path: Path
) -> None:
    picture = drawn(2 * torch.tensor([point]), tmp_path, extent=2.0)
    assert picture.size == (256, 256)
    assert picture.mode == "L"
    pixels = np.array(picture)
    dark = np.argwhere(pixels < 255)
    assert len(dark) == 1
    assert np.abs(dark[0] - corner).max() <= 1
    assert pixels.min() == 0


def test_darkness_grows_with_the_root_of_the_density(tmp_path: Path) -> None:
    points = torch.tensor([[0.5, 0.5]] * 4 + [[-0.5, -0.5]])
    pixels = np.array(drawn(points, tmp_path))
    assert sorted(pixels[pixels < 255].tolist()) == [0, 127]


def test_points_outside_are_left_out(tmp_path: Path) -> None:
    points = torch.tensor([[1.5, 0.0], [0.0, -1.5], [-7.0, 1e9]])
    assert (np.array(drawn(points, tmp_path)) == 255).all()
