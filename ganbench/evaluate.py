"""Carry out evaluation jobs: a trained generator's samples to features to metrics, at the end and over training."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from ganbench import collapse, data, files, jobs, layout, plugins, reference
from ganbench.generate import NotFiniteError, generate
from ganbench.reference import Instruments
from ganbench.runs import Job, Plan, Run
from ganbench.streams import stream

Record = dict[str, Any]


def carry_out(plan: Plan, job: Job, device: torch.device) -> bool:
    """Measure the runs of a job that are not measured yet; False if one raised."""
    instruments = reference.read(plan, plan.datasets[job.dataset], device)
    return jobs.each(plan, job, lambda run: evaluate_run(plan, run, instruments, device))


@dataclass(frozen=True)
class Trained:
    """The generators that a run left behind: at the end, and at the steps where it kept a snapshot."""

    run: Run
    folder: Path
    record: Record
    network: nn.Module
    device: torch.device

    @property
    def steps(self) -> dict[int, float]:
        """The seconds of training at each step whose weights are here, the last step included if it is finite."""
        seconds = {snapshot["step"]: snapshot["seconds"] for snapshot in self.record["snapshots"]}
        if self.record["status"] == "ok":
            seconds[self.last] = self.record["seconds"]
        return seconds

    @property
    def last(self) -> int:
        """The last step."""
        return int(self.run.spec["training"]["generator_steps"])

    def samples(self, weights: str, step: int, count: int, role: str) -> Tensor:
        """Samples after a step, with `raw` or `ema` weights. The same noise for every step. Raises NotFiniteError."""
        if step == self.last:
            state = load_file(self.folder / layout.GENERATORS[weights])
        else:
            prefix = f"{weights}/{step}/"
            with safe_open(self.folder / layout.SNAPSHOTS, "pt") as file:
                names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 - no mapping
                state = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
        self.network.load_state_dict(state)
        noise_dim = self.run.spec["architecture"]["settings"]["noise_dim"]
        return generate(self.network, count, noise_dim, stream(self.run.seed, role, self.device))


def evaluate_run(plan: Plan, run: Run, instruments: Instruments, device: torch.device) -> None:
    """Measure one trained run and write its metrics. A diverged run has a status, and numbers only from before."""
    folder = plan.folder(run)
    cpu_start = time.process_time()
    training = files.read_json(folder / layout.TRAINING)
    if training is None or training["digest"] != run.digest:
        raise FileNotFoundError(f"{folder / layout.TRAINING}: not the record of this run; `snakemake` trains it")
    trained = Trained(run, folder, training, _network(plan, run, device), device)
    status, reason = training["status"], training["reason"]
    evaluations: list[Record] = []
    curve: list[Record] = []
    for weights in layout.GENERATORS if run.spec["method"]["ema"] else ["raw"]:
        final: Record | None = None
        if training["status"] == "ok":
            try:
                final, verdict = _final(trained, weights, instruments)
                if weights == "raw" and verdict is not None:
                    status, reason = "collapsed", verdict
                evaluations.append(final)
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
            "protocol": instruments.protocol,
            "evaluation_digest": run.evaluation_digest,
            "weights_sha256": training["weights_sha256"],
            "cpu_seconds": time.process_time() - cpu_start,
            "training": {key: value for key, value in training.items() if key not in ("run", "files")},
        },
    )


def _network(plan: Plan, run: Run, device: torch.device) -> nn.Module:
    spec = run.spec["architecture"]
    architecture = plugins.load(plan.registry.card("architecture", spec["name"]), spec["settings"])
    generator: nn.Module = architecture.generator(data.sample_shape(plan.datasets[run.dataset]))
    return generator.to(device)


def _final(trained: Trained, weights: str, instruments: Instruments) -> tuple[Record, str | None]:
    """All metrics of the last step, and whether the generator collapsed, as the headline's extractor sees it."""
    dataset = instruments.dataset
    measures, label = dataset.measures.values(), dataset.headline.extractor
    seen = instruments.see(trained.samples(weights, trained.last, dataset.samples, "evaluation"), measures)
    metrics = instruments.measure(seen, measures)
    own_classes = label is not None and "classes" in dataset.extractors[label].card.traits["provides"]
    verdict = collapse.verdict(seen[label], instruments.references["test"][label], own_classes)
    return _record(weights, "final", trained.last, trained, metrics), verdict


def _curve(trained: Trained, weights: str, instruments: Instruments) -> list[Record]:
    """The watched metrics at every step that was kept, on a smaller sample, against the validation split. A step
    whose samples are not finite has no point."""
    dataset, points = instruments.dataset, []
    for step in trained.steps if trained.record["snapshots"] else ():
        try:
            samples = trained.samples(weights, step, dataset.evaluation.snapshot_samples, "over training")
        except NotFiniteError:
            continue
        measures = dataset.watched.values()
        metrics = instruments.measure(instruments.see(samples, measures), measures)
        points.append(_record(weights, "snapshot", step, trained, metrics))
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
            samples = trained.samples(weights, step, dataset.samples, "evaluation")
        except NotFiniteError:
            continue
        metrics = instruments.measure(instruments.see(samples, measures), measures)
        return _record(weights, "best", step, trained, metrics)
    return None


def _record(weights: str, checkpoint: str, step: int, trained: Trained, metrics: dict[str, float | None]) -> Record:
    seconds = trained.steps[step]
    return {"weights": weights, "checkpoint": checkpoint, "step": step, "seconds": seconds, "metrics": metrics}
