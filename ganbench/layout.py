"""Where everything lies on disk. The Snakefile and the commands ask here, so that a path is written once."""

import os
from pathlib import Path

RESULTS = Path("results")
REPORTS = Path("reports")

TRAINING = "training.json"
METRICS = "metrics.json"
HISTORY = "history.csv"
GENERATORS = {"raw": "generator.safetensors", "ema": "generator-ema.safetensors"}
"""The file of the final weights, and of their moving average."""
SNAPSHOTS = "snapshots.safetensors"
SAMPLES = "samples.safetensors"
SHEET = "samples.png"
SURFACE = "surface.safetensors"
FILM = "film.safetensors"
INTERPOLATION = "interpolation.png"
NEIGHBOURS = "neighbours.png"
TRAINING_LOG = "train.log"
EVALUATION_LOG = "evaluate.log"


def raw_data(configured: str | None) -> Path:
    """The folder of downloaded datasets: the study's `data`, else the environment's GANBENCH_DATA, else ./data."""
    return Path(configured or os.environ.get("GANBENCH_DATA") or "data").expanduser()


def data(key: str) -> Path:
    """The converted dataset, shared by all studies."""
    return RESULTS / "datasets" / key / "data.safetensors"


def extractor(key: str) -> Path:
    """The card of a feature extractor; weights that were trained here lie beside it. Shared by all studies."""
    return RESULTS / "extractors" / key / "extractor.json"


def features(key: str) -> Path:
    """The record of a dataset's real features by one extractor; the tensors lie beside it. Shared by all studies."""
    return RESULTS / "features" / key / "features.json"


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


def evaluations_table(study: str) -> Path:
    """One row per run, weights and checkpoint, those over training included."""
    return REPORTS / study / "evaluations.csv"
