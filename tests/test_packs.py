"""A pack against the single runs that it stands for: in float64 to rounding, and bit by bit against itself."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganbench import average, data, optimizers, plugins
from ganbench.course import Course
from ganbench.packs import loop
from ganbench.packs import pack as packed
from ganbench.packs.average import Average
from ganbench.packs.losses import Losses
from ganbench.packs.network import Stack, UnstackableError
from ganbench.packs.optimizer import Optimizer
from ganbench.streams import derive, stream
from ganbench.train import Player, train
from ganbench.training import view_of

REGISTRY = plugins.discover()
BATCH, NOISE, STEPS = 8, 3, 20
ADAM = {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9], "eps": 1e-8, "weight_decay": 0.0}
RMSPROP = {"name": "rmsprop", "lr": 1e-3, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0}
SGD = {"name": "sgd", "lr": 0.05, "momentum": 0.0, "weight_decay": 0.0}

RULE: dict[str, Any] = {
    "loss": ("non-saturating", {}),
    "penalty": None,
    "constraint": None,
    "generator_optimizer": ADAM,
    "discriminator_optimizer": ADAM,
    "n_critic": 1,
    "simultaneous": False,
    "unrolled": 0,
    "packing": 1,
    "penalty_interval": 1,
    "ema": None,
    "lr_decay": None,
    "augment": (),
    "network": {},
    "seed": 0,
}
NON_SATURATING: dict[str, Any] = {}
WGAN = {
    "loss": ("wasserstein", {}),
    "constraint": ("weight-clipping", {"bound": 0.05}),
    "generator_optimizer": RMSPROP,
    "discriminator_optimizer": RMSPROP,
    "n_critic": 5,
}
WGAN_GP = {"loss": ("wasserstein", {}), "penalty": ("gradient-penalty", {"weight": 10.0}), "n_critic": 5}
SAMPLES = torch.randn(200, 2, generator=stream(0, "samples"), dtype=torch.float64) + 1


def members(rule: dict[str, Any], *changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Runs of one update rule, of which each has changes of its own and another seed."""
    return [{**RULE, **rule, "seed": seed, **own} for seed, own in enumerate(changes)]


def part(kind: str, chosen: tuple[str, dict[str, Any]] | None) -> Any:
    if chosen is None:
        return None
    card = REGISTRY.card(kind, chosen[0])
    return plugins.load(card, plugins.resolve(card, chosen[1])[0])


def networks(member: dict[str, Any], dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    settings = {"noise_dim": NOISE, "generator_widths": [16, 8], "discriminator_widths": [8, 16], **member["network"]}
    card = REGISTRY.card("architecture", "mlp")
    architecture = plugins.load(card, plugins.resolve(card, settings)[0])
    torch.manual_seed(derive(member["seed"], "initialisation"))
    return architecture.generator((2,)).to(dtype), architecture.discriminator((2 * member["packing"],)).to(dtype)


def fixed(member: dict[str, Any]) -> dict[str, Any]:
    keys = ("n_critic", "simultaneous", "unrolled", "penalty_interval")
    steps = {"steps": STEPS, "log_every": 5, "snapshots": (10,), "progress": lambda _: None}
    return {key: member[key] for key in keys} | steps


def alone(member: dict[str, Any], dtype: torch.dtype = torch.float64) -> tuple[dict[str, Tensor], Course]:
    """The weights and the outcome of a single run, by `ganbench.train`."""
    generator, discriminator = networks(member, dtype)
    mean = None if member["ema"] is None else average.Average(generator, member["ema"])
    players = []
    for who, network in (("generator", generator), ("discriminator", discriminator)):
        optimizer = optimizers.build(member[f"{who}_optimizer"], network.parameters())
        falling = optimizers.falling(optimizer, STEPS) if member["lr_decay"] else None
        players.append(Player(network, optimizer, mean if who == "generator" else None, falling))
    noise, batch = stream(member["seed"], "noise"), BATCH * member["packing"]
    outcome = train(
        *players,
        loss=part("loss", member["loss"]),
        penalty=part("penalty", member["penalty"]),
        constraint=part("constraint", member["constraint"]),
        batches=data.Batches(SAMPLES.to(dtype), batch, stream(member["seed"], "data")),
        noise=lambda: torch.randn(batch, NOISE, generator=noise, dtype=dtype),
        penalty_stream=stream(member["seed"], "penalty"),
        view=view_of(member, stream(0, "augmentation")),
        **fixed(member),
    )
    return state(generator, discriminator, mean.network if mean else None), outcome


def together(
    runs: Sequence[dict[str, Any]], dtype: torch.dtype = torch.float64, spoil: int | None = None
) -> list[tuple[dict[str, Tensor], Course]]:
    """The same of a pack. `spoil`: the slot of a member that gets a weight that is no number."""
    made = [networks(run, dtype) for run in runs]
    if spoil is not None:
        next(made[spoil][0].parameters()).data[0, 0] = torch.nan
    stacks = [Stack([pair[i] for pair in made]) for i in (0, 1)]
    players = [
        loop.Player(stack, Optimizer([run[f"{who}_optimizer"] for run in runs], stack.flat))
        for who, stack in zip(("generator", "discriminator"), stacks, strict=True)
    ]
    first = runs[0]
    if first["ema"] is not None:
        players[0] = loop.Player(stacks[0], players[0].optimizer, Average(stacks[0], first["ema"]))
    specs = [{"method": {kind: chosen(kind, run[kind]) for kind in ("loss", "penalty", "constraint")}} for run in runs]
    courses = [Course() for _ in runs]
    size = BATCH * first["packing"]
    loop.train(
        *players,
        loss=Losses([part("loss", run["loss"]) for run in runs], torch.device("cpu"), len(runs)),
        penalty=packed.penalty(REGISTRY, specs, [stream(run["seed"], "penalty") for run in runs]),
        constraints=[part("constraint", run["constraint"]) for run in runs] if first["constraint"] else [],
        batches=packed.Batches([data.Batches(SAMPLES.to(dtype), size, stream(run["seed"], "data")) for run in runs]),
        noise=partial(packed.noise, [stream(run["seed"], "noise") for run in runs], (size, NOISE), dtype=dtype),
        courses=courses,
        view=packed.view(first["packing"]),
        falling=STEPS if first["lr_decay"] else None,
        **fixed(first),
    )
    averages = players[0].average.stack.members if players[0].average else [None] * len(runs)
    return [
        (state(generator, discriminator, average), course)
        for (generator, discriminator), average, course in zip(made, averages, courses, strict=True)
    ]


def chosen(kind: str, given: tuple[str, dict[str, Any]] | None) -> dict[str, Any] | None:
    """A part as a spec has it."""
    return given and {"name": given[0], "settings": plugins.resolve(REGISTRY.card(kind, given[0]), given[1])[0]}


def state(generator: nn.Module, discriminator: nn.Module, average: nn.Module | None) -> dict[str, Tensor]:
    """Everything that a training changes."""
    parts = {"generator": generator, "discriminator": discriminator, "average": average}
    return {f"{who}.{k}": v for who, m in parts.items() if m is not None for k, v in m.state_dict().items()}


def adam(lr: float, betas: tuple[float, float] = (0.5, 0.9)) -> dict[str, Any]:
    settings = {**ADAM, "lr": lr, "betas": list(betas)}
    return {"generator_optimizer": settings, "discriminator_optimizer": {**settings, "lr": 2 * lr}}


def optimizer(settings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"generator_optimizer": {**settings, **changes}, "discriminator_optimizer": {**settings, **changes}}


def penalty(name: str, **settings: Any) -> dict[str, Any]:
    return {"penalty": (name, settings)}


def loss(name: str, **settings: Any) -> dict[str, Any]:
    return {"loss": (name, settings)}


def network(**settings: Any) -> dict[str, Any]:
    return {"network": settings}


CLIPPED = {"constraint": ("weight-clipping", {"bound": 0.2})}
DECAYING = {**optimizer(ADAM, weight_decay=0.1), "generator_optimizer": {**ADAM, "name": "adamw", "weight_decay": 0.1}}
HEAVY = {**optimizer(SGD, momentum=0.5, weight_decay=0.01), "generator_optimizer": {**RMSPROP, "momentum": 0.5}}
CASES = {
    "non-saturating": members({}, {}, adam(1e-4), adam(1e-2, (0.0, 0.99)), {}),
    "losses": members({}, {}, loss("minimax"), loss("hinge"), loss("least-squares", fake_target=-1.0)),
    "wgan": members(WGAN, {}, CLIPPED, {}, {"generator_optimizer": {**RMSPROP, "lr": 1e-2}}),
    "wgan-gp": members(WGAN_GP, {}, penalty("gradient-penalty", weight=0.1), adam(1e-4), {}),
    "one-sided": members({**WGAN_GP, **penalty("gradient-penalty", sided="one", epsilon=1e-4)}, {}, {}),
    "dragan": members(penalty("dragan"), {}, penalty("dragan", weight=1.0)),
    "r1": members({**penalty("r1"), "penalty_interval": 3}, {}, penalty("r1", gamma=1.0)),
    "r3gan": members({**loss("relativistic"), **penalty("r1-r2", gamma=0.1)}, {}, loss("relativistic-average")),
    "simultaneous": members({**optimizer(SGD), "simultaneous": True, "n_critic": 2}, {}, {}),
    "momentum": members(HEAVY, {}, {}),
    "decay": members({**DECAYING, "lr_decay": "linear"}, {}, {}),
    "pacgan": members({"packing": 2}, {}, {}),
    "unrolled": members({**loss("minimax"), "unrolled": 3}, {}, adam(1e-2)),
    "unrolled-penalty": members({**HEAVY, **penalty("r1", gamma=1.0), "unrolled": 2}, {}, {}),
    "ema": members({"ema": 0.9, **network(generator_norm="batch", discriminator_norm="batch")}, {}, {}),
    "layer": members({**WGAN_GP, **network(discriminator_norm="layer", discriminator_activation="elu")}, {}, {}),
    "maxout": members(network(discriminator_activation="maxout", discriminator_norm="weight"), {}, {}),
    "discrimination": members(network(minibatch="discrimination", generator_activation="tanh"), {}, {}),
    "deviation": members(network(minibatch="deviation", generator_activation="softplus"), {}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pack_is_its_single_runs(case: str) -> None:
    for run, (found, course) in zip(CASES[case], together(CASES[case]), strict=True):
        wanted, reference = alone(run)
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-10, msg=lambda m, n=name: f"{n}: {m}")
        for row, other in zip(course.history, reference.history, strict=True):
            assert {**row, "seconds": 0} == pytest.approx({**other, "seconds": 0}, rel=1e-8, abs=1e-10)
        for kept, other in zip(course.snapshots, reference.snapshots, strict=True):
            assert (kept.step, kept.weights.keys()) == (other.step, other.weights.keys())
            for kind, weights in other.weights.items():
                for name, value in weights.items():
                    torch.testing.assert_close(kept.weights[kind][name], value, rtol=0, atol=1e-10)


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Bit by bit."""
    return all(torch.equal(first[name], second[name]) for name in first | second)


def company(run: dict[str, Any], slot: int, others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A pack of eight with this run in a slot, the others of its shape and with other seeds."""
    filling = [{**of, "seed": 100 + seed} for seed, of in zip(range(7), itertools.cycle(others), strict=False)]
    return [*filling[:slot], run, *filling[slot:]]


@pytest.mark.parametrize("batch", [8, 12])
@pytest.mark.parametrize("case", CASES)
def test_neither_slot_nor_company_changes_a_bit(case: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_packs.STEPS", 5)
    monkeypatch.setattr("test_packs.BATCH", batch)
    odd = {"generator_widths": [13, 9], "discriminator_widths": [9, 13]}
    run, *others = ({**of, "network": {**odd, **of["network"]}} for of in CASES[case])
    first, _ = together(company(run, 0, others), torch.float32)[0]
    last, _ = together(company(run, 7, [run]), torch.float32)[7]
    assert equal(first, last)


@pytest.mark.parametrize("case", ["non-saturating", "losses", "wgan", "wgan-gp", "unrolled", "ema"])
def test_a_member_that_turns_nan_leaves_the_others_as_they_were(case: str) -> None:
    sound, spoilt = together(CASES[case], torch.float32), together(CASES[case], torch.float32, spoil=1)
    for slot, ((before, _), (after, course)) in enumerate(zip(sound, spoilt, strict=True)):
        if slot == 1:
            assert (course.diverged_at, course.reason) == (1, "the loss is not finite")
            assert len(course.history) == 1
            assert course.snapshots == []
        else:
            assert equal(before, after)
            assert course.diverged_at is None
            assert len(course.history) == STEPS // 5


def test_a_member_diverges_at_the_step_at_which_it_does_alone() -> None:
    runs = members({**loss("least-squares"), **optimizer(SGD)}, {}, optimizer(SGD, lr=1e9))
    (_, calm), (_, wild) = together(runs)
    _, reference = alone(runs[1])
    assert calm.diverged_at is None
    assert reference.diverged_at is not None
    assert (wild.diverged_at, wild.reason) == (reference.diverged_at, reference.reason)
    assert [row["step"] for row in wild.history] == [row["step"] for row in reference.history]


def test_a_network_of_unknown_layers_says_which() -> None:
    for made, message in (
        (nn.Sequential(nn.Linear(2, 2), nn.Dropout()), "layer 1 is a Dropout"),
        (nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1))), r"layer 0\.0 is a Conv2d"),
        (nn.LSTM(2, 2), "layer itself is a LSTM"),
        (nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)), "a weight that is computed"),
        (nn.Sequential(nn.Linear(2, 2).requires_grad_(False)), r"parameter 0\.weight does not learn"),
    ):
        with pytest.raises(UnstackableError, match=message):
            Stack([made])


class Exploding:
    """A loss that overflows for large scores."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (fake - real).exp().mean(-1)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - fake).exp().mean(-1)


def test_what_overflows_in_one_loss_reaches_no_member_of_another() -> None:
    linear, exploding = part("loss", ("wasserstein", {})), Exploding()
    mixed = Losses([linear, exploding], torch.device("cpu"), 2)
    scores = torch.tensor([[1e4, -1e4, 0.0, 1.0], [0.1, 0.2, 0.3, 0.4]], requires_grad=True)
    for both, own in ((mixed.discriminator, linear.discriminator), (mixed.generator, linear.generator)):
        (slopes,) = torch.autograd.grad(both(scores.flip(1), scores).sum(), scores)
        (alone,) = torch.autograd.grad(own(scores.flip(1), scores)[0], scores)
        assert torch.equal(slopes[0], alone[0])
        assert bool(slopes[1].any())


def test_a_loss_that_mixes_members_is_told() -> None:
    class Mixing(Exploding):
        def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
            return (fake - real).mean()

    with pytest.raises(ValueError, match=r"reduce by `\.mean\(-1\)`"):
        Losses([Mixing()], torch.device("cpu"), 2).discriminator(torch.zeros(2, 4), torch.zeros(2, 4))
