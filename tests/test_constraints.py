"""Every built-in constraint, weight clipping exactly, and the singular values under spectral normalisation."""

import pytest
import torch
from torch import Tensor, nn
from torch.linalg import svdvals
from torch.nn.utils.parametrize import is_parametrized

from ganbench import plugins
from ganbench.constraints.spectral_normalisation import Constraint as SpectralNormalisation
from ganbench.constraints.weight_clipping import Constraint as WeightClipping
from ganbench.penalties.gradient_penalty import Penalty as GradientPenalty
from ganbench.streams import stream

REGISTRY = plugins.discover()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 20), nn.BatchNorm1d(20), nn.Linear(20, 1)).double()


@pytest.mark.parametrize("name", REGISTRY.names("constraint"))
def test_a_constraint_holds_after_one_call_and_keeps_the_parameters_trainable(name: str) -> None:
    card = REGISTRY.card("constraint", name)
    settings, problems = plugins.resolve(card, {})
    assert not problems
    constrain, critic = plugins.load(card, settings), network()
    parameters = list(critic.parameters())
    with torch.no_grad():
        assert constrain(critic) is None
    once = [p.clone() for p in parameters]
    with torch.no_grad():
        constrain(critic)
    assert all(torch.equal(a, b) for a, b in zip(once, critic.parameters(), strict=True))
    assert [id(p) for p in critic.parameters()] == [id(p) for p in parameters]  # the optimizer still holds them
    assert all(p.requires_grad and p.grad_fn is None for p in parameters)


@pytest.mark.parametrize("bound", [0.01, 0.1, 0.5])
def test_weight_clipping_puts_every_parameter_within_the_bound_and_leaves_the_rest_alone(bound: float) -> None:
    critic = network()
    before = [p.detach().clone() for p in critic.parameters()]
    assert any((p.abs() > bound).any() for p in before)
    assert any(((p.abs() < bound) & (p != 0)).any() for p in before)
    with torch.no_grad():
        WeightClipping(bound)(critic)
    for old, new in zip(before, critic.parameters(), strict=True):
        inside = old.abs() <= bound
        assert torch.equal(new[inside], old[inside])
        assert torch.equal(new[~inside], old[~inside].sign() * bound)


def test_weight_clipping_does_not_touch_running_statistics() -> None:
    critic = network()
    with torch.no_grad():
        WeightClipping(0.01)(critic)
    assert torch.equal(critic[1].running_var, torch.ones(20, dtype=torch.float64))  # type: ignore[index]


def test_the_default_bound_is_the_papers() -> None:
    assert WeightClipping().bound == 0.01


# Spectral normalisation


def images_critic() -> nn.Sequential:
    torch.manual_seed(0)
    critic = nn.Sequential(
        nn.Conv2d(2, 6, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(6, 3, 3),
        nn.Flatten(),
        nn.Linear(108, 5),
        nn.BatchNorm1d(5),
        nn.Linear(5, 1),
        nn.Flatten(0),
    )
    return critic.double()


def images() -> Tensor:
    return torch.rand(4, 2, 8, 8, generator=stream(0, "images"), dtype=torch.float64)


def largest_singular_values(critic: nn.Sequential) -> list[float]:
    matrices = [
        layer.weight.detach().transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight.detach()
        for layer in critic
        if is_parametrized(layer, "weight")
    ]
    return [svdvals(matrix.flatten(1)).max().item() for matrix in matrices]


def test_every_linear_and_convolution_has_spectral_norm_one() -> None:
    critic = images_critic()
    SpectralNormalisation().prepare(critic)
    assert [is_parametrized(layer) for layer in critic] == [True, False, True, False, True, False, True, False]
    for _ in range(200):
        critic(images())
    critic.eval()  # reading a weight in training mode would go on iterating
    assert largest_singular_values(critic) == pytest.approx([1.0] * 4, rel=1e-6)


def test_the_spectral_norm_stays_near_one_in_training() -> None:
    critic = images_critic()
    SpectralNormalisation().prepare(critic)
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
    for _ in range(50):
        optimizer.zero_grad()
        (critic(images()).mean() - critic(-images()).mean()).backward()
        optimizer.step()
    critic(images())
    critic.eval()
    assert largest_singular_values(critic) == pytest.approx([1.0] * 4, abs=0.05)


def test_preparing_keeps_the_parameters_and_what_they_hold() -> None:
    critic = images_critic()
    parameters = list(critic.parameters())
    copies = [p.clone() for p in parameters]
    SpectralNormalisation().prepare(critic)
    critic(images())
    assert {id(p) for p in critic.parameters()} == {id(p) for p in parameters}
    assert all(torch.equal(p, copy) and p.requires_grad for p, copy in zip(parameters, copies, strict=True))


def test_the_gradient_goes_through_the_division() -> None:
    layer = nn.Linear(6, 4, bias=False, dtype=torch.float64)
    SpectralNormalisation(power_iterations=100).prepare(layer)
    (weight,) = layer.parameters()
    layer(torch.rand(8, 6, generator=stream(0, "inputs"), dtype=torch.float64)).square().mean().backward()
    assert weight.grad is not None
    assert weight.grad.abs().max() > 1e-3
    assert (weight.grad * weight).sum().abs() < 1e-9  # the scale of a weight has no effect


def test_a_prepared_mlp_never_rises_faster_than_one() -> None:
    torch.manual_seed(1)
    critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    critic = critic.double()
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.mul_(10)
    SpectralNormalisation(power_iterations=50).prepare(critic)
    a, b = 3 * torch.randn(2, 500, 2, generator=stream(0, "pairs"), dtype=torch.float64)
    critic(a)
    critic.eval()
    assert ((critic(a) - critic(b)).abs().flatten() <= (1 + 1e-6) * (a - b).norm(dim=1)).all()


def test_more_power_iterations_come_closer_in_one_pass() -> None:
    errors = []
    for iterations in (1, 30):
        torch.manual_seed(0)
        layer = nn.Linear(40, 40, dtype=torch.float64)
        SpectralNormalisation(iterations).prepare(layer)
        with torch.no_grad():
            layer.parametrizations.weight.original.normal_()  # type: ignore[union-attr, operator]
        layer(torch.zeros(1, 40, dtype=torch.float64))
        errors.append(abs(svdvals(layer.eval().weight.detach()).max().item() - 1))
    assert errors[1] < errors[0] / 2


def test_spectral_normalisation_is_a_function_of_torchs_seed() -> None:
    def scores(seed: int) -> Tensor:
        critic = images_critic()
        torch.manual_seed(seed)
        SpectralNormalisation().prepare(critic)
        found: Tensor = critic(images())
        return found

    assert torch.equal(scores(1), scores(1))
    assert not torch.equal(scores(1), scores(2))


def test_a_gradient_penalty_reaches_the_weights_through_spectral_normalisation() -> None:
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)).double()
    SpectralNormalisation().prepare(critic)
    real, fake = torch.randn(2, 5, 2, generator=stream(0, "samples"), dtype=torch.float64)
    GradientPenalty()(critic, real, fake, stream(0, "penalty")).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.parameters() if p.dim() == 2)
