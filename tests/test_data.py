"""Data: pixels and floats, batches, and the file of a prepared dataset."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench import data, layout, plugins, runs
from ganbench.runs import Dataset
from ganbench.streams import derive, stream

STUDY = """
study: tiny
datasets: [{name}]
architectures: [mlp]
methods: [non-saturating]
seeds: [0]
plugins: [{plugins}]
training: {{generator_steps: 1}}
"""

PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar
import torch
from ganbench.data import Split

@dataclass(frozen=True)
class Dataset:
    """Zeros, and one sample that is something else."""
    kind: ClassVar[str] = "points"
    odd: float = 0.0

    def splits(self, raw):
        samples = torch.zeros(10, 2)
        broken = samples.clone()
        broken[3, 1] = {odd}
        return {{"train": Split(samples), "validation": Split({validation}), "test": Split(torch.ones(5, 2))}}
'''

Planned = Callable[..., Dataset]


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """A dataset of a study that lies in a folder of its own, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def plan(name: str, plugin: str = "") -> Dataset:
        if plugin:
            Path("odd.py").write_text(plugin)
        Path("study.yaml").write_text(STUDY.format(name=name, plugins="odd.py" if plugin else ""))
        return runs.plan(Path("study.yaml")).datasets[name]

    return plan


# Pixels


def test_every_pixel_value_survives_the_way_to_floats_and_back() -> None:
    pixels = torch.arange(256, dtype=torch.uint8)
    floats = data.as_floats(pixels)
    assert floats.dtype == torch.float32
    assert (floats.min().item(), floats.max().item()) == (-1.0, 1.0)
    assert torch.equal(data.as_bytes(floats), pixels)
    assert torch.equal(pixels, torch.arange(256, dtype=torch.uint8))


@pytest.mark.parametrize("error", [-0.49, 0.49])
def test_floats_are_rounded_to_the_nearest_pixel_value(error: float) -> None:
    pixels = torch.arange(256, dtype=torch.uint8)
    floats = data.as_floats(pixels) + error / 127.5
    copy = floats.clone()
    assert torch.equal(data.as_bytes(floats), pixels)
    assert torch.equal(floats, copy)


def test_floats_beyond_one_do_not_wrap_around() -> None:
    assert data.as_bytes(torch.tensor([-1.1, -1000.0, 1.1, 1000.0])).tolist() == [0, 0, 255, 255]


def test_points_are_seen_as_they_are() -> None:
    points = torch.tensor([[300.0, -7.5]])
    assert torch.equal(data.as_floats(points), points)


# Batches


@settings(max_examples=60, deadline=None, database=None)
@given(st.data(), st.integers(1, 50))
def test_an_epoch_shows_no_sample_twice_and_drops_what_fills_no_batch(draw: st.DataObject, count: int) -> None:
    size = draw.draw(st.integers(1, count))
    samples = torch.arange(count, dtype=torch.float32)[:, None]
    batches = data.Batches(samples, size, stream(count, "data"))
    for _ in range(3):
        epoch = [samples for (samples,) in itertools.islice(batches, count // size)]
        assert all(batch.shape == (size, 1) for batch in epoch)
        shown = torch.cat(epoch).flatten().tolist()
        assert len(set(shown)) == len(shown) == count // size * size
        assert set(shown) <= set(range(count))


def test_each_epoch_has_an_order_of_its_own_and_each_stream_too() -> None:
    samples = torch.arange(100.0)[:, None]

    def epochs(seed: int) -> list[list[float]]:
        batches = data.Batches(samples, 50, stream(seed, "data"))
        return [torch.cat([*next(batches), *next(batches)]).flatten().tolist() for _ in range(2)]

    assert epochs(0) == epochs(0)
    assert len({tuple(order) for order in (*epochs(0), *epochs(1), list(range(100)))}) == 5


def test_images_come_in_batches_of_floats() -> None:
    images = torch.full((4, 1, 16, 16), 255, dtype=torch.uint8)
    (batch,) = next(data.Batches(images, 2, stream(0, "data")))
    assert torch.equal(batch, torch.ones(2, 1, 16, 16))


def test_changing_a_batch_does_not_change_the_data() -> None:
    samples = torch.zeros(4, 2)
    next(data.Batches(samples, 4, stream(0, "data")))[0].add_(1)
    assert not samples.any()


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(data.DataError, match=r"batch_size 11 .*10 samples"):
        next(data.Batches(torch.zeros(10, 2), 11, stream(0, "data")))


# Streams


def test_streams_differ_by_seed_and_by_role_and_repeat() -> None:
    roles = [(seed, role) for seed in (0, 1, 11) for role in ("noise", "data", "1 noise")]
    assert len({derive(*role) for role in roles}) == len(roles)
    first, second, other = (torch.randn(5, generator=stream(0, role)) for role in ("noise", "noise", "data"))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_stream_leaves_the_global_one_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    torch.rand(3, generator=stream(0, "noise"))
    assert torch.equal(torch.rand(1), expected)


# Fingerprints


def test_a_fingerprint_is_of_the_values_whatever_their_order_in_memory() -> None:
    images = torch.randint(256, (2, 3, 4, 4), generator=stream(0, "test"), dtype=torch.uint8)
    turned = images.to(memory_format=torch.channels_last)
    assert turned.stride() != images.stride()
    assert data.fingerprint(turned) == data.fingerprint(images)
    changed = images.clone()
    changed[1, 2, 3, 3] ^= 1
    assert data.fingerprint(changed) != data.fingerprint(images)
    assert data.fingerprint(images.flip(0)) != data.fingerprint(images)


# Prepared datasets


@pytest.mark.parametrize("name", ["ring8", "digits"])
def test_a_prepared_dataset_is_read_back_split_by_split(planned: Planned, name: str) -> None:
    dataset = planned(name)
    data.prepare(dataset, Path("nowhere"))
    expected = plugins.load(dataset.card, dataset.spec["settings"]).splits(Path("nowhere"))
    for split in data.SPLITS:
        found = data.read(dataset, split)
        assert torch.equal(found.samples, expected[split].samples)
        assert found.samples.dtype == expected[split].samples.dtype
        if expected[split].labels is None:
            assert found.labels is None
        else:
            assert found.labels is not None
            assert torch.equal(found.labels, expected[split].labels)
    assert [path.name for path in layout.data(dataset.key).parent.iterdir()] == ["data.safetensors"]


@pytest.mark.parametrize("odd", ["float('nan')", "float('inf')"])
def test_a_dataset_with_a_sample_that_is_no_number_is_refused(planned: Planned, odd: str) -> None:
    dataset = planned("odd", PLUGIN.format(odd=odd, validation="broken"))
    with pytest.raises(data.DataError, match="'odd', split 'validation': a sample is not finite"):
        data.prepare(dataset, Path("nowhere"))
    assert not layout.data(dataset.key).exists()


@pytest.mark.parametrize(
    "validation",
    ["broken.T.contiguous().T", "broken[2:]", "samples[:4]"],
    ids=["a view", "a part", "a part of another split"],
)
def test_a_dataset_plugin_may_hand_over_tensors_that_share_memory(planned: Planned, validation: str) -> None:
    dataset = planned("odd", PLUGIN.format(odd="1.0", validation=validation))
    data.prepare(dataset, Path("nowhere"))
    assert torch.equal(data.read(dataset, "train").samples, torch.zeros(10, 2))
    assert data.read(dataset, "validation").samples.sum() == (0 if "samples" in validation else 1)


@pytest.mark.parametrize("place", [0, 40, 2000, -1], ids=["head", "header", "middle", "end"])
def test_a_file_that_was_damaged_is_named_and_not_used(planned: Planned, place: int) -> None:
    dataset = planned("digits")
    data.prepare(dataset, Path("nowhere"))
    path = layout.data(dataset.key)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=r"data\.safetensors: dataset 'digits' is damaged .* remove the file"):  # noqa: PT012
        for split in data.SPLITS:
            data.read(dataset, split)


def test_batches_go_on_from_any_place() -> None:
    samples = torch.arange(10.0)[:, None]
    for place in range(8):
        first, second = (data.Batches(samples, 3, stream(0, "data")) for _ in range(2))
        for _ in range(place):
            next(first)
        state = first.state_dict()
        next(second)
        second.load_state_dict(state)
        assert all(torch.equal(next(first)[0], next(second)[0]) for _ in range(7))
