"""The contract of a dataset: three splits of tensors, the same every time."""

import functools
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from ganbench import layout
from ganbench.data import SPLITS, DataError, Split
from ganbench.testing.material import demand, seeded


def splits(dataset: Any) -> None:
    """There are `train`, `validation` and `test`, and none is empty."""
    found = _splits(dataset)
    demand(isinstance(found, dict) and set(found) >= set(SPLITS), f"splits() returns {list(found)}; wanted {SPLITS}")
    for name in SPLITS:
        demand(isinstance(found[name], Split), f"'{name}' is a {type(found[name]).__name__}; it should be a Split")
        demand(len(found[name].samples) > 0, f"'{name}' is empty")


def samples(dataset: Any) -> None:
    """Points are float32 (n, d) and finite; images uint8 (n, channels, size, size) of the declared size."""
    for name, split in _splits(dataset).items():
        shape, kind = tuple(split.samples.shape), split.samples.dtype
        if dataset.kind == "points":
            demand(kind == torch.float32 and len(shape) == 2, f"'{name}' is {kind} {shape}; points are float32 (n, d)")
            demand(bool(split.samples.isfinite().all()), f"a point of '{name}' is not finite")
        else:
            square = len(shape) == 4 and shape[2] == shape[3]
            demand(kind == torch.uint8 and square, f"'{name}' is {kind} {shape}; images are uint8 (n, channels, s, s)")
            size = getattr(dataset, "size", shape[2])
            demand(shape[2] == size, f"images of '{name}' have {shape[2]} pixels a side; `size` says {size}")


def one_shape(dataset: Any) -> None:
    """All splits hold samples of one shape."""
    found = {name: tuple(split.samples.shape[1:]) for name, split in _splits(dataset).items()}
    demand(len(set(found.values())) == 1, f"samples differ in shape: {found}")


def labels(dataset: Any) -> None:
    """Labels, which images need, are int64 (n,), from 0 to `classes` - 1 (of stacks, of all channels together)."""
    for name, (held, given, _) in _splits(dataset).items():
        if given is None:
            demand(dataset.kind == "points", f"'{name}' has no labels; images need them for their extractor")
            continue
        demand(given.dtype == torch.int64, f"labels of '{name}' are {given.dtype}; they should be int64")
        demand(given.shape == (len(held),), f"'{name}' has {len(held)} samples and labels {tuple(given.shape)}")
        if dataset.kind == "images":
            most = dataset.classes ** held.shape[1]
            demand(bool((given >= 0).all() and (given < most).all()), f"a label of '{name}' is not in 0 to {most - 1}")


def apart(dataset: Any) -> None:
    """The splits are different samples."""
    found = _splits(dataset)
    for first, second in (("train", "test"), ("train", "validation"), ("validation", "test")):
        one, other = (found[name].samples for name in (first, second))
        count = min(len(one), len(other))
        demand(
            count == 0 or not torch.equal(one[:count], other[:count]), f"'{first}' and '{second}' are the same samples"
        )


def mixture(dataset: Any) -> None:
    """A dataset with known modes draws its samples from them: the means agree within their error."""
    if not hasattr(dataset, "mixture"):
        raise unittest.SkipTest("it has no mixture()")
    true, drawn = dataset.mixture(), _splits(dataset)["train"].samples.double()
    error = (true.covariance().diagonal() / len(drawn)).sqrt()
    gap = (drawn.mean(0) - true.mean()).abs() / error
    demand(bool((gap < 6).all()), f"the mean of 'train' is {float(gap.max()):.1f} standard errors from the mixture's")


def determinism(dataset: Any) -> None:
    """The splits are the same every time, whatever was drawn before."""
    first = _splits(dataset)
    with seeded(1):
        second = _load(dataset, _raw())
    for name in SPLITS:
        demand(
            torch.equal(first[name].samples, second[name].samples),
            f"'{name}' differs from one call to the next; draw with ganbench.streams.stream(0, '...')",
        )


def global_generator(dataset: Any) -> None:
    """torch's global generator is left alone."""
    with seeded(7):
        before = torch.get_rng_state()
        _load(dataset, _raw())
        demand(torch.equal(torch.get_rng_state(), before), "torch's global generator is drawn from, or seeded")


def missing_data(dataset: Any) -> None:
    """Where its files are missing and cannot be downloaded, it raises DataError, which says what to put where."""
    no_network = OSError("this check allows no network")
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("socket.socket.connect", side_effect=no_network),
        mock.patch("socket.getaddrinfo", side_effect=no_network),
    ):
        try:
            dataset.splits(Path(folder))
        except DataError:
            pass
        except Exception as error:
            demand(False, f"from an empty folder it raises {type(error).__name__}: {error}; it should be a DataError")


CHECKS = (splits, samples, one_shape, labels, apart, mixture, determinism, global_generator, missing_data)


def _raw() -> Path:
    return layout.raw_data(None)


@functools.lru_cache(maxsize=1)
def _splits(dataset: Any) -> dict[str, Split]:
    """The splits, loaded once for all checks in a row."""
    with seeded(0):
        return _load(dataset, _raw())


def _load(dataset: Any, raw: Path) -> dict[str, Split]:
    try:
        found: dict[str, Split] = dataset.splits(raw)
    except DataError as error:
        raise unittest.SkipTest(f"its data is not here: {error}") from error
    return found
