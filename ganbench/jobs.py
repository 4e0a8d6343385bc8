"""Carry out the runs of a job, one after the other, each on its own risk."""

import gc
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ganbench import files, layout, locks, markers
from ganbench.runs import Job, Plan, Run


class OutOfMemoryError(Exception):
    """A run that does not fit into memory; the message says what makes it large."""


def each(plan: Plan, job: Job, work: Callable[[Run], None]) -> bool:
    """Do the work for every run of a job that is not done yet, then write the job's marker.

    A run that another process works on is waited for. A run that raises is a bug, or does not fit into memory: the
    traceback goes to its log, the other runs are still worked on, and the answer is False, without a marker.
    """
    failed = False
    for run in job.runs:
        if markers.is_done(plan, job.step, run):
            continue
        with locks.held(layout.lock(plan.study.study, run.id), run.id):
            if markers.is_done(plan, job.step, run):
                continue
            files.sweep(plan.folder(run))
            log = plan.folder(run) / markers.LOG[job.step]
            failed |= not attempt(f"{run.id}: {job.step}", log, partial(_within_memory, run, work))
            if failed:
                gc.collect()  # what is left of a failed run makes room for the next
    if not failed:
        markers.write(plan, job)
    return not failed


def attempt(what: str, log: Path, work: Callable[[], None]) -> bool:
    """Do something that may raise: then its traceback goes to a log and its end to stderr, on a full disk only there,
    and the answer is False."""
    try:
        work()
    except Exception as error:
        try:
            files.write_text(log, "".join(traceback.format_exception(error)))
            where = f"see {log}"
        except OSError as refused:
            where = f"and its log cannot be written ({refused})"
        print(f"{what} failed, {where}:", file=sys.stderr)
        traceback.print_exception(error, limit=-3)
        return False
    return True


def _within_memory(run: Run, work: Callable[[Run], None]) -> None:
    """Do the work. Raises OutOfMemoryError in words that help."""
    try:
        work(run)
    except Exception as error:
        if not _is_about_memory(error):
            raise
        network = run.spec["architecture"]
        widths = [f"{key} {value}" for key, value in network["settings"].items() if "width" in key]
        size = f"batch_size {run.spec['training']['batch_size']} and {network['name']}"
        wide = f" of {', '.join(widths)}" if widths else ""
        raise OutOfMemoryError(
            f"{run.id}: out of memory with {size}{wide}; choose less of either, or a larger device"
        ) from error


def _is_about_memory(error: Exception) -> bool:
    """torch's own error for GPUs is a RuntimeError; its allocator on the CPU raises a plain one."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )
