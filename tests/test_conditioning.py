"""Networks that are told what to make, and the terms that go with them."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from ganbench import conditioning, data, plugins, terms
from ganbench.conditioning import UnconditionableError
from ganbench.given import Form
from ganbench.losses.non_saturating import Loss
from ganbench.method import Conditioning
from ganbench.plugins import Registry
from ganbench.streams import stream
from ganbench.train import Player, train, under

CLASSES, TEXT = Form("class", (), 5), Form("text", (6,), 9)
SMALL: dict[str, dict[str, Any]] = {
    "dcgan": {"width": 4, "noise_dim": 3},
    "sndcgan": {"width": 2, "noise_dim": 3},
    "infogan": {"noise_dim": 3},
    "tiny-dcgan": {"noise_dim": 3},
    "resnet": {"generator_width": 4, "discriminator_width": 4, "noise_dim": 3},
    "mlp": {"noise_dim": 3, "generator_widths": [8], "discriminator_widths": [8]},
}
WAYS = {
    "concatenation": {},
    "projection": {"discriminator": "projection"},
    "classifier": {"discriminator": "classifier"},
    "normalisation": {"generator": "normalisation"},
    "embedding": {"width": 4},
    "gru": {"encoder": "gru"},
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return plugins.discover()


def given(form: Form, count: int) -> Tensor:
    if form.kind == "class":
        return torch.arange(count) % form.count
    words = torch.randint(1, form.count, (count, *form.shape), generator=stream(0, "words"))
    words[:, 4:] = 0
    return words


def pair(registry: Registry, name: str, shape: tuple[int, ...], form: Form, **wishes: Any) -> list[nn.Module]:
    card = registry.card("architecture", name)
    architecture = plugins.load(card, plugins.resolve(card, SMALL[name])[0])
    method = {"conditional": Conditioning(**wishes).model_dump(mode="json")}
    torch.manual_seed(0)
    return [
        conditioning.generator(architecture, shape, form, method),
        conditioning.discriminator(architecture, shape, form, method),
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", [CLASSES, TEXT], ids=["class", "text"])
@pytest.mark.parametrize("name", SMALL)
def test_every_architecture_takes_conditions_in_every_way_that_it_says(
    registry: Registry, name: str, form: Form, way: str
) -> None:
    """Its samples and scores change with the condition, and every weight learns."""
    supported = (*registry.card("architecture", name).traits["conditions"], "concatenation", "embedding", "gru")
    shape = (2,) if name == "mlp" else (1, 32, 32)
    if way == "classifier" and form.kind == "text":
        pytest.skip("a classifier names classes")
    if way not in supported:
        with pytest.raises(UnconditionableError, match="normalisation"):
            pair(registry, name, shape, form, **WAYS[way])
        return
    generator, discriminator = pair(registry, name, shape, form, **WAYS[way])
    noise, asked = torch.randn(5, 3, generator=stream(0, "noise")), given(form, 5)
    if way == "normalisation":  # begins as the plain network, until its scales and shifts learn
        for parameter in generator.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape)
    made = generator(noise, asked)
    assert made.shape == (5, *shape)
    scores = discriminator(made, asked)
    assert scores.shape == (5,)
    assert not torch.equal(made, generator(noise, asked.roll(1, 0)))
    if way != "classifier":
        assert not torch.equal(scores, discriminator(made, asked.roll(1, 0)))
        scores.sum().backward()
    else:
        named = discriminator.classes(made)  # type: ignore[operator]
        assert named.shape == (5, form.count)
        (scores.sum() + named.square().sum()).backward()
    for network in (generator, discriminator):
        assert [key for key, p in network.named_parameters() if p.requires_grad and p.grad is None] == []


def test_heedless_networks_ignore_what_they_are_told(registry: Registry) -> None:
    generator, discriminator = pair(registry, "mlp", (2,), CLASSES, generator="none", discriminator="none")
    noise, asked = torch.randn(5, 3), given(CLASSES, 5)
    made = generator(noise, asked)
    assert torch.equal(made, generator(noise, asked.roll(1, 0)))
    assert torch.equal(discriminator(made, asked), discriminator(made, asked.roll(1, 0)))


def test_words_that_fill_up_say_nothing() -> None:
    longer = torch.tensor([[3, 1, 2, 0, 0, 0], [3, 1, 2, 0, 0, 0]])
    for encoder in ("bag-of-words", "gru"):
        code = conditioning.encoder(TEXT, Conditioning(encoder=encoder).model_dump())
        assert torch.allclose(code(longer), code(longer[:, :3]), atol=1e-6)


def test_a_sentence_knows_the_order_of_words_and_a_bag_does_not() -> None:
    one, other = torch.tensor([[3, 1, 2, 0, 0, 0]]), torch.tensor([[2, 1, 3, 0, 0, 0]])
    bag, sentence = (conditioning.encoder(TEXT, Conditioning(encoder=e).model_dump()) for e in ("bag-of-words", "gru"))
    assert torch.equal(bag(one), bag(other))
    assert not torch.allclose(sentence(one), sentence(other))


def test_a_frozen_encoder_does_not_learn(registry: Registry) -> None:
    generator, _ = pair(registry, "mlp", (2,), TEXT, frozen=True)
    assert not any(p.requires_grad for p in generator.code.parameters())
    assert all(p.requires_grad for p in generator.body.parameters())


def test_a_projection_is_the_score_plus_the_product(registry: Registry) -> None:
    """Equation 3 of Miyato & Koyama 2018, written out."""
    _, plain = pair(registry, "dcgan", (1, 32, 32), CLASSES, discriminator="none")
    _, network = pair(registry, "dcgan", (1, 32, 32), CLASSES, discriminator="projection")
    images, asked = torch.randn(5, 1, 32, 32), given(CLASSES, 5)
    layers = list(network.features)
    features = nn.Sequential(*layers)(images).flatten(1)
    rows = network.direction.weight.T[asked]
    wanted = plain.body(images) + (rows * features).sum(1)
    assert torch.allclose(network(images, asked), wanted, atol=1e-5)


def test_penalties_see_one_score_a_sample_whatever_the_patches() -> None:
    def patches(samples: Tensor, given: Tensor) -> Tensor:
        return (samples * given[:, None]).flatten()

    samples, asked = torch.arange(6.0).reshape(3, 2), torch.tensor([1.0, 2.0, 3.0])
    assert torch.equal(under(patches, [asked])(samples), (samples * asked[:, None]).mean(1))
    assert under(patches, []) is patches


class Told(nn.Module):
    """A linear network of its inputs and conditions, and for discriminators of the class."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(inputs + 3, outputs), nn.Linear(inputs, 3)

    def forward(self, inputs: Tensor, given: Tensor) -> Tensor:
        found: Tensor = self.layer(torch.cat([inputs, nn.functional.one_hot(given, 3).to(inputs)], 1))
        return found if found.shape[1] > 1 else found[:, 0]

    def classes(self, samples: Tensor) -> Tensor:
        found: Tensor = self.head(samples)
        return found


def players() -> tuple[Player, Player]:
    torch.manual_seed(0)
    networks = Told(2, 2).double(), Told(2, 1).double()
    generator, discriminator = (Player(n, torch.optim.SGD(n.parameters(), lr=0.1)) for n in networks)
    return generator, discriminator


REAL = torch.randn(12, 2, generator=stream(0, "real"), dtype=torch.float64)
LABELS = torch.arange(12) % 3


def step(**wishes: Any) -> tuple[Player, Player]:
    """One step of the loop, with what a method wishes."""
    generator, discriminator = players()
    noise = stream(0, "noise")
    wanted = Conditioning(**wishes).model_dump(mode="json")
    train(
        generator,
        discriminator,
        loss=Loss(),
        penalty=None,
        constraint=None,
        batches=data.Batches(REAL, 4, stream(0, "data"), LABELS),
        noise=lambda: torch.randn(4, 2, generator=noise, dtype=torch.float64),
        penalty_stream=stream(0, "penalty"),
        steps=1,
        n_critic=1,
        log_every=1,
        progress=lambda _: None,
        matching=wanted["matching"],
        adversarial=wanted["adversarial"],
        terms=terms.of({"conditional": wanted}),
    )
    return generator, discriminator


def by_hand(weights: tuple[float, float], matching: bool, reconstruction: float, adversarial: float) -> Any:
    """The same step, written out from the papers."""
    generator, discriminator = (player.network for player in players())
    noise = stream(0, "noise")
    first, second = (torch.randn(4, 2, generator=noise, dtype=torch.float64) for _ in range(2))
    real, labels = next(data.Batches(REAL, 4, stream(0, "data"), LABELS))
    fake = generator(first, labels).detach()
    real_score, fake_score = discriminator(real, labels), discriminator(fake, labels)
    loss = softplus(-real_score).mean() + softplus(fake_score).mean()
    if matching:  # Reed et al. 2016, Algorithm 1, line 8
        wrong = discriminator(real, torch.cat([labels[-1:], labels[:-1]]))
        loss = softplus(-real_score).mean() + (softplus(wrong).mean() + softplus(fake_score).mean()) / 2
    loss = loss + weights[0] * sum(cross_entropy(discriminator.classes(of), labels) for of in (real, fake))
    slopes = torch.autograd.grad(loss, list(discriminator.parameters()), allow_unused=True)
    with torch.no_grad():
        for parameter, slope in zip(discriminator.parameters(), slopes, strict=True):
            parameter -= 0 if slope is None else 0.1 * slope
    fake = generator(second, labels)
    loss = adversarial * softplus(-discriminator(fake, labels)).mean()
    loss = loss + weights[1] * cross_entropy(discriminator.classes(fake), labels)
    loss = loss + reconstruction * (fake - real).abs().mean()
    slopes = torch.autograd.grad(loss, list(generator.parameters()), allow_unused=True)
    with torch.no_grad():
        for parameter, slope in zip(generator.parameters(), slopes, strict=True):
            parameter -= 0 if slope is None else 0.1 * slope
    return generator, discriminator


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"discriminator": "classifier", "classification": (0.7, 0.3)},
        {"matching": True},
        {"reconstruction": 5.0},
        {"reconstruction": 5.0, "adversarial": 0.0},
        {"matching": True, "reconstruction": 2.0, "adversarial": 0.5},
    ],
    ids=["cgan", "acgan", "gan-cls", "pix2pix", "l1", "all"],
)
def test_a_step_is_that_of_the_papers(wishes: dict[str, Any]) -> None:
    weights = wishes.get("classification", (0.0, 0.0))
    rest = wishes.get("matching", False), wishes.get("reconstruction", 0.0), wishes.get("adversarial", 1.0)
    for got, wanted in zip(step(**wishes), by_hand(weights, *rest), strict=True):
        for one, other in zip(got.network.parameters(), wanted.parameters(), strict=True):
            assert torch.allclose(one, other, atol=1e-12)
    assert not torch.equal(step(**wishes)[0].network.layer.weight, copy.deepcopy(players()[0].network.layer.weight))
