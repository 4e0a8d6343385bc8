"""Datasets of images that torchvision reads, on small files in its own formats; and folders of images."""

import hashlib
import os
import pickle
import tarfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import scipy.io
import torch
import torchvision.datasets
from PIL import Image

from ganbench import idx, images, plugins
from ganbench.data import DataError, Split
from ganbench.datasets import celeba, stl10, svhn

REGISTRY = plugins.discover()
TARBALL = Path(os.environ.get("GANBENCH_DATA") or "nowhere") / "cifar10-jpg.tar.xz"


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without network."""

    def refuse(*_: object, **__: object) -> None:
        raise URLError("Network is unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


def splits(name: str, raw: Path, **given: Any) -> dict[str, Split]:
    card = REGISTRY.card("dataset", name)
    settings, problems = plugins.resolve(card, given)
    assert not problems
    found: dict[str, Split] = plugins.load(card, settings).splits(raw)
    return found


def sizes(found: dict[str, Split]) -> dict[str, tuple[int, ...]]:
    for samples, labels, _ in found.values():
        assert samples.dtype == torch.uint8
        assert labels is None or (labels.dtype == torch.int64 and len(labels) == len(samples))
    return {name: tuple(split.samples.shape) for name, split in found.items()}


def labels(split: Split) -> list[int]:
    assert split.labels is not None
    listed: list[int] = split.labels.tolist()
    return listed


def write(path: Path, content: bytes) -> str:
    """A file, and its md5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return hashlib.md5(content).hexdigest()


def pixels(count: int, *shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def picture(path: Path, width: int, height: int, colour: Sequence[int] = (200, 100, 0)) -> None:
    """A lossless image: grey, with a square of the colour in its middle, half as wide."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (width, height), (128, 128, 128))
    side = min(width, height) // 2
    image.paste(tuple(colour), ((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2))
    image.save(path, format="PNG")


# What they share


def test_resizing_keeps_what_is_flat_and_averages_what_is_fine() -> None:
    flat = torch.full((3, 2, 8, 8), 77, dtype=torch.uint8)
    for size in (4, 8, 12):
        assert torch.equal(images.resized(flat, size), torch.full((3, 2, size, size), 77, dtype=torch.uint8))
    checks = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    checks[..., ::2, 1::2] = checks[..., 1::2, ::2] = 200
    assert (images.resized(checks, 8).float() - 100).abs().max() < 10  # without antialiasing it would be 0 or 200


def test_resizing_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    some = torch.from_numpy(pixels(7, 3, 8, 8))
    whole = images.resized(some, 5)
    monkeypatch.setattr(images, "AT_ONCE", 3)
    assert torch.equal(images.resized(some, 5), whole)


def test_the_largest_or_a_given_square_is_cropped_from_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    picture(path, 40, 16)
    assert images.decoded([path], 8, 8).flatten(2).unique(dim=2)[0].tolist() == [[200], [100], [0]]
    largest = images.decoded([path, path], 16, None)
    assert largest.shape == (2, 3, 16, 16)
    assert largest[1, :, 0, 0].tolist() == [128, 128, 128]
    assert largest[1, :, 8, 8].tolist() == [200, 100, 0]
    grey = images.decoded([path], 8, 8, colour=False)
    assert grey.shape == (1, 1, 8, 8)
    assert grey.unique().tolist() == [round(0.299 * 200 + 0.587 * 100)]


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>", b"\x89PNG\r\n\x1a\n broken"])
def test_a_file_that_is_no_image_is_named(content: bytes, tmp_path: Path) -> None:
    write(tmp_path / "broken.png", content)
    with pytest.raises(DataError, match=r"broken\.png: cannot be read as an image"):
        images.decoded([tmp_path / "broken.png"], 8, None)


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    Image.fromarray(pixels(64, 64, 3)).save(tmp_path / "whole.jpg", format="JPEG")
    write(tmp_path / "cut.jpg", (tmp_path / "whole.jpg").read_bytes()[:2000])
    with pytest.raises(DataError, match=r"cut\.jpg: .*truncated"):
        images.decoded([tmp_path / "cut.jpg"], 8, None)


def test_an_image_that_is_too_small_to_crop_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "small.png", 40, 16)
    with pytest.raises(DataError, match=r"small\.png: no 20x20 pixels can be cropped from 40x16"):
        images.decoded([tmp_path / "small.png"], 8, 20)


def test_images_of_all_formats_are_read(tmp_path: Path) -> None:
    paths = []
    for mode, suffix in (("1", "png"), ("L", "bmp"), ("P", "gif"), ("RGBA", "png"), ("CMYK", "jpg"), ("LA", "png")):
        paths.append(tmp_path / f"{mode}.{suffix}")
        Image.new(mode, (9, 7)).save(paths[-1])
    assert images.decoded(paths, 6, None).shape == (6, 3, 6, 6)


def split_of(count: int, *shape: int, classes: int = 2) -> Split:
    return Split(torch.from_numpy(pixels(count, *shape)), torch.arange(count) % classes)


def test_what_is_checked_passes_or_says_what_is_there() -> None:
    right = split_of(6, 3, 4, 4)
    assert images.checked("some", right, (6, 3, 4, 4), 2) is right
    assert images.checked("some", Split(right.samples), (6, 3, 4, 4), 0).labels is None
    with pytest.raises(DataError, match=r"some: there are torch.uint8 \(6, 3, 4, 4\), and not images \(7, 3, 4, 4\)"):
        images.checked("some", right, (7, 3, 4, 4), 2)
    with pytest.raises(DataError, match=r"torch.float32"):
        images.checked("some", Split(right.samples.float()), (6, 3, 4, 4), 2)
    for wrong in (torch.arange(6), torch.zeros(6).long(), torch.arange(6) % 2 + 1, torch.arange(5) % 2):
        with pytest.raises(DataError, match=r"some: there are \d labels from"):
            images.checked("some", Split(right.samples, wrong), (6, 3, 4, 4), 2)


def test_the_last_training_images_are_for_validation() -> None:
    train, test = split_of(10, 3, 4, 4, classes=10), split_of(4, 3, 4, 4)
    found = images.held_out(train, test, 3, at_random=False)
    assert found["test"] is test
    assert (labels(found["train"]), labels(found["validation"])) == ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9])
    assert torch.equal(found["validation"].samples, train.samples[7:])


def test_a_random_choice_for_validation_takes_every_image_once() -> None:
    train, test = split_of(1000, 1, 2, 2), split_of(4, 1, 2, 2)
    places = Split(train.samples, torch.arange(1000))
    found = images.held_out(places, test, 200)
    assert sorted(labels(found["train"]) + labels(found["validation"])) == list(range(1000))
    assert len(labels(found["validation"])) == 200
    assert 60 < sum(place >= 600 for place in labels(found["validation"])) < 100  # 80 on average
    assert torch.equal(found["train"].samples, train.samples[found["train"].labels])


def test_only_training_images_are_mirrored() -> None:
    before = {"train": split_of(3, 3, 4, 4), "validation": split_of(2, 3, 4, 4), "test": Split(split_of(2).samples)}
    found = images.mirrored(before)
    assert found["validation"] is before["validation"]
    assert found["test"] is before["test"]
    assert torch.equal(found["train"].samples[:3], before["train"].samples)
    for column in range(4):
        left, right = found["train"].samples[:3, ..., column], found["train"].samples[3:, ..., 3 - column]
        assert torch.equal(left, right)
    assert labels(found["train"]) == [0, 1, 0, 0, 1, 0]


# Kuzushiji-MNIST


def idx_bytes(values: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape) + values.tobytes()


@pytest.mark.parametrize("size", [28, 32])
def test_kmnist_is_read_like_mnist(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "COUNTS", {"train": 60, "test": 20})
    monkeypatch.setattr(idx, "VALIDATION", 20)
    folder = tmp_path / "KMNIST" / "raw"
    shown = pixels(60, 28, 28)
    for prefix, count in (("train", 60), ("t10k", 20)):
        write(folder / f"{prefix}-images-idx3-ubyte", idx_bytes(shown[:count]))
        write(folder / f"{prefix}-labels-idx1-ubyte", idx_bytes(np.arange(count, dtype=np.uint8) % 10))
    found = splits("kmnist", tmp_path, size=size)
    assert sizes(found) == {
        "train": (40, 1, size, size),
        "validation": (20, 1, size, size),
        "test": (20, 1, size, size),
    }
    edge = (size - 28) // 2
    inner = found["validation"].samples[:, 0, edge : size - edge, edge : size - edge]
    together = {image.tobytes(): label for image, label in zip(shown, np.arange(60) % 10, strict=True)}
    for image, label in zip(inner.numpy(), labels(found["validation"]), strict=True):
        assert together[image.tobytes()] == label
    assert found["validation"].samples.sum() == inner.sum()
    write(folder / "t10k-labels-idx1-ubyte", idx_bytes(np.zeros(20, dtype=np.uint8)))
    with pytest.raises(DataError, match=r"KMNIST.*t10k-labels.*2 labels of each class"):
        splits("kmnist", tmp_path)


# CIFAR: torchvision checks the md5 of each pickled batch before it opens it


CIFAR = {
    "cifar10": ("CIFAR10", 10, [f"data_batch_{i}" for i in range(1, 6)], ["test_batch"], "labels"),
    "cifar100": ("CIFAR100", 100, ["train"], ["test"], "fine_labels"),
}


def write_cifar(name: str, raw: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The files of 600 images, 200 of them for testing; returns the training images."""
    source, classes, train, test, key = CIFAR[name]
    known = getattr(torchvision.datasets, source)
    folder = raw / known.base_folder
    shown = pixels(400, 3072)
    lists = []
    for files, rows in ((train, shown), (test, shown[:200])):
        lists.append([])
        for part, file in zip(np.array_split(np.arange(len(rows)), len(files)), files, strict=True):
            batch = {"data": rows[part], key: [int(i) % classes for i in part]}
            lists[-1].append([file, write(folder / file, pickle.dumps(batch))])
    monkeypatch.setattr(known, "train_list", lists[0])
    monkeypatch.setattr(known, "test_list", lists[1])
    names = {known.meta["key"]: [str(i) for i in range(classes)]}
    meta = {**known.meta, "md5": write(folder / known.meta["filename"], pickle.dumps(names))}
    monkeypatch.setattr(known, "meta", meta)
    monkeypatch.setattr(images, "CIFAR_COUNTS", {"train": 400, "test": 200})
    return shown


@pytest.mark.parametrize("name", CIFAR)
def test_cifar_is_divided_and_flipped(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = write_cifar(name, tmp_path, monkeypatch).reshape(400, 3, 32, 32)
    classes = CIFAR[name][1]
    found = splits(name, tmp_path)
    assert sizes(found) == dict.fromkeys(("train", "validation", "test"), (200, 3, 32, 32))
    label_of = {image.tobytes(): i % classes for i, image in enumerate(shown)}
    taken = [found[split] for split in ("train", "validation")]
    pictures = [image for split in taken for image in split.samples.numpy()]
    assert sorted(image.tobytes() for image in pictures) == sorted(image.tobytes() for image in shown)
    assert [label_of[image.tobytes()] for image in pictures] == [label for split in taken for label in labels(split)]
    flipped = splits(name, tmp_path, flip=True)
    assert sizes(flipped)["train"] == (400, 3, 32, 32)
    assert torch.equal(flipped["train"].samples[200:], found["train"].samples.flip(3))


def test_a_changed_batch_of_cifar_is_not_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar("cifar10", tmp_path, monkeypatch)

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "pwned",)

    write(tmp_path / "cifar-10-batches-py" / "data_batch_3", pickle.dumps(Evil()))
    with pytest.raises(DataError, match="missing or broken"):
        splits("cifar10", tmp_path)
    assert not (tmp_path / "pwned").exists()


def test_cifar_with_other_counts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar("cifar10", tmp_path, monkeypatch)
    monkeypatch.setattr(images, "CIFAR_COUNTS", {"train": 401, "test": 200})
    with pytest.raises(DataError, match=r"CIFAR10: there are .*\(400, 3, 32, 32\), and not images \(401, 3, 32, 32\)"):
        splits("cifar10", tmp_path)


# SVHN


def test_svhn_has_its_last_training_images_for_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svhn, "COUNTS", {"train": 50, "test": 20})
    monkeypatch.setattr(svhn, "VALIDATION", 20)
    shown, listed = pixels(50, 32, 32, 3), {}
    for split, count in svhn.COUNTS.items():
        path = tmp_path / "SVHN" / f"{split}_32x32.mat"
        path.parent.mkdir(exist_ok=True)
        digits = np.arange(count, dtype=np.uint8)[:, None] % 10
        digits[digits == 0] = 10  # as in the genuine files
        scipy.io.savemat(path, {"X": shown[:count].transpose(1, 2, 3, 0), "y": digits})
        listed[split] = ["http://nowhere", path.name, hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setattr(torchvision.datasets.SVHN, "split_list", listed)
    found = splits("svhn", tmp_path)
    assert sizes(found) == {"train": (30, 3, 32, 32), "validation": (20, 3, 32, 32), "test": (20, 3, 32, 32)}
    assert np.array_equal(found["validation"].samples.numpy(), shown[30:].transpose(0, 3, 1, 2))
    assert labels(found["train"])[:11] == [*range(10), 0]


# STL-10


@pytest.mark.parametrize(("size", "flip"), [(48, False), (96, True)])
def test_stl10_is_its_unlabelled_part(size: int, flip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stl10, "COUNT", 20)
    monkeypatch.setattr(stl10, "PARTS", (10, 15))
    shown = pixels(20, 3, 96, 96)
    md5 = write(tmp_path / "stl10_binary" / "unlabeled_X.bin", shown.transpose(0, 1, 3, 2).tobytes())
    monkeypatch.setattr(torchvision.datasets.STL10, "train_list", [["", ""], ["", ""], ["unlabeled_X.bin", md5]])
    monkeypatch.setattr(torchvision.datasets.STL10, "_check_integrity", lambda _: True)
    found = splits("stl10", tmp_path, size=size, flip=flip)
    train = 20 if flip else 10
    assert sizes(found) == {
        "train": (train, 3, size, size),
        "validation": (5, 3, size, size),
        "test": (5, 3, size, size),
    }
    assert all(split.labels is None for split in found.values())
    assert torch.equal(found["test"].samples, images.resized(torch.from_numpy(shown[15:]), size))


# CelebA


def write_celeba(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten faces: six for training, two and two."""
    folder = raw / "celeba"
    names = [f"{i:06}.jpg" for i in range(1, 11)]
    for index, name in enumerate(names):
        picture(folder / "img_align_celeba" / name, 178, 218, (25 * index, 0, 0))
    partition = [0, 0, 0, 0, 0, 0, 1, 1, 2, 2]
    lists = {
        "list_attr_celeba.txt": "10\nBald Smiling\n" + "".join(f"{name} -1 1\n" for name in names),
        "identity_CelebA.txt": "".join(f"{name} 1\n" for name in names),
        "list_bbox_celeba.txt": "10\nimage_id x_1\n" + "".join(f"{name} 1\n" for name in names),
        "list_landmarks_align_celeba.txt": "10\nlefteye_x\n" + "".join(f"{name} 1\n" for name in names),
        "list_eval_partition.txt": "".join(f"{n} {p}\n" for n, p in zip(names, partition, strict=True)),
    }
    md5s = [("", write(folder / name, text.encode()), name) for name, text in lists.items()]
    monkeypatch.setattr(torchvision.datasets.CelebA, "file_list", [("", "", "img_align_celeba.zip"), *md5s])
    monkeypatch.setattr(celeba, "COUNTS", {"train": 6, "valid": 2, "test": 2})


@pytest.mark.parametrize("crop", [108, 160, 178])
def test_celeba_has_its_published_splits_and_the_crop_of_your_choice(
    crop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_celeba(tmp_path, monkeypatch)
    found = splits("celeba", tmp_path, crop=crop, flip=True)
    assert sizes(found) == {"train": (12, 3, 64, 64), "validation": (2, 3, 64, 64), "test": (2, 3, 64, 64)}
    assert all(split.labels is None for split in found.values())
    assert [int(image[0, 32, 32]) for image in found["test"].samples] == [200, 225]
    shown = (found["test"].samples[0, 0, 32] > 160).sum().item()  # the square is 89 pixels wide
    assert shown == pytest.approx(64 * 89 / crop, abs=2)


def test_celeba_with_other_counts_or_lists_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_celeba(tmp_path, monkeypatch)
    monkeypatch.setattr(celeba, "COUNTS", {"train": 7, "valid": 2, "test": 2})
    with pytest.raises(DataError, match="'train' lists 6 images, and not 7"):
        splits("celeba", tmp_path)
    write(tmp_path / "celeba" / "identity_CelebA.txt", b"changed")
    with pytest.raises(DataError, match=r"CelebA: the files in .* are missing or broken"):
        splits("celeba", tmp_path)


# Missing files


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("kmnist", ["train-images-idx3-ubyte", "http://codh.rois.ac.jp", "KMNIST/raw", "unreachable"]),
        ("cifar10", ["cifar-10-python.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"]),
        ("cifar100", ["cifar-100-python.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"]),
        ("svhn", ["train_32x32.mat", "http://ufldl.stanford.edu/housenumbers/train_32x32.mat", "SVHN"]),
        ("stl10", ["stl10_binary.tar.gz", "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"]),
        ("celeba", ["img_align_celeba.zip", "list_eval_partition.txt", "http://mmlab.ie.cuhk.edu.hk", "celeba"]),
    ],
)
def test_missing_files_are_named_with_where_they_come_from_and_belong(
    name: str, parts: list[str], tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        splits(name, tmp_path)
    for part in (*parts, str(tmp_path), "GANBENCH_DATA", "`data:`"):
        assert part in str(caught.value)


# Folders of images


def write_folder(folder: Path, counts: dict[str, int]) -> None:
    for kind, count in counts.items():
        for index in range(count):
            picture(folder / kind / f"{index}.png", 20 + index, 20, (10 * index, 0, len(kind)))


def test_one_folder_per_class_is_divided_by_a_fixed_shuffle(tmp_path: Path) -> None:
    write_folder(tmp_path / "pets", {"cat": 12, "horse": 18})
    found = splits("image-folder", tmp_path, folder="pets", size=8, crop=8)
    assert sizes(found) == {"train": (24, 3, 8, 8), "validation": (3, 3, 8, 8), "test": (3, 3, 8, 8)}
    seen = [
        (int(i[0, 4, 4]), int(i[2, 4, 4]), label)
        for s in found.values()
        for i, label in zip(s.samples, labels(s), strict=True)
    ]
    assert sorted(seen) == sorted([*((10 * i, 3, 0) for i in range(12)), *((10 * i, 5, 1) for i in range(18))])
    assert seen != sorted(seen)
    torch.rand(3)
    again = splits("image-folder", tmp_path, folder="pets", size=8, crop=8)
    assert all(torch.equal(found[name].samples, again[name].samples) for name in found)


@pytest.mark.parametrize("published", [("train", "test"), ("train", "validation", "test")])
def test_a_folder_that_names_its_splits_keeps_them(published: tuple[str, ...], tmp_path: Path) -> None:
    for name in published:
        write_folder(tmp_path / "my" / "pets" / name, {"cat": 8, "horse": 12 if name == "train" else 2})
    found = splits("image-folder", tmp_path, folder="my/pets", size=8, colour=False, flip=True)
    own = "validation" in published
    assert sizes(found) == {
        "train": (40 if own else 36, 1, 8, 8),
        "validation": (10 if own else 2, 1, 8, 8),
        "test": (10, 1, 8, 8),
    }
    assert labels(found["test"]) == [0] * 8 + [1] * 2
    assert labels(found["train"]).count(1) + (0 if own else 2 * labels(found["validation"]).count(1)) == 24


@pytest.mark.parametrize("folder", ["/etc", "..", "../elsewhere", "pets/../../elsewhere", "", "."])
def test_a_folder_outside_the_data_folder_is_refused(folder: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a path inside the data folder"):
        splits("image-folder", tmp_path, folder=folder)


def test_a_link_in_the_data_folder_may_lead_elsewhere(tmp_path: Path) -> None:
    write_folder(tmp_path / "elsewhere", {"cat": 10})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pets").symlink_to(tmp_path / "elsewhere")
    assert sizes(splits("image-folder", tmp_path / "data", folder="pets", size=8))["train"] == (8, 3, 8, 8)


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"put images into one folder per class in .*pets"):
        splits("image-folder", tmp_path, folder="pets")
    (tmp_path / "pets" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match=r"cat.*put images into one folder per class in .*pets"):
        splits("image-folder", tmp_path, folder="pets")


def test_splits_of_different_classes_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "pets" / "train", {"cat": 2, "horse": 2})
    with pytest.raises(DataError, match=r"one folder per class in .*test"):
        splits("image-folder", tmp_path, folder="pets")
    write_folder(tmp_path / "pets" / "test", {"cat": 2, "cow": 2})
    with pytest.raises(DataError, match=r"not the same classes in every split: .*horse.*cow"):
        splits("image-folder", tmp_path, folder="pets")


@pytest.mark.skipif(not TARBALL.is_file(), reason="no CIFAR-10 as JPEG files in GANBENCH_DATA")
def test_cifar_as_jpeg_files_is_a_folder_of_images(tmp_path: Path) -> None:
    with tarfile.open(TARBALL) as archive:
        for count, member in enumerate(archive):
            if member.isfile() and member.name.endswith(("00.jpg", "50.jpg")):
                source = archive.extractfile(member)
                assert source is not None
                assert ".." not in member.name
                write(tmp_path / "cifar" / member.name, source.read())
            if count > 13_000:
                break
    (tmp_path / "cifar" / "train").rename(tmp_path / "cifar-train")
    found = splits("image-folder", tmp_path, folder="cifar-train", size=32)
    assert sizes(found)["train"][1:] == (3, 32, 32)
    assert set(labels(found["train"])) == {0, 1, 2}  # airplane, automobile, bird
    assert 50 < found["train"].samples.float().mean() < 200
