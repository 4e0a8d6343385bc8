"""Results of a study that nobody trained, for tests of the page."""

import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ganbench import files, layout, sheet
from ganbench.runs import Plan, Run

PROVENANCE = {
    "python": "3.11",
    "packages": {"ganbench": "0.1.0", "torch": "2.12.1"},
    "platform": "Linux",
    "processor": "Some Processor",
    "cores": 2,
    "threads": 1,
    "device": "cpu",
}
CENTRES = [[math.cos(2 * math.pi * i / 8), math.sin(2 * math.pi * i / 8)] for i in range(8)]


def write(plan: Plan, diverged: frozenset[str] = frozenset()) -> None:
    """Every file that the page reads, with numbers that depend on the run's place in the plan only."""
    for label, dataset in plan.datasets.items():
        points = dataset.kind == "points"
        protocol = {
            "generated_samples": dataset.evaluation.samples,
            "reference": "test split",
            "reference_samples": None if points else 500,
            "real_row": "some real samples",
            "real_samples": 500,
            "extractor": None if points else {"name": "digits-cnn", "weights_sha256": "ab" * 32, "test_accuracy": 0.98},
            "weights": "raw",
            "checkpoint": "final",
            "batch_normalisation": "running statistics",
        }
        files.write_json(
            layout.reference(plan.study.study, label),
            {
                "dataset": dataset.spec,
                "protocol": protocol,
                "real": {name: 0.5 + i for i, name in enumerate(dataset.metrics)},
                "modes": {"centres": CENTRES, "sigma": 0.01} if points else None,
            },
        )
    for index, run in enumerate(plan.runs):
        _write_run(plan, run, index, run.id in diverged)


def _write_run(plan: Plan, run: Run, index: int, diverged: bool) -> None:
    folder, dataset = plan.folder(run), plan.datasets[run.dataset]
    generator = torch.Generator().manual_seed(index)
    if not diverged:
        points = dataset.kind == "points"
        samples = (
            torch.randn(200, 2, generator=generator)
            if points
            else torch.randint(0, 256, (64, 1, 16, 16), generator=generator, dtype=torch.uint8)
        )
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"samples": samples}, folder / layout.SAMPLES)
        sheet.write(samples, folder / layout.SHEET, 2.0)
    steps = np.arange(1, 6) * 10
    lines = [
        "step,seconds,discriminator_loss,generator_loss,real_score,fake_score,discriminator_gradient,generator_gradient"
    ]
    lines += [f"{s},{s / 10},{1 / s},{2 / s},{0.1 * s},{-0.1 * s},{3 / s},{4 / s}" for s in steps]
    files.write_text(folder / layout.HISTORY, "\n".join(lines[:1] if diverged else lines) + "\n")
    training = {
        "diverged_at": 7 if diverged else None,
        "seconds": 1.5 + index,
        "peak_memory": {"resident": 3 * 10**8},
        "provenance": PROVENANCE,
        "parameters": {"generator": 10, "discriminator": 20},
    }
    files.write_json(
        folder / layout.METRICS,
        {
            "run": run.id,
            "status": "diverged" if diverged else "ok",
            "reason": "the loss is not finite" if diverged else None,
            "metrics": {} if diverged else {name: 1.25 + index % 7 + i for i, name in enumerate(dataset.metrics)},
            "evaluation_digest": run.evaluation_digest,
            "training": training,
        },
    )


def study(path: Path, text: str) -> Path:
    """A study file with this text."""
    path.write_text(text, "utf-8")
    return path
