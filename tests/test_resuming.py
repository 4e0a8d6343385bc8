"""A training that is interrupted and goes on ends where one that was not interrupted ends, bit for bit."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import StudyFile
from torch import Tensor

from ganbench import layout, runs, training
from ganbench.runs import Plan, Run
from ganbench.sidecar import Sidecar
from ganbench.streams import stream

CPU = torch.device("cpu")
STEPS = 12

DROPOUT = '''
"""A network with dropout, whose numbers come from torch's own stream, and with a buffer that is not saved with it."""
from dataclasses import dataclass
from typing import ClassVar
import torch
from pydantic import PositiveInt
from torch import nn

class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()), persistent=False)

    def forward(self, x):
        self.calls += 1
        return x * (1 + 0.01 * self.calls)

@dataclass(frozen=True)
class Architecture:
    """Drops out, and counts."""
    kinds: ClassVar[tuple[str, ...]] = ("points",)
    noise_dim: PositiveInt = 2

    def generator(self, shape):
        return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))

    def discriminator(self, shape):
        return nn.Sequential(nn.Linear(2, 8), Counting(), nn.Dropout(0.3), nn.Linear(8, 1), nn.Flatten(0))
'''

POINTS = torch.randn(50, 2, generator=stream(0, "points"))
IMAGES = torch.randint(256, (50, 1, 16, 16), generator=stream(0, "images"), dtype=torch.uint8)


class Cut(BaseException):
    """The process is gone."""


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """A function that says after which step the process goes, saved or not."""
    at: list[int | None] = [None]

    def pause(sidecar: Sidecar) -> None:
        if sidecar.parts["course"].step == at[0]:  # type: ignore[attr-defined]
            sidecar.save()
            raise Cut

    monkeypatch.setattr(Sidecar, "pause", pause)
    return lambda step: at.__setitem__(0, step)


def trained(plan: Plan, run: Run, samples: Tensor) -> tuple[Any, ...]:
    """All that a training leaves, without what it cost."""
    training.train_run(plan, run, samples, CPU)
    folder = plan.folder(run)
    record = json.loads((folder / layout.TRAINING).read_text())
    with (folder / layout.HISTORY).open() as file:
        history = [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]
    names = sorted(name for name in record["files"] if name != layout.HISTORY)
    files = {name: (folder / name).read_bytes() for name in names}
    steps = [snapshot["step"] for snapshot in record["snapshots"]]
    return files, history, steps, record["status"], record["reason"], record["step"]


RULES: list[dict[str, Any]] = [
    {"ema": 0.9},
    {"n_critic": 3, "penalty": "gradient-penalty", "penalty_interval": 2},
    {"unrolled": 2, "optimizer": {"name": "rmsprop", "lr": 1e-3, "momentum": 0.5}},
    {"packing": 2, "lr_decay": "linear", "optimizer": {"name": "adamw", "lr": 1e-3}},
    {"top_k": {"share": 0.5}, "simultaneous": True, "optimizer": {"name": "sgd", "lr": 1e-2, "momentum": 0.9}},
    {"constraint": "spectral-normalisation", "loss": "relativistic"},
]
IMAGE_RULES = [{"augment": ["colour", "translation", "cutout"], "ema": 0.9, "optimizer": {"name": "adam", "lr": 1e-3}}]
CASES = [("mlp", POINTS, rule) for rule in RULES] + [("my-dropout", POINTS, {"penalty": "dragan"})]
CASES += [("dcgan", IMAGES, rule) for rule in IMAGE_RULES]


@pytest.mark.parametrize(("network", "samples", "rule"), CASES, ids=[f"{n}-{r}" for n, _, r in CASES])
def test_every_update_rule_goes_on_as_if_nothing_had_happened(
    network: str,
    samples: Tensor,
    rule: dict[str, Any],
    study_file: StudyFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cut: Callable[[int | None], None],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_dropout.py").write_text(DROPOUT)
    plan = runs.plan(
        study_file(
            datasets=["ring8" if samples.dim() == 2 else "digits"],
            architectures=[{"name": network, **({"width": 4} if network == "dcgan" else {})}],
            methods=[{"name": "non-saturating", **rule}],
            seeds=[0],
            plugins=["my_dropout.py"],
            training={"generator_steps": STEPS, "batch_size": 8, "log_every": 5, "snapshots": 3},
        )
    )
    (run,) = plan.runs
    whole = trained(plan, run, samples)
    choose = random.Random(str(rule))
    (plan.folder(run) / layout.TRAINING).unlink()
    for step in sorted(choose.sample(range(1, STEPS + 1), 3)):
        cut(step)
        with pytest.raises(Cut):
            training.train_run(plan, run, samples, CPU)
    cut(None)
    torch.manual_seed(99)  # another process
    assert trained(plan, run, samples) == whole
    assert not (plan.folder(run) / layout.CHECKPOINT).exists()
