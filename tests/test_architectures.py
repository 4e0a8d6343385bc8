"""Every built-in architecture: shapes, ranges, widths and initial weights."""

from typing import Any

import pytest
import torch
from torch import nn

from ganbench import plugins

REGISTRY = plugins.discover()
KIND_SHAPES = {"points": [(2,)], "images": [(c, s, s) for c in (1, 2, 3) for s in (16, 32)]}
FITTING = [
    (name, shape)
    for name in REGISTRY.names("architecture")
    for kind in REGISTRY.card("architecture", name).traits["kinds"]
    for shape in KIND_SHAPES[kind]
]
every_fit = pytest.mark.parametrize(("name", "shape"), FITTING)


def build(name: str, **given: Any) -> Any:
    card = REGISTRY.card("architecture", name)
    settings, problems = plugins.resolve(card, given)
    assert not problems
    return plugins.load(card, settings)


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[Any]:
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


@every_fit
def test_a_generator_makes_samples_of_the_shape_of_the_data(name: str, shape: tuple[int, ...]) -> None:
    architecture = build(name)
    samples = architecture.generator(shape)(torch.randn(3, architecture.noise_dim))
    assert samples.shape == (3, *shape)
    assert samples.isfinite().all()


@every_fit
@pytest.mark.parametrize("batch", [1, 3])
def test_a_discriminator_gives_one_score_a_sample(name: str, shape: tuple[int, ...], batch: int) -> None:
    network = build(name).discriminator(shape)
    assert network(torch.randn(batch, *shape)).shape == (batch,)


@every_fit
def test_every_parameter_gets_a_gradient(name: str, shape: tuple[int, ...]) -> None:
    architecture = build(name)
    generator, discriminator = architecture.generator(shape), architecture.discriminator(shape)
    (discriminator(generator(torch.randn(4, architecture.noise_dim))) ** 2).mean().backward()
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        assert parameter.grad is not None


@every_fit
def test_a_discriminator_has_no_sigmoid(name: str, shape: tuple[int, ...]) -> None:
    network = build(name).discriminator(shape)
    assert not layers(network, nn.Sigmoid, nn.Tanh, nn.Softmax, nn.LogSigmoid)
    linear = layers(network, nn.Linear, nn.Conv2d)[-1]
    with torch.no_grad():
        linear.bias.fill_(1000.0)  # a logit may be anything; a probability or a squashed score could not follow
    assert (network(torch.randn(3, *shape)) > 500).all()


@every_fit
def test_images_are_within_one_and_points_are_not_bounded(name: str, shape: tuple[int, ...]) -> None:
    architecture = build(name)
    generator = architecture.generator(shape)
    with torch.no_grad():
        layers(generator, nn.Linear, nn.ConvTranspose2d)[-1].weight.mul_(1000)
    samples = generator(torch.randn(8, architecture.noise_dim))
    if len(shape) > 1:
        assert samples.abs().max() <= 1
        assert samples.abs().max() > 0.9
    else:
        assert samples.abs().max() > 10


@every_fit
def test_the_noise_dimension_is_a_setting(name: str, shape: tuple[int, ...]) -> None:
    assert build(name, noise_dim=5).generator(shape)(torch.randn(2, 5)).shape == (2, *shape)


@pytest.mark.parametrize(
    ("size", "generator", "discriminator"),
    [(32, [8, 4, 2], [1, 2, 4]), (16, [4, 2], [1, 2])],
)
def test_dcgan_widths(size: int, generator: list[int], discriminator: list[int]) -> None:
    architecture, shape = build("dcgan", width=6, noise_dim=9), (3, size, size)
    up = layers(architecture.generator(shape), nn.ConvTranspose2d)
    assert [up[0].in_channels, *(layer.out_channels for layer in up)] == [9, *(6 * w for w in generator), 3]
    down = layers(architecture.discriminator(shape), nn.Conv2d)
    assert [down[0].in_channels, *(layer.out_channels for layer in down)] == [3, *(6 * w for w in discriminator), 1]
    assert {layer.kernel_size for layer in (*up, *down)} == {(4, 4)}


def test_dcgan_normalises_all_but_the_first_and_the_last_discriminator_layer() -> None:
    architecture = build("dcgan", width=4)
    assert [n.num_features for n in layers(architecture.discriminator((1, 32, 32)), nn.BatchNorm2d)] == [8, 16]
    assert [n.num_features for n in layers(architecture.generator((1, 32, 32)), nn.BatchNorm2d)] == [32, 16, 8]


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
@pytest.mark.parametrize("size", [16, 32])
def test_only_under_batch_normalisation_does_a_score_depend_on_the_neighbours(norm: str, size: int) -> None:
    torch.manual_seed(0)
    network = build("dcgan", width=4, discriminator_norm=norm).discriminator((1, size, size))
    assert bool(layers(network, nn.BatchNorm1d, nn.BatchNorm2d)) == (norm == "batch")
    assert bool(layers(network, nn.GroupNorm)) == (norm == "layer")
    images = torch.randn(4, 1, size, size)
    alone = torch.cat([network(image[None]) for image in images])
    assert torch.allclose(network(images), alone, rtol=1e-4, atol=1e-7) == (norm != "batch")


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_dcgan_weights_start_from_a_narrow_normal(norm: str) -> None:
    torch.manual_seed(0)
    architecture, shape = build("dcgan", discriminator_norm=norm), (3, 32, 32)
    for network in (architecture.generator(shape), architecture.discriminator(shape)):
        for layer in layers(network, nn.Conv2d, nn.ConvTranspose2d):
            spread = 0.02 / (2 * layer.weight.numel()) ** 0.5  # the standard error of a standard deviation
            assert layer.weight.std().item() == pytest.approx(0.02, abs=4 * spread)
            assert layer.weight.mean().item() == pytest.approx(0, abs=8 * spread)
            assert layer.bias is None or not layer.bias.any()


def test_mlp_widths() -> None:
    architecture = build("mlp")
    generator = [(layer.in_features, layer.out_features) for layer in layers(architecture.generator((2,)), nn.Linear)]
    assert generator == [(64, 256), (256, 512), (512, 2)]
    network = architecture.discriminator((3, 16, 16))
    assert [(x.in_features, x.out_features) for x in layers(network, nn.Linear)] == [(768, 512), (512, 256), (256, 1)]


def test_mlp_has_a_nonlinearity_between_all_layers_and_none_after_the_last() -> None:
    architecture = build("mlp")
    assert [type(x) for x in architecture.generator((2,))] == [
        *(nn.Linear, nn.ReLU, nn.Linear, nn.ReLU),
        nn.Linear,
    ]
    slopes = [x.negative_slope for x in layers(architecture.discriminator((2,)), nn.LeakyReLU)]
    assert slopes == [0.2, 0.2]
