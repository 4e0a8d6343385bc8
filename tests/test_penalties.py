"""Every built-in penalty, and their exact values where the slope of the critic is known."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import StudyFile
from safetensors.torch import load_file
from torch import Tensor, nn

from ganbench import data, files, layout, plugins, runs, sidecar, training
from ganbench.penalties.gradient_penalty import Penalty as GradientPenalty
from ganbench.streams import stream

REGISTRY = plugins.discover()
every_penalty = pytest.mark.parametrize("name", REGISTRY.names("penalty"))


def penalty(name: str, **given: Any) -> Any:
    card = REGISTRY.card("penalty", name)
    settings, problems = plugins.resolve(card, given)
    assert not problems
    found = plugins.load(card, settings)
    return found.begin() if hasattr(found, "begin") else found


def smooth_critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1), nn.Flatten(0)).double()


def points(count: int, role: str) -> Tensor:
    return torch.randn(count, 2, generator=stream(0, role), dtype=torch.float64)


def slope(*a: float) -> Any:
    vector = torch.tensor(a, dtype=torch.float64)
    return lambda x: x.flatten(1) @ vector + 7.0


@every_penalty
def test_a_penalty_is_a_finite_scalar_that_trains_the_critic_and_not_the_samples(name: str) -> None:
    critic = smooth_critic()
    real, fake = points(6, "real"), points(6, "fake")
    copies = real.clone(), fake.clone()
    value = penalty(name)(critic, real, fake, stream(0, "penalty"))
    assert value.shape == ()
    assert value.isfinite()
    value.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.parameters())
    assert torch.equal(real, copies[0])
    assert torch.equal(fake, copies[1])
    assert not real.requires_grad
    assert not fake.requires_grad


@every_penalty
def test_a_penalty_is_a_function_of_its_stream(name: str) -> None:
    arguments = smooth_critic(), points(6, "real"), points(6, "fake")
    first, second = (penalty(name)(*arguments, stream(0, "penalty")) for _ in range(2))
    assert torch.equal(first, second)


@every_penalty
def test_the_gradient_for_the_critic_agrees_with_finite_differences(name: str) -> None:
    critic = smooth_critic()
    real, fake = points(4, "real"), points(4, "fake")

    def value() -> Tensor:
        found = penalty(name, **({"decay": 1.0} if name == "lecam" else {}))
        if name == "lecam":  # averages that stay: no gradient goes through them
            found.load_state_dict({"calls": torch.tensor(1.0), "averages": torch.tensor([0.2, -0.3])})
        out: Tensor = found(critic, real, fake, stream(0, "penalty"))
        return out

    weights = [p for p in critic.parameters() if p.dim() == 2]  # the last bias has no gradient at all
    exact = torch.autograd.grad(value(), weights)
    step = 1e-6
    for weight, gradient in zip(weights, exact, strict=True):
        for index in range(weight.numel()):
            around = []
            for sign in (1, -1):
                with torch.no_grad():
                    weight.view(-1)[index] += sign * step
                around.append(value().item())
                with torch.no_grad():
                    weight.view(-1)[index] -= sign * step
            assert gradient.view(-1)[index].item() == pytest.approx((around[0] - around[1]) / (2 * step), abs=1e-6)


@pytest.mark.parametrize("weight", [10.0, 0.1])
@pytest.mark.parametrize(("a", "norm"), [((3.0, 4.0), 5.0), ((0.6, 0.8), 1.0), ((0.0, 0.5), 0.5)])
def test_a_linear_critic_pays_for_the_length_of_its_slope(weight: float, a: tuple[float, float], norm: float) -> None:
    found = GradientPenalty(weight)(slope(*a), points(6, "real"), points(6, "fake"), stream(0, "penalty"))
    assert found.item() == pytest.approx(weight * (norm - 1) ** 2, rel=1e-12, abs=1e-15)


def test_the_slope_of_an_image_is_taken_over_all_its_pixels() -> None:
    images = torch.rand(3, 2, 4, 4, generator=stream(0, "images"), dtype=torch.float64)
    found = GradientPenalty(1.0)(slope(*[1.0] * 32), images, -images, stream(0, "penalty"))
    assert found.item() == pytest.approx((math.sqrt(32) - 1) ** 2, rel=1e-12)


def test_the_points_lie_between_a_real_sample_and_its_fake() -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(1)

    real = torch.zeros(1000, 2, dtype=torch.float64)
    fake = torch.tensor([1.0, 10.0], dtype=torch.float64).expand(1000, 2)
    GradientPenalty()(critic, real, fake, stream(0, "penalty"))
    share = seen[0][:, 0]
    torch.testing.assert_close(seen[0][:, 1], 10 * share)  # one share a sample: on the line between the two
    assert share.min() >= 0
    assert share.max() <= 1
    assert share.mean().item() == pytest.approx(0.5, abs=4 / math.sqrt(12_000))
    assert share.var().item() == pytest.approx(1 / 12, abs=0.01)


def test_another_stream_looks_at_other_points() -> None:
    arguments = smooth_critic(), points(6, "real"), points(6, "fake")
    assert GradientPenalty()(*arguments, stream(0, "penalty")) != GradientPenalty()(*arguments, stream(1, "penalty"))


def test_a_batch_pays_the_mean_of_what_its_samples_pay_alone() -> None:
    critic, samples = smooth_critic(), points(5, "real")
    together = GradientPenalty()(critic, samples, samples, stream(0, "penalty"))
    alone = [GradientPenalty()(critic, one[None], one[None], stream(0, "penalty")) for one in samples]
    torch.testing.assert_close(together, torch.stack(alone).mean(), rtol=1e-12, atol=0)


# The norm, its target and its sides


@pytest.mark.parametrize("name", ["gradient-penalty", "dragan"])
@pytest.mark.parametrize(("target", "epsilon"), [(0.0, 0.0), (1.0, 0.0), (1.0, 1e-4), (2.5, 0.25)])
def test_the_norm_of_a_slope_is_drawn_to_the_target(name: str, target: float, epsilon: float) -> None:
    given = penalty(name, weight=3.0, target=target, epsilon=epsilon)
    found = given(slope(3.0, 4.0), points(6, "real"), points(6, "fake"), stream(0, "penalty"))
    assert found.item() == pytest.approx(3 * (math.sqrt(25 + epsilon) - target) ** 2, rel=1e-12)


@pytest.mark.parametrize(("a", "paid"), [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.5, 0.25), (3.0, 4.0)])
def test_one_sided_only_steep_slopes_pay(a: float, paid: float) -> None:
    given = penalty("gradient-penalty", weight=1.0, sided="one")
    found = given(slope(a, 0.0), points(6, "real"), points(6, "fake"), stream(0, "penalty"))
    assert found.item() == pytest.approx(paid, abs=1e-12)


@every_penalty
@pytest.mark.parametrize("epsilon", [0.0, 1e-4])
def test_a_flat_critic_has_a_finite_penalty_and_gradient(name: str, epsilon: float) -> None:
    given = {"epsilon": epsilon} if "epsilon" in REGISTRY.card("penalty", name).fields else {}
    vector = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    found = penalty(name, **given)(lambda x: x @ vector, points(6, "real"), points(6, "fake"), stream(0, "penalty"))
    (gradient,) = torch.autograd.grad(found, vector)
    assert found.isfinite()
    assert gradient.isfinite().all()


# All penalties on critics with known slopes


EXACT = {
    "gradient-penalty": lambda norm: 10 * (norm - 1) ** 2,
    "dragan": lambda norm: 10 * (norm - 1) ** 2,
    "r1": lambda norm: 5 * norm**2,
    "r2": lambda norm: 5 * norm**2,
    "r1-r2": lambda norm: norm**2,  # half of gamma 1, twice
}


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 4, 4)])
@pytest.mark.parametrize("batch", [1, 5])
def test_a_linear_critic_on_samples_of_any_shape(name: str, shape: tuple[int, ...], batch: int) -> None:
    real, fake = torch.rand(2, batch, *shape, generator=stream(0, "samples"), dtype=torch.float64)
    vector = torch.arange(1.0, 1 + real[0].numel(), dtype=torch.float64)
    found = penalty(name)(lambda x: x.reshape(batch, -1) @ vector, real, fake, stream(0, "penalty"))
    assert found.item() == pytest.approx(EXACT[name](vector.norm().item()), rel=1e-10)


def test_the_penalties_with_exact_values_are_all_there_are() -> None:
    assert {*EXACT, "lecam"} == set(REGISTRY.names("penalty"))  # LeCam's is below


@pytest.mark.parametrize("name", ["r1", "r2", "r1-r2"])
@pytest.mark.parametrize("gamma", [0.1, 10.0])
def test_a_quadratic_critic_pays_for_its_slope_where_the_samples_are(name: str, gamma: float) -> None:
    matrix = torch.tensor([[2.0, 0.5], [0.5, -1.0]], dtype=torch.float64)
    vector = torch.tensor([0.3, -0.7], dtype=torch.float64)
    real, fake = points(6, "real"), points(6, "fake")
    found = penalty(name, gamma=gamma)(
        lambda x: 0.5 * ((x @ matrix) * x).sum(1) + x @ vector, real, fake, stream(0, "penalty")
    )
    at_real, at_fake = (gamma / 2 * (x @ matrix + vector).square().sum(1).mean() for x in (real, fake))
    expected = {"r1": at_real, "r2": at_fake, "r1-r2": at_real + at_fake}[name]
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("name", EXACT)
def test_a_penalty_on_single_slopes_says_so(name: str) -> None:
    assert REGISTRY.card("penalty", name).traits["per_sample"] is True


# DRAGAN's neighbourhood


def test_dragan_looks_between_a_real_sample_and_its_shifted_self() -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(1)

    real = 3.0 * torch.randn(20_000, 2, generator=stream(0, "real"), dtype=torch.float64) + 1.0
    penalty("dragan")(critic, real, torch.full_like(real, math.nan), stream(0, "penalty"))
    offset = (seen[0] - real) / (0.5 * real.flatten().std(correction=0))
    assert offset.min() >= 0
    assert offset.max() < 1
    count = len(real)  # the product of two uniform variables: mean 1/4, second moment 1/9
    assert offset.mean().item() == pytest.approx(1 / 4, abs=4 * math.sqrt(7 / 144 / count))
    assert offset.square().mean().item() == pytest.approx(1 / 9, abs=0.005)
    # the share is the sample's, the direction each coordinate's: E[xy] = E[share^2] E[u]^2 = 1/12, neither 1/16 nor 1/9
    assert offset.prod(1).mean().item() == pytest.approx(1 / 12, abs=0.004)


def test_dragan_measures_the_whole_batch() -> None:
    seen = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(1)

    real = torch.tensor([[-3.0, 1.0], [1.0, 1.0]], dtype=torch.float64)  # mean 0, mean square 3
    penalty("dragan")(critic, real, real, stream(0, "penalty"))
    same = stream(0, "penalty")
    share = torch.rand(2, 1, generator=same, dtype=torch.float64)
    direction = torch.rand(2, 2, generator=same, dtype=torch.float64)
    torch.testing.assert_close(seen[0], real + share * 0.5 * math.sqrt(3) * direction)


def test_dragans_variants_in_compare_gan() -> None:
    vector, real = torch.tensor([3.0, 4.0], dtype=torch.float64), points(6, "real")
    given = penalty("dragan", of="probability", reach=0.0, epsilon=1e-4, weight=1.0)
    found = given(lambda x: x @ vector, real, real, stream(0, "penalty"))
    probability = (real @ vector).sigmoid()
    norm = ((5 * probability * (1 - probability)) ** 2 + 1e-4).sqrt()
    torch.testing.assert_close(found, (norm - 1).square().mean(), rtol=1e-12, atol=0)


# What the penalties are for


@pytest.mark.parametrize(
    ("name", "converges"), [("r1", True), ("r2", True), ("r1-r2", True), ("gradient-penalty", False)]
)
def test_zero_centred_penalties_let_the_dirac_gan_converge(name: str, converges: bool) -> None:
    """Mescheder et al. 2018, section 3: real data at 0, fakes at theta, the critic is psi * x."""
    theta, psi = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (1.0, 0.5))
    origin = torch.zeros(1, 1, dtype=torch.float64)
    given, steps = penalty(name), stream(0, "penalty")

    def critic(x: Tensor) -> Tensor:
        return psi * x[:, 0]

    for _ in range(300):
        fake = theta.detach().reshape(1, 1)
        critic_loss = critic(fake).mean() + given(critic, origin, fake, steps)
        (gradient,) = torch.autograd.grad(critic_loss, psi)
        with torch.no_grad():
            psi -= 0.1 * gradient
        (gradient,) = torch.autograd.grad(-psi.detach() * theta, theta)
        with torch.no_grad():
            theta -= 0.1 * gradient
    assert (max(abs(theta.item()), abs(psi.item())) < 0.05) == converges


def test_lecam_compares_scores_with_moving_averages_of_the_other_kind() -> None:
    lecam = penalty("lecam", weight=2.0, decay=0.75, start=1)
    critic = slope(1.0, 0.0)

    def call(real: float, fake: float) -> float:
        samples = (torch.tensor([[at, 0.0], [at, 0.0]], dtype=torch.float64) for at in (real, fake))
        return float(lecam(critic, *samples, stream(0, "penalty")))

    assert call(4.0, -8.0) == 0.0  # the start: nothing is penalised
    # averages of the scores after this call: real 7 + (3 * 4 + 8) / 4 = 12, generated 7 + (3 * -8 + 0) / 4 = 1
    assert call(8.0, 0.0) == pytest.approx(2.0 * ((15 - 1) ** 2 + (12 - 7) ** 2))


def test_lecam_goes_on_where_it_was_interrupted(
    study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = runs.plan(study_file(datasets=["ring8"], methods=["lecam"], training={"generator_steps": 6, "log_every": 1}))
    (run, *_) = plan.runs
    device = torch.device("cpu")
    dataset = plan.datasets[run.dataset]
    data.prepare(dataset, Path("unused"))
    samples = data.read(dataset, "train").samples
    training.train_run(plan, run, samples, device)
    whole = load_file(plan.folder(run) / layout.GENERATORS["raw"])

    def stop(self: sidecar.Sidecar) -> None:
        if len(steps) == 3:
            self.save()
            raise KeyboardInterrupt
        steps.append(1)

    steps: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(sidecar.Sidecar, "pause", stop)
        with pytest.raises(KeyboardInterrupt):
            training.train_run(plan, run, samples, device)
    training.train_run(plan, run, samples, device)
    record = files.read_json(plan.folder(run) / layout.TRAINING)
    assert record is not None
    assert record["resumed_at"] == [4]
    resumed = load_file(plan.folder(run) / layout.GENERATORS["raw"])
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_penalty_that_remembers_cannot_look_ahead(study_file: StudyFile) -> None:
    plan = runs.plan(
        study_file(datasets=["ring8"], methods=["lecam", {"name": "lecam", "label": "ahead", "unrolled": 2}])
    )
    assert {run.method for run in plan.runs} == {"lecam"}
    assert "lecam remembers earlier scores" in plan.gaps[0].reason
