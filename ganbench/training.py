"""Carry out training jobs: build what a spec asks for, train it, write what came out."""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ganbench import augmentation, data, files, jobs, layout, machine, optimizers, pairing, plugins, sheet
from ganbench.generate import NotFiniteError, generate
from ganbench.progress import Progress
from ganbench.runs import Job, Plan, Run
from ganbench.specs import Spec
from ganbench.streams import derive, stream
from ganbench.train import Outcome, Player, finite_rows, never, train, unchanged
from ganbench.tune import best

SHEET_SAMPLES = {"points": 2_000, "images": 64}
SURFACE_SIDE = 64


def carry_out(plan: Plan, job: Job, device: torch.device) -> bool:
    """Train the runs of a job that are not trained yet; False if one raised."""
    samples = data.read(plan.datasets[job.dataset], "train").samples.to(device)
    optimizers.warm_up()
    return jobs.each(plan, job, lambda run: train_run(plan, run, samples, device))


def build(plan: Plan, spec: Spec, shape: tuple[int, ...], device: torch.device) -> tuple[Any, Player, Player]:
    """The architecture plugin, the generator and the discriminator of a spec, freshly initialised."""
    card = plan.registry.card("architecture", spec["architecture"]["name"])
    architecture = plugins.load(card, spec["architecture"]["settings"])
    method, constraint = spec["method"], _part(plan, "constraint", spec["method"])
    torch.manual_seed(derive(spec["seed"], "initialisation"))
    seen = (method["packing"] * shape[0], *shape[1:])
    networks: list[nn.Module] = [architecture.generator(shape), architecture.discriminator(seen)]
    if hasattr(constraint, "prepare"):
        constraint.prepare(networks[1])
    if len(shape) > 1:
        networks = [network.to(memory_format=torch.channels_last) for network in networks]  # type: ignore[call-overload]
    generator, discriminator = (network.to(device) for network in networks)
    average = None if method["ema"] is None else optimizers.average(generator, method["ema"])
    steps = spec["training"]["generator_steps"] if method["lr_decay"] else None
    return (
        architecture,
        _player(generator, method["generator_optimizer"], steps, average),
        _player(discriminator, method["discriminator_optimizer"], steps),
    )


def _player(network: nn.Module, settings: Spec, falling: int | None, average: AveragedModel | None = None) -> Player:
    optimizer = optimizers.build(settings, network.parameters())
    return Player(network, optimizer, average, optimizers.falling(optimizer, falling) if falling else None)


def train_run(plan: Plan, run: Run, samples: torch.Tensor, device: torch.device) -> None:
    """Train one run on the training split (on the device) and write its folder, the record last."""
    spec = best.settled(plan, run)
    cpu_start = time.process_time()
    machine.forget_peak_memory(device)
    built = build(plan, spec, tuple(samples.shape[1:]), device)
    architecture, generator, discriminator = built
    start = time.perf_counter()
    outcome = fit(plan, spec, built, samples, device, _progress(plan, run, spec["training"]["generator_steps"]))
    seconds = time.perf_counter() - start
    folder = plan.folder(run)
    written = _write_generators(generator, architecture.noise_dim, samples, run, folder, outcome, device)
    if outcome.diverged_at is None and samples.shape[1:] == (2,) and _judges_alone(spec):
        _write_surface(discriminator.network, folder / layout.SURFACE, _extent(samples))
        written["files"].append(layout.SURFACE)
    record = {
        "run": run.id,
        "spec": spec,
        "digest": run.digest,
        "status": "ok" if outcome.diverged_at is None else "diverged",
        "diverged_at": outcome.diverged_at,
        "reason": outcome.reason,
        "seconds": seconds,
        "cpu_seconds": time.process_time() - cpu_start,
        "peak_memory": machine.peak_memory(device),
        "provenance": machine.provenance(device),
        "parameters": {
            "generator": _count(generator.network),
            "discriminator": _count(discriminator.network),
        },
        "best_sha256": best.sha256(plan, run),
        **written,
    }
    critic = getattr(_part(plan, "loss", spec["method"]), "critic", False)
    files.write_text(folder / layout.HISTORY, _as_csv(outcome, critic))
    files.write_json(folder / layout.TRAINING, record)


def fit(
    plan: Plan,
    spec: Spec,
    built: tuple[Any, Player, Player],
    samples: torch.Tensor,
    device: torch.device,
    progress: Callable[[int], None],
    enough: Callable[[int], bool] = never,
) -> Outcome:
    """Train what was built from a spec, in place, on samples that are on the device."""
    architecture, generator, discriminator = built
    budget, method, seed = spec["training"], spec["method"], spec["seed"]
    batch = budget["batch_size"] * method["packing"]
    noise_stream = stream(seed, "noise", device)
    return train(
        generator,
        discriminator,
        loss=_part(plan, "loss", method),
        penalty=_part(plan, "penalty", method),
        constraint=_part(plan, "constraint", method),
        batches=data.batches(samples, batch, stream(seed, "data", device)),
        noise=lambda: torch.randn(batch, architecture.noise_dim, generator=noise_stream, device=device),
        penalty_stream=stream(seed, "penalty", device),
        steps=budget["generator_steps"],
        n_critic=method["n_critic"],
        log_every=budget["log_every"],
        snapshots=frozenset(budget["snapshots"]),
        progress=progress,
        view=_view(method, stream(seed, "augmentation", device)),
        penalty_interval=method["penalty_interval"],
        simultaneous=method["simultaneous"],
        unrolled=method["unrolled"],
        kept=_kept(method, batch, len(samples)),
        enough=enough,
    )


def _part(plan: Plan, kind: str, method: Spec) -> Any:
    chosen = method[kind]
    return plugins.load(plan.registry.card(kind, chosen["name"]), chosen["settings"]) if chosen else None


def _view(method: Spec, augmenting: torch.Generator) -> Callable[[Tensor], Tensor]:
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


def _progress(plan: Plan, run: Run, steps: int) -> Progress:
    return Progress(run.id, steps, layout.RESULTS / plan.study.study, len(plan.runs))


def _write_generators(
    generator: Player,
    noise_dim: int,
    real: torch.Tensor,
    run: Run,
    folder: Path,
    outcome: Outcome,
    device: torch.device,
) -> dict[str, Any]:
    """Weights and some samples of a finite generator; a generator without finite samples has diverged. Snapshots are
    kept of any."""
    pictures = (layout.SAMPLES, layout.SHEET, layout.SURFACE)
    for name in (layout.TRAINING, *layout.GENERATORS.values(), layout.SNAPSHOTS, *pictures):
        (folder / name).unlink(missing_ok=True)
    kept: dict[str, str] = {}  # by file, the hash of what it holds
    if outcome.diverged_at is None:
        count = SHEET_SAMPLES["points" if real.dim() == 2 else "images"]
        try:
            samples = generate(generator.network, count, noise_dim, stream(run.seed, "sheet", device))
        except NotFiniteError as error:
            outcome.diverged_at, outcome.reason = int(outcome.history[-1]["step"]), str(error)
        else:
            for kind, state in generator.weights().items():
                kept |= _write_tensors(folder / layout.GENERATORS[kind], state)
            kept |= _write_tensors(folder / layout.SAMPLES, {"samples": samples})
            sheet.write(samples, folder / layout.SHEET, _extent(real) if real.dim() == 2 else 1.0)
    if outcome.snapshots:
        named = {
            f"{kind}/{snapshot.step}/{key}": value
            for snapshot in outcome.snapshots
            for kind, state in snapshot.weights.items()
            for key, value in state.items()
        }
        kept |= _write_tensors(folder / layout.SNAPSHOTS, named)
    sheets = [layout.SHEET] if layout.SAMPLES in kept else []
    return {
        "weights_sha256": {name: kept[name] for name in kept if name != layout.SAMPLES},
        "snapshots": [{"step": snapshot.step, "seconds": snapshot.seconds} for snapshot in outcome.snapshots],
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


def _extent(real: torch.Tensor) -> float:
    """How far from the origin a picture of points reaches."""
    return 1.25 * float(real.abs().max())


def _write_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> dict[str, str]:
    with files.replacing(path) as temporary:
        save_file(tensors, temporary)
    return {path.name: files.sha256(path)}


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _as_csv(outcome: Outcome, critic: bool) -> str:
    """The history; a critic's scores also estimate the Wasserstein distance (Arjovsky et al. 2017, section 3)."""
    rows = finite_rows(outcome.history)
    if critic:
        rows = [{**row, "wasserstein": row["real_score"] - row["fake_score"]} for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["step"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
