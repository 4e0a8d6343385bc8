"""Tiny studies of plugins that stand here, carried out step by step in this process: for tests of the evaluation."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file, save_file

from ganbench import data, evaluate, extraction, features, layout, reference, runs
from ganbench.packs import training as packed
from ganbench.protocol import Dataset, Extractor
from ganbench.runs import Plan
from ganbench.tune import command
from ganbench.work import Run

CPU = torch.device("cpu")

CORNERS = '''
"""Images that are bright in one corner: easy to classify."""
from dataclasses import dataclass
from typing import ClassVar
import torch
from ganbench.data import Split
from ganbench.streams import stream

@dataclass(frozen=True)
class Dataset:
    """Four classes of images, one for each corner."""
    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 4
    classifier_epochs: ClassVar[int] = 8
    accuracy_gate: ClassVar[float] = 0.9
    size: int = 8
    bright: int = 150

    def splits(self, raw):
        source, half = stream(0, "corners"), self.size // 2
        def split(count):
            images = torch.randint(100, (count, 1, self.size, self.size), generator=source)
            labels = torch.randint(4, (count,), generator=source)
            for image, label in zip(images, labels.tolist()):
                row, column = label // 2 * half, label % 2 * half
                image[0, row : row + half, column : column + half] += self.bright
            return Split(images.to(torch.uint8), labels)
        return {"train": split(200), "validation": split(120), "test": split(130)}
'''

DOTS = '''
"""Points of an unknown distribution, whose test split lies elsewhere."""
from dataclasses import dataclass
from typing import ClassVar
import torch
from ganbench.data import Split
from ganbench.streams import stream

@dataclass(frozen=True)
class Dataset:
    """Normal points around 0, and for the test split around `shift` in both coordinates."""
    kind: ClassVar[str] = "points"
    shift: float = 10.0

    def splits(self, raw):
        source = stream(0, "dots")
        counts = {"train": 300, "validation": 110, "test": 120}
        points = {name: torch.randn(count, 2, generator=source) for name, count in counts.items()}
        points["test"] += self.shift
        return {name: Split(samples) for name, samples in points.items()}
'''

GAP = '''
"""How far the mean of the first coordinate is from the real one."""
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Metric:
    """The distance of the means; undefined from 1000 on."""
    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "gap"
    title: ClassVar[str] = "Gap"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to infinity"
    floor: ClassVar[str] = "0"
    minimum: ClassVar[int] = 1
    citation: ClassVar[str] = "none"
    order: ClassVar[int] = 1
    power: float = 1.0

    def __call__(self, fake, real):
        gap = float((fake.features[:, 0].mean() - real.features[:, 0].mean()).abs())
        return gap**self.power if gap < 1000 else float("nan")
'''

STUDY: dict[str, Any] = {
    "study": "tiny",
    "datasets": ["ring8"],
    "architectures": [{"name": "mlp", "noise_dim": 4, "generator_widths": [8], "discriminator_widths": [8]}],
    "methods": ["non-saturating"],
    "seeds": [0],
    "training": {"generator_steps": 4, "log_every": 2, "batch_size": 8, "snapshots": 2, "runs_per_job": 8},
    "evaluation": {"samples": 100, "snapshot_samples": 50, "resamples": 0, "metrics": ["fd"]},
    "device": "cpu",
}


@dataclass
class Place:
    """A study in the current folder."""

    plan: Plan

    def prepare(self) -> "Place":
        """All that training and evaluation need."""
        for dataset in self.plan.data.values():
            data.prepare(dataset, Path("nowhere"))
        for dataset, extractor in self.plan.extractors.values():
            extraction.make(dataset, extractor)
        for dataset, extractor in self.plan.features.values():
            features.make(dataset, extractor, CPU)
        for dataset in self.plan.datasets.values():
            reference.make(self.plan, dataset, CPU)
        return self

    def tune(self) -> "Place":
        for step in self.plan.tuning_steps.values():
            assert command.carry_out(self.plan, step, lambda: CPU)
        return self

    def train(self) -> "Place":
        for job in self.plan.training_jobs.values():
            assert packed.carry_out(self.plan, job, CPU)
        return self

    def evaluate(self) -> "Place":
        for job in self.plan.evaluation_jobs.values():
            assert evaluate.carry_out(self.plan, job, CPU)
        return self

    @property
    def dataset(self) -> Dataset:
        (dataset,) = self.plan.datasets.values()
        return dataset

    @property
    def extractor(self) -> Extractor:
        (extractor,) = self.dataset.extractors.values()
        return extractor

    @property
    def reference(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(layout.reference(self.plan.study.study, self.dataset.label).read_text())
        return found

    def run(self, method: str | None = None, seed: int = 0) -> Run:
        """The run of a method, or of the first one."""
        method = method or self.plan.runs[0].method
        return next(run for run in self.plan.runs if (run.method, run.seed) == (method, seed))

    def folder(self, method: str | None = None, seed: int = 0) -> Path:
        return self.plan.folder(self.run(method, seed))

    def record(self, method: str | None = None, seed: int = 0, name: str = layout.METRICS) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder(method, seed) / name).read_text())
        return found

    def plant(self, heights: dict[int, float], weights: str = "raw") -> "Place":
        """Make the generator after each step a constant: points whose coordinates are a height."""
        run = self.run()
        snapshots = load_file(self.folder() / layout.SNAPSHOTS)
        for step, height in heights.items():
            final = step == run.spec["training"]["generator_steps"]
            state = load_file(self.folder() / layout.GENERATORS[weights]) if final else snapshots
            prefix = "" if final else f"{weights}/{step}/"
            state[f"{prefix}2.weight"].zero_()
            state[f"{prefix}2.bias"].fill_(height)
            save_file(state, self.folder() / (layout.GENERATORS[weights] if final else layout.SNAPSHOTS))
        return self


def place(files: dict[str, str] | None = None, **changes: Any) -> Place:
    """The study of STUDY with other keys, planned in the current folder; mappings change key by key."""
    for name, text in (files or {}).items():
        Path(name).write_text(text, "utf-8")
    content = {"plugins": sorted(files or {}), **STUDY}
    for key, value in changes.items():
        content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) else value
    Path("study.yaml").write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return Place(runs.plan(Path("study.yaml")))


def corners(files: dict[str, str] | None = None, **changes: Any) -> Place:
    """The same on images."""
    return place({"corners.py": CORNERS, **(files or {})}, **{"datasets": ["corners"], **changes})


def dots(metric: str = GAP, files: dict[str, str] | None = None, **changes: Any) -> Place:
    """The same on points without a mixture, by the metric `gap`."""
    evaluation = {"metrics": ["gap"], **changes.pop("evaluation", {})}
    made = {"dots.py": DOTS, "gap.py": metric, **(files or {})}
    return place(made, **{"datasets": ["dots"], "evaluation": evaluation, **changes})
