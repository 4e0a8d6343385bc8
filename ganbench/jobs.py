"""Carry out the runs of a job, each on its own risk."""

import contextlib
import gc
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ganbench import files, layout, locks, markers
from ganbench.runs import Plan
from ganbench.work import Job, Run


class OutOfMemoryError(Exception):
    """A run that does not fit into memory; the message says what makes it large."""


def alone(runs: list[Run]) -> list[list[Run]]:
    """Each run by itself."""
    return [[run] for run in runs]


def each(
    plan: Plan,
    job: Job,
    work: Callable[[list[Run]], None],
    together: Callable[[list[Run]], list[list[Run]]] = alone,
) -> bool:
    """Do the work for every run of a job that is not done yet, then write the job's marker. `together`: the runs that
    are worked on at once.

    A run that another process works on is waited for. Work that raises is a bug, or does not fit into memory: the
    traceback goes to the log of its runs, the others are still worked on, and the answer is False, without a marker.
    """
    failed = False
    for runs in together(_left(plan, job, job.runs)):
        with contextlib.ExitStack() as locked:
            for run in sorted(runs, key=lambda run: run.id):  # in one order everywhere, so that nobody waits in a ring
                locked.enter_context(locks.held(layout.lock(plan.study.study, run.id), run.id))
            if not (left := _left(plan, job, runs)):
                continue
            for run in left:
                files.sweep(plan.folder(run))
            try:
                _within_memory(left, work)
            except Exception as error:
                failed = True
                for run in _left(plan, job, left):
                    _tell(f"{run.id}: {job.step}", plan.folder(run) / markers.LOG[job.step], error)
            if failed:
                gc.collect()  # what is left of a failed run makes room for the next
    if not failed:
        markers.write(plan, job)
    return not failed


def attempt(logs: Mapping[str, Path], work: Callable[[], None]) -> bool:
    """Do something that may raise: then its traceback goes to the logs of all that it was for, given by name, and the
    answer is False."""
    try:
        work()
    except Exception as error:
        for what, log in logs.items():
            _tell(what, log, error)
        return False
    return True


def _left(plan: Plan, job: Job, runs: Iterable[Run]) -> list[Run]:
    """The runs that are not done yet."""
    return [run for run in runs if not markers.is_done(plan, job.step, run)]


def _within_memory(runs: list[Run], work: Callable[[list[Run]], None]) -> None:
    """Do the work. Raises OutOfMemoryError in words that help."""
    try:
        work(runs)
    except Exception as error:
        if not _is_about_memory(error):
            raise
        run = runs[0]
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


def _tell(what: str, log: Path, error: Exception) -> None:
    """The traceback to a log, and its end to stderr; on a full disk only there."""
    try:
        files.write_text(log, "".join(traceback.format_exception(error)))
        where = f"see {log}"
    except OSError as refused:
        where = f"and its log cannot be written ({refused})"
    print(f"{what} failed, {where}:", file=sys.stderr)
    traceback.print_exception(error, limit=-3)
