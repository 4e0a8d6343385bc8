"""Every rule by which players are updated, as a training of some steps on samples at hand."""

import csv
import json
from pathlib import Path
from typing import Any

import torch
from conftest import StudyFile
from torch import Tensor

from ganbench import layout, runs, training
from ganbench.given import Form, Given
from ganbench.runs import Plan
from ganbench.streams import stream
from ganbench.work import Run

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
    recordable: ClassVar[bool] = True
    kinds: ClassVar[tuple[str, ...]] = ("points",)
    noise_dim: PositiveInt = 2

    def generator(self, shape):
        return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))

    def discriminator(self, shape):
        return nn.Sequential(nn.Linear(2, 8), Counting(), nn.Dropout(0.3), nn.Linear(8, 1), nn.Flatten(0))
'''

POINTS = torch.randn(50, 2, generator=stream(0, "points"))
IMAGES = torch.randint(256, (50, 1, 16, 16), generator=stream(0, "images"), dtype=torch.uint8)

RULES: list[dict[str, Any]] = [
    {"ema": 0.9},
    {"n_critic": 3, "penalty": "gradient-penalty", "penalty_interval": 2},
    {"unrolled": 2, "optimizer": {"name": "rmsprop", "lr": 1e-3, "momentum": 0.5}},
    {"packing": 2, "lr_decay": "linear", "optimizer": {"name": "adamw", "lr": 1e-3}},
    {"top_k": {"share": 0.5}, "simultaneous": True, "optimizer": {"name": "sgd", "lr": 1e-2, "momentum": 0.9}},
    {"constraint": "spectral-normalisation", "loss": "relativistic"},
    {"penalty": {"name": "lecam", "start": 3}},
]
IMAGE_RULES = [{"augment": ["colour", "translation", "cutout"], "ema": 0.9, "optimizer": {"name": "adam", "lr": 1e-3}}]
CASES = [("mlp", POINTS, rule) for rule in RULES] + [("my-dropout", POINTS, {"penalty": "dragan"})]
CASES += [("dcgan", IMAGES, rule) for rule in IMAGE_RULES]
TOLD: list[dict[str, Any]] = [
    {"conditional": {"discriminator": "projection", "matching": True}, "constraint": "spectral-normalisation"},
    {"conditional": {"generator": "normalisation", "discriminator": "classifier", "width": 3}, "penalty": "r1"},
]
CASES += [("dcgan", IMAGES, rule) for rule in TOLD]
LABELS = Given(Form("class", (), 10), torch.arange(50) % 10, IMAGES)
IDS = [f"{network}-{rule}" for network, _, rule in CASES]


def planned(study_file: StudyFile, network: str, samples: Tensor, rule: dict[str, Any]) -> tuple[Plan, Given | None]:
    """A study of one run by a rule, in the current folder, and what its samples are made for."""
    Path("my_dropout.py").write_text(DROPOUT)
    given = LABELS if rule in TOLD else None
    dataset = {"name": "ring8" if samples.dim() == 2 else "digits", **({"condition": "label"} if given else {})}
    path = study_file(
        datasets=[dataset],
        architectures=[{"name": network, **({"width": 4} if network == "dcgan" else {})}],
        methods=[{"name": "non-saturating", **rule}],
        seeds=[0],
        plugins=["my_dropout.py"],
        training={"generator_steps": STEPS, "batch_size": 8, "log_every": 5, "snapshots": 3},
    )
    return runs.plan(path), given


def trained(plan: Plan, run: Run, samples: Tensor, given: Given | None = None) -> tuple[Any, ...]:
    """All that a training leaves, without what it cost."""
    training.train_run(plan, run, samples, CPU, given)
    folder = plan.folder(run)
    record = json.loads((folder / layout.TRAINING).read_text())
    with (folder / layout.HISTORY).open() as file:
        history = [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]
    names = sorted(name for name in record["files"] if name != layout.HISTORY)
    files = {name: (folder / name).read_bytes() for name in names}
    steps = [snapshot["step"] for snapshot in record["snapshots"]]
    return files, history, steps, record["status"], record["reason"], record["step"]
