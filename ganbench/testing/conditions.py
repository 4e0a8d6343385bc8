"""The contract of a condition: one for each sample, from that sample alone, the same every time."""

import unittest
from typing import Any

import torch
from torch import Tensor

from ganbench.data import DataError, Split
from ganbench.streams import stream
from ganbench.testing.material import demand, images, seeded

SAMPLES = 7
SHAPES = ((1, 16, 16), (3, 16, 16), (1, 32, 32), (3, 32, 32))
TINY = ((1, 2, 2), (3, 2, 2))
CLASSES, WORDS = 4, 5


def conditions(condition: Any) -> None:
    """Each sample has one: a uint8 image of its size, an int64 class, or int64 words of which 0 fills up."""
    for split in _taken(condition):
        found = _of(condition, split)
        shape, kind = tuple(found.shape), found.dtype
        demand(len(found) == SAMPLES, f"{SAMPLES} samples have {len(found)} conditions")
        if condition.makes == "image":
            size = split.samples.shape[2:]
            right = kind == torch.uint8 and found.dim() == 4 and found.shape[2:] == size
            demand(right, f"sources are {kind} {shape}; they should be uint8 (n, channels, {size[0]}, {size[1]})")
        else:
            wanted = 1 if condition.makes == "class" else 2
            right = kind == torch.int64 and found.dim() == wanted and bool((found >= 0).all())
            demand(right, f"conditions are {kind} {shape}; of a {condition.makes} they are int64, {wanted}-dimensional")


def own_sample(condition: Any) -> None:
    """A condition depends on its own sample only: another sample beside it changes nothing."""
    for split in _taken(condition):
        samples = split.samples.clone()
        samples[3] = 255 - samples[3]
        before, after = (_of(condition, split._replace(samples=of)) for of in (split.samples, samples))
        others = torch.arange(SAMPLES) != 3
        demand(torch.equal(before[others], after[others]), "a condition changes with another sample of the split")


def determinism(condition: Any) -> None:
    """The same stream makes the same conditions, whatever was drawn elsewhere."""
    for split in _taken(condition):
        found = []
        for seed in (0, 1):
            with seeded(seed):
                found.append(_of(condition, split))
        demand(torch.equal(*found), "conditions differ from one call to the next; draw with `generator=stream`")


def global_generator(condition: Any) -> None:
    """torch's global generator is left alone."""
    for split in _taken(condition):
        with seeded(7):
            before = torch.get_rng_state()
            _of(condition, split)
            demand(torch.equal(torch.get_rng_state(), before), "torch's global generator is drawn from, or seeded")


def inputs_unchanged(condition: Any) -> None:
    """The samples are the same afterwards."""
    for split in _taken(condition):
        samples = split.samples.clone()
        condition.of(split, stream(0, "testing conditions"))
        demand(torch.equal(samples, split.samples), "the samples are changed in place")


def unfit_samples(condition: Any) -> None:
    """Images of 2 pixels a side, and data without labels or captions, are taken or refused by a DataError; that of
    images names the sample."""
    bare = [Split(images(SAMPLES, shape, "bare")) for shape in TINY]
    for split in bare:
        try:
            _of(condition, split)
        except DataError as error:
            named = condition.makes != "image" or "sample" in str(error)
            demand(named, f"the DataError does not name the sample: {error}")
        except Exception as error:
            demand(False, f"{_said(split)} raise {type(error).__name__}: {error}; raise DataError, naming the sample")


def baseline(condition: Any) -> None:
    """What needs no learning: a uint8 sample for each condition, by itself, and the same every time; `baseline` is its
    name."""
    has, named = hasattr(condition, "trivial"), hasattr(condition, "baseline")
    demand(has == named, "`trivial` and the trait `baseline`, its name in the table, come together")
    if not has:
        raise unittest.SkipTest("it has none of its own; real samples of other conditions stand in")
    for split in _taken(condition):
        given, shape = _of(condition, split), split.samples.shape
        before = given.clone()
        made, part = condition.trivial(given, split), condition.trivial(given[2:5], split)
        right = made.shape == shape and made.dtype == torch.uint8
        demand(right, f"it is {made.dtype} {tuple(made.shape)} for samples that are uint8 {tuple(shape)}")
        demand(torch.equal(made[2:5], part), "a sample depends on the other conditions, or differs from call to call")
        demand(torch.equal(given, before), "the conditions are changed in place")


CHECKS = (conditions, own_sample, determinism, global_generator, inputs_unchanged, unfit_samples, baseline)


def _taken(condition: Any) -> list[Split]:
    """Grey and colour images with labels and captions, of all sizes that it takes. Raises SkipTest if it takes none."""
    taken, refused = [], ""
    for shape in SHAPES:
        labels = torch.arange(SAMPLES) % CLASSES
        captions = torch.randint(1, WORDS + 1, (SAMPLES, 3), generator=stream(0, "testing captions"))
        captions[::2, 2] = 0
        split = Split(images(SAMPLES, shape, "conditions"), labels, captions)
        try:
            _of(condition, split)
            taken.append(split)
        except DataError as error:
            refused = f"{_said(split)}: {error}"
    if not taken:
        raise unittest.SkipTest(f"it takes none of the images that it is tried on; of {refused}")
    return taken


def _of(condition: Any, split: Split) -> Tensor:
    """The conditions of a copy of the samples."""
    found: Tensor = condition.of(split._replace(samples=split.samples.clone()), stream(0, "testing conditions"))
    return found


def _said(split: Split) -> str:
    channels, size, _ = split.samples.shape[1:]
    return f"images of {size}x{size} pixels with {channels} channel(s)"
