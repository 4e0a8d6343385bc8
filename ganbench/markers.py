"""Markers: the files by which Snakemake knows that a job is done.

A marker holds the digest of each of its runs. Results on disk are the truth, markers only speak of them: one that
speaks falsely (another plan, a folder deleted by hand, results copied without Snakemake's memory) is removed
before Snakemake looks, and the job then redoes exactly what is missing.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from ganbench import files, layout
from ganbench.runs import Plan
from ganbench.tune import best, records
from ganbench.work import Job, Run

RECORD = {"train": layout.TRAINING, "evaluate": layout.METRICS}
LOG = {"train": layout.TRAINING_LOG, "evaluate": layout.EVALUATION_LOG}


def write(plan: Plan, job: Job) -> None:
    """Declare a job done, and remove what its runs needed until then: the logs of earlier failures, and a checkpoint
    whose process was killed before it removed it."""
    for run in job.runs:
        folder = plan.folder(run)
        (folder / LOG[job.step]).unlink(missing_ok=True)
        if job.step == "train" and (folder / layout.CHECKPOINT).exists():
            record = files.read_json(folder / layout.TRAINING)
            if record is not None and record["status"] != "timeout":  # that one goes on under a longer limit
                (folder / layout.CHECKPOINT).unlink()
    files.write_json(plan.marker(job), {"runs": job.promises})


def is_true(plan: Plan, job: Job) -> bool:
    """Whether the marker exists, speaks of this plan, and every run that it names has its record."""
    content = files.read_json(plan.marker(job))
    if content is None or content.get("runs") != job.promises:
        return False
    return all((plan.folder(run) / RECORD[job.step]).is_file() for run in job.runs)


def discard_false(plan: Plan) -> list[Path]:
    """Remove the markers that are not true; returns them."""
    jobs = [*plan.training_jobs.values(), *plan.evaluation_jobs.values()]
    steps = plan.tuning_steps.values()
    false = [plan.marker(job) for job in jobs if plan.marker(job).exists() and not is_true(plan, job)]
    outputs = {plan.output_of_tuning(step): step for step in steps}
    false += [path for path, step in outputs.items() if path.exists() and not records.is_true(plan, step)]
    for path in false:
        path.unlink(missing_ok=True)
    return false


def bring_back(plan: Plan) -> list[Path]:
    """Give outputs that are dated in the future the present time; returns them. After a clock was wrong, Snakemake
    would fail every job that reads such a file: what it writes is older."""
    now, ahead = time.time(), []
    for path in plan.outputs:
        with contextlib.suppress(OSError):  # it is not there, or cannot be changed
            if path.stat().st_mtime > now:
                os.utime(path, (now, now))
                ahead.append(path)
    return ahead


def is_done(plan: Plan, step: str, run: Run) -> bool:
    """Whether a run needs no more of a step."""
    return is_trained(plan, run) if step == "train" else is_evaluated(plan, run)


def is_trained(plan: Plan, run: Run) -> bool:
    """Whether the run's training record is there, is of this spec and time limit, and has the files that it names."""
    record = files.read_json(plan.folder(run) / layout.TRAINING)
    if record is None or record.get("digest") != run.digest or not _within(record, run.time_limit):
        return False
    if any(record.get(key) != value for key, value in best.named(plan, run).items()):
        return False
    names = record.get("files")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return False
    return all((plan.folder(run) / name).is_file() for name in names)


def _within(record: dict[str, Any], limit: float | None) -> bool:
    """Whether a training would have ended the same under a time limit."""
    if record.get("time_limit") == limit:
        return True
    return record.get("status") != "timeout" and (limit is None or record["seconds"] < limit)


def is_evaluated(plan: Plan, run: Run) -> bool:
    """Whether the run's metrics are there, of this evaluation, by the reference and of the weights that are there
    now."""
    folder = plan.folder(run)
    training, metrics = files.read_json(folder / layout.TRAINING), files.read_json(folder / layout.METRICS)
    reference = files.read_json(layout.reference(plan.study.study, run.dataset))
    if training is None or metrics is None or reference is None:
        return False
    return bool(
        training.get("digest") == run.digest
        and metrics.get("evaluation_digest") == run.evaluation_digest
        and metrics.get("weights_sha256") == training.get("weights_sha256")
        and metrics.get("protocol") == reference.get("protocol")
    )
