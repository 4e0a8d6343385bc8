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
CHECKPOINT = "checkpoint.safetensors"
"""All state of a training that is not finished."""
SAMPLES = "samples.safetensors"
SHEET = "samples.png"
SURFACE = "surface.safetensors"
FILM = "film.safetensors"
INTERPOLATION = "interpolation.png"
NEIGHBOURS = "neighbours.png"
CONDITIONS = "conditions.png"
CAPTIONS = "captions.json"
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


def results(study: str) -> Path:
    """All results of a study. A copy of this folder can be compared with it."""
    return RESULTS / study


def reference(study: str, dataset: str) -> Path:
    """What generated samples of one dataset are compared with; its tensors lie beside it."""
    return reference_in(results(study), dataset)


def reference_in(results: Path, dataset: str) -> Path:
    """The same in a copy of a study's results."""
    return results / "references" / dataset / "reference.json"


def run(study: str, run_id: str) -> Path:
    """The folder of one run."""
    return run_in(results(study), run_id)


def run_in(results: Path, run_id: str) -> Path:
    """The same in a copy of a study's results."""
    return results / "runs" / run_id


def lock(study: str, run_id: str) -> Path:
    """What a process holds while it works on a run. Beside the runs, so that a run's folder can be deleted."""
    return results(study) / "locks" / f"{run_id.replace('/', '~')}.lock"  # no label has a tilde


def study(results: Path) -> Path:
    """The study file that a folder of results is of, as it was when its page was made; with its own plugins beside."""
    return results / "study" / "study.yaml"


def marker(study: str, step: str, job: str) -> Path:
    """The declared output of a job of the step `train` or `evaluate`."""
    return RESULTS / study / "jobs" / step / f"{job}.json"


def tuning(study: str, step: str) -> Path:
    """The file of a step of a search: a generation of trials as asked for, or what was best."""
    return tuning_in(results(study), step)


def tuning_in(results: Path, step: str) -> Path:
    """The same in a copy of a study's results."""
    return results / "tuning" / f"{step}.json"


def report(study: str) -> Path:
    """The page; figures/, tables/ and samples/ lie beside it."""
    return REPORTS / study / "index.html"


PAPERS = "papers"
"""The folder under reports/ of the page over all published tables."""


def papers() -> Path:
    """The page over all published tables."""
    return REPORTS / PAPERS / "index.html"


def runs_table(study: str) -> Path:
    """One row per run."""
    return REPORTS / study / "runs.csv"


def figures(study: str) -> Path:
    """The figures of the page as files, for papers."""
    return REPORTS / study / "figures"


def evaluations_table(study: str) -> Path:
    """One row per run, weights and checkpoint, those over training included."""
    return REPORTS / study / "evaluations.csv"
