"""The `ganbench` command. Each verb imports what it needs when it runs, so that planning stays fast."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ganbench import __version__, devices, layout, markers, plugins, runs
from ganbench.problems import StudyError
from ganbench.runs import Plan

Known = TypeVar("Known")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb. Returns the exit code: 0, 1 for what went wrong while working, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        verb: Callable[[argparse.Namespace], int] = options.verb
        return verb(options)
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:
        if type(error).__module__.startswith("ganbench."):  # our own errors are sentences; others are bugs
            print(f"ganbench: {error}", file=sys.stderr)
            return 1
        if "torchvision::nms" in str(error):
            print(
                f"ganbench: {error}\nRun `ganbench doctor`: torch and torchvision do not match.",
                file=sys.stderr,
            )
            return 1
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("ganbench", description="Compare GAN variants.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"ganbench {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def add(name: str, verb: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text, allow_abbrev=False)
        sub.set_defaults(verb=verb)
        return sub

    for name, verb, text in (
        ("check", _check, "Validate a study file and say what it would run."),
        ("report", _report, "Render the page of a study from its results."),
    ):
        add(name, verb, text).add_argument("study", type=Path)
    both = add("compare", _compare, "Render one page over two studies, or two copies of results, and say what changed.")
    for name in ("first", "second"):
        both.add_argument(name, type=Path, help="a study file, or a folder of results such as results/quick")
    listing = add("list", _list, "List the plugins.")
    listing.add_argument("kind", nargs="?", choices=[*plugins.KINDS, "method"])
    add("doctor", _doctor, "Look for what would keep ganbench from working here.")
    for name, verb, text in (
        ("data", _data, "Step of the workflow: prepare a dataset."),
        ("extractor", _extractor, "Step of the workflow: train a feature extractor, or fetch its weights."),
        ("features", _features, "Step of the workflow: extract the features of real data."),
        ("reference", _reference, "Step of the workflow: measure real data, and state the protocol."),
    ):
        sub = add(name, verb, text)
        sub.add_argument("study", type=Path)
        sub.add_argument("key")
        sub.add_argument("--threads", type=int)
    for name, text in (
        ("train", "Step of the workflow: train the runs of a job."),
        ("evaluate", "Step of the workflow: measure the runs of a job."),
    ):
        sub = add(name, _job, text)
        sub.set_defaults(step=name)
        sub.add_argument("study", type=Path)
        sub.add_argument("job")
        sub.add_argument("--digest", help="what the job was when the workflow was planned")
        sub.add_argument("--threads", type=int)
    return parser


def _check(options: argparse.Namespace) -> int:
    plan = runs.plan(options.study)
    trained = sum(markers.is_trained(plan, run) for run in plan.runs)
    print(f"{options.study}: fine. {len(plan.runs)} runs, {trained} of them trained.")
    for cell in dict.fromkeys(run.cell for run in plan.runs):
        print(f"  {cell}")
    for gap in plan.gaps:
        print(f"  left out: {gap.what}: {gap.reason}")
    for note in plan.notes:
        print(f"  note: {note}")
    return 0


def _list(options: argparse.Namespace) -> int:
    from ganbench import yamlfile

    registry = plugins.discover()
    for kind in [options.kind] if options.kind else [*plugins.KINDS, "method"]:
        print(f"{kind}:")
        for name in registry.names(kind):
            summary = (
                yamlfile.read(registry.recipes[name]).get("title", "")
                if kind == "method"
                else registry.card(kind, name).summary
            )
            print(f"  {name:24} {summary}")
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from ganbench import doctor

    return doctor.examine()


def _data(options: argparse.Namespace) -> int:
    plan = _planned(options)
    from ganbench import data

    data.prepare(_named(plan.data, options), layout.raw_data(plan.study.data))
    return 0


def _extractor(options: argparse.Namespace) -> int:
    plan = _planned(options)
    from ganbench import extraction

    devices.choose("cpu", plan.study.threads)  # trained weights are to be the same with and without a GPU
    extraction.make(*_named(plan.extractors, options))
    return 0


def _features(options: argparse.Namespace) -> int:
    plan = _planned(options)
    from ganbench import features

    features.make(*_named(plan.features, options), devices.choose(plan.study.device, _threads(plan, options)))
    return 0


def _reference(options: argparse.Namespace) -> int:
    plan = _planned(options)
    from ganbench import reference

    reference.make(plan, _named(plan.datasets, options), devices.choose("cpu", _threads(plan, options)))
    return 0


def _job(options: argparse.Namespace) -> int:
    plan = _planned(options)
    jobs = plan.training_jobs if options.step == "train" else plan.evaluation_jobs
    job = jobs.get(options.job)
    if job is None:
        raise JobError(plugins.unknown(f"{plan.file} has no job", options.job, jobs))
    if options.digest not in (None, job.digest):
        raise JobError(f"{plan.file}: changed since this workflow was planned; run snakemake again")
    if all(markers.is_done(plan, job.step, run) for run in job.runs):  # no torch for nothing
        markers.write(plan, job)
        return 0
    device = devices.choose(plan.study.device, _threads(plan, options))
    if options.step == "train":
        from ganbench.training import carry_out
    else:
        from ganbench.evaluate import carry_out
    return 0 if carry_out(plan, job, device) else 1


def _report(options: argparse.Namespace) -> int:
    plan = runs.plan(options.study)
    from ganbench.report import page

    page.write(plan)
    return 0


def _compare(options: argparse.Namespace) -> int:
    from ganbench.report import page

    print(page.compare(options.first, options.second))
    return 0


def _planned(options: argparse.Namespace) -> Plan:
    """The plan, with this process limited to its threads before torch is imported."""
    plan = runs.plan(options.study)
    devices.limit_threads(_threads(plan, options))
    return plan


def _threads(plan: Plan, options: argparse.Namespace) -> int:
    return int(getattr(options, "threads", None) or plan.study.threads)


class JobError(Exception):
    """A job that the study does not have, or no longer has in the form that was planned."""


def _named(known: dict[str, Known], options: argparse.Namespace) -> Known:
    """What the study calls by this key. Raises JobError."""
    if options.key not in known:
        raise JobError(plugins.unknown(f"{options.study} has nothing called", options.key, known))
    return known[options.key]
