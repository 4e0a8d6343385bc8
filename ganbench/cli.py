"""The `ganbench` command. Each verb imports what it needs when it runs, so that planning stays fast."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ganbench import (
    __version__,
    cards,
    devices,
    interruptions,
    layout,
    markers,
    plugins,
    runs,
    slots,
    study,
    trust,
    yamlfile,
)
from ganbench.problems import Problem, StudyError
from ganbench.runs import Plan

if TYPE_CHECKING:
    import torch

Known = TypeVar("Known")
PAPERS = Path("configs/papers")
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
"""Errors of the system that say enough: no room, no right to write."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb. Returns the exit code: 0, 1 for what went wrong while working, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        verb: Callable[[argparse.Namespace], int] = options.verb
        code = verb(options)
        sys.stdout.flush()
        return code
    except StudyError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the flush at the end would fail again
        return 1
    except OSError as error:
        if error.errno not in DISK:
            raise
        print(f"ganbench: {error}", file=sys.stderr)
        return 1
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

    checking = add(
        "check", _check, "Validate a study (.yaml), or run the contract of a plugin (.py, a recipe's .yaml)."
    )
    checking.add_argument("study", type=Path, metavar="FILE")
    checking.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the plugin")
    add("report", _report, "Render the page of a study from its results.").add_argument("study", type=Path)
    both = add("compare", _compare, "Render one page over two studies, or two copies of results, and say what changed.")
    for name in ("first", "second"):
        both.add_argument(name, type=Path, help="a study file, or a folder of results such as results/quick")
    papers = add("papers", _papers, "Render the page over all published tables that were reproduced.")
    papers.add_argument("folder", nargs="?", type=Path, default=PAPERS, help="of their studies, if not configs/papers")
    papers.add_argument("--markdown", type=Path, metavar="FOLDER", help="write Markdown and CSV too")
    kinds = plugins.KINDS_AND_METHOD
    add("list", _list, "List the plugins.").add_argument("kind", nargs="?", choices=kinds)
    showing = add("show", _show, "Show a plugin: settings, traits, citation, source.")
    showing.add_argument("plugin", help="its name, or a file")
    showing.add_argument("--kind", choices=kinds, help="if several kinds have one of that name")
    new = add("new", _new, "Write a working plugin and its test, to start from.")
    new.add_argument("kind", choices=kinds)
    new.add_argument("name")
    new.add_argument("--folder", type=Path, default=Path(), help="where to, if not here")
    add("doctor", _doctor, "Look for what would keep ganbench from working here.")
    recovering = add(
        "recover",
        _recover,
        "After snakemake was killed: wait for the jobs that it left running, then unlock.",
    )
    recovering.add_argument("study", type=Path)
    recovering.add_argument("--cancel", action="store_true", help="end those jobs instead of waiting for them")
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
    journal = add("journal", _journal, "Write the trials of a tuned study to a journal file for optuna-dashboard.")
    journal.add_argument("study", type=Path)
    journal.add_argument("file", type=Path, help="a file that is not there yet, e.g. trials.journal")
    tuning = add("tune", _tune, "Step of the workflow: ask for trials, carry them out, or choose the best.")
    tuning.add_argument("study", type=Path)
    tuning.add_argument("key", metavar="step")
    tuning.add_argument("--digest", help="what the step was when the workflow was planned")
    tuning.add_argument("--threads", type=int)
    return parser


def _check(options: argparse.Namespace) -> int:
    if _is_plugin(options.study):
        from ganbench.testing import command

        return command.check(options.study, options.set)
    if options.set:
        raise StudyError(options.study, [Problem("--set", "is for plugins; a study says its settings itself")])
    plan = runs.plan(options.study)
    trained = sum(markers.is_trained(plan, run) for run in plan.runs)
    print(f"{options.study}: fine. {len(plan.runs)} runs, {trained} of them trained.")
    for cell in dict.fromkeys(run.cell for run in plan.runs):
        print(f"  {cell}")
    for path in trust.files(plan.registry):
        refused = "" if trust.is_allowed(path) else f"; refused from this folder, unless {trust.VARIABLE} names its own"
        print(f"  code that will be run: {path}{refused}")
    for search in plan.searches.values():
        tuning = search.tuning
        seeds = f"{len(tuning.seeds)} {'seed' if len(tuning.seeds) == 1 else 'seeds'}"
        what = f"{len(search.parameters)} parameters, {tuning.trials} trials on {seeds}"
        print(f"  tuned: {search.cell}: {what}")
    for gap in plan.gaps:
        print(f"  left out: {gap.what}: {gap.reason}")
    for note in plan.notes:
        print(f"  note: {note}")
    return 0


def _is_plugin(path: Path) -> bool:
    """A .py file is a plugin; a .yaml file is a study, unless it has the keys of a recipe and none of a study."""
    if path.suffix == ".py":
        return True
    try:
        keys = yamlfile.read(path).keys()
    except yamlfile.YamlError:
        return False
    return bool(keys & {"loss", "base"}) and not keys & study.Study.model_fields.keys()


def _list(options: argparse.Namespace) -> int:
    from ganbench import show

    print(show.listing(plugins.discover(), options.kind))
    return 0


def _show(options: argparse.Namespace) -> int:
    from ganbench import show

    path = Path(options.plugin)
    if path.suffix in (".py", ".yaml", ".yml"):
        registry, kind = plugins.knowing(path)
        print(show.described(registry, cards.name_of(path), kind))
    else:
        print(show.described(plugins.discover(), options.plugin, options.kind))
    return 0


def _new(options: argparse.Namespace) -> int:
    from ganbench import scaffold

    plugin, test = scaffold.write(options.kind, options.name, options.folder)
    print(f"Wrote {plugin} and {test}. It works as it is; now make it yours.")
    print(f"  ganbench check {plugin}    runs its contract")
    print(f"  pytest {test}    does the same, and runs your own tests of it")
    print(f"  plugins: [{plugin.name}]    in a study beside it makes '{cards.name_of(plugin)}' a {options.kind} there")
    return 0


def _doctor(_: argparse.Namespace) -> int:
    from ganbench import doctor

    return doctor.examine()


def _recover(options: argparse.Namespace) -> int:
    from ganbench import recover

    recover.recover(options.study, options.cancel)
    return 0


def _data(options: argparse.Namespace) -> int:
    plan = _planned(options)
    from ganbench import given

    wanted = _named(plan.data, options)
    same = [dataset for dataset in plan.datasets.values() if dataset.key == wanted.key]
    given.prepare(same, layout.raw_data(plan.study.data))
    return 0


def _extractor(options: argparse.Namespace) -> int:
    plan = _planned(options)
    from ganbench import extraction

    devices.choose("cpu", plan.study.threads)  # trained weights are to be the same with and without a GPU
    extraction.make(*_named(plan.extractors, options))
    return 0


def _features(options: argparse.Namespace) -> int:
    plan = _planned(options)
    wanted = _named(plan.features, options)
    device = _device(plan, options)
    from ganbench import features

    features.make(*wanted, device)
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
    device = _device(plan, options)
    if options.step == "train":
        from ganbench.packs.training import carry_out
    else:
        from ganbench.evaluate import carry_out
    with interruptions.obeyed():
        return 0 if carry_out(plan, job, device) else 1


def _tune(options: argparse.Namespace) -> int:
    plan = _planned(options)
    step = _named(plan.tuning_steps, options)
    if options.digest not in (None, step.digest):
        raise JobError(f"{plan.file}: changed since this workflow was planned; run snakemake again")
    from ganbench.tune import command

    with interruptions.obeyed():
        return 0 if command.carry_out(plan, step, lambda: _device(plan, options)) else 1


def _journal(options: argparse.Namespace) -> int:
    plan = runs.plan(options.study)
    if not plan.searches:
        raise JobError(f"{options.study}: tunes nothing; it has no `tuning` or does not list `tuned` in `settings`")
    if options.file.exists():
        raise JobError(f"{options.file}: is there already; name a new file")
    from ganbench.tune import storage

    names = storage.export(plan, options.file)
    print(f"Wrote {len(names)} searches to {options.file}; `optuna-dashboard {options.file}` shows them.")
    return 0


def _report(options: argparse.Namespace) -> int:
    plan = runs.plan(options.study)
    from ganbench.report import page

    page.write(plan)
    return 0


def _compare(options: argparse.Namespace) -> int:
    from ganbench.report import page

    print(page.compare(options.first, options.second))
    return 0


def _papers(options: argparse.Namespace) -> int:
    from ganbench.report import papers

    print(papers.write(options.folder, options.markdown))
    return 0


def _planned(options: argparse.Namespace) -> Plan:
    """The plan, whose plugins may be run, with this process limited to its threads before torch is imported."""
    plan = runs.plan(options.study)
    trust.demand(plan.registry)
    devices.limit_threads(_threads(plan, options))
    return plan


def _device(plan: Plan, options: argparse.Namespace) -> "torch.device":
    """Where to compute; a GPU is waited for before torch is imported, so that waiting costs next to nothing."""
    if plan.study.device != "cpu":
        slots.take(plan.study.jobs_per_gpu)
    return devices.choose(plan.study.device, _threads(plan, options))


def _threads(plan: Plan, options: argparse.Namespace) -> int:
    return int(getattr(options, "threads", None) or plan.study.threads)


class JobError(Exception):
    """A job that the study does not have, or no longer has in the form that was planned."""


def _named(known: dict[str, Known], options: argparse.Namespace) -> Known:
    """What the study calls by this key. Raises JobError."""
    if options.key not in known:
        raise JobError(plugins.unknown(f"{options.study} has nothing called", options.key, known))
    return known[options.key]
