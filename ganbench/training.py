"""One training by itself: build what a spec asks for, train it, write what came out."""

import csv
import io
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ganbench import (
    augmentation,
    checkpoint,
    data,
    files,
    interruptions,
    layout,
    machine,
    numerics,
    optimizers,
    pairing,
    plugins,
    sheet,
    tensorfiles,
)
from ganbench.generate import NotFiniteError, generate
from ganbench.progress import Progress
from ganbench.runs import Plan, Run
from ganbench.sidecar import Sidecar, Stateful
from ganbench.specs import Spec
from ganbench.streams import Streams, derive, stream
from ganbench.train import Course, Player, State, finite_rows, train, unchanged
from ganbench.tune import best

SHEET_SAMPLES = {"points": 2_000, "images": 64}
SURFACE_SIDE = 64


class Trainee(Stateful, Protocol):
    """A generator or a discriminator in training: a player, or a member of a pack."""

    @property
    def network(self) -> nn.Module:
        """The network, with its present weights."""

    def weights(self) -> dict[str, State]:
        """A copy on the CPU of its weights, `raw`, and of their average, `ema`."""


Side = TypeVar("Side", bound=Trainee)


def networks(plan: Plan, spec: Spec, shape: tuple[int, ...], device: torch.device) -> tuple[Any, nn.Module, nn.Module]:
    """The architecture plugin, the generator and the discriminator of a spec, freshly initialised."""
    card = plan.registry.card("architecture", spec["architecture"]["name"])
    architecture = plugins.load(card, spec["architecture"]["settings"])
    method, constraint = spec["method"], part(plan, "constraint", spec["method"])
    torch.manual_seed(derive(spec["seed"], "initialisation"))
    seen = (method["packing"] * shape[0], *shape[1:])
    made: list[nn.Module] = [architecture.generator(shape), architecture.discriminator(seen)]
    if hasattr(constraint, "prepare"):
        constraint.prepare(made[1])
    if len(shape) > 1 and numerics.is_channels_last(spec["training"]):
        made = [network.to(memory_format=torch.channels_last) for network in made]  # type: ignore[call-overload]
    generator, discriminator = (network.to(device) for network in made)
    return architecture, generator, discriminator


def build(plan: Plan, spec: Spec, shape: tuple[int, ...], device: torch.device) -> tuple[Any, Player, Player]:
    """The architecture plugin of a spec, and both players."""
    architecture, generator, discriminator = networks(plan, spec, shape, device)
    method = spec["method"]
    average = None if method["ema"] is None else optimizers.average(generator, method["ema"])
    numerics.apply(spec["training"], [generator, discriminator], device)  # the average copied the network before
    steps = spec["training"]["generator_steps"] if method["lr_decay"] else None
    return (
        architecture,
        _player(generator, method["generator_optimizer"], steps, average),
        _player(discriminator, method["discriminator_optimizer"], steps),
    )


def _player(network: nn.Module, settings: Spec, falling: int | None, average: AveragedModel | None = None) -> Player:
    optimizer = optimizers.build(settings, network.parameters())
    return Player(network, optimizer, average, optimizers.falling(optimizer, falling) if falling else None)


@dataclass
class Session(Generic[Side]):
    """A training as its spec begins it, or as a checkpoint left it: all that it reads and changes."""

    architecture: Any
    generator: Side
    discriminator: Side
    penalty: Any
    streams: Streams
    batches: data.Batches
    course: Course


@dataclass
class Undertaking(Generic[Side]):
    """The training of a run, as planned and with its settings settled, by this process: with its cost and its
    checkpoint."""

    planned: Run
    run: Run
    session: Session[Side]
    effort: machine.Effort
    sidecar: Sidecar


def train_run(plan: Plan, run: Run, samples: Tensor, device: torch.device) -> None:
    """Train one run on the training split (on the device), from its checkpoint if there is one that will do, and write
    its folder, the record last."""
    with interruptions.deferred() as interruption:
        work = _begun(plan, run, samples, device, interruption)
        try:
            work.sidecar.resume()
        except checkpoint.RefusedError as error:
            afresh(plan, run, error)
            work = _begun(plan, run, samples, device, interruption)
        session, spec = work.session, work.run.spec
        progress = _progress(plan, run, spec["training"]["generator_steps"], session.course.step)
        limit = math.inf if run.time_limit is None else run.time_limit
        fit(plan, spec, session, progress, work.sidecar.pause, limit)
        finish(plan, work, samples, machine.provenance(device))


def begin(plan: Plan, spec: Spec, samples: Tensor, device: torch.device) -> Session[Player]:
    """A training before its first step."""
    return session_of(plan, spec, samples, build(plan, spec, tuple(samples.shape[1:]), device))


def session_of(plan: Plan, spec: Spec, samples: Tensor, built: tuple[Any, Side, Side]) -> Session[Side]:
    """The same of an architecture, a generator and a discriminator that are built already."""
    architecture, generator, discriminator = built
    penalty = _penalty(plan, spec["method"])
    streams = Streams(spec["seed"], samples.device)
    batches = data.Batches(samples, batch_of(spec), streams["data"])
    return Session(architecture, generator, discriminator, penalty, streams, batches, Course())


def _begun(
    plan: Plan, planned: Run, samples: Tensor, device: torch.device, interruption: interruptions.Interruption
) -> Undertaking[Player]:
    effort, run = machine.Effort(device), best.settled(plan, planned)
    return undertaking(plan, planned, run, begin(plan, run.spec, samples, device), effort, interruption)


def undertaking(
    plan: Plan,
    planned: Run,
    run: Run,
    session: Session[Side],
    effort: machine.Effort,
    interruption: interruptions.Interruption,
) -> Undertaking[Side]:
    """The training of a run that has not begun yet."""
    parts: dict[str, Stateful] = {
        "generator": session.generator,
        "discriminator": session.discriminator,
        "streams": session.streams,
        "batches": session.batches,
        "course": session.course,
        "effort": effort,
    }
    if hasattr(session.penalty, "state_dict"):
        parts["penalty"] = session.penalty
    every = plan.training(run).checkpoint_every
    path = plan.folder(run) / layout.CHECKPOINT
    sidecar = Sidecar(run.id, path, identity(run, session.streams.device), parts, every, interruption)
    return Undertaking(planned, run, session, effort, sidecar)


def afresh(plan: Plan, run: Run, error: checkpoint.RefusedError) -> None:
    """Say why a run does not go on from its checkpoint."""
    files.write_text(plan.folder(run) / layout.TRAINING_LOG, f"It started afresh: {error}\n")
    print(f"{run.id}: starts afresh: {error}", file=sys.stderr, flush=True)


def finish(plan: Plan, work: Undertaking[Side], samples: Tensor, provenance: dict[str, Any]) -> None:
    """Write the folder of a training that ended; its checkpoint goes, unless a longer limit would go on from it."""
    _write(plan, work, samples, provenance)
    if work.session.course.timed_out:
        work.sidecar.save()
    else:
        work.sidecar.remove()


def identity(run: Run, device: torch.device) -> dict[str, str]:
    """What must be the same for a training to go on as if nothing had happened; the spec names the engine."""
    threads = {"threads": str(torch.get_num_threads())} if device.type == "cpu" else {}
    return {"spec": run.digest, "torch": torch.__version__, "device": device.type, **threads}


def batch_of(spec: Spec) -> int:
    """Samples of one step: those that are packed count one by one."""
    return int(spec["training"]["batch_size"] * spec["method"]["packing"])


def fit(
    plan: Plan,
    spec: Spec,
    session: Session[Player],
    progress: Progress,
    pause: Callable[[], None],
    time_limit: float = math.inf,
) -> None:
    """Take a training from where it is to its end. `pause()` comes after every step, and may raise."""
    budget, method, streams = spec["training"], spec["method"], session.streams
    batch, noise_dim, device = batch_of(spec), session.architecture.noise_dim, streams.device
    train(
        session.generator,
        session.discriminator,
        loss=part(plan, "loss", method),
        penalty=session.penalty,
        constraint=part(plan, "constraint", method),
        batches=session.batches,
        noise=lambda: torch.randn(batch, noise_dim, generator=streams["noise"], device=device),
        penalty_stream=streams["penalty"],
        steps=budget["generator_steps"],
        n_critic=method["n_critic"],
        log_every=budget["log_every"],
        snapshots=frozenset(budget["snapshots"]),
        progress=progress,
        view=view_of(method, streams["augmentation"]),
        penalty_interval=method["penalty_interval"],
        simultaneous=method["simultaneous"],
        unrolled=method["unrolled"],
        generator_turns=method["generator_turns"],
        kept=_kept(method, batch, len(session.batches.samples)),
        course=session.course,
        pause=pause,
        time_limit=time_limit,
    )


def _write(plan: Plan, work: Undertaking[Side], samples: Tensor, provenance: dict[str, Any]) -> None:
    """The files of a training that ended, and of them the record."""
    run, session = work.run, work.session
    generator, discriminator, course = session.generator, session.discriminator, session.course
    folder, steps = plan.folder(run), run.spec["training"]["generator_steps"]
    written = _write_generators(generator, session.architecture.noise_dim, samples, run, folder, course)
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
        "parameters": {
            "generator": _count(generator.network),
            "discriminator": _count(discriminator.network),
        },
        **written,
    }
    critic = getattr(part(plan, "loss", run.spec["method"]), "critic", False)
    files.write_text(folder / layout.HISTORY, _as_csv(course, critic))
    files.write_json(folder / layout.TRAINING, record)


def _penalty(plan: Plan, method: Spec) -> Any:
    """The penalty, for one training; one that remembers begins with an empty memory."""
    penalty = part(plan, "penalty", method)
    return penalty.begin() if hasattr(penalty, "begin") else penalty


def part(plan: Plan, kind: str, method: Spec) -> Any:
    """A part of a method as a plugin with its settings, or None."""
    chosen = method[kind]
    return plugins.load(plan.registry.card(kind, chosen["name"]), chosen["settings"]) if chosen else None


def view_of(method: Spec, augmenting: torch.Generator) -> Callable[[Tensor], Tensor]:
    """What the discriminator sees of samples (batch, ...): augmented, and `packing` of them side by side, as more
    channels or coordinates of one (Lin et al. 2018, section 3)."""
    width, kinds = method["packing"], method["augment"]
    if width == 1 and not kinds:
        return unchanged

    def view(samples: Tensor) -> Tensor:
        if kinds:
            samples = augmentation.augment(samples, kinds, augmenting)
        return samples.reshape(len(samples) // width, width * samples.shape[1], *samples.shape[2:])

    return view


def _kept(method: Spec, batch: int, samples: int) -> Callable[[int], float] | None:
    """By generator step, the share of its samples that the generator learns from (Sinha et al. 2020, section 3)."""
    top = method["top_k"]
    if top is None:
        return None
    per_epoch = samples / (batch * method["n_critic"])
    return lambda step: float(max(top["share"], top["decay"] ** (step // per_epoch)))


def _progress(plan: Plan, run: Run, steps: int, first: int) -> Progress:
    return Progress(run.id, steps, layout.RESULTS / plan.study.study, len(plan.runs), first)


def _write_generators(
    generator: Trainee,
    noise_dim: int,
    real: Tensor,
    run: Run,
    folder: Path,
    course: Course,
) -> dict[str, Any]:
    """Weights and some samples of a finite generator; a generator without finite samples has diverged. Snapshots are
    kept of any."""
    pictures = (layout.SAMPLES, layout.SHEET, layout.SURFACE)
    for name in (layout.TRAINING, *layout.GENERATORS.values(), layout.SNAPSHOTS, *pictures):
        (folder / name).unlink(missing_ok=True)
    kept: dict[str, str] = {}  # by file, the hash of what it holds
    if course.diverged_at is None:
        count = SHEET_SAMPLES["points" if real.dim() == 2 else "images"]
        try:
            samples = generate(generator.network, count, noise_dim, stream(run.seed, "sheet", real.device))
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
    """Whether a sample's score is its own: without packing and without a minibatch layer."""
    return bool(spec["method"]["packing"] == 1 and not pairing.mixes_samples(spec["architecture"]))


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
