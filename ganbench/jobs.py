"""Carry out the runs of a job, one after the other, each on its own risk."""

import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ganbench import files, markers
from ganbench.runs import Job, Plan, Run


def each(plan: Plan, job: Job, work: Callable[[Run], None]) -> bool:
    """Do the work for every run of a job that is not done yet, then write the job's marker.

    A run that raises is a bug: its traceback goes to its log, the other runs are still worked on, and the answer is
    False, without a marker.
    """
    failed = False
    for run in job.runs:
        if markers.is_done(plan, job.step, run):
            continue
        log = plan.folder(run) / markers.LOG[job.step]
        failed |= not attempt(f"{run.id}: {job.step}", log, partial(work, run))
    if not failed:
        markers.write(plan, job)
    return not failed


def attempt(what: str, log: Path, work: Callable[[], None]) -> bool:
    """Do something that may raise: then its traceback goes to a log, and the answer is False."""
    try:
        work()
    except Exception:
        files.write_text(log, traceback.format_exc())
        print(f"{what} failed, see {log}:", file=sys.stderr)
        traceback.print_exc(limit=-3)
        return False
    return True
