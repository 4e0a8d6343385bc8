"""Pieces of discriminators: shapes, and what each does."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from ganbench import layers
from ganbench.layers import Maxout, MinibatchDeviation, MinibatchDiscrimination


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


def near(features: Tensor, weight: Tensor) -> Tensor:
    """Minibatch discrimination as the paper writes it, one pair at a time."""
    matrices = [torch.einsum("n,nkd->kd", sample, weight) for sample in features]
    rows = []
    for i, mine in enumerate(matrices):
        others = [torch.exp(-(mine - other).abs().sum(1)) for j, other in enumerate(matrices) if j != i]
        rows.append(sum(others, torch.zeros(weight.shape[1], dtype=weight.dtype)))
    return torch.stack(rows)


# Minibatch discrimination


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_minibatch_discrimination_appends_how_near_the_others_are(batch: int) -> None:
    layer, features = MinibatchDiscrimination(5, kernels=3, dimensions=4).double(), torch.randn(batch, 5).double()
    found = layer(features)
    assert found.shape == (batch, 8)
    assert torch.equal(found[:, :5], features)
    torch.testing.assert_close(found[:, 5:], near(features, layer.weight))


def test_samples_that_are_alike_have_the_largest_closeness_there_is() -> None:
    layer = MinibatchDiscrimination(5)
    alike = layer(torch.randn(1, 5).expand(6, 5))[:, 5:]
    torch.testing.assert_close(alike, torch.full_like(alike, 5.0))  # exp(0) for each of the five others
    assert (layer(100 * torch.randn(6, 5))[:, 5:] < alike).all()


def test_minibatch_discrimination_does_not_care_about_the_order() -> None:
    layer, features, order = MinibatchDiscrimination(4), torch.randn(6, 4), torch.randperm(6)
    torch.testing.assert_close(layer(features)[order], layer(features[order]))


def test_minibatch_discrimination_has_the_gradients_of_finite_differences() -> None:
    layer, features = MinibatchDiscrimination(3, kernels=2, dimensions=2).double(), torch.randn(4, 3).double()
    weight = (20 * layer.weight.detach()).requires_grad_()

    def function(features: Tensor, weight: Tensor) -> Tensor:
        found: Tensor = functional_call(layer, {"weight": weight}, features)
        return found

    assert torch.autograd.gradcheck(function, (features.requires_grad_(), weight))
    assert torch.autograd.gradgradcheck(function, (features, weight))


# Minibatch standard deviation


@pytest.mark.parametrize("shape", [(5,), (5, 4, 4)])
def test_minibatch_deviation_appends_one_number_everywhere(shape: tuple[int, ...]) -> None:
    features = torch.randn(7, *shape)
    found = MinibatchDeviation()(features)
    assert found.shape == (7, 6, *shape[1:])
    assert torch.equal(found[:, :5], features)
    expected = features.std(0, correction=0).mean()
    torch.testing.assert_close(found[:, 5], expected.expand_as(found[:, 5]))


def test_samples_that_are_alike_have_no_deviation_and_finite_gradients() -> None:
    alike = torch.randn(1, 5).repeat(6, 1).requires_grad_()
    found = MinibatchDeviation()(alike)
    assert found[:, 5].max() <= 1.01e-4
    found.sum().backward()
    assert alike.grad is not None
    assert alike.grad.isfinite().all()


def test_minibatch_deviation_has_the_gradients_of_finite_differences() -> None:
    features = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(MinibatchDeviation(), features)
    assert torch.autograd.gradgradcheck(MinibatchDeviation(), features)


# Maxout


def test_maxout_takes_the_largest_of_neighbours() -> None:
    assert Maxout(3)(torch.tensor([[1.0, 5.0, 2.0, -4.0, -3.0, -9.0]])).tolist() == [[5.0, -3.0]]


# Normalisation


def standard(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    mean, variance = values.mean(axes, keepdim=True), values.var(axes, correction=0, keepdim=True)
    return (values - mean) / (variance + 1e-5).sqrt()


@pytest.mark.parametrize(("norm", "axes"), [("batch", (0, 2, 3)), ("layer", (1, 2, 3)), ("instance", (2, 3))])
def test_maps_are_normalised_over(norm: layers.Norm, axes: tuple[int, ...]) -> None:
    maps = 3 * torch.randn(4, 6, 5, 5) + 2
    torch.testing.assert_close(layers.normalisation(norm, 6)(maps), standard(maps, axes), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("norm", "axes"), [("batch", (0,)), ("layer", (1,)), ("instance", (1,))])
def test_features_are_normalised_over(norm: layers.Norm, axes: tuple[int, ...]) -> None:
    features = 3 * torch.randn(4, 6) + 2
    found = layers.normalisation(norm, 6, maps=False)(features)
    torch.testing.assert_close(found, standard(features, axes), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ["none", "weight"])
def test_the_other_norms_are_not_layers(norm: layers.Norm) -> None:
    assert isinstance(layers.normalisation(norm, 6), nn.Identity)


@pytest.mark.parametrize("norm", ["batch", "layer", "instance"])
def test_a_normalisation_has_a_scale_and_a_shift_per_channel(norm: layers.Norm) -> None:
    assert {name: p.shape for name, p in layers.normalisation(norm, 6).named_parameters()} == {
        "weight": (6,),
        "bias": (6,),
    }


def test_weight_normalisation_keeps_the_weights_and_parts_length_from_direction() -> None:
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 5), nn.Linear(5, 1))
    images, before = torch.randn(4, 2, 4, 4), [layer.weight.clone() for layer in network if hasattr(layer, "weight")]
    scores = network(images)
    assert layers.weight_normalised(network, "weight") is network
    torch.testing.assert_close(network(images), scores)
    for layer, weight in zip((network[0], network[2], network[3]), before, strict=True):
        length, direction = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
        torch.testing.assert_close(length.flatten(), weight.flatten(1).norm(dim=1))
        with torch.no_grad():
            direction.mul_(7)
            length.mul_(2)
        torch.testing.assert_close(layer.weight, 2 * weight)


def test_the_other_norms_leave_the_weights_alone() -> None:
    network = nn.Sequential(nn.Linear(3, 2))
    assert [name for name, _ in layers.weight_normalised(network, "layer").named_parameters()] == ["0.weight", "0.bias"]


# The end, and the beginning


@pytest.mark.parametrize("minibatch", ["none", "discrimination", "deviation"])
@pytest.mark.parametrize("batch", [1, 7])
def test_features_become_one_score_a_sample(minibatch: layers.Minibatch, batch: int) -> None:
    assert nn.Sequential(*layers.score(5, minibatch))(torch.randn(batch, 5)).shape == (batch,)


@pytest.mark.parametrize("minibatch", ["none", "discrimination", "deviation"])
def test_only_a_minibatch_layer_tells_alike_from_different(minibatch: layers.Minibatch) -> None:
    end, sample = nn.Sequential(*layers.score(5, minibatch)), torch.randn(1, 5)
    alike, different = sample.repeat(6, 1), torch.cat([sample, 3 * torch.randn(5, 5)])
    assert torch.allclose(end(alike)[0], end(different)[0]) == (minibatch == "none")


def test_narrow_weights_are_normal_with_deviation_002_and_biases_0() -> None:
    network = layers.narrow(nn.Sequential(nn.Linear(90, 90), nn.Conv2d(30, 30, 3), nn.ConvTranspose2d(30, 30, 3)))
    for layer in network:
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
        assert not layer.bias.any()
