"""The folder of a trained run: weights, samples, pictures, history, and of them the record."""

import csv
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganbench import files, layout, pairing, sheet, tensorfiles
from ganbench.course import Course, finite_rows
from ganbench.generate import NotFiniteError, generate
from ganbench.runs import Plan
from ganbench.session import Session, Side, Undertaking
from ganbench.specs import Spec
from ganbench.streams import stream
from ganbench.tune import best
from ganbench.work import Run

SHEET_SAMPLES = {"points": 2_000, "images": 64}
SURFACE_SIDE = 64


def write(plan: Plan, work: Undertaking[Side], samples: Tensor, provenance: dict[str, Any]) -> None:
    """The files of a training that ended, and of them the record."""
    run, session = work.run, work.session
    generator, discriminator, course = session.generator, session.discriminator, session.course
    folder, steps = plan.folder(run), run.spec["training"]["generator_steps"]
    written = _write_generators(session, samples, run, folder)
    if course.diverged_at is None and samples.shape[1:] == (2,) and _judges_alone(run.spec):
        _write_surface(discriminator.network, folder / layout.SURFACE, _extent(samples))
        written["files"].append(layout.SURFACE)
    status, reason = "ok" if course.diverged_at is None else "diverged", course.reason
    if course.timed_out and course.diverged_at is None:
        status, reason = "timeout", f"the time limit of {run.time_limit:g} s, at step {course.step:,} of {steps:,}"
    record = {
        "run": run.id,
        "spec": run.spec,
        "digest": work.planned.digest,
        **best.named(plan, work.planned),
        "status": status,
        "diverged_at": course.diverged_at,
        "reason": reason,
        "step": course.step,
        "time_limit": run.time_limit,
        "resumed_at": course.resumed_at,
        "seconds": course.seconds,
        "cpu_seconds": work.effort.cpu_seconds,
        "peak_memory": work.effort.peak_memory,
        "provenance": provenance,
        **({"form": session.given.form.spec} if session.given else {}),
        "parameters": {
            "generator": _count(generator.network),
            "discriminator": _count(discriminator.network),
        },
        **written,
    }
    critic = plan.registry.card("loss", run.spec["method"]["loss"]["name"]).traits.get("critic", False)
    files.write_text(folder / layout.HISTORY, _as_csv(course, critic))
    files.write_json(folder / layout.TRAINING, record)


def _write_generators(
    session: Session[Side],
    real: Tensor,
    run: Run,
    folder: Path,
) -> dict[str, Any]:
    """Weights and some samples of a finite generator; a generator without finite samples has diverged. Snapshots are
    kept of any."""
    pictures = (layout.SAMPLES, layout.SHEET, layout.SURFACE)
    for name in (layout.TRAINING, *layout.GENERATORS.values(), layout.SNAPSHOTS, *pictures):
        (folder / name).unlink(missing_ok=True)
    generator, course = session.generator, session.course
    kept: dict[str, str] = {}  # by file, the hash of what it holds
    if course.diverged_at is None:
        count = SHEET_SAMPLES["points" if real.dim() == 2 else "images"]
        try:
            noise, asked = stream(run.seed, "sheet", real.device), session.given
            given = asked.first(count).values if asked else None
            samples = generate(generator.network, count, session.architecture.noise_dim, noise, given)
        except NotFiniteError as error:
            course.diverged_at, course.reason = course.step, str(error)
        else:
            for kind, state in generator.weights().items():
                kept |= _write_tensors(folder / layout.GENERATORS[kind], state)
            kept |= _write_tensors(folder / layout.SAMPLES, {"samples": samples})
            sheet.write(samples, folder / layout.SHEET, _extent(real) if real.dim() == 2 else 1.0)
    if course.snapshots:
        named = {
            f"{kind}/{snapshot.step}/{key}": value
            for snapshot in course.snapshots
            for kind, state in snapshot.weights.items()
            for key, value in state.items()
        }
        kept |= _write_tensors(folder / layout.SNAPSHOTS, named)
    sheets = [layout.SHEET] if layout.SAMPLES in kept else []
    return {
        "weights_sha256": {name: kept[name] for name in kept if name != layout.SAMPLES},
        "snapshots": [{"step": snapshot.step, "seconds": snapshot.seconds} for snapshot in course.snapshots],
        "files": [layout.HISTORY, *kept, *sheets],
    }


@torch.no_grad()
def _judges_alone(spec: Spec) -> bool:
    """Whether a sample's score is its own: without packing, conditions, and a minibatch layer."""
    alone = spec["method"]["packing"] == 1 and "condition" not in spec
    return bool(alone and not pairing.mixes_samples(spec["architecture"]))


def _write_surface(discriminator: nn.Module, path: Path, extent: float) -> None:
    """The final discriminator's scores on a grid of the plane, the first row at the bottom: what it thinks of places
    where no sample is. For the page only."""
    at = torch.linspace(-extent, extent, SURFACE_SIDE)
    grid = torch.cartesian_prod(at, at).flip(1)  # x runs fastest
    device = next(discriminator.parameters()).device
    training = discriminator.training
    discriminator.eval()
    scores = torch.cat([discriminator(row).float().cpu() for row in grid.to(device).split(SURFACE_SIDE)])
    discriminator.train(training)
    _write_tensors(path, {"scores": scores.reshape(SURFACE_SIDE, SURFACE_SIDE), "extent": torch.tensor(extent)})


def _extent(real: Tensor) -> float:
    """How far from the origin a picture of points reaches."""
    return 1.25 * float(real.abs().max())


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> dict[str, str]:
    tensorfiles.write(path, tensors)
    return {path.name: files.sha256(path)}


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _as_csv(course: Course, critic: bool) -> str:
    """The history; a critic's scores also estimate the Wasserstein distance (Arjovsky et al. 2017, section 3)."""
    rows = finite_rows(course.history)
    if critic:
        rows = [{**row, "wasserstein": row["real_score"] - row["fake_score"]} for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["step"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
