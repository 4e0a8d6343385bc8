"""Results of a study that nobody trained, for tests of the page."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from ganbench import files, layout, sheet
from ganbench.protocol import Dataset
from ganbench.runs import Plan
from ganbench.searches import Search
from ganbench.tune import asking, best, records
from ganbench.work import Run

PROVENANCE = {
    "python": "3.11",
    "packages": {"ganbench": "0.1.0", "torch": "2.12.1"},
    "platform": "Linux",
    "processor": "Some Processor",
    "cores": 2,
    "threads": 1,
    "device": "cpu",
}
DIVERGED_AT = 27
CENTRES = [[math.cos(2 * math.pi * i / 8), math.sin(2 * math.pi * i / 8)] for i in range(8)]


def write(
    plan: Plan,
    diverged: frozenset[str] = frozenset(),
    collapsed: frozenset[str] = frozenset(),
    rows: int = 5,
    timeout: frozenset[str] = frozenset(),
) -> None:
    """Every file that the page reads, with numbers that depend on the run's place in the plan only. `rows`: of each
    history."""
    for label, dataset in plan.datasets.items():
        points = dataset.kind == "points"
        card = {
            "form": "trained",
            "weights_sha256": "ab" * 32,
            "test_accuracy": 0.98,
            "accuracy_gate": 0.9,
            "features": 64,
            "dead_features": 1,
        }
        protocol = {
            "measures": {name: measure.spec for name, measure in dataset.measures.items()},
            "watched": {name: measure.spec for name, measure in dataset.watched.items()},
            "reference": "test split",
            "reference_samples": 500,
            "training_samples": 1000,
            "real_row": "some real samples",
            "real_samples": 500,
            "extractors": dict.fromkeys(dataset.extractors, card),
            "batch_normalisation": "running statistics",
        }
        files.write_json(
            layout.reference(plan.study.study, label),
            {
                "dataset": dataset.spec,
                "digest": plan.reference_digest(label),
                "protocol": protocol,
                "real": {name: 0.5 + i for i, name in enumerate(dataset.measures)},
                "perfect": {name: 0.25 if measure.stem == "hq" else None for name, measure in dataset.measures.items()},
                "cpu_seconds": 1.0,
                "modes": {"centres": CENTRES, "sigma": 0.01} if points else None,
            },
        )
    for index, run in enumerate(plan.runs):
        failed = {"diverged": diverged, "collapsed": collapsed, "timeout": timeout}
        status = next((status for status, of in failed.items() if run.id in of), "ok")
        _write_run(plan, run, index, status, rows)


def tune(plan: Plan) -> None:
    """Every file of every search: rates are best at 1e-3, later trials of each generation are pruned, and every
    seventh diverges."""
    for step in plan.tuning_steps.values():
        search = step.search
        if step.kind == "ask":
            asking.ask(plan, step)
        elif step.kind == "best":
            best.write(plan, step)
        for number in step.numbers:
            asked = records.asked(plan, search, number)
            status = "diverged" if number % 7 == 3 else "pruned" if number % 5 == 4 else "ok"
            files.write_json(records.trial_file(plan, search, number), _trial(search, asked, status))


def _trial(search: Search, asked: dict[str, Any], status: str) -> dict[str, Any]:
    rates = [value for path, value in asked["values"].items() if path.endswith(".lr")]
    score = 0.1 + sum(abs(math.log10(rate) + 3) for rate in rates) + asked["values"].get("n_critic", 0) / 10
    steps = asked["spec"]["training"]["generator_steps"]
    seed = {"seed": 100, "status": status, "reason": None, "planned_steps": steps, "curve": []}
    return {
        **{key: asked[key] for key in ("number", "values", "digest")},
        "status": status,
        "reason": None,
        "objectives": {m.name: score + i if status == "ok" else None for i, m in enumerate(search.objectives)},
        "seeds": [{**seed, "steps": steps if status == "ok" else steps // 2}],
        "reported": {},
        "rungs": {},
        "cost": {"seconds": 1.0, "cpu_seconds": 1.0},
    }


REASONS = {"ok": None, "diverged": "the loss is not finite", "collapsed": "1 of 8 modes holds all samples"}
REASONS = {
    "ok": None,
    "diverged": "the loss is not finite",
    "collapsed": "1 of 8 modes holds all samples",
    "timeout": "the time limit of 60 s, at step 20 of 50",
}


def _write_run(plan: Plan, run: Run, index: int, status: str, rows: int) -> None:
    folder, dataset, diverged = plan.folder(run), plan.datasets[run.dataset], status == "diverged"
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
        if points:
            film = {"steps": torch.tensor([10, 50]), "samples": samples[None].expand(2, -1, -1).half().contiguous()}
            save_file(film, folder / layout.FILM)
            save_file(
                {"scores": torch.linspace(-1, 1, 64).expand(64, 64).contiguous(), "extent": torch.tensor(1.5)},
                folder / layout.SURFACE,
            )
        else:
            sheet.write_rows(samples[:40], 10, folder / layout.INTERPOLATION)
            sheet.write_rows(samples[:48], 12, folder / layout.NEIGHBOURS)
    steps = np.arange(1, rows + 1) * 10
    lines = [
        "step,seconds,discriminator_loss,generator_loss,real_score,fake_score,discriminator_gradient,generator_gradient"
    ]
    lines += [f"{s},{s / 10},{1 / s},{2 / s},{0.1 * s},{-0.1 * s},{3 / s},{4 / s}" for s in steps]
    files.write_text(folder / layout.HISTORY, "\n".join(lines[:1] if diverged else lines) + "\n")
    evaluations, curve = _numbers(run, dataset, index, diverged)
    training = {
        "spec": run.spec,
        "status": "ok" if status == "collapsed" else status,
        "reason": None if status == "collapsed" else REASONS[status],
        "step": 20 if status == "timeout" else run.spec["training"]["generator_steps"],
        "diverged_at": DIVERGED_AT if diverged else None,
        "seconds": 1.5 + index,
        "peak_memory": {"resident": 3 * 10**8},
        "provenance": PROVENANCE,
        "parameters": {"generator": 10, "discriminator": 20},
        "snapshots": [{"step": point["step"], "seconds": point["seconds"]} for point in curve],
    }
    files.write_json(
        folder / layout.METRICS,
        {
            "run": run.id,
            "status": status,
            "reason": REASONS[status],
            "evaluations": evaluations,
            "curve": curve,
            "resamples": {e["weights"]: _resampled(e, dataset) for e in evaluations if e["checkpoint"] == "final"},
            "mode_masses": None if diverged else {"shares": [0.5, 0.5, 0, 0], "truth": [0.25] * 4},
            "evaluation_digest": run.evaluation_digest,
            "training": training,
        },
    )


def _resampled(final: dict[str, Any], dataset: Dataset) -> list[float]:
    value = final["metrics"][dataset.headline.name]
    return [value - 0.1, value + 0.1]


def _numbers(
    run: Run, dataset: Dataset, index: int, diverged: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The last step, the best one, which is the first that was kept, and the curve: metrics get worse by 0.5 from step
    to step. A run that diverged has what was before."""
    evaluations: list[dict[str, Any]] = []
    curve: list[dict[str, Any]] = []
    budget = run.spec["training"]
    kept = [step for step in [*budget["snapshots"], budget["generator_steps"]] if not diverged or step < DIVERGED_AT]
    worse = -0.5 if dataset.headline.trait("direction") == "higher" else 0.5
    for weights, end in (("raw", 1.25 + index % 7), ("ema", 11.25))[: 2 if run.spec["method"]["ema"] else 1]:
        values = [end - worse * back for back in range(len(kept))][::-1]
        if not diverged:
            evaluations.append(_evaluation(weights, "final", kept[-1], values[-1], dataset.measures))
        if len(kept) > 1:
            evaluations.append(_evaluation(weights, "best", kept[0], values[0], dataset.measures))
            steps = zip(kept, values, strict=True)
            curve += [_evaluation(weights, "snapshot", step, value, dataset.watched) for step, value in steps]
    return evaluations, curve


def _evaluation(weights: str, checkpoint: str, step: int, value: float, names: Iterable[str]) -> dict[str, Any]:
    """The first metric has the value, each other one 1 more."""
    metrics = {name: value + i for i, name in enumerate(names)}
    return {"weights": weights, "checkpoint": checkpoint, "step": step, "seconds": step / 10, "metrics": metrics}


def study(path: Path, text: str) -> Path:
    """A study file with this text."""
    path.write_text(text, "utf-8")
    return path
