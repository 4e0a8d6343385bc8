"""A training step asks the device for nothing: reading a value back would make the CPU wait for the GPU at each step.

Seen without a GPU by who calls the operators that read: what is counted here on the CPU waits on a GPU.
"""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from ganbench import plugins, training
from ganbench.capture import ReadError, Unread
from ganbench.progress import Progress

CPU = torch.device("cpu")


class Enough(Exception):  # noqa: N818 - no error
    """Raised after a few steps, before the history's row, which may read."""


def steps(place: tiny.Place, count: int = 3) -> None:
    """Take so many steps of the plan's one run. Raises ReadError."""
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
    with pytest.raises(ReadError, match="_local_scalar_dense"):
        steps(place)
