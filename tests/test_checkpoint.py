"""Checkpoint files: what is written is read as it was, and what is not whole or not ours is refused."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ganbench import checkpoint
from ganbench.checkpoint import RefusedError

IDENTITY = {"spec": "ab12", "torch": "2.12.1"}
STATE = {"weights": {"0.weight": torch.arange(6.0).reshape(2, 3)}, "step": 7, "rows": [1.5, None]}

TYPES = (torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
SHAPES = st.lists(st.integers(0, 3), max_size=3)
TENSORS = st.builds(lambda shape, kind: torch.randint(0, 2, shape).to(kind), SHAPES, st.sampled_from(TYPES))
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
NESTS = st.recursive(
    PLAIN | TENSORS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(0, 9) | st.booleans(), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, torch.Tensor):
        return found.dtype == wanted.dtype and found.shape == wanted.shape and bool(torch.equal(found, wanted))
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        keys = all(type(a) is type(b) and a == b for a, b in zip(found, wanted, strict=True))
        return keys and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, (list, tuple)):
        return len(found) == len(wanted) and all(itertools.starmap(same, zip(found, wanted, strict=True)))
    return bool(found == wanted or (found != found and wanted != wanted))


@given(state=NESTS)
def test_a_state_comes_back_as_it_was(tmp_path: Path, state: Any) -> None:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.write(path, state, IDENTITY)
    assert same(checkpoint.read(path, IDENTITY), state)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_memory_format_comes_back_too(tmp_path: Path) -> None:
    # the fused optimizers go through the memory of weights and moments in step, whatever their strides say
    last = torch.rand(4, 3, 5, 5).to(memory_format=torch.channels_last)
    checkpoint.write(tmp_path / "c", {"last": last, "view": torch.rand(6, 4).T}, IDENTITY)
    found = checkpoint.read(tmp_path / "c", IDENTITY)
    assert torch.equal(found["last"], last)
    assert found["last"].stride() == last.stride()
    assert found["view"].is_contiguous()


@pytest.mark.parametrize("state", [object(), {"a": {1, 2}}, [torch.device("cpu")]], ids=["object", "set", "device"])
def test_what_cannot_be_written_is_an_error_and_leaves_the_old_file(tmp_path: Path, state: Any) -> None:
    checkpoint.write(tmp_path / "c", STATE, IDENTITY)
    with pytest.raises(TypeError, match="a checkpoint holds tensors"):
        checkpoint.write(tmp_path / "c", state, IDENTITY)
    assert checkpoint.read(tmp_path / "c", IDENTITY)["step"] == 7


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "c"
    checkpoint.write(path, STATE, IDENTITY)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(RefusedError, match="c: not a whole checkpoint"):
            checkpoint.read(path, IDENTITY)


def test_a_changed_bit_is_never_taken_for_the_state(tmp_path: Path) -> None:
    path = tmp_path / "c"
    checkpoint.write(path, STATE, IDENTITY)
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        path.write_bytes(bytes([*whole[:place], whole[place] ^ 4, *whole[place + 1 :]]))
        try:
            assert same(checkpoint.read(path, IDENTITY), STATE)  # a space or the order of the tensors in the header
        except RefusedError:
            refused += 1
    assert refused > 0.9 * len(whole)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({**IDENTITY, "spec": "cd34"}, "it is of spec ab12, and wanted is spec cd34"),
        ({**IDENTITY, "torch": "3.0"}, "it is of torch 2.12.1, and wanted is torch 3.0"),
        ({**IDENTITY, "threads": "2"}, "it is of threads None, and wanted is threads 2"),
        ({"spec": "ab12"}, "it is of torch 2.12.1, and wanted is torch None"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, wanted: dict[str, str], reason: str) -> None:
    checkpoint.write(tmp_path / "c", STATE, IDENTITY)
    with pytest.raises(RefusedError, match=reason):
        checkpoint.read(tmp_path / "c", wanted)


def test_an_older_format_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    checkpoint.write(path, STATE, IDENTITY)
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()[checkpoint.HEADER])
    tensors = load_file(path)
    save_file(tensors, path, {checkpoint.HEADER: json.dumps({**header, "format": 0})})
    with pytest.raises(RefusedError, match="its format is 0, and this ganbench reads 1"):
        checkpoint.read(path, IDENTITY)
    for metadata in (None, {checkpoint.HEADER: "[]"}, {checkpoint.HEADER: "{"}, {checkpoint.HEADER: "{}"}):
        save_file(tensors, path, metadata)
        with pytest.raises(RefusedError, match="not a whole checkpoint"):
            checkpoint.read(path, IDENTITY)
    torch.save(STATE, path)  # a pickle is not even opened
    with pytest.raises(RefusedError, match="not a whole checkpoint"):
        checkpoint.read(path, IDENTITY)
