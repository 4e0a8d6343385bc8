"""Recorded numbers of small trainings, in float64.

They notice that what training computes has changed, in whatever file. If that was on purpose, raise specs.ENGINE, so
that every run is trained anew, and record the new numbers here. The same holds for the data of ring8: its points
are part of every result on it.
"""

from typing import Any

import pytest
import torch
from torch import nn

from ganbench import data, optimizers, plugins
from ganbench.streams import derive, stream
from ganbench.train import Player, train

ADAM = {"name": "adam", "lr": 0.01, "betas": [0.5, 0.9], "eps": 1e-8, "weight_decay": 0.0}
RMSPROP = {"name": "rmsprop", "lr": 0.01, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.0}
SGD = {"name": "sgd", "lr": 0.05, "momentum": 0.5, "weight_decay": 0.001}

NON_SATURATING = {"loss": ("non-saturating", {}), "optimizer": ADAM, "n_critic": 1}
MINIMAX = {"loss": ("minimax", {}), "optimizer": SGD, "n_critic": 2}
WGAN = {
    "loss": ("wasserstein", {}),
    "constraint": ("weight-clipping", {"bound": 0.1}),
    "optimizer": RMSPROP,
    "n_critic": 5,
}
WGAN_GP = {
    "loss": ("wasserstein", {}),
    "penalty": ("gradient-penalty", {"weight": 10.0}),
    "optimizer": ADAM,
    "n_critic": 5,
}


def part(kind: str, chosen: tuple[str, dict[str, Any]] | None) -> Any:
    return plugins.load(plugins.discover().card(kind, chosen[0]), chosen[1]) if chosen else None


def linear(inputs: int, outputs: int) -> nn.Module:
    """Drawn in float64, too: float32 draws differ in their last bits from processor to processor."""
    return nn.Linear(inputs, outputs, dtype=torch.float64)


def sums(network: nn.Module) -> tuple[float, float]:
    """The sum of all parameters, and of their squares."""
    flat = torch.cat([p.detach().flatten() for p in network.parameters()])
    return flat.sum().item(), flat.square().sum().item()


@pytest.mark.parametrize(
    ("method", "generator_sums", "discriminator_sums"),
    [
        (NON_SATURATING, (2.9823025595042774, 9.08929763634549), (4.7837645257683805, 10.556031841282994)),
        (MINIMAX, (2.342235781781956, 8.514704407140208), (3.9290021517264164, 10.057565910070537)),
        (WGAN, (-0.5521960365714098, 13.311489383269905), (1.3813048009171118, 0.24950727891538615)),
        (WGAN_GP, (2.9047957647460327, 12.501429757744836), (-4.096490895927353, 18.181896083918044)),
    ],
    ids=["non-saturating", "minimax", "wgan", "wgan-gp"],
)
def test_twenty_steps_end_where_they_always_did(
    method: dict[str, Any], generator_sums: tuple[float, float], discriminator_sums: tuple[float, float]
) -> None:
    torch.manual_seed(derive(0, "initialisation"))
    generator = nn.Sequential(linear(2, 16), nn.ReLU(), linear(16, 2))
    discriminator = nn.Sequential(linear(2, 16), nn.LeakyReLU(0.2), linear(16, 1), nn.Flatten(0))
    samples = torch.randn(100, 2, generator=stream(0, "samples"), dtype=torch.float64)
    noise = stream(0, "noise")
    train(
        Player(generator, optimizers.build(method["optimizer"], generator.parameters())),
        Player(discriminator, optimizers.build(method["optimizer"], discriminator.parameters())),
        loss=part("loss", method["loss"]),
        penalty=part("penalty", method.get("penalty")),
        constraint=part("constraint", method.get("constraint")),
        batches=data.Batches(samples, 16, stream(0, "data")),
        noise=lambda: torch.randn(16, 2, generator=noise, dtype=torch.float64),
        penalty_stream=stream(0, "penalty"),
        steps=20,
        n_critic=method["n_critic"],
        log_every=5,
        snapshots=(),
        progress=lambda _: None,
    )
    assert sums(generator) == pytest.approx(generator_sums, rel=1e-9)
    assert sums(discriminator) == pytest.approx(discriminator_sums, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "shape", "generator_sums", "discriminator_sums"),
    [
        ("mlp", (2,), (-27.2361092, 259.4506435), (-2.7605232, 341.6672121)),
        ("dcgan", (1, 16, 16), (346.4679103, 758.0836080), (126.9419066, 181.6372265)),
    ],
)
def test_networks_start_where_they_always_did(
    name: str, shape: tuple[int, ...], generator_sums: tuple[float, float], discriminator_sums: tuple[float, float]
) -> None:
    card = plugins.discover().card("architecture", name)
    architecture = plugins.load(card, plugins.resolve(card, {})[0])
    torch.manual_seed(derive(0, "initialisation"))
    generator, discriminator = architecture.generator(shape).double(), architecture.discriminator(shape).double()
    assert sums(generator) == pytest.approx(generator_sums, rel=1e-5)
    assert sums(discriminator) == pytest.approx(discriminator_sums, rel=1e-5)


def test_the_points_of_ring8_are_what_they_always_were() -> None:
    card = plugins.discover().card("dataset", "ring8")
    samples = plugins.load(card, plugins.resolve(card, {})[0]).splits(None)["train"].samples
    assert samples[0].tolist() == pytest.approx([0.718982756, -0.707842290], abs=1e-6)
    assert samples[-1].tolist() == pytest.approx([-0.005583989, -1.001272082], abs=1e-6)
    assert samples.double().mean(0).tolist() == pytest.approx([0.001097369, -0.000294259], abs=1e-6)


def test_the_streams_are_what_they_always_were() -> None:
    assert derive(0, "noise") == 4836734449039541815
    assert derive(1, "data") == 3039699743886347058
