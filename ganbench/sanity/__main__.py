"""`python -m ganbench.sanity STUDY`: spoil the real data of a study's datasets, and write down which metric notices."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ganbench import devices, layout, runs, trust
from ganbench.problems import StudyError
from ganbench.runs import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0, 1 for what went wrong while working, 2 for a study that is not valid."""
    parser = argparse.ArgumentParser("python -m ganbench.sanity", description=__doc__, allow_abbrev=False)
    parser.add_argument("study", type=Path, help="its datasets, metrics and sample counts are used; nothing is trained")
    parser.add_argument("--to", type=Path, help="the folder of sanity.md and its figures; reports/<study> if not given")
    options = parser.parse_args(arguments)
    try:
        print(_written(runs.plan(options.study), options.to))
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:
        if not type(error).__module__.startswith("ganbench."):  # our own errors are sentences; others are bugs
            raise
        print(f"ganbench: {error}", file=sys.stderr)
        return 1
    return 0


def _written(plan: Plan, folder: Path | None) -> Path:
    """The page, after all is measured."""
    trust.demand(plan.registry)
    devices.limit_threads(plan.study.threads)
    from ganbench import reference
    from ganbench.sanity import page, responses

    device = devices.choose("cpu", plan.study.threads)  # the page is to be the same with and without a GPU
    responses.prepare(plan, device)
    found = [
        responses.measure(reference.read(plan, dataset, device), lambda text: print(text, file=sys.stderr))
        for dataset in plan.datasets.values()
    ]
    return page.write(plan, found, folder or layout.report(plan.study.study).parent)


if __name__ == "__main__":
    sys.exit(main())
