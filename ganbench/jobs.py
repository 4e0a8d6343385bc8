"""Carry out the runs of a job, one after the other, each on its own risk."""

import sys
import traceback
from collections.abc import Callable

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
        try:
            work(run)
        except Exception:
            failed = True
            log = plan.folder(run) / markers.LOG[job.step]
            files.write_text(log, traceback.format_exc())
            print(f"{run.id}: {job.step} failed, see {log}:", file=sys.stderr)
            traceback.print_exc(limit=-3)
    if not failed:
        markers.write(plan, job)
    return not failed
