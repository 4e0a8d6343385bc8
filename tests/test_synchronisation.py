"""A training step asks the device for nothing: reading a value back would make the CPU wait for the GPU at each step.

Seen without a GPU by who calls the operators that read: what is counted here on the CPU waits on a GPU.
"""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ganbench import plugins, training
from ganbench.progress import Progress

CPU = torch.device("cpu")
READING = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim", "repeat_interleave"}


class Read(Exception):  # noqa: N818 - says what was done
    """A value was read."""


class Unread(TorchDispatchMode):
    """Within, operators whose result the CPU must see raise Read: values, and shapes that depend on values."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        by_mask = name in ("index", "index_put", "index_put_") and any(
            i is not None and i.dtype == torch.bool for i in args[1]
        )
        if by_mask or name in READING:
            raise Read(name)
        return func(*args, **(kwargs or {}))


class Enough(Exception):  # noqa: N818 - no error
    """Raised after a few steps, before the history's row, which may read."""


def steps(place: tiny.Place, count: int = 3) -> None:
    """Take so many steps of the plan's one run. Raises Read."""
    (run,) = place.plan.runs
    shape = (2,) if place.dataset.kind == "points" else (1, 16, 16)
    taken = 0

    def pause() -> None:
        nonlocal taken
        taken += 1
        if taken == count:
            raise Enough

    session = training.begin(place.plan, run.spec, torch.randn(64, *shape), CPU)
    progress = Progress(run.id, 100, Path("results"), 1)
    with pytest.raises(Enough), Unread():
        training.fit(place.plan, run.spec, session, progress, pause)


@pytest.mark.parametrize("method", plugins.discover().names("method"))
def test_a_step_reads_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.chdir(tmp_path)
    images: dict[str, Any] = {
        "datasets": [{"name": "digits", "size": 16}],
        "architectures": [{"name": "dcgan", "width": 2}],
    }
    recipe: dict[str, Any] = {"methods": [method], "training": {"generator_steps": 100, "log_every": 100}}
    for data in ({}, images):
        place = tiny.place(**recipe, **data)
        if place.plan.runs:
            steps(place)


READS = '''
"""A loss that looks at its scores."""
from dataclasses import dataclass

@dataclass(frozen=True)
class Loss:
    """Squares, of what is not too large."""
    def discriminator(self, real, fake):
        return ((real - 1) ** 2).mean(-1) + (fake ** 2).mean(-1)

    def generator(self, real, fake):
        return ((fake - 1) ** 2).mean(-1) * (2 if float(fake.max()) > 3 else 1)
'''


def test_it_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = tiny.place({"reads.py": READS}, methods=[{"name": "non-saturating", "loss": "reads"}])
    with pytest.raises(Read, match="_local_scalar_dense"):
        steps(place)
