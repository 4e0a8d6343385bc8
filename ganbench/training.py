"""One training by itself: build what a spec asks for, train it, write what came out."""

import math
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ganbench import (
    augmentation,
    checkpoint,
    conditioning,
    data,
    files,
    folder,
    interruptions,
    layout,
    machine,
    numerics,
    optimizers,
    plugins,
    rehearsal,
    terms,
)
from ganbench.average import Average
from ganbench.capture import Recorded, Recording, eagerly
from ganbench.course import Course
from ganbench.data import Held
from ganbench.given import Form, Given
from ganbench.progress import Progress
from ganbench.rehearsal import Steps, Trained
from ganbench.runs import Plan
from ganbench.session import Session, Side, Undertaking
from ganbench.sidecar import Sidecar, Stateful
from ganbench.specs import Spec
from ganbench.streams import Streams, derive, normal
from ganbench.train import Player, straight_on, train, unchanged
from ganbench.tune import best
from ganbench.work import Run

PARTS = ("loss", "penalty", "constraint")
"""The parts of a method that are plugins."""


def networks(
    plan: Plan, spec: Spec, shape: tuple[int, ...], device: torch.device, form: Form | None = None
) -> tuple[Any, nn.Module, nn.Module]:
    """The architecture plugin, the generator and the discriminator of a spec, freshly initialised, for samples of a
    shape and conditions of a form."""
    card = plan.registry.card("architecture", spec["architecture"]["name"])
    architecture = plugins.load(card, spec["architecture"]["settings"])
    method, constraint = spec["method"], part(plan, "constraint", spec["method"])
    torch.manual_seed(derive(spec["seed"], "initialisation"))
    seen = (method["packing"] * shape[0], *shape[1:])
    made = [
        conditioning.generator(architecture, shape, form, method),
        conditioning.discriminator(architecture, seen, form, method),
    ]
    if hasattr(constraint, "prepare"):
        constraint.prepare(made[1])
    if len(shape) > 1 and numerics.is_channels_last(spec["training"]):
        made = [network.to(memory_format=torch.channels_last) for network in made]  # type: ignore[call-overload]
    generator, discriminator = (network.to(device) for network in made)
    return architecture, generator, discriminator


def build(
    plan: Plan, spec: Spec, shape: tuple[int, ...], device: torch.device, form: Form | None = None
) -> tuple[Any, Player, Player]:
    """The architecture plugin of a spec, and both players."""
    architecture, generator, discriminator = networks(plan, spec, shape, device, form)
    method = spec["method"]
    average = None if method["ema"] is None else Average(generator, method["ema"])
    numerics.apply(spec["training"], [generator, discriminator], device)  # the average copied the network before
    steps = spec["training"]["generator_steps"] if method["lr_decay"] else None
    return (
        architecture,
        _player(generator, spec, "generator", steps, average),
        _player(discriminator, spec, "discriminator", steps),
    )


def _player(network: nn.Module, spec: Spec, who: str, falling: int | None, average: Average | None = None) -> Player:
    optimizer = optimizers.build(spec["method"][f"{who}_optimizer"], network.parameters())
    schedule = optimizers.falling(optimizer, falling) if falling else None
    return Player(network, optimizer, average, schedule, numerics.compiled(spec["training"], network))


def train_run(plan: Plan, run: Run, samples: Tensor, device: torch.device, given: Given | None = None) -> None:
    """Train one run on the training split with its conditions (on the device), from its checkpoint if there is one that
    will do, and write its folder, the record last."""
    with interruptions.deferred() as interruption:
        work = _begun(plan, run, samples, device, given, interruption)
        try:
            work.sidecar.resume()
        except checkpoint.RefusedError as error:
            afresh(plan, run, error)
            work = _begun(plan, run, samples, device, given, interruption)
        session, spec = work.session, work.run.spec
        progress = _progress(plan, run, spec["training"]["generator_steps"], session.course.step)
        limit = math.inf if run.time_limit is None else run.time_limit
        steps = steps_of(plan, spec, samples, given)
        fit(plan, spec, session, progress, work.sidecar.pause, limit, steps.recorder)
        finish(plan, work, samples, {**machine.provenance(device), **noted(steps)})


def steps_of(plan: Plan, spec: Spec, samples: Tensor, given: Given | None = None) -> Steps:
    """How the steps of a training are carried out on the device of its samples."""
    trained = shortly(plan, samples, given)
    return rehearsal.steps(spec, samples.device, plan.study.cuda_graphs, unsure(plan, spec), trained)


def shortly(plan: Plan, samples: Tensor, given: Given | None = None) -> Trained:
    """Short trainings of specs on these samples, for a rehearsal."""

    def trained(short: Spec, recorder: Recording | None) -> Tensor:
        session = begin(plan, short, samples, samples.device, given)
        fit(plan, short, session, lambda _: None, straight_on, recorder=recorder)
        networks = session.generator.network, session.discriminator.network
        return torch.cat([p.detach().flatten().double() for network in networks for p in network.parameters()])

    return trained


def unsure(plan: Plan, spec: Spec) -> str | None:
    """A part of a training that does not say that it may be recorded, or None."""
    chosen = {"architecture": spec["architecture"], **{kind: spec["method"][kind] for kind in PARTS}}
    cards = [plan.registry.card(kind, part["name"]) for kind, part in chosen.items() if part]
    return next((f"{card.kind} {card.name}" for card in cards if not card.recordable), None)


def noted(steps: Steps) -> dict[str, Any]:
    """What the provenance says of the steps."""
    return {} if steps.note is None else {"steps": steps.note}


def begin(plan: Plan, spec: Spec, samples: Tensor, device: torch.device, given: Given | None = None) -> Session[Player]:
    """A training before its first step."""
    form = given.form if given else None
    return session_of(plan, spec, samples, build(plan, spec, tuple(samples.shape[1:]), device, form), given)


def session_of(
    plan: Plan, spec: Spec, samples: Tensor, built: tuple[Any, Side, Side], given: Given | None = None
) -> Session[Side]:
    """The same of an architecture, a generator and a discriminator that are built already."""
    architecture, generator, discriminator = built
    penalty = _penalty(plan, spec["method"])
    streams = Streams(spec["seed"], samples.device)
    batches = data.Batches(samples, batch_of(spec), streams["data"], given.values if given else None)
    return Session(architecture, generator, discriminator, penalty, streams, batches, Course(), given)


def _begun(
    plan: Plan,
    planned: Run,
    samples: Tensor,
    device: torch.device,
    given: Given | None,
    interruption: interruptions.Interruption,
) -> Undertaking[Player]:
    effort, run = machine.Effort(device), best.settled(plan, planned)
    return undertaking(plan, planned, run, begin(plan, run.spec, samples, device, given), effort, interruption)


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
    folder.write(plan, work, samples, provenance)
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
    progress: Callable[[int], None],
    pause: Callable[[], None],
    time_limit: float = math.inf,
    recorder: Recording | None = None,
) -> None:
    """Take a training from where it is to its end. `pause()` comes after every step, and may raise. With a `recorder`
    its steps are recorded."""
    budget, method, streams = spec["training"], spec["method"], session.streams
    held = Held(session.batches, method["n_critic"])
    batch, noise_dim, device = batch_of(spec), session.architecture.noise_dim, streams.device
    wishes = method.get("conditional", {})
    train(
        session.generator,
        session.discriminator,
        loss=part(plan, "loss", method),
        penalty=session.penalty,
        constraint=part(plan, "constraint", method),
        batches=held if recorder else session.batches,
        noise=lambda: normal(streams["noise"], (batch, noise_dim)),
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
        matching=wishes.get("matching", False),
        adversarial=wishes.get("adversarial", 1.0),
        terms=terms.of(method),
        course=session.course,
        way=Recorded(recorder(device, lambda: streams.made), held.feed) if recorder else eagerly,
        pause=pause,
        time_limit=time_limit,
    )


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
