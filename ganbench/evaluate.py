"""Carry out evaluation jobs: a trained generator's samples to features to metrics."""

import time

import torch
from safetensors.torch import load_file

from ganbench import data, files, jobs, layout, plugins
from ganbench.generate import NotFiniteError, generate
from ganbench.reference import Instruments
from ganbench.runs import Job, Plan, Run
from ganbench.streams import stream


def carry_out(plan: Plan, job: Job, device: torch.device) -> bool:
    """Measure the runs of a job that are not measured yet; False if one raised."""
    instruments = Instruments.read(plan, plan.datasets[job.dataset])
    return jobs.each(plan, job, lambda run: evaluate_run(plan, run, instruments, device))


def evaluate_run(plan: Plan, run: Run, instruments: Instruments, device: torch.device) -> None:
    """Measure one trained run and write its metrics. A diverged run has a status and no numbers."""
    folder = plan.folder(run)
    cpu_start = time.process_time()
    training = files.read_json(folder / layout.TRAINING)
    if training is None or training["digest"] != run.digest:
        raise FileNotFoundError(f"{folder / layout.TRAINING}: not the record of this run; `snakemake` trains it")
    status, reason = training["status"], training["reason"]
    metrics: dict[str, float | None] = {}
    if status == "ok":
        generator = _generator(plan, run, device)
        try:
            count = instruments.dataset.evaluation.samples
            noise_dim = run.spec["architecture"]["settings"]["noise_dim"]
            samples = generate(generator, count, noise_dim, stream(run.seed, "evaluation", device))
            metrics = instruments.measure(samples)
        except NotFiniteError as error:
            status, reason = "diverged", str(error)
    files.write_json(
        folder / layout.METRICS,
        {
            "run": run.id,
            "status": status,
            "reason": reason,
            "metrics": metrics,
            "protocol": instruments.protocol,
            "evaluation_digest": run.evaluation_digest,
            "weights_sha256": training["weights_sha256"],
            "cpu_seconds": time.process_time() - cpu_start,
            "training": {key: value for key, value in training.items() if key not in ("run", "files")},
        },
    )


def _generator(plan: Plan, run: Run, device: torch.device) -> torch.nn.Module:
    spec = run.spec["architecture"]
    architecture = plugins.load(plan.registry.card("architecture", spec["name"]), spec["settings"])
    generator: torch.nn.Module = architecture.generator(data.sample_shape(plan.datasets[run.dataset]))
    generator.load_state_dict(load_file(plan.folder(run) / layout.GENERATOR))
    return generator.to(device)
