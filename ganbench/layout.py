"""Where everything lies on disk. The Snakefile and the commands ask here, so that a path is written once."""

import os
from pathlib import Path

RESULTS = Path("results")
REPORTS = Path("reports")

TRAINING = "training.json"
METRICS = "metrics.json"
HISTORY = "history.csv"
GENERATOR = "generator.safetensors"
SAMPLES = "samples.safetensors"
SHEET = "samples.png"
TRAINING_LOG = "train.log"
EVALUATION_LOG = "evaluate.log"


def raw_data(configured: str | None) -> Path:
    """The folder of downloaded datasets: the study's `data`, else the environment's GANBENCH_DATA, else ./data."""
    return Path(configured or os.environ.get("GANBENCH_DATA") or "data").expanduser()


def data(key: str) -> Path:
    """The converted dataset, shared by all studies."""
    return RESULTS / "datasets" / key / "data.safetensors"


def classifier(key: str) -> Path:
    """The card of a frozen classifier; its weights lie beside it. Shared by all studies."""
    return RESULTS / "classifiers" / key / "classifier.json"


def reference(study: str, dataset: str) -> Path:
    """What generated samples of one dataset are compared with; its tensors lie beside it."""
    return RESULTS / study / "references" / dataset / "reference.json"


def run(study: str, run_id: str) -> Path:
    """The folder of one run."""
    return RESULTS / study / "runs" / run_id


def marker(study: str, step: str, job: str) -> Path:
    """The declared output of a job of the step `train` or `evaluate`."""
    return RESULTS / study / "jobs" / step / f"{job}.json"


def report(study: str) -> Path:
    """The page."""
    return REPORTS / study / "index.html"


def runs_table(study: str) -> Path:
    """One row per run."""
    return REPORTS / study / "runs.csv"
