"""Carry out the runs of a job, each on its own risk."""

import sys
import traceback
from collections.abc import Callable

from ganbench import files, markers
from ganbench.runs import Job, Plan, Run


def each(
    plan: Plan, job: Job, work: Callable[[list[Run]], None], together: Callable[[list[Run]], list[list[Run]]]
) -> bool:
    """Do the work for every run of a job that is not done yet, then write the job's marker. `together`: the runs that
    are worked on at once.

    Work that raises is a bug: its traceback goes to the log of its runs, the others are still worked on, and the answer
    is False, without a marker.
    """
    failed = False
    for runs in together([run for run in job.runs if not markers.is_done(plan, job.step, run)]):
        try:
            work(runs)
        except Exception:
            failed = True
            for run in runs:
                log = plan.folder(run) / markers.LOG[job.step]
                files.write_text(log, traceback.format_exc())
                print(f"{run.id}: {job.step} failed, see {log}:", file=sys.stderr)
            traceback.print_exc(limit=-3)
    if not failed:
        markers.write(plan, job)
    return not failed


def alone(runs: list[Run]) -> list[list[Run]]:
    """Each run by itself."""
    return [[run] for run in runs]
