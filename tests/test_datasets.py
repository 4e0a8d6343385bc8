"""The built-in datasets that hold images: digits and MNIST. (The mixtures are in test_mixtures.py.)"""

import os
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision.datasets.mnist

from ganbench import plugins
from ganbench.data import DataError, Split

REGISTRY = plugins.discover()
RAW = Path(os.environ.get("GANBENCH_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

needs_mnist = pytest.mark.skipif(
    not all((RAW / "MNIST" / "raw" / name).is_file() for name in FILES), reason=f"no MNIST in {RAW}"
)


def splits(name: str, raw: Path = Path("nowhere"), **given: Any) -> dict[str, Split]:
    card = REGISTRY.card("dataset", name)
    settings, problems = plugins.resolve(card, given)
    assert not problems
    found: dict[str, Split] = plugins.load(card, settings).splits(raw)
    return found


def labels(split: Split) -> torch.Tensor:
    assert split.labels is not None
    return split.labels


# digits


@pytest.mark.parametrize("size", [16, 32])
def test_digits_are_1797_images_in_three_splits(size: int) -> None:
    found = splits("digits", size=size)
    assert {name: len(split.samples) for name, split in found.items()} == {
        "train": 797,
        "validation": 500,
        "test": 500,
    }
    for split in found.values():
        assert split.samples.dtype == torch.uint8
        assert split.samples.shape[1:] == (1, size, size)
        assert labels(split).dtype == torch.int64
        assert len(labels(split)) == len(split.samples)
        assert labels(split).unique().tolist() == list(range(10))
        assert (split.samples.min(), split.samples.max()) == (0, 255)


def test_the_splits_of_digits_share_no_image() -> None:
    from sklearn.datasets import load_digits

    found = splits("digits")
    together = torch.cat([split.samples for split in found.values()])
    distinct = len({bytes(image.numpy().tobytes()) for image in together})
    assert distinct == len({image.tobytes() for image in load_digits().images})  # each image is in one split, once
    assert distinct > 1790


def test_the_splits_of_digits_are_fixed_and_the_same_at_both_sizes() -> None:
    small, again, large = splits("digits", size=16), splits("digits", size=16), splits("digits", size=32)
    for name in small:
        assert torch.equal(small[name].samples, again[name].samples)
        assert torch.equal(labels(small[name]), labels(large[name]))


# MNIST


@needs_mnist
def test_mnist_has_its_splits_padded_to_32_pixels() -> None:
    found = splits("mnist", RAW)
    assert {name: tuple(split.samples.shape) for name, split in found.items()} == {
        "train": (50_000, 1, 32, 32),
        "validation": (10_000, 1, 32, 32),
        "test": (10_000, 1, 32, 32),
    }
    for split in found.values():
        assert split.samples.dtype == torch.uint8
        assert labels(split).dtype == torch.int64
        assert labels(split).unique().tolist() == list(range(10))
    frame = torch.ones(32, 32, dtype=torch.bool)
    frame[2:30, 2:30] = False
    assert not found["test"].samples[:, 0, frame].any()
    assert found["test"].samples[:, 0, ~frame].any()
    assert labels(found["train"])[:5].tolist() == [5, 0, 4, 1, 9]
    assert labels(found["test"])[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without network."""

    def refuse(*_: object, **__: object) -> None:
        raise URLError("Network is unreachable")

    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", refuse)


@pytest.mark.usefixtures("offline")
def test_mnist_without_files_or_network_says_which_files_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        splits("mnist", tmp_path)
    message = str(caught.value)
    for part in (*FILES[:2], str(tmp_path / "MNIST" / "raw"), "GANBENCH_DATA", "unreachable"):
        assert part in message


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@needs_mnist
@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", FILES[1:])
def test_mnist_with_one_wrong_bit_is_refused(name: str, tmp_path: Path) -> None:
    raw = damaged(tmp_path, name, flipped((RAW / "MNIST" / "raw" / name).read_bytes()))
    with pytest.raises(DataError, match=f"{name.split('-')[0]}-.* not the genuine files"):
        splits("mnist", raw)


@needs_mnist
@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\x00\x08\x01\x00\x00\x27\x10short", b"<!DOCTYPE html><html>404 Not Found</html>"],
    ids=["empty", "truncated", "an error page"],
)
def test_mnist_with_a_file_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    raw = damaged(tmp_path, "train-labels-idx1-ubyte", content)
    with pytest.raises(DataError, match="train-labels-idx1-ubyte"):
        splits("mnist", raw)


def damaged(folder: Path, name: str, content: bytes) -> Path:
    """A raw folder in which one file has other content."""
    place = folder / "MNIST" / "raw"
    place.mkdir(parents=True)
    for other in FILES:
        if other != name:
            (place / other).symlink_to((RAW / "MNIST" / "raw" / other).resolve())
    (place / name).write_bytes(content)
    return folder


# The contract


@pytest.mark.parametrize("name", [name for name in REGISTRY.names("dataset") if name != "mnist"])
def test_every_dataset_has_three_splits_of_its_kind(name: str) -> None:
    found = splits(name)
    assert set(found) == {"train", "validation", "test"}
    images = REGISTRY.card("dataset", name).traits["kind"] == "images"
    for split in found.values():
        assert split.samples.dim() == (4 if images else 2)
        assert split.samples.dtype == (torch.uint8 if images else torch.float32)
        assert (split.labels is not None) == images
