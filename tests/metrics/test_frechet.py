"""The Fréchet distance and its extrapolation against values that are known exactly."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from features import measured, normal, rotation, two_feature_sets
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganbench import frechet
from ganbench.evidence import Evidence, EvidenceError, Reference
from ganbench.metrics.frechet_distance import Metric as FrechetDistance
from ganbench.metrics.frechet_distance_infinity import Metric as FrechetDistanceInfinity
from ganbench.streams import stream

few = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)


def distance(fake: Tensor, real: Tensor) -> float:
    return FrechetDistance()(Evidence(fake), measured(real))


def stated(mean: Tensor, covariance: Tensor) -> Reference:
    return Reference(Evidence(torch.zeros(2, len(mean), dtype=torch.float64)), mean, covariance)


def with_moments(mean: Tensor, covariance: Tensor, count: int) -> Tensor:
    """Features whose sample mean and sample covariance are exactly these."""
    raw = normal(count, len(mean))
    raw = raw - raw.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(raw.T.cov()), raw.T, upper=False)
    return (torch.linalg.cholesky(covariance) @ white).T + mean


def diagonal(*values: float) -> Tensor:
    return torch.diag(torch.tensor(values, dtype=torch.float64))


def test_two_diagonal_gaussians() -> None:
    fake = with_moments(torch.zeros(3, dtype=torch.float64), diagonal(1, 4, 9), 40)
    truth = stated(torch.ones(3, dtype=torch.float64), diagonal(4, 1, 9))
    assert FrechetDistance()(Evidence(fake), truth) == pytest.approx(3 + (1 - 2) ** 2 + (2 - 1) ** 2 + 0, abs=1e-10)


def by_scipy(fake: Tensor, real: Tensor, ddof: int = 1, root: Callable[[Any], Any] = scipy.linalg.sqrtm) -> float:
    """The formula, written out with scipy's matrix square root."""
    m1, m2 = fake.numpy().mean(0), real.numpy().mean(0)
    s1, s2 = (np.cov(x.numpy(), rowvar=False, ddof=ddof) for x in (fake, real))
    return float(((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * np.real(root(s1 @ s2))))


def test_agrees_with_scipy() -> None:
    fake, real = two_feature_sets()
    assert distance(fake, real) == pytest.approx(by_scipy(fake, real), rel=1e-9)


@pytest.mark.parametrize("wrong", [{"ddof": 0}, {"root": lambda product: product}], ids=["ddof 0", "no square root"])
def test_a_wrong_formula_would_be_noticed(wrong: dict[str, Any]) -> None:
    fake, real = two_feature_sets()
    assert distance(fake, real) != pytest.approx(by_scipy(fake, real, **wrong), rel=1e-4)


def by_nuclear_norm(fake: Tensor, real: Tensor) -> float:
    """tr (S1 S2)^(1/2) is the nuclear norm of A B^T, with the centred samples as the factors."""
    a, b = ((x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (fake, real))
    shared = torch.linalg.svdvals(a @ b.T).sum()
    apart = (fake.mean(0) - real.mean(0)).square().sum() + a.square().sum() + b.square().sum() - 2 * shared
    return apart.item()


@pytest.mark.parametrize(("n", "m", "dimensions"), [(10, 12, 30), (31, 30, 30), (2, 40, 5), (60, 300, 200)])
def test_fewer_samples_than_features(n: int, m: int, dimensions: int) -> None:
    fake, real = normal(n, dimensions, seed=4), 2 * normal(m, dimensions, seed=5)
    assert distance(fake, real) == pytest.approx(by_nuclear_norm(fake, real), rel=1e-11)


def test_features_of_very_different_spread() -> None:
    spread = torch.logspace(0, -6, 40, dtype=torch.float64)
    fake, real = normal(90, 40, seed=1) * spread, 1.1 * normal(80, 40, seed=2) * spread
    assert distance(fake, real) == pytest.approx(by_nuclear_norm(fake, real), rel=1e-10)


def test_features_that_are_always_off() -> None:
    fake, real = normal(200, 4, seed=6), normal(200, 4, seed=7)
    dead = torch.zeros(200, 3, dtype=torch.float64)
    with_dead = distance(torch.cat([fake, dead], 1), torch.cat([real, dead], 1))
    assert with_dead == pytest.approx(distance(fake, real), rel=1e-12)


def test_a_constant_generator_is_the_spread_of_real_data_away() -> None:
    real = normal(50, 4)
    constant = torch.full((20, 4), 3.0, dtype=torch.float64)
    expected = real.T.cov().trace() + (real.mean(0) - 3).square().sum()
    assert distance(constant, real) == pytest.approx(expected.item(), rel=1e-12)
    assert distance(constant, constant) == 0


def test_what_samples_of_the_same_distribution_score() -> None:
    n, d = 1000, 16
    draws = [distance(normal(n, d, seed=2 * i), normal(n, d, seed=2 * i + 1)) for i in range(20)]
    assert np.mean(draws) == pytest.approx(d * (d + 5) / (2 * n), rel=0.05)


@few
@given(seed=seeds, rank=st.integers(0, 8))
def test_a_factor_gives_its_covariance_back(seed: int, rank: int) -> None:
    root = normal(8, rank, seed=seed)
    found = frechet.factor(root @ root.T)
    assert found.shape == (8, rank)
    assert torch.allclose(found @ found.T, root @ root.T, atol=1e-12)


@few
@given(seed=seeds)
def test_to_oneself_is_zero(seed: int) -> None:
    features = normal(100, 6, seed=seed) @ normal(6, 6, seed=seed + 1)
    assert 0 <= distance(features, features) < 1e-12 * features.T.cov().trace()


@few
@given(seed=seeds, shift=st.floats(-5, 5))
def test_a_shift_counts_squared_in_every_dimension(seed: int, shift: float) -> None:
    features = normal(100, 6, seed=seed)
    assert distance(features + shift, features) == pytest.approx(6 * shift**2, abs=1e-9)


@few
@given(seed=seeds, factor=st.floats(0.1, 10))
def test_scales_with_the_square_of_the_features(seed: int, factor: float) -> None:
    fake, real = normal(50, 4, seed=seed), 2 * normal(60, 4, seed=seed + 1)
    assert distance(factor * fake, factor * real) == pytest.approx(factor**2 * distance(fake, real), rel=1e-9)


@few
@given(seed=seeds)
def test_knows_neither_rotations_nor_the_order_of_samples_nor_which_side_is_which(seed: int) -> None:
    fake, real = normal(50, 5, seed=seed) + 1, 2 * normal(60, 5, seed=seed + 1)
    turn = rotation(5, seed)
    expected = pytest.approx(distance(fake, real), rel=1e-9)
    assert distance(fake @ turn, real @ turn) == expected
    assert distance(fake.flip(0), real) == expected
    assert distance(real, fake) == expected


def test_one_sample_has_no_covariance() -> None:
    with pytest.raises(EvidenceError, match="at least 2 generated samples, and there are 1"):
        distance(normal(1, 3), normal(9, 3))


def test_features_whose_squares_are_no_numbers() -> None:
    with pytest.raises(EvidenceError, match="not finite"):
        distance(1e200 * normal(9, 3), normal(9, 3))


# Extrapolated


def extrapolated(fake: Tensor, real: Reference) -> float:
    return FrechetDistanceInfinity()(Evidence(fake), real)


def exact(dimensions: int) -> Reference:
    return stated(torch.zeros(dimensions, dtype=torch.float64), torch.eye(dimensions, dtype=torch.float64))


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_extrapolation_removes_the_bias_of_finite_samples(shift: float) -> None:
    n, d, truth = 500, 16, exact(16)
    sets = [normal(n, d, seed=i) + shift for i in range(20)]
    plain = [FrechetDistance()(Evidence(fake), truth) for fake in sets]
    found = [extrapolated(fake, truth) for fake in sets]
    bias, expected = d * (d + 5) / (4 * n), d * shift**2
    assert np.mean(plain) == pytest.approx(expected + bias, rel=0.15)  # an extrapolation that does nothing is noticed
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert np.mean(found) == pytest.approx(expected, abs=4 * error)
    assert 4 * error < bias


def test_extrapolation_draws_the_line_through_the_distances() -> None:
    """By hand, with the sizes and the subsets of the documentation; a line against the size itself is noticed."""
    fake, real = two_feature_sets()
    truth, random = measured(real), stream(0, "fd-inf")
    sizes = [int(32 + i * (300 - 32) / 14) for i in range(15)]
    values = torch.tensor(
        [FrechetDistance()(Evidence(fake[torch.randperm(300, generator=random)[:size]]), truth) for size in sizes],
        dtype=torch.float64,
    )

    def intercept(x: Tensor) -> float:
        line = torch.linalg.lstsq(torch.stack([torch.ones_like(x), x], 1), values[:, None]).solution
        return line[0].item()

    size = torch.tensor(sizes, dtype=torch.float64)
    assert extrapolated(fake, truth) == pytest.approx(intercept(1 / size), rel=1e-9)
    assert extrapolated(fake, truth) != pytest.approx(intercept(size), rel=1e-2)


@pytest.mark.parametrize(("count", "dimensions"), [(29, 2), (39, 10)])
def test_extrapolation_needs_samples(count: int, dimensions: int) -> None:
    with pytest.raises(EvidenceError, match=f"there are {count}"):
        extrapolated(normal(count, dimensions), exact(dimensions))
    assert math.isfinite(extrapolated(normal(count + 1, dimensions), exact(dimensions)))
