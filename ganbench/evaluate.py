"""Carry out evaluation jobs: a trained generator's samples to features to metrics, at the end and over training."""

import time
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from ganbench import collapse, conditioning, data, files, gallery, jobs, layout, plugins, reference
from ganbench.generate import NotFiniteError
from ganbench.given import Form
from ganbench.measures import Measure
from ganbench.reference import Instruments, Seen
from ganbench.runs import Plan
from ganbench.specs import Spec
from ganbench.trained import Trained
from ganbench.work import Job, Run

Record = dict[str, Any]

AGAIN = 200
"""Conditions for which a second sample is made."""


def carry_out(plan: Plan, job: Job, device: torch.device) -> bool:
    """Measure the runs of a job that are not measured yet; False if one raised."""
    instruments = reference.read(plan, plan.datasets[job.dataset], device)
    return jobs.each(plan, job, lambda runs: evaluate_run(plan, runs[0], instruments, device), jobs.alone)


def evaluate_run(plan: Plan, run: Run, instruments: Instruments, device: torch.device) -> None:
    """Measure one trained run and write its metrics. A diverged run has a status, and numbers only from before;
    one that ran out of time is measured where it was."""
    folder = plan.folder(run)
    cpu_start = time.process_time()
    training = files.read_json(folder / layout.TRAINING)
    if training is None or training["digest"] != run.digest:
        raise FileNotFoundError(f"{folder / layout.TRAINING}: not the record of this run; `snakemake` trains it")
    trained = Trained(run, folder, training, _network(plan, run.dataset, training, device), device)
    status, reason = training["status"], training["reason"]
    evaluations: list[Record] = []
    curve: list[Record] = []
    resamples: dict[str, list[float | None]] = {}
    masses: Record | None = None
    gallery.remove(folder)
    for weights in layout.GENERATORS if trained.spec["method"]["ema"] else ["raw"]:
        final: Record | None = None
        if training["status"] != "diverged":
            try:
                final, seen = _final(trained, weights, instruments)
                resamples[weights] = _resamples(trained, weights, instruments)
                evaluations.append(final)
                if weights == "raw":
                    verdict = _verdict(seen, instruments)
                    if verdict is not None and status == "timeout":  # what is not finished has not collapsed
                        reason = f"{reason}; there {verdict}"
                    elif verdict is not None:
                        status, reason = "collapsed", verdict
                    masses = gallery.mode_masses(seen, instruments)
                    gallery.write(trained, seen, instruments)
            except NotFiniteError as error:
                if weights == "raw":
                    status, reason = "diverged", str(error)
        points = _curve(trained, weights, instruments)
        curve += points
        best = _best(trained, weights, points, final, instruments)
        evaluations += [best] if best else []
    files.write_json(
        folder / layout.METRICS,
        {
            "run": run.id,
            "status": status,
            "reason": reason,
            "evaluations": evaluations,
            "curve": curve,
            "resamples": resamples,
            "mode_masses": masses,
            "protocol": instruments.protocol,
            "evaluation_digest": run.evaluation_digest,
            "weights_sha256": training["weights_sha256"],
            "cpu_seconds": time.process_time() - cpu_start,
            "training": {key: value for key, value in training.items() if key not in ("run", "files")},
        },
    )


def _network(plan: Plan, dataset: str, training: Record, device: torch.device) -> nn.Module:
    spec: Spec = training["spec"]
    part, form = spec["architecture"], training.get("form")
    architecture = plugins.load(plan.registry.card("architecture", part["name"]), part["settings"])
    shape = data.sample_shape(plan.datasets[dataset])
    made = conditioning.generator(architecture, shape, Form.of_spec(form) if form else None, spec["method"])
    return made.to(device)


def _final(trained: Trained, weights: str, instruments: Instruments) -> tuple[Record, Seen]:
    """All metrics of the last step, and the samples that they are of, as they were seen."""
    dataset = instruments.dataset
    measures = dataset.measures.values()
    seen = _seen(trained, weights, trained.last, measures, dataset.samples, "evaluation", instruments)
    return _record(weights, "final", trained.last, trained, instruments.measure(seen, measures)), seen


def _seen(
    trained: Trained,
    weights: str,
    step: int,
    measures: Iterable[Measure],
    count: int,
    role: str,
    instruments: Instruments,
    split: str = "test",
) -> Seen:
    """Samples of a step as some metrics see them, made for the conditions of a split if there are any: then with a
    second sample for some of them. Raises NotFiniteError."""
    asked, again = instruments.given.get(split), None
    samples = trained.samples(weights, step, count, role, asked)
    if asked is not None:
        asked = asked.first(count)
        again = trained.samples(weights, step, min(AGAIN, count), f"{role} again", asked)
    return instruments.see(samples, measures, asked, again)


def _verdict(seen: Seen, instruments: Instruments) -> str | None:
    """Whether the generator collapsed, as the headline's extractor sees it."""
    dataset = instruments.dataset
    label = dataset.headline.extractor
    own_classes = label is not None and "classes" in dataset.extractors[label].card.traits["provides"]
    return collapse.verdict(seen[label], instruments.references["test"][label], own_classes)


def _resamples(trained: Trained, weights: str, instruments: Instruments) -> list[float | None]:
    """The headline of the last step on further samples: how much of its spread over seeds is luck in sampling."""
    headline = instruments.dataset.headline
    values = []
    for number in range(instruments.dataset.evaluation.resamples):
        role = f"resample {number}"
        seen = _seen(trained, weights, trained.last, [headline], headline.samples, role, instruments)
        values.append(instruments.measure(seen, [headline])[headline.name])
    return values


def _curve(trained: Trained, weights: str, instruments: Instruments) -> list[Record]:
    """The watched metrics at every step that was kept, on a smaller sample, against the validation split. A step
    whose samples are not finite has no point."""
    dataset, points = instruments.dataset, []
    for step in trained.steps if trained.record["snapshots"] else ():
        measures, count = dataset.watched.values(), dataset.evaluation.snapshot_samples
        try:
            seen = _seen(trained, weights, step, measures, count, "over training", instruments, "validation")
        except NotFiniteError:
            continue
        points.append(_record(weights, "snapshot", step, trained, instruments.measure(seen, measures)))
    return points


def _best(
    trained: Trained, weights: str, points: list[Record], final: Record | None, instruments: Instruments
) -> Record | None:
    """All metrics of the step with the best headline over training; the earliest of equals. None without a curve.

    A step may have finite samples on the curve and not among the larger number: then the next best is taken.
    """
    dataset = instruments.dataset
    watched = next(iter(dataset.watched))
    sign = -1 if dataset.headline.trait("direction") == "higher" else 1
    if dataset.headline.trait("direction") == "none":
        return None
    defined = [point for point in points if point["metrics"][watched] is not None]
    for point in sorted(defined, key=lambda point: sign * point["metrics"][watched]):
        step, measures = point["step"], dataset.measures.values()
        if final is not None and step == trained.last:
            return {**final, "checkpoint": "best"}
        try:
            seen = _seen(trained, weights, step, measures, dataset.samples, "evaluation", instruments)
        except NotFiniteError:
            continue
        return _record(weights, "best", step, trained, instruments.measure(seen, measures))
    return None


def _record(weights: str, checkpoint: str, step: int, trained: Trained, metrics: dict[str, float | None]) -> Record:
    seconds = trained.steps[step]
    return {"weights": weights, "checkpoint": checkpoint, "step": step, "seconds": seconds, "metrics": metrics}
