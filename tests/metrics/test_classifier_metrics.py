"""Metrics of logits and the kernel distance against values that are known exactly."""

import math

import numpy as np
import pytest
import torch
from features import measured, normal, rotation
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import one_hot

from ganbench.evidence import Evidence, EvidenceError, Reference
from ganbench.metrics.class_balance import Metric as ClassBalance
from ganbench.metrics.classifier_score import Metric as ClassifierScore
from ganbench.metrics.kernel_distance import Metric as KernelDistance
from ganbench.streams import stream

few = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)


def seen(logits: Tensor) -> Evidence:
    return Evidence(torch.zeros(len(logits), 1, dtype=torch.float64), logits)


# Classifier score


def classifier_score(logits: Tensor, splits: int = 1) -> float:
    return ClassifierScore(splits)(seen(logits), measured(normal(5, 2)))


@pytest.mark.parametrize("classes", [2, 10])
def test_classifier_score_of_sure_and_evenly_spread_answers_is_the_number_of_classes(classes: int) -> None:
    logits = 1000 * torch.eye(classes, dtype=torch.float64).repeat(7, 1)
    assert classifier_score(logits) == pytest.approx(classes, rel=1e-12)


@pytest.mark.parametrize(
    "logits",
    [torch.zeros(20, 10), torch.arange(10.0).expand(20, 10), 1000 * torch.eye(10)[:1].expand(20, 10)],
    ids=["unsure", "constant", "sure of one class"],
)
def test_classifier_score_of_samples_that_all_look_alike_is_one(logits: Tensor) -> None:
    assert classifier_score(logits.double()) == pytest.approx(1, rel=1e-12)


def by_hand_score(logits: Tensor, softmaxes: int = 1) -> float:
    """exp of the mean divergence of each answer from the mean answer."""
    p = logits
    for _ in range(softmaxes):
        p = p.softmax(1)
    return (p * (p / p.mean(0)).log()).sum(1).mean().exp().item()


def test_classifier_score_by_hand() -> None:
    logits = 3 * normal(200, 10)
    assert classifier_score(logits) == pytest.approx(by_hand_score(logits), rel=1e-12)
    assert classifier_score(logits) != pytest.approx(by_hand_score(logits, softmaxes=2), rel=1e-3)
    assert classifier_score(logits) != pytest.approx(math.log(by_hand_score(logits)), rel=1e-3)


def test_classifier_score_of_splits_is_the_mean_over_them() -> None:
    logits = 3 * normal(200, 10)
    expected = sum(by_hand_score(logits[i : i + 50]) for i in range(0, 200, 50)) / 4
    assert classifier_score(logits, splits=4) == pytest.approx(expected, rel=1e-12)
    assert classifier_score(logits) != pytest.approx(expected, rel=1e-3)


@few
@given(seed=seeds)
def test_classifier_score_is_within_its_range_and_ignores_the_order_of_samples(seed: int) -> None:
    logits = 5 * normal(37, 10, seed=seed)
    assert 1 <= classifier_score(logits) <= 10
    assert classifier_score(logits.flip(0)) == pytest.approx(classifier_score(logits), rel=1e-12)


def test_points_have_no_classifier_score() -> None:
    with pytest.raises(EvidenceError, match="logits"):
        ClassifierScore()(Evidence(normal(5, 2)), measured(normal(5, 2)))


def test_classifier_score_needs_two_samples_a_split() -> None:
    with pytest.raises(EvidenceError, match="at least 20"):
        classifier_score(normal(19, 10), splits=10)


# Class balance


def of_classes(*counts: int) -> Evidence:
    """That many samples of each class, by logits that are sure."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return seen(one_hot(labels, len(counts)).double())


def balance(fake: Evidence, real: Evidence) -> float:
    return ClassBalance()(fake, Reference(real, torch.zeros(1), torch.zeros(1, 1)))


def test_class_balance_by_hand() -> None:
    found = balance(of_classes(10, 30, 0, 0), of_classes(20, 20, 20, 20))
    assert found == pytest.approx((0 + 0.5 + 0.25 + 0.25) / 2, abs=1e-15)
    assert found != pytest.approx(0 + 0.5 + 0.25 + 0.25, rel=0.1)  # without the half


def test_class_balance_of_equal_shares_is_zero_and_of_disjoint_classes_one() -> None:
    assert balance(of_classes(5, 10), of_classes(50, 100)) == 0
    assert balance(of_classes(0, 10), of_classes(50, 0)) == 1


@few
@given(counts=st.lists(st.tuples(st.integers(4, 9), st.integers(4, 9)), min_size=3, max_size=6))
def test_class_balance_is_symmetric_and_within_its_range(counts: list[tuple[int, int]]) -> None:
    fake, real = (of_classes(*side) for side in zip(*counts, strict=True))
    assert 0 <= balance(fake, real) <= 1
    assert balance(fake, real) == balance(real, fake)


def test_class_balance_of_the_same_distribution_is_what_its_documentation_says() -> None:
    shares, n, m = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64), 200, 300
    draws = []
    for i in range(300):
        random = stream(i, "test")
        fake, real = (seen(one_hot(shares.multinomial(k, True, generator=random), 3).double()) for k in (n, m))
        draws.append(balance(fake, real))
    expected = (shares * (1 - shares) * (1 / n + 1 / m) / (2 * math.pi)).sqrt().sum().item()
    assert np.mean(draws) == pytest.approx(expected, rel=0.1)


def test_class_balance_needs_samples_and_a_classifier() -> None:
    with pytest.raises(EvidenceError, match="10 generated"):
        balance(of_classes(9), of_classes(20))
    with pytest.raises(EvidenceError, match="10 real"):
        balance(of_classes(20), of_classes(9))
    with pytest.raises(EvidenceError, match="logits"):
        balance(Evidence(normal(20, 2)), of_classes(20))


# Kernel distance


def kernel_distance(fake: Tensor, real: Tensor, **given: int) -> float:
    return KernelDistance(**given)(Evidence(fake), measured(real))


def test_kernel_distance_of_two_shifted_gaussians() -> None:
    # In one dimension MMD^2 is 3 m^2 + 3 m^4 + (m^3 + 3 m)^2 for N(0, 1) and N(m, 1): 22 for m = 1.
    draws = [
        kernel_distance(normal(1000, 1, seed=2 * i), 1 + normal(1000, 1, seed=2 * i + 1), subsets=4, subset_size=500)
        for i in range(30)
    ]
    error = np.std(draws, ddof=1) / math.sqrt(len(draws))
    assert error < 1  # so that a kernel of another degree or offset would be noticed
    assert np.mean(draws) == pytest.approx(22, abs=4 * error)


def by_hand(fake: Tensor, real: Tensor, diagonal: bool = False) -> float:
    """The estimate over all samples, without the diagonal (unbiased) or with it."""
    d, n, m = fake.shape[1], len(fake), len(real)
    within_fake, within_real, across = (((a @ b.T) / d + 1) ** 3 for a, b in ((fake, fake), (real, real), (fake, real)))
    if diagonal:
        return (within_fake.mean() + within_real.mean() - 2 * across.mean()).item()
    pairs = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in (within_fake, within_real)]
    return (pairs[0] + pairs[1] - 2 * across.sum() / (n * m)).item()


def test_kernel_distance_of_equal_distributions_is_zero_on_average() -> None:
    pairs = [(normal(40, 3, seed=2 * i), normal(40, 3, seed=2 * i + 1)) for i in range(200)]
    draws = [kernel_distance(fake, real, subsets=3) for fake, real in pairs]
    error = np.std(draws, ddof=1) / math.sqrt(len(draws))
    assert abs(np.mean(draws) - KernelDistance().perfect(measured(normal(5, 2)), 40)) < 4 * error
    assert min(draws) < 0 < max(draws)
    biased = np.mean([by_hand(fake[:20], real[:20], diagonal=True) for fake, real in pairs])
    assert biased > 8 * error  # the estimator that keeps the diagonal would be noticed


def test_kernel_distance_estimates_what_all_samples_say_together() -> None:
    fake, real = normal(600, 8, seed=1) + 0.3, normal(600, 8, seed=2)
    orders = [torch.randperm(600, generator=stream(i, "order")) for i in range(40)]
    singles = [kernel_distance(fake[order], real[order], subsets=1, subset_size=100) for order in orders]
    error = np.std(singles, ddof=1) / math.sqrt(200)
    expected = by_hand(fake, real)
    assert expected > 20 * error
    assert kernel_distance(fake, real, subsets=200, subset_size=100) == pytest.approx(expected, abs=4 * error)


def test_kernel_distance_takes_smaller_subsets_of_few_samples() -> None:
    fake, real = normal(9, 3, seed=1), normal(500, 3, seed=2)
    found = kernel_distance(fake, real)
    assert found == kernel_distance(fake, real, subset_size=4)
    assert found != kernel_distance(fake, real, subset_size=3)
    assert found != 0
    assert kernel_distance(real, fake) == kernel_distance(real, fake, subset_size=4)
    assert math.isfinite(kernel_distance(fake[:4], real))
    assert kernel_distance(fake, real, subset_size=1) == kernel_distance(fake, real, subset_size=2)


def test_kernel_distance_of_one_subset_by_hand() -> None:
    constant = torch.ones(2, 2, dtype=torch.float64)
    fake, real = constant.repeat(4, 1), torch.zeros(8, 2, dtype=torch.float64)
    assert kernel_distance(fake, real, subsets=3) == pytest.approx(2**3 + 1 - 2 * 1, rel=1e-12)


def test_kernel_distance_needs_samples() -> None:
    with pytest.raises(EvidenceError, match="4 generated"):
        kernel_distance(normal(3, 2), normal(9, 2))
    with pytest.raises(EvidenceError, match="4 real"):
        kernel_distance(normal(9, 2), normal(3, 2))


@few
@given(seed=seeds)
def test_kernel_distance_knows_no_rotations_and_is_repeatable(seed: int) -> None:
    fake, real = normal(40, 4, seed=seed) + 1, normal(50, 4, seed=seed + 1)
    turn = rotation(4, seed)
    found = kernel_distance(fake, real, subsets=3)
    assert kernel_distance(fake @ turn, real @ turn, subsets=3) == pytest.approx(found, rel=1e-9, abs=1e-9)
    assert kernel_distance(fake, real, subsets=3) == found
