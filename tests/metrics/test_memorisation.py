"""Bins of feature space, copies of training samples and near-duplicates, against values that are known exactly."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from features import measured, normal, trained_on
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from torch import Tensor

from ganbench import bins
from ganbench.evidence import Evidence, EvidenceError, Reference, Training
from ganbench.metrics import data_copying
from ganbench.metrics.authenticity import Metric as Authenticity
from ganbench.metrics.bins_different import Metric as BinsDifferent
from ganbench.metrics.bins_divergence import Metric as BinsDivergence
from ganbench.metrics.data_copying import Metric as DataCopying
from ganbench.metrics.near_duplicates import Metric as NearDuplicates

few = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)
METRICS = (Authenticity(), BinsDifferent(), BinsDivergence(), DataCopying())


# Bins


def binned(*counts: int) -> Reference:
    """Bins at 0, 1, 2, ... with that many training samples."""
    centres = torch.arange(len(counts), dtype=torch.float64)[:, None]
    real = Evidence(centres)
    training = Training(real, torch.zeros(len(counts)), centres, torch.tensor(counts))
    return Reference(real, torch.zeros(1), torch.zeros(1, 1), training=training)


def planted(*counts: int) -> Evidence:
    places = torch.arange(len(counts), dtype=torch.float64)
    return Evidence(places.repeat_interleave(torch.tensor(counts))[:, None])


def differs(a: int, n: int, b: int, m: int) -> bool:
    """The two-proportion z test by way of the chi-squared test of the 2 x 2 table."""
    table = [[a, n - a], [b, m - b]]
    return bool(scipy.stats.chi2_contingency(table, correction=False).pvalue < 0.05)


def test_bins_that_differ_by_a_chi_squared_test() -> None:
    found, expected = (30, 50, 70, 41, 59, 0), (1000, 1000, 1000, 1000, 1000, 0)
    n, m = sum(found), sum(expected)
    different = [differs(a, n, b, m) for a, b in zip(found[:5], expected[:5], strict=True)]
    assert 0 < sum(different) < 5
    assert BinsDifferent()(planted(*found), binned(*expected)) == sum(different) / 6  # both empty: no difference


def test_the_level_of_the_test_is_where_it_is() -> None:
    """Around the critical count of one bin; a one-sided test would be noticed."""
    decisions = [BinsDifferent()(planted(k, 1000 - k), binned(500, 500)) for k in range(500, 580, 2)]
    expected = [float(differs(k, 1000, 500, 1000)) for k in range(500, 580, 2)]
    assert decisions == expected
    assert 0 < sum(decisions) < 40
    pooled = [(k + 500) / 2000 for k in range(500, 580, 2)]
    z = [2 * (p - 0.5) / math.sqrt(p * (1 - p) * 2 / 1000) for p in pooled]
    assert [float(value > scipy.stats.norm.ppf(0.975)) for value in z] == expected
    assert [float(value > scipy.stats.norm.ppf(0.95)) for value in z] != expected


def test_bins_that_are_all_empty_or_all_full_do_not_differ() -> None:
    assert BinsDifferent()(planted(100, 0), binned(900, 0)) == 0


def test_divergence_by_scipy() -> None:
    found, expected = (30, 50, 20, 0), (100, 0, 500, 400)
    value = BinsDivergence()(planted(*found), binned(*expected))
    assert value == pytest.approx(jensenshannon(found, expected) ** 2, rel=1e-12)
    assert value != pytest.approx(jensenshannon(found, expected), rel=0.1)  # the root would be noticed
    assert value != pytest.approx(jensenshannon(found, expected, base=2) ** 2, rel=0.1)


def test_divergence_of_equal_shares_is_zero_and_of_disjoint_bins_log_2() -> None:
    assert BinsDivergence()(planted(50, 100), binned(500, 1000)) == pytest.approx(0, abs=1e-15)
    assert BinsDivergence()(planted(0, 100), binned(10, 0)) == pytest.approx(math.log(2), rel=1e-12)


def test_bins_of_the_same_distribution_differ_as_often_as_documented() -> None:
    training = normal(5000, 3, seed=1)
    truth = trained_on(normal(10, 3), training)
    draws = [Evidence(normal(1000, 3, seed=i + 2)) for i in range(30)]
    assert np.mean([BinsDifferent()(fake, truth) for fake in draws]) == pytest.approx(0.05, abs=0.015)
    floor = 99 / 8 * (1 / 1000 + 1 / 5000)
    assert np.mean([BinsDivergence()(fake, truth) for fake in draws]) == pytest.approx(floor, rel=0.15)


def test_the_number_of_bins_follows_the_training_samples() -> None:
    assert [bins.number(n) for n in (10, 100, 1437, 5000, 50_000)] == [2, 2, 28, 100, 100]


def test_fitted_bins_count_the_nearest_samples_and_repeat() -> None:
    features = normal(400, 5)
    centres, counts = bins.fit(features, 8, 0)
    nearest = (features[:, None] - centres).norm(dim=2).argmin(1)
    assert torch.equal(counts, nearest.bincount(minlength=8))
    assert counts.tolist() == sorted(counts.tolist(), reverse=True)
    assert torch.equal(bins.fit(features, 8, 0)[0], centres)
    assert not torch.equal(bins.fit(features, 8, 1)[0], centres)
    clusters = torch.stack([features[nearest == i].mean(0) for i in range(8)])
    assert torch.allclose(centres, clusters, atol=0.1)


def test_more_bins_than_samples() -> None:
    with pytest.raises(EvidenceError, match="8 bins"):
        bins.fit(normal(7, 2), 8, 0)


# Copies


def split(seed: int = 0, count: int = 300, dimensions: int = 4) -> tuple[Tensor, Reference]:
    training = normal(count, dimensions, seed=10 * seed + 1)
    return training, trained_on(normal(count, dimensions, seed=10 * seed + 2), training)


def test_authenticity_of_copies_is_0_and_of_far_samples_100() -> None:
    training, truth = split()
    assert Authenticity()(Evidence(training[:50].clone()), truth) == 0
    assert Authenticity()(Evidence(training[:50] + 1e-9), truth) == 0
    assert Authenticity()(Evidence(training[:50] + 100), truth) == 100


def test_authenticity_by_hand() -> None:
    training = torch.tensor([[0.0], [1], [10], [14]], dtype=torch.float64)
    centres, counts = training[:1], torch.tensor([4])
    spacing = torch.tensor([1.0, 1, 4, 4], dtype=torch.float64)
    truth = Reference(Evidence(training), torch.zeros(1), torch.zeros(1, 1))
    truth = Reference(
        truth.evidence, truth.mean, truth.covariance, training=Training(Evidence(training), spacing, centres, counts)
    )
    fake = torch.tensor([[-0.5], [-1], [-1.5], [13], [11], [19]], dtype=torch.float64)
    # -1 is as far from 0 as 1 is: not farther, so not authentic. `>=` would give half.
    assert Authenticity()(Evidence(fake), truth) == pytest.approx(100 * 2 / 6, rel=1e-12)


def test_authenticity_of_a_perfect_generator_is_that_of_real_data() -> None:
    draws = []
    for i in range(20):
        _, truth = split(i)
        draws.append(
            Authenticity()(Evidence(normal(300, 4, seed=10 * i + 3)), truth) - Authenticity()(truth.evidence, truth)
        )
    assert abs(np.mean(draws)) < 4 * np.std(draws, ddof=1) / math.sqrt(20)


@few
@given(
    x=st.lists(st.integers(0, 5), min_size=3, max_size=20),
    y=st.lists(st.integers(0, 5), min_size=3, max_size=20),
)
def test_the_mann_whitney_test_is_that_of_scipy(x: list[int], y: list[int]) -> None:
    found = data_copying._mann_whitney(np.array(x, float), np.array(y, float))
    if len(set(x + y)) == 1:
        assert math.isnan(found)
        return
    expected = scipy.stats.mannwhitneyu(x, y, method="asymptotic", use_continuity=False, alternative="less").pvalue
    assert scipy.stats.norm.cdf(found) == pytest.approx(expected, rel=1e-9)
    assert data_copying._mann_whitney(np.array(y, float), np.array(x, float)) == pytest.approx(-found, abs=1e-12)


def test_data_copying_is_negative_for_copies_and_positive_for_samples_that_are_far() -> None:
    training, truth = split()
    assert DataCopying()(Evidence(training + 1e-3), truth) < -15
    assert DataCopying()(Evidence(normal(300, 4, seed=9) * 2), truth) > 5


def test_data_copying_of_a_perfect_generator_is_standard_normal() -> None:
    draws = []
    for i in range(60):
        _, truth = split(i, 100)
        draws.append(DataCopying()(Evidence(normal(100, 4, seed=10 * i + 3)), truth))
    assert np.mean(draws) == pytest.approx(DataCopying().perfect(truth, 100), abs=0.5)
    assert 0.75 < np.std(draws) < 1.25


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.short)
def test_needs_the_training_split_and_samples(metric: Authenticity) -> None:
    with pytest.raises(EvidenceError, match="training split"):
        metric(Evidence(normal(200, 4)), measured(normal(200, 4)))
    with pytest.raises(EvidenceError, match="generated"):
        metric(Evidence(normal(metric.minimum - 1, 4)), split()[1])
    assert math.isfinite(metric(Evidence(normal(metric.minimum, 4)), split()[1]))


def test_data_copying_needs_real_samples() -> None:
    with pytest.raises(EvidenceError, match="20 real"):
        DataCopying()(Evidence(normal(30, 2)), trained_on(normal(19, 2), normal(100, 2)))


# Near-duplicates


def duplicates(fake: Tensor, real: Tensor) -> float:
    return NearDuplicates()(Evidence(fake), measured(real))


@pytest.mark.parametrize("dimensions", [2, 20])
def test_exact_duplicates_are_counted(dimensions: int) -> None:
    real, fake = normal(200, dimensions, seed=1), 100 * normal(90, dimensions, seed=2)
    assert duplicates(fake, real) == 0
    assert duplicates(torch.cat([fake, fake[:5]]), real) == pytest.approx(100 * 10 / 95, rel=1e-12)
    assert duplicates(fake[:1].repeat(20, 1), real) == 100


def test_tau_is_a_distance_that_occurs_and_counts() -> None:
    """Spacings 1, 1, 2, 4, ...: with few samples the 0.1 % quantile is the smallest, and `<` would miss it."""
    real = torch.tensor([[0.0], [1], [3], [7], [15]], dtype=torch.float64)
    fake = torch.tensor([[100.0], [101], [200], [201.5]], dtype=torch.float64)
    assert duplicates(fake, real) == 50
    assert duplicates(real, real) == 40


def test_tau_follows_the_quantile() -> None:
    real = torch.cumsum(torch.arange(1, 3001, dtype=torch.float64), 0)[:, None]  # spacings 2, 2, 3, 4, 5, ...
    pairs = torch.tensor([[0.0, 3], [100, 104], [200, 205]], dtype=torch.float64)
    found = duplicates((pairs + 1e6 * torch.arange(3, dtype=torch.float64)[:, None]).reshape(-1, 1), real)
    spacings = sorted([2.0, 2.0, *range(3, 3001)])
    tau = spacings[int(0.001 * 2999)]
    assert found == pytest.approx(100 * 2 * sum(gap <= tau for gap in (3, 4, 5)) / 6, rel=1e-12)
    assert 0 < found < 100  # the 1 % quantile would count all


@few
@given(seed=seeds)
def test_near_duplicates_are_within_range_and_ignore_order_and_scale(seed: int) -> None:
    fake, real = 0.5 * normal(50, 2, seed=seed), normal(60, 2, seed=seed + 1)
    found = duplicates(fake, real)
    assert 0 <= found <= 100
    assert duplicates(fake.flip(0), real) == found
    assert duplicates(4 * fake, 4 * real) == found


def test_near_duplicates_need_two_samples() -> None:
    with pytest.raises(EvidenceError, match="2 generated"):
        duplicates(normal(1, 2), normal(9, 2))
    with pytest.raises(EvidenceError, match="real"):
        duplicates(normal(9, 2), normal(1, 2))
