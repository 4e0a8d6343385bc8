"""Every built-in architecture: shapes, ranges, widths and initial weights; every normalisation of discriminators."""

from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from ganbench import plugins

REGISTRY = plugins.discover()
NAMES = [name for name in REGISTRY.names("architecture") if "given" not in REGISTRY.card("architecture", name).traits]
"""Those that take noise alone; `tests/test_unet.py` is of the other one."""
SMALL: dict[str, dict[str, Any]] = {
    "dcgan": {"width": 4},
    "sndcgan": {"width": 4},
    "resnet": {"generator_width": 8, "discriminator_width": 8},
    "mlp": {"generator_widths": [32, 32], "discriminator_widths": [32, 32]},
}
"""Settings that make an architecture fast."""


def shapes(name: str) -> list[tuple[int, ...]]:
    """Points, and images of every size, of one channel, and of six, as two packed ones have."""
    traits = REGISTRY.card("architecture", name).traits
    points = [(2,), (6,)] if "points" in traits["kinds"] else []
    sizes = [size for size in traits.get("sizes", (16,)) if name in SMALL or size < 64]
    return points + [(channels, size, size) for size in sizes for channels in (1, 6)]


def choices(name: str, setting: str) -> list[Any]:
    """The values of a setting that is a Literal."""
    return list(REGISTRY.card("architecture", name).fields[setting].type.json_schema()["enum"])


every_fit = pytest.mark.parametrize(("name", "shape"), [(name, shape) for name in NAMES for shape in shapes(name)])
every_discriminator = pytest.mark.parametrize(
    ("name", "norm", "minibatch"),
    [
        (name, norm, minibatch)
        for name in NAMES
        for norm in choices(name, "discriminator_norm")
        for minibatch in (choices(name, "minibatch") if norm == "none" else ["none"])
    ],
)


def build(name: str, **given: Any) -> Any:
    card = REGISTRY.card("architecture", name)
    settings, problems = plugins.resolve(card, given)
    assert not problems
    return plugins.load(card, settings)


def small(name: str, **given: Any) -> Any:
    return build(name, **SMALL.get(name, {}), **given)


def discriminator(name: str, norm: str, minibatch: str) -> tuple[nn.Module, tuple[int, ...]]:
    """A small one with what it looks at."""
    torch.manual_seed(0)
    shape = shapes(name)[-1] if name == "mlp" else shapes(name)[1]
    return small(name, discriminator_norm=norm, minibatch=minibatch).discriminator(shape), shape


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[Any]:
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


@every_fit
def test_a_generator_makes_samples_of_the_shape_of_the_data(name: str, shape: tuple[int, ...]) -> None:
    architecture = small(name)
    samples = architecture.generator(shape)(torch.randn(3, architecture.noise_dim))
    assert samples.shape == (3, *shape)
    assert samples.isfinite().all()


@every_fit
def test_a_discriminator_gives_one_score_a_sample(name: str, shape: tuple[int, ...]) -> None:
    network = small(name).discriminator(shape)
    assert network(torch.randn(7, *shape)).shape == (7,)
    assert network.eval()(torch.randn(1, *shape)).shape == (1,)


@every_fit
def test_every_parameter_gets_a_gradient(name: str, shape: tuple[int, ...]) -> None:
    architecture = small(name)
    generator, discriminator = architecture.generator(shape), architecture.discriminator(shape)
    (discriminator(generator(torch.randn(4, architecture.noise_dim))) ** 2).mean().backward()
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        assert parameter.grad is not None


@every_fit
def test_a_discriminator_has_no_sigmoid(name: str, shape: tuple[int, ...]) -> None:
    network = small(name).discriminator(shape)
    assert not layers(network, nn.Sigmoid, nn.Tanh, nn.Softmax, nn.LogSigmoid)
    last = layers(network, nn.Linear, nn.Conv2d)[-1]
    with torch.no_grad():
        last.bias.fill_(1000.0)  # a logit may be anything; a probability or a squashed score could not follow
    assert (network(torch.randn(3, *shape)) > 500).all()


@every_fit
def test_images_are_within_one_and_points_are_not_bounded(name: str, shape: tuple[int, ...]) -> None:
    architecture = small(name)
    generator = architecture.generator(shape)
    with torch.no_grad():
        layers(generator, nn.Linear, nn.Conv2d, nn.ConvTranspose2d)[-1].weight.mul_(1000)
    samples = generator(torch.randn(8, architecture.noise_dim))
    if len(shape) > 1:
        assert samples.abs().max() <= 1
        assert samples.abs().max() > 0.9
    else:
        assert samples.abs().max() > 10


@every_fit
def test_the_noise_dimension_is_a_setting(name: str, shape: tuple[int, ...]) -> None:
    assert small(name, noise_dim=5).generator(shape)(torch.randn(2, 5)).shape == (2, *shape)


# The axes of every discriminator


@pytest.mark.parametrize("name", NAMES)
def test_every_discriminator_has_the_same_axes(name: str) -> None:
    vector_only = name == "mlp"  # a single feature has nothing to be normalised over
    assert choices(name, "discriminator_norm") == [
        norm for norm in ("none", "batch", "layer", "instance", "weight") if not (vector_only and norm == "instance")
    ]
    assert choices(name, "minibatch") == ["none", "discrimination", "deviation"]


@every_discriminator
def test_one_image_is_scored_in_evaluation_and_seven_in_training(name: str, norm: str, minibatch: str) -> None:
    network, shape = discriminator(name, norm, minibatch)
    assert network(torch.randn(7, *shape)).isfinite().all()
    assert network.eval()(torch.randn(1, *shape)).isfinite().all()


@every_discriminator
def test_a_score_depends_on_the_neighbours_under_batch_norm_and_minibatch_layers_only(
    name: str, norm: str, minibatch: str
) -> None:
    network, shape = discriminator(name, norm, minibatch)
    network.double()
    images = torch.randn(5, *shape, dtype=torch.float64)
    others = torch.cat([images[:1], 3 * torch.randn(4, *shape, dtype=torch.float64)])
    alone = torch.allclose(network(images)[0], network(others)[0], rtol=1e-9, atol=0)
    assert alone == (norm != "batch" and minibatch == "none")


@every_discriminator
def test_a_gradient_penalty_reaches_every_weight(name: str, norm: str, minibatch: str) -> None:
    network, shape = discriminator(name, norm, minibatch)
    network.double()
    images = torch.randn(7, *shape, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
    slope.square().sum().backward()
    for parameter_name, parameter in network.named_parameters():
        if parameter_name.endswith("weight") or "original" in parameter_name:
            assert parameter.grad is not None
            assert parameter.grad.isfinite().all()
            assert parameter.grad.any(), parameter_name


@every_discriminator
def test_a_discriminator_is_a_function_of_its_weights(name: str, norm: str, minibatch: str) -> None:
    network, shape = discriminator(name, norm, minibatch)
    images = torch.randn(7, *shape)
    weights = {key: 2 * parameter.detach() for key, parameter in network.named_parameters()}
    found: Tensor = functional_call(network, weights, (images,))
    assert not torch.allclose(found, network(images))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    torch.testing.assert_close(found, network(images))


@every_discriminator
def test_the_memory_format_changes_no_score(name: str, norm: str, minibatch: str) -> None:
    network, shape = discriminator(name, norm, minibatch)
    network.double()
    images = torch.randn(7, *shape, dtype=torch.float64)
    scores = network(images)
    turned = network.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    torch.testing.assert_close(turned, scores)


@pytest.mark.parametrize("minibatch", ["none", "discrimination", "deviation"])
@pytest.mark.parametrize("name", NAMES)
def test_spectral_normalisation_can_be_added(name: str, minibatch: str) -> None:
    network, shape = discriminator(name, "none", minibatch)
    for layer in layers(network, nn.Linear, nn.Conv2d):
        spectral_norm(layer)
    network(torch.randn(7, *shape)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_weight_normalisation_starts_from_the_same_network(name: str) -> None:
    plain, shape = discriminator(name, "none", "none")
    weighed, _ = discriminator(name, "weight", "none")
    images = torch.randn(7, *shape)
    torch.testing.assert_close(weighed(images), plain(images))


# The papers' networks


@pytest.mark.parametrize(
    ("name", "settings", "shape", "generator", "discriminator"),
    [
        # transposed 4x4 convolutions and norms; no biases but at the image, the first layer and the score
        (
            "dcgan",
            {},
            (3, 64, 64),
            16 * (100 * 1_024 + 1_024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 2 * (1_024 + 512 + 256 + 128) + 3,
            16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512) + 64 + 1,
        ),
        # two linear layers with norms, two transposed convolutions
        (
            "infogan",
            {"discriminator_norm": "none"},
            (1, 28, 28),
            65 * 1_024 + 2 * 1_024 + 1_025 * 6_272 + 2 * 6_272 + (16 * 128 * 64 + 64) + 2 * 64 + (16 * 64 + 1),
            (16 * 64 + 64) + (16 * 64 * 128 + 128) + (6_272 + 1) * 1_024 + 1_025,
        ),
        # a linear layer and its norm; three halvings of the width with their norms; 3x3 to the image
        (
            "sndcgan",
            {},
            (3, 32, 32),
            129 * 8_192 + 2 * 8_192 + sum(16 * 2 * w * w + w + 2 * w for w in (256, 128, 64)) + 9 * 64 * 3 + 3,
            (9 * 3 * 64 + 64)
            + sum(16 * w * 2 * w + 2 * w + 9 * 4 * w * w + 2 * w for w in (64, 128, 256))
            + (16 * 512 + 1),
        ),
        # three blocks of two norms, two convolutions and a shortcut; the first block, a halving one, two plain ones
        (
            "resnet",
            {},
            (3, 32, 32),
            129 * 4_096 + 3 * (2 * 512 + 2 * 2_305 * 256 + 257 * 256) + 512 + 2_304 * 3 + 3,
            (28 * 128 + 1_153 * 128 + 4 * 128) + (2 * 1_153 * 128 + 129 * 128) + 2 * 2 * 1_153 * 128 + 129,
        ),
        (
            "resnet",
            {"generator_width": 128, "pooling": "mean"},
            (3, 32, 32),
            129 * 2_048 + 3 * (2 * 256 + 2 * 1_153 * 128 + 129 * 128) + 256 + 1_153 * 3,
            None,
        ),
        # 2, 4, 8 and 4, 8, 16 maps, of two packed stacks: 6 channels
        ("tiny-dcgan", {}, (6, 28, 28), None, (55 * 2 + 4) + (19 * 4 + 8) + (37 * 8 + 16) + 129),
        (
            "tiny-dcgan",
            {"discriminator_scale": "half"},
            (6, 28, 28),
            None,
            (55 * 4 + 8) + (37 * 8 + 16) + (73 * 16 + 32) + 257,
        ),
        (
            "tiny-dcgan",
            {},
            (3, 28, 28),
            257 * 1_024 + 2_048 + sum(9 * 2 * w * w + w + 2 * w for w in (32, 16, 8)) + 73 * 3,
            None,
        ),
        # PacGAN's for mixtures: 200 units of 5 pieces
        (
            "mlp",
            {
                "noise_dim": 2,
                "generator_widths": [400] * 4,
                "generator_norm": "batch",
                "discriminator_widths": [200] * 3,
                "discriminator_activation": "maxout",
            },
            (2,),
            2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + 401 * 2,
            3 * 1_000 + 2 * 201 * 1_000 + 201,
        ),
    ],
)
def test_the_networks_of_the_papers_have_as_many_parameters(
    name: str, settings: dict[str, Any], shape: tuple[int, ...], generator: int | None, discriminator: int | None
) -> None:
    architecture = build(name, **settings)
    if generator is not None:
        assert sum(p.numel() for p in architecture.generator(shape).parameters()) == generator
    if discriminator is not None:
        assert sum(p.numel() for p in architecture.discriminator(shape).parameters()) == discriminator


@pytest.mark.parametrize(
    ("size", "generator", "discriminator"),
    [(64, [16, 8, 4, 2], [1, 2, 4, 8]), (32, [8, 4, 2], [1, 2, 4]), (28, [4, 2], [1, 2]), (16, [4, 2], [1, 2])],
)
def test_dcgan_widths(size: int, generator: list[int], discriminator: list[int]) -> None:
    architecture, shape = build("dcgan", width=6, noise_dim=9), (3, size, size)
    up = layers(architecture.generator(shape), nn.ConvTranspose2d)
    assert [up[0].in_channels, *(layer.out_channels for layer in up)] == [9, *(6 * w for w in generator), 3]
    down = layers(architecture.discriminator(shape), nn.Conv2d)
    assert [down[0].in_channels, *(layer.out_channels for layer in down)] == [3, *(6 * w for w in discriminator), 1]
    coarsest = 7 if size == 28 else 4
    assert {up[0].kernel_size, down[-1].kernel_size} == {(coarsest, coarsest)}
    assert {layer.kernel_size for layer in (*up[1:], *down[:-1])} == {(4, 4)}


def test_dcgan_normalises_all_but_the_first_and_the_last_discriminator_layer() -> None:
    architecture = build("dcgan", width=4)
    assert [n.num_features for n in layers(architecture.discriminator((1, 32, 32)), nn.BatchNorm2d)] == [8, 16]
    assert [n.num_features for n in layers(architecture.generator((1, 32, 32)), nn.BatchNorm2d)] == [32, 16, 8]


@pytest.mark.parametrize("name", ["dcgan", "infogan", "sndcgan"])
def test_convolutional_weights_start_from_a_narrow_normal(name: str) -> None:
    torch.manual_seed(0)
    architecture, shape = build(name), (3, 32, 32)
    for network in (architecture.generator(shape), architecture.discriminator(shape)):
        for layer in layers(network, nn.Linear, nn.Conv2d, nn.ConvTranspose2d):
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
    assert [type(x) for x in architecture.discriminator((1, 4, 4))] == [
        nn.Flatten,
        *(nn.Linear, nn.LeakyReLU, nn.Linear, nn.LeakyReLU),
        *(nn.Linear, nn.Flatten),
    ]
    slopes = [x.negative_slope for x in layers(architecture.discriminator((2,)), nn.LeakyReLU)]
    assert slopes == [0.2, 0.2]


@pytest.mark.parametrize(
    ("activation", "kind"),
    [("relu", nn.ReLU), ("leaky-relu", nn.LeakyReLU), ("elu", nn.ELU), ("softplus", nn.Softplus), ("tanh", nn.Tanh)],
)
def test_mlp_has_the_activation_of_its_choice_on_each_side(activation: str, kind: type[nn.Module]) -> None:
    architecture = small("mlp", generator_activation=activation, discriminator_activation=activation)
    for network in (architecture.generator((2,)), architecture.discriminator((2,))):
        assert len(layers(network, kind)) == 2
        assert network(torch.randn(3, next(network.parameters()).shape[1])).isfinite().all()


def test_mlp_with_maxout_is_piecewise_linear_with_its_widths() -> None:
    architecture = build("mlp", discriminator_widths=[6, 4], discriminator_activation="maxout", maxout_pieces=3)
    network = architecture.discriminator((2,))
    assert [(x.in_features, x.out_features) for x in layers(network, nn.Linear)] == [(2, 18), (6, 12), (4, 1)]
    point = torch.randn(1, 2)
    first, second, last = layers(network, nn.Linear)
    hidden = second(first(point).reshape(6, 3).amax(1))
    torch.testing.assert_close(network(point), last(hidden.reshape(4, 3).amax(1)))


@pytest.mark.parametrize(
    ("initialisation", "deviation"),
    [("normal", 0.02), ("xavier", (2 / (200 + 300)) ** 0.5), ("he", (2 / 200) ** 0.5)],
)
def test_mlp_starts_as_it_is_told(initialisation: str, deviation: float) -> None:
    torch.manual_seed(0)
    architecture = build("mlp", noise_dim=200, generator_widths=[300], initialisation=initialisation, gain=1.5)
    first = layers(architecture.generator((2,)), nn.Linear)[0]
    assert first.weight.std().item() == pytest.approx(1.5 * deviation, rel=0.02)
    assert not first.bias.any()


def test_mlp_starts_orthogonal() -> None:
    first = layers(build("mlp", initialisation="orthogonal", gain=1.4).generator((2,)), nn.Linear)[0]
    torch.testing.assert_close(first.weight.T @ first.weight, 1.4**2 * torch.eye(64), rtol=0, atol=1e-5)


def test_mlp_normalises_its_hidden_layers() -> None:
    architecture = small("mlp", generator_norm="batch", discriminator_norm="layer")
    assert [type(x) for x in architecture.generator((2,))][:3] == [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert [type(x) for x in architecture.discriminator((2,))][:3] == [nn.Linear, nn.GroupNorm, nn.LeakyReLU]
    assert [x.bias is None for x in layers(architecture.generator((2,)), nn.Linear)] == [True, True, False]


def test_resnet_pools_by_the_sum_or_the_mean() -> None:
    images = torch.randn(4, 3, 32, 32)
    scores = []
    for pooling in ("sum", "mean"):
        torch.manual_seed(0)
        scores.append(small("resnet", pooling=pooling).discriminator((3, 32, 32))(images))
    torch.testing.assert_close(scores[0], 64 * scores[1])  # 8x8 pixels, and a bias that starts from 0


def test_resnet_starts_uniform_and_wider_in_blocks() -> None:
    network = build("resnet").discriminator((3, 32, 32))
    block = network[2]
    fans = 9 * (128 + 128)
    assert block.residual[3].weight.abs().max().item() == pytest.approx((2 * 6 / fans) ** 0.5, rel=1e-3)
    assert network[1].shortcut[1].weight.abs().max().item() == pytest.approx((6 / 256) ** 0.5, rel=1e-3)


def test_infogan_can_start_from_uniform_noise() -> None:
    network = plugins.load(REGISTRY.card("architecture", "infogan"), {"noise": "uniform"}).generator((1, 28, 28))
    noise = network[0](torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0)))
    assert stats.kstest(noise.flatten().numpy(), stats.uniform(-1, 2).cdf).pvalue > 0.01
    assert network(torch.randn(2, 64)).shape == (2, 1, 28, 28)
