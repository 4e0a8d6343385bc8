"""The built-in datasets that hold images: digits, MNIST and its like, stacks. (The mixtures: test_mixtures.py.)"""

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision.datasets
import torchvision.datasets.mnist

import ganbench
from ganbench import cards, idx, plugins, stacks
from ganbench.data import EXTRACTOR, SPLITS, DataError, Split
from ganbench.streams import stream

FOLDER = Path(ganbench.__file__).parent / "datasets"
CARDS = {card.name: card for card in (cards.read_card(path, "dataset") for path in FOLDER.glob("[!_]*.py"))}
RAW = Path(os.environ.get("GANBENCH_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

needs_mnist = pytest.mark.skipif(
    not all((RAW / "MNIST" / "raw" / name).is_file() for name in FILES), reason=f"no MNIST in {RAW}"
)


def splits(name: str, raw: Path = Path("nowhere"), **given: Any) -> dict[str, Split]:
    card = CARDS[name]
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


# Fashion-MNIST


CLOTHES = "FashionMNIST"


@pytest.fixture(scope="module")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw folder with files of the right form."""
    raw = tmp_path_factory.mktemp("raw")
    folder = idx.folder(CLOTHES, raw)
    folder.mkdir(parents=True)
    for prefix, count in (("train", 60_000), ("t10k", 10_000)):
        pixels = torch.zeros(count, 28, 28, dtype=torch.uint8)
        pixels[:, 0, 0] = torch.arange(count) % 251
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header(count, 28, 28) + pixels.numpy().tobytes())
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(header(count) + bytes(range(10)) * (count // 10))
    return raw


def header(*sizes: int) -> bytes:
    """The first bytes of an IDX file of bytes."""
    return bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)


@pytest.fixture
def changed(fashion: Path, tmp_path: Path) -> Path:
    """A copy of that folder by links; to change a file is to replace its link."""
    folder = idx.folder(CLOTHES, tmp_path)
    folder.mkdir(parents=True)
    for path in idx.folder(CLOTHES, fashion).iterdir():
        (folder / path.name).symlink_to(path)
    return tmp_path


def replace(raw: Path, name: str, content: bytes) -> None:
    path = idx.folder(CLOTHES, raw) / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def test_fashion_mnist_has_the_splits_of_mnist(fashion: Path) -> None:
    found = splits("fashion-mnist", fashion)
    assert {name: tuple(split.samples.shape) for name, split in found.items()} == {
        "train": (50_000, 1, 32, 32),
        "validation": (10_000, 1, 32, 32),
        "test": (10_000, 1, 32, 32),
    }
    values = {name: split.samples[:, 0, 2, 2].long() for name, split in found.items()}
    published = torch.arange(60_000) % 251
    assert torch.equal(values["test"], torch.arange(10_000) % 251)
    assert torch.equal(torch.cat([values["train"], values["validation"]]).bincount(), published.bincount())
    pairs = torch.cat([251 * labels(found[name]) + values[name] for name in ("train", "validation")])
    assert torch.equal(pairs.bincount(), (251 * (torch.arange(60_000) % 10) + published).bincount())
    for split in found.values():
        assert split.samples.dtype == torch.uint8
        assert not split.samples[:, 0, :2].any()


def test_fashion_mnist_also_comes_as_it_is_published(fashion: Path) -> None:
    found = splits("fashion-mnist", fashion, size=28)
    assert {name: tuple(split.samples.shape[1:]) for name, split in found.items()} == dict.fromkeys(found, (1, 28, 28))
    assert torch.equal(found["test"].samples[:, 0, 0, 0].long(), torch.arange(10_000) % 251)


@pytest.mark.usefixtures("offline")
def test_fashion_mnist_without_files_or_network_says_what_to_get_from_where(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        splits("fashion-mnist", tmp_path)
    message = str(caught.value)
    for part in (*FILES[:2], str(tmp_path / CLOTHES / "raw"), "GANBENCH_DATA", "http://fashion-mnist."):
        assert part in message


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "t10k-images-idx3-ubyte",
            header(9_999, 28, 28) + bytes(9_999 * 784),
            r"\(9999, 28, 28\) and not 10000 images",
        ),
        ("t10k-images-idx3-ubyte", header(10_000, 14, 14) + bytes(10_000 * 196), r"not 10000 images of 28x28"),
        ("t10k-labels-idx1-ubyte", header(9_990) + bytes(range(10)) * 999, "9990 labels"),
        (
            "t10k-labels-idx1-ubyte",
            header(10_000) + bytes(range(1, 11)) * 1000,
            "from 1 to 10 and not 10000 from 0 to 9",
        ),
        ("t10k-labels-idx1-ubyte", header(10_000) + bytes(range(5)) * 2000, "1000 labels of each class"),
    ],
)
def test_fashion_mnist_with_other_files_is_refused(name: str, content: bytes, says: str, changed: Path) -> None:
    replace(changed, name, content)
    with pytest.raises(DataError, match=f"{name}.*{says}"):
        splits("fashion-mnist", changed)


def test_fashion_mnist_looks_at_the_archives_that_are_there(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "t10k-labels-idx1-ubyte"
    archive = gzip.compress(header(10_000) + bytes(range(10)) * 1000)
    replace(changed, f"{name}.gz", archive)
    with pytest.raises(DataError, match=rf"{name}\.gz has not the md5 bb300cf"):
        splits("fashion-mnist", changed)
    known = [(f"{name}.gz", hashlib.md5(archive).hexdigest())]
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", known)
    splits("fashion-mnist", changed)
    replace(changed, name, header(10_000) + bytes(reversed(range(10))) * 1000)
    with pytest.raises(DataError, match=rf"{name}\.gz does not hold what {name} holds"):
        splits("fashion-mnist", changed)


# Stacks


STACKED = {"train": 25_600, "validation": 10_000, "test": 10_000}


def test_a_label_has_the_labels_of_the_channels_as_its_digits() -> None:
    assert stacks.joined(torch.tensor([[1, 2, 3], [0, 0, 7], [9, 9, 9]]), 10).tolist() == [123, 7, 999]
    assert stacks.joined(torch.tensor([[1, 2], [0, 3]]), 4).tolist() == [6, 3]
    every = torch.arange(1000)
    assert torch.equal(stacks.joined(stacks.apart(every, 3, 10), 10), every)
    assert stacks.apart(torch.tensor([6, 3]), 2, 4).tolist() == [[1, 2], [0, 3]]


def test_stacks_are_made_of_labelled_digits() -> None:
    with pytest.raises(ValueError, match="have no labels"):
        stacks.drawn(Split(torch.zeros(3, 1, 8, 8, dtype=torch.uint8)), 10, 3, stream(0, "test"))


@pytest.mark.parametrize(("size", "channels"), [(16, 3), (32, 2)])
def test_the_channels_of_a_stack_are_digits_of_its_split_and_its_label(size: int, channels: int) -> None:
    singles, found = splits("digits", size=size), splits("stacked-digits", size=size, channels=channels)
    assert {name: tuple(split.samples.shape) for name, split in found.items()} == {
        name: (count, channels, size, size) for name, count in STACKED.items()
    }
    for name, split in found.items():
        assert split.samples.dtype == torch.uint8
        assert split.samples.is_contiguous()
        assert labels(split).dtype == torch.int64
        known = {
            image.numpy().tobytes(): int(label)
            for image, label in zip(singles[name].samples, labels(singles[name]), strict=True)
        }
        parts = stacks.apart(labels(split), channels, 10)
        for channel in range(channels):
            grey = split.samples[:, channel].numpy()
            assert [known[image.tobytes()] for image in grey] == parts[:, channel].tolist()
        assert len({image.tobytes() for image in split.samples[:, 0].numpy()}) == len(known)  # each is used


def test_stacks_have_every_mode_and_about_as_often_as_their_digits_say() -> None:
    found = splits("stacked-digits")
    counts = labels(found["train"]).bincount(minlength=1000)
    assert counts.min() > 0
    share = labels(splits("digits")["train"]).bincount().double() / 797
    expected = torch.einsum("a,b,c->abc", share, share, share).flatten() * len(labels(found["train"]))
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi2 - 999) < 4 * (2 * 999) ** 0.5  # channels are independent


def test_stacks_are_the_same_every_time_and_differ_between_splits() -> None:
    first = splits("stacked-digits")
    torch.rand(3)
    again = splits("stacked-digits")
    for name in first:
        assert torch.equal(first[name].samples, again[name].samples)
        assert torch.equal(labels(first[name]), labels(again[name]))
    assert not torch.equal(labels(first["validation"]), labels(first["test"]))


@needs_mnist
@pytest.mark.slow
def test_stacked_mnist_is_made_of_the_split_of_mnist() -> None:
    singles, found = splits("mnist", RAW), splits("stacked-mnist", RAW)
    for name, count in (("train", 128_000), ("validation", 26_000), ("test", 26_000)):
        split = found[name]
        assert split.samples.shape == (count, 3, 32, 32)
        assert split.samples.dtype == torch.uint8
        known = {image.tobytes() for image in singles[name].samples.numpy()}
        assert all(image.tobytes() in known for image in split.samples[::100].flatten(0, 1).numpy())
        assert labels(split).unique().numel() == 1000


# The contract


def test_images_say_what_measures_them() -> None:
    extractors = {path.stem.replace("_", "-") for path in (FOLDER.parent / "extractors").glob("[!_]*.py")}
    for card in CARDS.values():
        if card.traits["kind"] == "images":
            assert card.traits["extractor"] in extractors


OF_FILES = ("celeba", "cifar10", "cifar100", "image-folder", "stl10", "svhn")  # see test_image_datasets.py
OFFLINE = [name for name in sorted(CARDS) if "mnist" not in name and name not in OF_FILES]


@pytest.mark.parametrize("name", OFFLINE)
def test_every_dataset_has_three_splits_of_its_kind(name: str) -> None:
    found = splits(name)
    extra = {EXTRACTOR} & set(found)  # of data that keeps something from generators that extractors must know
    assert set(found) == {*SPLITS, *extra}
    images = CARDS[name].traits["kind"] == "images"
    for split in found.values():
        assert split.samples.dim() == (4 if images else 2)
        assert split.samples.dtype == (torch.uint8 if images else torch.float32)
        assert (split.labels is not None) == (images or "mixture" in CARDS[name].methods)
