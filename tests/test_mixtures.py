"""Mixtures of Gaussians: exact moments, samples, and which mode a point belongs to."""

import itertools
import math
from typing import Any

import pytest
import torch

from ganbench import plugins
from ganbench.mixtures import SPLIT_SIZES, Mixture, high_quality_counts
from ganbench.streams import stream

REGISTRY = plugins.discover()
MODES = {"ring8": 8, "grid25": 25}
every_mixture = pytest.mark.parametrize("name", MODES)


def dataset(name: str, **given: float) -> Any:
    card = REGISTRY.card("dataset", name)
    settings, problems = plugins.resolve(card, given)
    assert not problems
    return plugins.load(card, settings)


def mixture(name: str, **given: float) -> Mixture:
    found: Mixture = dataset(name, **given).mixture()
    return found


@every_mixture
def test_all_modes_are_distinct(name: str) -> None:
    centres = mixture(name).centres
    assert centres.shape == (MODES[name], 2)
    assert torch.pdist(centres).min() > 20 * mixture(name).sigma


def test_the_ring_has_its_modes_on_the_circle_45_degrees_apart() -> None:
    centres = mixture("ring8").centres
    half = math.sqrt(0.5)
    expected = [(1, 0), (half, half), (0, 1), (-half, half), (-1, 0), (-half, -half), (0, -1), (half, -half)]
    torch.testing.assert_close(centres, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)
    assert mixture("ring8").sigma == 0.01


def test_the_grid_is_the_papers() -> None:
    assert {(x, y) for x, y in mixture("grid25").centres.tolist()} == set(
        itertools.product((-4, -2, 0, 2, 4), repeat=2)
    )
    assert mixture("grid25").sigma == 0.05


@pytest.mark.parametrize(
    ("name", "given", "variance"),
    [
        ("ring8", {}, 1 / 2 + 0.01**2),
        ("ring8", {"radius": 2.0, "sigma": 0.5}, 4 / 2 + 0.5**2),
        ("grid25", {}, 2 * 2.0**2 + 0.05**2),  # {-2..2} has variance 2
        ("grid25", {"spacing": 1.0, "sigma": 0.5}, 2 + 0.5**2),
    ],
)
def test_moments_are_exact_and_are_those_of_the_samples(name: str, given: dict[str, float], variance: float) -> None:
    truth = mixture(name, **given)
    torch.testing.assert_close(truth.mean(), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-14)
    expected = variance * torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(truth.covariance(), expected, rtol=1e-14, atol=1e-14)
    count = 200_000
    samples = truth.sample(count, stream(0, "test")).double()
    assert samples.mean(0).abs().max() < 4 * math.sqrt(variance / count)
    products = samples[:, :, None] * samples[:, None, :]
    error = products.std(0) / math.sqrt(count)
    assert ((samples.T.cov() - expected).abs() < 4 * error).all()
    assert (error < 0.02 * variance).all()  # close enough to tell a wrong formula


def test_moments_of_modes_that_are_not_centred() -> None:
    lopsided = Mixture(torch.tensor([[1.0, 2.0], [3.0, 2.0]], dtype=torch.float64), 0.5)
    assert lopsided.mean().tolist() == [2.0, 2.0]
    assert lopsided.covariance().tolist() == [[1.25, 0.0], [0.0, 0.25]]


WEIGHTS = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)


def weighted() -> Mixture:
    """Four modes of unequal weights in three dimensions, not centred."""
    corners = torch.cat([torch.zeros(1, 3), torch.eye(3)]).double()
    return Mixture(1 + 4 * corners, 0.2, WEIGHTS)


def test_moments_of_unequal_weights_are_exact() -> None:
    lopsided = Mixture(torch.tensor([[0.0, 2.0], [4.0, 2.0]], dtype=torch.float64), 0.5, torch.tensor([3.0, 1.0]))
    assert lopsided.weights.tolist() == [0.75, 0.25]
    assert lopsided.mean().tolist() == [1.0, 2.0]
    assert lopsided.covariance().tolist() == [[3.25, 0.0], [0.0, 0.25]]  # 0.75 * 1 + 0.25 * 9, plus 0.25 within


def test_moments_of_unequal_weights_are_those_of_the_samples() -> None:
    truth, count = weighted(), 200_000
    samples = truth.sample(count, stream(3, "test")).double()
    offset = samples - truth.mean()
    assert (offset.mean(0).abs() < 4 * samples.std(0) / math.sqrt(count)).all()
    products = offset[:, :, None] * offset[:, None, :]
    error = products.std(0) / math.sqrt(count)
    assert ((products.mean(0) - truth.covariance()).abs() < 4 * error).all()
    equal = Mixture(truth.centres, truth.sigma)  # equal weights, or a covariance about their mean, would be noticed
    assert ((products.mean(0) - equal.covariance()).abs() > 8 * error).any()
    assert ((truth.mean() - equal.mean()).abs() > 8 * samples.std(0) / math.sqrt(count)).all()


def test_samples_come_from_the_modes_in_proportion_to_their_weights() -> None:
    truth, count = weighted(), 100_000
    mode, offset = truth.nearest(truth.sample(count, stream(4, "test")))
    counts = torch.bincount(mode, minlength=4)
    assert ((counts - count * WEIGHTS).abs() < 4.5 * (count * WEIGHTS * (1 - WEIGHTS)).sqrt()).all()
    assert offset.std().item() == pytest.approx(truth.sigma, rel=4 / math.sqrt(6 * count))


def test_weights_are_relative_and_equal_if_not_given() -> None:
    centres = torch.eye(4, dtype=torch.float64)
    assert Mixture(centres, 0.1).weights.tolist() == [0.25] * 4
    thousands = Mixture(centres, 0.1, torch.tensor([5, 3, 1.5, 0.5]) * 1000)
    torch.testing.assert_close(thousands.weights, WEIGHTS, rtol=1e-15, atol=0)


@every_mixture
def test_modes_have_equal_weight_and_sigma_is_the_standard_deviation_within(name: str) -> None:
    truth, count = mixture(name), 100_000
    samples = truth.sample(count, stream(1, "test")).double()
    mode = torch.cdist(samples, truth.centres).argmin(1)
    share = 1 / MODES[name]
    counts = torch.bincount(mode, minlength=MODES[name])
    assert ((counts - count * share).abs() < 4.5 * math.sqrt(count * share * (1 - share))).all()
    within = (samples - truth.centres[mode]).std()
    assert within.item() == pytest.approx(truth.sigma, rel=4 / math.sqrt(4 * count))


@every_mixture
def test_a_perfect_sample_is_of_high_quality_as_often_as_a_gaussian_is_within_three_sigma(name: str) -> None:
    count, share = 100_000, 1 - math.exp(-4.5)
    points = mixture(name).sample(count, stream(2, "test"))
    found = high_quality_counts(points, mixture(name)).sum().item() / count
    deviation = math.sqrt(share * (1 - share) / count)
    assert found == pytest.approx(share, abs=4 * deviation)
    assert 4 * deviation < 0.9946 - share  # the box rule, |dx| < 3 sigma and |dy| < 3 sigma, would be noticed


@every_mixture
def test_a_perfect_sample_is_in_the_box_as_often_as_both_coordinates_are_within_three_sigma(name: str) -> None:
    count, share = 100_000, math.erf(3 / math.sqrt(2)) ** 2
    found = high_quality_counts(mixture(name).sample(count, stream(2, "test")), mixture(name), "box").sum() / count
    deviation = math.sqrt(share * (1 - share) / count)
    assert found.item() == pytest.approx(share, abs=4 * deviation)
    assert 4 * deviation < share - (1 - math.exp(-4.5))  # the ball would be noticed


@pytest.mark.parametrize(("across", "up", "inside"), [(2.999, -2.999, 1), (3.001, 0, 0), (0, -3.001, 0)])
def test_the_box_ends_at_three_sigma_in_each_coordinate(across: float, up: float, inside: int) -> None:
    truth = mixture("grid25")
    point = truth.centres[7:8] + truth.sigma * torch.tensor([[across, up]], dtype=torch.float64)
    assert high_quality_counts(point, truth, "box")[7] == high_quality_counts(point, truth, "box").sum() == inside
    if across == -up:
        assert high_quality_counts(point, truth, "ball").sum() == 0


def test_the_nearest_mode_of_a_point_far_away_and_the_offset_from_it() -> None:
    mode, offset = weighted().nearest(torch.tensor([[105.0, 1.0, 1.0], [1.0, 1.0, 0.5]]))
    assert mode.tolist() == [1, 0]
    assert offset.tolist() == [[100.0, 0.0, 0.0], [0.0, 0.0, -0.5]]


@every_mixture
def test_planted_points_are_counted_in_their_mode(name: str) -> None:
    truth = mixture(name)
    planted = torch.arange(MODES[name]) % 4
    points = truth.centres.repeat_interleave(planted, 0) + truth.sigma
    shuffled = points[torch.randperm(len(points), generator=stream(0, "test"))].float()
    assert high_quality_counts(shuffled, truth).tolist() == planted.tolist()


@pytest.mark.parametrize("angle", [0.0, 0.7, math.pi / 2, 4.0])
@pytest.mark.parametrize(("radius", "inside"), [(2.999, 1), (3.001, 0)])
def test_high_quality_ends_at_three_sigma_in_every_direction(angle: float, radius: float, inside: int) -> None:
    truth = mixture("ring8")
    offset = radius * truth.sigma * torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    counts = high_quality_counts(truth.centres[3] + offset, truth)
    assert counts.tolist() == [0, 0, 0, inside, 0, 0, 0, 0]


def test_points_far_from_everything_count_nowhere() -> None:
    assert high_quality_counts(torch.tensor([[1e6, -1e6], [0.0, 0.0]]), mixture("ring8")).tolist() == [0] * 8


@every_mixture
def test_splits_are_fixed_and_differ_from_each_other(name: str) -> None:
    first, second = mixture(name).splits(), mixture(name).splits()
    assert {split: len(first[split].samples) for split in first} == SPLIT_SIZES
    for split in first:
        assert first[split].samples.dtype == torch.float32
        modes, labels = mixture(name).nearest(first[split].samples)[0], first[split].labels
        assert labels is not None
        assert (modes == labels).double().mean() > 0.999
        assert torch.equal(first[split].samples, second[split].samples)
    assert not torch.equal(first["validation"].samples, first["test"].samples)
    assert not torch.equal(first["train"].samples[:10_000], first["test"].samples)
