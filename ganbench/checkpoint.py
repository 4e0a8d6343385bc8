"""Checkpoint files: nested state with tensors, read back exactly as it was, or refused with a reason.

A checkpoint is a safetensors file, so that reading one runs no code. Its header says what it is of (the identity), how
the state is nested, and a hash of everything. What the state is of, and when it is saved, is the caller's affair.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ganbench import tensorfiles

FORMAT = 1
"""Version of the file format."""

HEADER = "ganbench"

Identity = dict[str, str]
"""What a state is of, e.g. `{"spec": "3f…", "torch": "2.12.1"}`: it goes on only where all of it is the same."""


class RefusedError(Exception):
    """A checkpoint that is not whole or is of something else; the message names the file and the reason."""


def write(path: Path, state: Any, identity: Identity) -> None:
    """Write a state of tensors, numbers, texts, None, lists, tuples and mappings; whole or not at all.

    Raises TypeError for other things, and OSError.
    """
    tensors: dict[str, Tensor] = {}
    nested = _packed(state, "state", tensors)
    header = {"format": FORMAT, "identity": identity, "state": nested, "sha256": _hash(nested, tensors)}
    tensorfiles.write(path, tensors, {HEADER: json.dumps(header)})


def read(path: Path, identity: Identity) -> Any:
    """The state in a file: tensors have the memory format that they had, and are on the kind of device they were on.

    Raises RefusedError if the file cannot be read, is damaged, or is of another identity.
    """
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            if header["format"] != FORMAT:
                raise RefusedError(f"{path}: its format is {header['format']}, and this ganbench reads {FORMAT}")
            _compare(path, header["identity"], identity)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        if _hash(header["state"], tensors) != header["sha256"]:
            raise RefusedError(f"{path}: damaged: its content does not have the hash that it was written with")
        return _unpacked(header["state"], tensors)
    except (OSError, SafetensorError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise RefusedError(f"{path}: not a whole checkpoint: {error!r}") from error


def _compare(path: Path, found: Identity, wanted: Identity) -> None:
    for key in {**wanted, **found}:
        if found.get(key) != wanted.get(key):
            raise RefusedError(f"{path}: it is of {key} {found.get(key)}, and wanted is {key} {wanted.get(key)}")


def _packed(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """The value as JSON, its tensors by name beside it."""
    if isinstance(value, Tensor):
        if name in tensors:
            raise TypeError(f"two entries of a state are called {name}")
        tensors[name] = value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        last = value.dim() == 4 and value.is_contiguous(memory_format=torch.channels_last)
        return {"tensor": name, "device": value.device.type, "channels_last": last}
    if isinstance(value, dict):
        return {"mapping": [[key, _packed(of, f"{name}/{key}", tensors)] for key, of in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_packed(of, f"{name}/{place}", tensors) for place, of in enumerate(value)]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}: a checkpoint holds tensors, numbers, texts and their nests")


def _unpacked(packed: Any, tensors: dict[str, Tensor]) -> Any:
    match packed:
        case {"tensor": name, "device": device, "channels_last": last}:
            return tensors[name].to(device, memory_format=torch.channels_last if last else torch.contiguous_format)
        case {"mapping": items}:
            return {key: _unpacked(of, tensors) for key, of in items}
        case {"list": values}:
            return [_unpacked(of, tensors) for of in values]
        case {"tuple": values}:
            return tuple(_unpacked(of, tensors) for of in values)
        case _:
            return packed


def _hash(nested: Any, tensors: dict[str, Tensor]) -> str:
    """sha256 of the nest, and of each tensor's name, type, shape and bytes."""
    found = hashlib.sha256(json.dumps(nested).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
