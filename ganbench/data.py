"""Datasets as tensors: prepared once into one file, read by every run."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ganbench import layout, plugins, tensorfiles
from ganbench.protocol import Dataset

SPLITS = ("train", "validation", "test")
EXTRACTOR = "extractor"
"""A fourth split, which a dataset may have: what its extractors are trained on, where `train` lacks on purpose what
they must recognise."""


class DataError(Exception):
    """Data that is missing or is not what it should be; the message says what to put where."""


class Split(NamedTuple):
    """Samples: points (n, d) float32, or images (n, channels, size, size) uint8; if there are any, labels (n,) int64,
    and captions (n, length) int64: word k of the dataset's `words` is k + 1, and 0 fills up."""

    samples: Tensor
    labels: Tensor | None = None
    captions: Tensor | None = None


Splits = dict[str, Split]


def fine(splits: Splits) -> None:
    """Nothing more to check."""


def prepare(dataset: Dataset, raw: Path, check: Callable[[Splits], None] = fine) -> None:
    """Load a dataset (download it if need be), check it, and write all its splits as one tensor file. `check` may raise
    too, before anything is written.

    Raises DataError.
    """
    plugin = plugins.load(dataset.card, dataset.spec["settings"])
    splits: Splits = plugin.splits(raw)
    tensors = {}
    for name in (*SPLITS, *([EXTRACTOR] if EXTRACTOR in splits else [])):
        samples, labels, captions = splits[name]
        if samples.is_floating_point() and not torch.isfinite(samples).all():
            raise DataError(f"dataset '{dataset.card.name}', split '{name}': a sample is not finite")
        for part, tensor in (("samples", samples), ("labels", labels), ("captions", captions)):
            if tensor is None:
                continue
            if len(tensor) != len(samples):
                message = f"{len(samples)} samples have {len(tensor)} {part}"
                raise DataError(f"dataset '{dataset.card.name}', split '{name}': {message}")
            # copies, as a plugin may hand over slices of one tensor, and a file's tensors share nothing
            tensors[f"{name}_{part}"] = tensor.clone(memory_format=torch.contiguous_format)
    check(splits)
    hashes = {name: fingerprint(tensor) for name, tensor in tensors.items()}
    tensorfiles.write(layout.data(dataset.key), tensors, hashes)


def read(dataset: Dataset, split: str) -> Split:
    """One split of a prepared dataset. Raises DataError if it is not prepared, or not what was prepared."""
    with _opened(dataset) as file:
        there = set(file.keys())
        samples, *rest = (f"{split}_{part}" for part in Split._fields)
        others = (_verified(dataset, file, name) if name in there else None for name in rest)
        return Split(_verified(dataset, file, samples), *others)


def lessons(dataset: Dataset) -> str:
    """The split that extractors are trained on, of a prepared dataset."""
    with _opened(dataset) as file:
        return EXTRACTOR if f"{EXTRACTOR}_samples" in file.keys() else "train"  # noqa: SIM118 - no mapping


def _verified(dataset: Dataset, file: Any, name: str) -> Tensor:
    """A tensor that has the hash that was written with it. Files from before there were hashes have none."""
    try:
        tensor: Tensor = file.get_tensor(name)
    except SafetensorError as error:
        raise _damaged(dataset, str(error)) from error
    hashes, found = file.metadata(), fingerprint(tensor)
    if hashes and hashes.get(name) != found:
        raise _damaged(dataset, f"the sha256 of {name} is {found}, and was {hashes.get(name)} when it was made")
    return tensor


def sample_shape(dataset: Dataset) -> tuple[int, ...]:
    """The shape of one sample of a prepared dataset, without reading any."""
    with _opened(dataset) as file:
        return tuple(file.get_slice("train_samples").get_shape()[1:])


def count(dataset: Dataset, split: str) -> int:
    """How many samples a split of a prepared dataset has, without reading any."""
    with _opened(dataset) as file:
        return int(file.get_slice(f"{split}_samples").get_shape()[0])


def _opened(dataset: Dataset) -> Any:
    path = layout.data(dataset.key)
    if not path.exists():
        raise DataError(f"{path}: dataset '{dataset.label}' is not prepared; `snakemake` does it")
    try:
        return safe_open(path, "pt")
    except SafetensorError as error:
        raise _damaged(dataset, str(error)) from error


def _damaged(dataset: Dataset, why: str) -> DataError:
    path = layout.data(dataset.key)
    return DataError(f"{path}: dataset '{dataset.label}' is damaged ({why}); remove the file, and `snakemake` makes it")


def fingerprint(tensor: Tensor) -> str:
    """sha256 of a tensor's bytes, whatever its memory format."""
    return hashlib.sha256(tensor.detach().cpu().contiguous().numpy().data).hexdigest()


def as_floats(samples: Tensor) -> Tensor:
    """What networks see: uint8 images as floats in [-1, 1]; points, labels and words as they are."""
    return samples.float().div_(127.5).sub_(1) if samples.dtype == torch.uint8 else samples


def as_bytes(images: Tensor) -> Tensor:
    """Generated images in [-1, 1] as uint8, rounded (not truncated). The images must be finite."""
    return images.mul(127.5).add_(127.5).round_().clamp_(0, 255).to(torch.uint8)


class Batches:
    """Batches (size, ...) of samples for ever, as floats, each in a tuple with the conditions `given` of its samples,
    if there are any: each epoch is a fresh shuffle, and what does not fill a batch is dropped. Raises DataError if
    there are fewer samples than a batch holds."""

    def __init__(self, samples: Tensor, size: int, stream: torch.Generator, given: Tensor | None = None) -> None:
        if len(samples) < size:
            raise DataError(f"batch_size {size} is larger than the training split ({len(samples)} samples)")
        self.samples, self.size, self.stream = samples, size, stream
        self._parts = (samples,) if given is None else (samples, given)
        self._epoch = torch.empty(0, size)
        self._shuffled_from = stream.get_state()
        self._taken = 0

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> tuple[Tensor, ...]:
        return self.at(self.draw())

    def draw(self) -> Tensor:
        """Which samples the next batch has (size,)."""
        drawn = self.rest()[0]
        self.skip()
        return drawn

    def rest(self) -> Tensor:
        """Which samples the next batches have, to the end of the epoch (one or more, size)."""
        if self._taken == len(self._epoch):
            self._shuffle()
        return self._epoch[self._taken :]

    def skip(self) -> None:
        """Leave out the next batch of those."""
        self._taken += 1

    def at(self, index: Tensor) -> tuple[Tensor, ...]:
        """The batch of these samples."""
        return tuple(as_floats(part[index]) for part in self._parts)

    def _shuffle(self) -> None:
        count = len(self.samples)
        self._shuffled_from = self.stream.get_state()
        order = torch.randperm(count, generator=self.stream, device=self.samples.device)
        self._epoch, self._taken = order[: count // self.size * self.size].view(-1, self.size), 0

    def state_dict(self) -> dict[str, Any]:
        """The place within the epoch, and the state of the stream that its shuffle came from."""
        return {"shuffled_from": self._shuffled_from, "taken": self._taken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a place: shuffle as then."""
        self.stream.set_state(state["shuffled_from"])
        self._epoch, self._shuffled_from = self._epoch[:0], state["shuffled_from"]
        if state["taken"]:
            self._shuffle()
        self._taken = state["taken"]


class Source(Protocol):
    """Where batches come from: what the next one has, and what that is."""

    def draw(self) -> Tensor:
        """Which samples the next batch has."""

    def at(self, index: Tensor, /) -> tuple[Tensor, ...]:
        """The batch of these samples."""


class Held:
    """The batches of the next step, `count` of them, at a fixed place in memory: what a recorded step reads."""

    def __init__(self, source: Source, count: int) -> None:
        self._source = source
        self._indices: list[Tensor | None] = [None] * count
        self._taken = 0

    def feed(self) -> None:
        """Go on to the next step."""
        for place, held in enumerate(self._indices):
            if held is None:
                self._indices[place] = self._source.draw().clone()
            else:
                held.copy_(self._source.draw())
        self._taken = 0

    def __iter__(self) -> "Held":
        return self

    def __next__(self) -> tuple[Tensor, ...]:
        index = self._indices[self._taken]
        if index is None:
            raise RuntimeError("a step takes its batches after `feed()`")
        self._taken += 1
        return self._source.at(index)
