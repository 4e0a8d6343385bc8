"""The plugins that published tables bring along."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ganbench import cards, cli, data, optimizers, plugins
from ganbench.train import Player, train

HERE = Path(__file__).parent.parent / "configs" / "papers" / "plugins"


def loaded(name: str, **settings: Any) -> Any:
    card = cards.read_card(HERE / f"{name}.py")
    full, problems = plugins.resolve(card, settings)
    assert not problems
    return plugins.load(card, full)


@pytest.mark.parametrize(("x_rate", "y_rate"), [(1e-2, 1e-2), (1e-4, 1e-2), (1e-2, 1e-4)])
def test_the_saddle_is_played_as_in_the_authors_notebook(x_rate: float, y_rate: float) -> None:
    """x -= a (2 x (100 - y^2) + noise), then y += b (-2 y (1 + x^2) + noise), from (0.5, -0.4)."""
    game = loaded("two_numbers")
    networks = game.generator((2,)), game.discriminator((2,))
    rates = (y_rate, x_rate)
    settings = {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0}
    players = [
        Player(n, optimizers.build({**settings, "lr": r}, n.parameters())) for n, r in zip(networks, rates, strict=True)
    ]
    noise = torch.Generator().manual_seed(0)
    train(
        *players,
        loss=loaded("value"),
        penalty=None,
        constraint=None,
        batches=iter(lambda: (torch.zeros(1, 2),), None),
        noise=lambda: torch.randn(1, 2, generator=noise),
        penalty_stream=noise,
        steps=200,
        n_critic=1,
        log_every=200,
        progress=lambda _: None,
    )
    noise = torch.Generator().manual_seed(0)
    x, y = 0.5, -0.4
    for _ in range(200):
        x -= x_rate * (2 * x * (100 - y * y) + float(torch.randn(1, 2, generator=noise)[0, 0]))
        y += y_rate * (-2 * y * (1 + x * x) + float(torch.randn(1, 2, generator=noise)[0, 1]))
    board = networks[0].eval()(torch.zeros(3, 2))
    assert board.shape == (3, 2)
    assert board[0].tolist() == pytest.approx([x, y], rel=1e-3, abs=1e-5)
    again = game.generator((2,))
    again.load_state_dict(networks[0].state_dict())
    assert again.eval()(torch.zeros(1, 2))[0].tolist() == board[0].tolist()  # a snapshot shows both numbers


@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("pacgan_dcgan", (3, 28, 28), (4_514_819, 4_310_401)),
        ("plain_resnet", (3, 32, 32), None),
        ("simple_cnn", (3, 32, 32), (12_141_827, 10_519_297)),
        ("collection_dcgan", (3, 32, 32), (11_429_632, 4_309_441)),
    ],
)
def test_a_network_makes_images_and_scores(name: str, shape: tuple[int, ...], parameters: tuple[int, int]) -> None:
    """With as many parameters as the code that it is after, counted by hand."""
    architecture = loaded(name)
    generator, discriminator = architecture.generator(shape), architecture.discriminator(shape)
    images = generator(torch.randn(4, architecture.noise_dim))
    assert images.shape == (4, *shape)
    assert images.abs().max() <= 1
    scores = discriminator(images)
    assert scores.shape == (4,)
    scores.sum().backward()
    assert all(p.grad is not None for n in (generator, discriminator) for p in n.parameters())
    if parameters is not None:
        assert [sum(p.numel() for p in n.parameters()) for n in (generator, discriminator)] == list(parameters)


def test_a_packed_discriminator_sees_more_channels() -> None:
    assert loaded("pacgan_dcgan").discriminator((6, 28, 28))(torch.zeros(2, 6, 28, 28)).shape == (2,)


def test_digits_in_the_upper_half_are_those_of_the_whole_range() -> None:
    half = sys.modules[type(loaded("stacked_mnist_unit")).__module__]._upper_half(torch.arange(256, dtype=torch.uint8))
    torch.testing.assert_close(data.as_floats(half), torch.arange(256) / 255, atol=0.005, rtol=0)


def test_the_distance_is_that_of_the_means() -> None:
    from ganbench.evidence import Evidence, Reference

    points = Evidence(torch.tensor([[3.0, 4.0], [3.0, 4.0]], dtype=torch.float64))
    real = Reference(points, torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64))
    assert loaded("distance")(points, real) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("name", "failed"),
    [
        ("distance", set()),
        ("saddle", {"apart"}),
        ("two_numbers", {"shapes"}),
        ("value", {"gradients", "sign"}),
    ],
)
def test_a_game_of_two_numbers_is_no_gan_and_its_metric_is_one(
    name: str, failed: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Which promises the plugins of TTUR's game break, as docs/papers.md says."""
    assert cli.main(["check", str(HERE / f"{name}.py")]) == bool(failed)
    found = [line.split("FAILED")[1] for line in capsys.readouterr().out.splitlines() if "  FAILED " in line]
    assert {line.partition(":")[0].strip() for line in found} == failed
