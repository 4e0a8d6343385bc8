"""From a study to its plan: every run with its spec, grouped into jobs; and what was left out, and why.

The spec of a run is everything that can change its result and nothing else; its digest is the cache key.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ganbench import fits, layout, misnomers, pairing, protocol, searches, specs, study, work
from ganbench.packs import grouping
from ganbench.plugins import Registry
from ganbench.problems import Problem, StudyError
from ganbench.protocol import Dataset, Extractor
from ganbench.searches import Scope, Search, Step
from ganbench.sections import Training
from ganbench.specs import Spec, digest
from ganbench.study import DatasetEntry, Entry, Study
from ganbench.work import Job, Run


@dataclass(frozen=True)
class Gap:
    """A combination that was left out."""

    what: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """All that a study asks for."""

    file: Path
    study: Study
    registry: Registry
    datasets: dict[str, Dataset]
    runs: tuple[Run, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    training_jobs: dict[str, Job]
    evaluation_jobs: dict[str, Job]
    searches: dict[str, Search]
    """By the cell of the runs that are trained with what it finds."""

    @property
    def digest(self) -> str:
        """Changes when anything that the report shows changes in the study."""
        datasets = [[dataset.evaluation.threshold, list(dataset.measures)] for dataset in self.datasets.values()]
        study, gaps = self.study, [vars(gap) for gap in self.gaps]
        shown: list[Any] = [study.study, study.description, gaps, self.notes, datasets]
        if study.paper is not None:
            shown.append(study.paper.model_dump(mode="json"))
        return digest([*shown, [[run.id, run.digest, run.evaluation_digest] for run in self.runs]])

    def marker(self, job: Job) -> Path:
        """The declared output of a job."""
        return layout.marker(self.study.study, job.step, job.id)

    def folder(self, run: Run) -> Path:
        """Where the run's files lie."""
        return layout.run(self.study.study, run.id)

    def training(self, run: Run) -> Training:
        """How a run is trained, with what is of no interest to its result."""
        (entry,) = (entry for entry in self.study.datasets if entry.label == run.dataset)
        return self.study.training_on(entry)

    def inputs_of_extractor(self, key: str) -> list[Path]:
        """The dataset that an extractor is trained on, if it is."""
        dataset, extractor = self.extractors[key]
        return [layout.data(dataset.key)] if extractor.form == "trained" else []

    def inputs_of_features(self, key: str) -> list[Path]:
        """The dataset and the extractor."""
        dataset, extractor = self.features[key]
        return [layout.data(dataset.key), layout.extractor(extractor.key)]

    def inputs_of_reference(self, dataset: str) -> list[Path]:
        """The files that a dataset's reference is made from."""
        of = self.datasets[dataset]
        seen = [of.features_key(extractor) for extractor in of.extractors.values()]
        return [
            layout.data(of.key),
            *(p for key in seen for p in (layout.features(key), *self.inputs_of_features(key))),
        ]

    def reference_digest(self, dataset: str) -> str:
        """Changes when a dataset's reference must be made anew."""
        return digest(self.datasets[dataset].reference_spec())

    def inputs_of_training(self, job: str) -> list[Path]:
        """The dataset, and for tuned methods their best settings."""
        wanted = self.training_jobs[job]
        cells = dict.fromkeys(run.cell for run in wanted.runs if run.cell in self.searches)
        return [layout.data(self.datasets[wanted.dataset].key), *(self.best(self.searches[cell]) for cell in cells)]

    def inputs_of_tuning(self, step: str) -> list[Path]:
        """The steps that it needs, and what trials are trained on and judged by."""
        wanted = self.tuning_steps[step]
        label = wanted.search.dataset.label
        judged = [layout.reference(self.study.study, label), *self.inputs_of_reference(label)] if wanted.trains else []
        return [*judged, *(self.output_of_tuning(self.tuning_steps[need]) for need in wanted.needs)]

    def output_of_tuning(self, step: Step) -> Path:
        """The declared output of a step of a search."""
        name = self.study.study
        return layout.marker(name, "trials", step.id) if step.trains else layout.tuning(name, step.id)

    @property
    def tuning_outputs(self) -> list[Path]:
        """What all steps of all searches leave: targets, so that a trial that was deleted is made again."""
        return [self.output_of_tuning(step) for step in self.tuning_steps.values()]

    def best(self, search: Search) -> Path:
        """What a search found."""
        return layout.tuning(self.study.study, f"{search.cell}/best")

    @cached_property
    def tuning_steps(self) -> dict[str, Step]:
        """All steps of all searches by id."""
        return {step.id: step for search in self.searches.values() for step in searches.steps(search)}

    def inputs_of_evaluation(self, job: str) -> list[Path]:
        """All that an evaluation opens: the reference and what it is made from, and the trained runs' markers."""
        wanted = self.evaluation_jobs[job]
        trainers = {self.trainers[run.id]: None for run in wanted.runs}
        return [
            layout.reference(self.study.study, wanted.dataset),
            *self.inputs_of_reference(wanted.dataset),
            *(self.marker(self.training_jobs[trainer]) for trainer in trainers),
        ]

    @cached_property
    def trainers(self) -> dict[str, str]:
        """The training job of each run, by id."""
        return {run.id: job.id for job in self.training_jobs.values() for run in job.runs}

    @property
    def outputs(self) -> list[Path]:
        """All files that rules declare, there or not."""
        name = self.study.study
        return [
            *map(layout.data, self.data),
            *map(layout.extractor, self.extractors),
            *map(layout.features, self.features),
            *(layout.reference(name, dataset) for dataset in self.datasets),
            *map(self.output_of_tuning, self.tuning_steps.values()),
            *map(self.marker, self.training_jobs.values()),
            *self.evaluation_markers,
            layout.report(name),
        ]

    @property
    def evaluation_markers(self) -> list[Path]:
        """What must be there before the report, and with it."""
        return [self.marker(job) for job in self.evaluation_jobs.values()]

    @property
    def data(self) -> dict[str, Dataset]:
        """The datasets by the name of their folder; two labels of one dataset share it."""
        return {dataset.key: dataset for dataset in self.datasets.values()}

    @property
    def extractors(self) -> dict[str, tuple[Dataset, Extractor]]:
        """The extractors that the study needs by the name of their folder, each with a dataset that it is for."""
        return {e.key: (d, e) for d in self.datasets.values() for e in d.extractors.values()}

    @property
    def features(self) -> dict[str, tuple[Dataset, Extractor]]:
        """The real features that the study needs, by the name of their folder."""
        return {d.features_key(e): (d, e) for d in self.datasets.values() for e in d.extractors.values()}


def plan(file: Path) -> Plan:
    """Validate a study and expand it. Raises StudyError; touches nothing on disk."""
    wanted, registry = study.load(file)
    gaps: list[Gap] = []
    notes: list[str] = []
    runs: list[Run] = []
    found: dict[str, Search] = {}
    datasets, problems = protocol.datasets(wanted, registry)
    if problems:
        raise StudyError(file, problems)
    scope, problems = searches.scope(wanted, datasets, registry)
    if problems:
        raise StudyError(file, problems)
    for entry in wanted.datasets:
        dataset = datasets[entry.label]
        for architecture in entry.architectures or wanted.architectures:
            card = registry.card("architecture", architecture.name)
            condition = dataset.condition.card if dataset.condition else None
            reason = fits.misfit(dataset.card, dataset.spec["settings"], card, condition)
            if reason:
                gaps.append(Gap(f"{entry.label} × {architecture.label}", reason))
            else:
                tuned, problems = _searches(wanted, entry, dataset, architecture, scope, registry)
                if problems:
                    raise StudyError(file, problems)
                found |= tuned
                runs += _cells(wanted, entry, dataset, architecture, registry, tuned, gaps, notes)
    if wanted.paper is not None:
        columns = {label: list(dataset.measures) for label, dataset in datasets.items()}
        pairs = dict.fromkeys((run.dataset, run.architecture) for run in runs)
        trained = {label: [of for dataset, of in pairs if dataset == label] for label in datasets}
        problems = misnomers.misplaced(wanted.paper, columns, trained)
        if not runs:
            problems.append(Problem("paper.budget", "nothing is left of the study"))
        if problems:
            raise StudyError(file, problems)
    return Plan(
        file=file,
        study=wanted,
        registry=registry,
        datasets=datasets,
        runs=tuple(runs),
        gaps=tuple(dict.fromkeys(gaps)),
        notes=tuple(dict.fromkeys(notes)),
        training_jobs=work.deal(
            "train", runs, {d.label: wanted.training_on(d).runs_per_job for d in wanted.datasets}, registry
        ),
        evaluation_jobs=work.deal(
            "evaluate", runs, {d: datasets[d].evaluation.runs_per_job for d in datasets}, registry
        ),
        searches={cell: search for cell, search in found.items() if any(run.cell == cell for run in runs)},
    )


def _searches(
    wanted: Study, entry: DatasetEntry, dataset: Dataset, architecture: Entry, scope: Scope, registry: Registry
) -> tuple[dict[str, Search], list[Problem]]:
    """The searches of one dataset and architecture, by the cell of the runs that wait for them; and problems."""
    found: dict[str, Search] = {}
    problems: list[Problem] = []
    for method in wanted.methods if scope.tunings and "tuned" in wanted.optimizer_settings else ():
        spec = pairing.method_spec(study.composed_method(method, dataset.kind, registry), registry)
        if pairing.meet(dataset.kind, architecture, spec, registry, dataset.form).reason is None:
            training = wanted.training_on(entry)
            search, wrong = searches.of_cell(scope, dataset, architecture, method, training, registry)
            found[f"{search.cell}-tuned"] = search
            problems += wrong
    return found, problems


def _cells(
    wanted: Study,
    entry: DatasetEntry,
    dataset: Dataset,
    architecture: Entry,
    registry: Registry,
    tuned: dict[str, Search],
    gaps: list[Gap],
    notes: list[str],
) -> list[Run]:
    """All runs of one dataset and architecture; what is left out or changed is added to gaps and notes."""
    runs: list[Run] = []
    shared: dict[str, str] = {}
    training = wanted.training_on(entry)
    for method in wanted.methods:
        for which in wanted.optimizer_settings:
            label = method.label if which == "own" else f"{method.label}-{which}"
            forced = wanted.shared_optimizer if which == "shared" else None
            spec = pairing.method_spec(study.composed_method(method, dataset.kind, registry), registry, forced)
            if which == "shared":
                twin = shared.setdefault(digest(spec), label)
                if twin != label:
                    reason = f"under the shared optimizer it is the same as {twin}"
                    gaps.append(Gap(f"{dataset.label} × {architecture.label} × {label}", reason))
                    continue
            pair = pairing.meet(dataset.kind, architecture, spec, registry, dataset.form)
            if pair.reason:
                gaps.append(Gap(f"{dataset.label} × {architecture.label} × {label}", pair.reason))
                continue
            notes += [f"{label} with {architecture.label}: {note}" for note in pair.notes]
            asked = dataset.condition.spec if dataset.condition else None
            base = specs.of_run(dataset.spec, pair.architecture, spec, training, asked)
            search = tuned[f"{dataset.label}/{architecture.label}/{label}"] if which == "tuned" else None
            if search:  # the winner's settings are not known yet; what they depend on is
                base["tuning"] = search.spec
            steps = base["training"]["generator_steps"]
            if beyond := training.beyond(steps):
                notes.append(f"{label} on {dataset.label} ends at step {steps}: no snapshot at {beyond}")
            width, obstacle = grouping.width(base, dataset.kind, training.engine, wanted.device, registry)
            if search and search.pack != width:
                width, obstacle = None, "its search may try what cannot be packed"
            if obstacle:
                notes.append(f"{label} on {dataset.label} is trained run by run, not in packs: {obstacle}")
            if width:
                base["pack"] = width
            for seed in wanted.seeds:
                run_spec = {**base, "seed": seed}
                evaluation = _evaluation_spec(run_spec, dataset)
                where = (dataset.label, architecture.label, label, seed)
                runs.append(Run(*where, run_spec, evaluation, training.time_limit))
    return runs


def _evaluation_spec(run_spec: Spec, dataset: Dataset) -> Spec:
    return {
        "run": digest(run_spec),
        "engine": specs.EVALUATION_ENGINE,
        "reference": dataset.reference_spec(),
        "resamples": dataset.evaluation.resamples,
    }
