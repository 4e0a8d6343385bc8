"""Metrics against values that are known exactly, and proof that the tolerances would notice a wrong formula."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import known
import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganbench import plugins
from ganbench.evidence import Evidence, EvidenceError, Reference
from ganbench.metrics.classifier_score import Metric as ClassifierScore
from ganbench.metrics.frechet_distance import Metric as FrechetDistance
from ganbench.metrics.kernel_distance import Metric as KernelDistance
from ganbench.streams import stream

REGISTRY = plugins.discover()
few = settings(max_examples=25, deadline=None, database=None)
seeds = st.integers(0, 2**32 - 1)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=stream(seed, "test"), dtype=torch.float64)


def measured(features: Tensor) -> Reference:
    return Reference(Evidence(features), features.mean(0), features.T.cov())


def stated(mean: Tensor, covariance: Tensor) -> Reference:
    return Reference(torch.zeros(2, len(mean), dtype=torch.float64), mean, covariance)


def with_moments(mean: Tensor, covariance: Tensor, count: int) -> Tensor:
    """Features whose sample mean and sample covariance are exactly these."""
    raw = normal(count, len(mean))
    raw = raw - raw.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(raw.T.cov()), raw.T, upper=False)
    return (torch.linalg.cholesky(covariance) @ white).T + mean


def rotation(dimension: int, seed: int) -> Tensor:
    return torch.linalg.qr(normal(dimension, dimension, seed=seed))[0]


def frechet(fake: Tensor, real: Tensor) -> float:
    return FrechetDistance()(Evidence(fake), measured(real))


# Frechet distance


def diagonal(*values: float) -> Tensor:
    return torch.diag(torch.tensor(values, dtype=torch.float64))


def test_frechet_distance_of_two_diagonal_gaussians() -> None:
    fake = with_moments(torch.zeros(3, dtype=torch.float64), diagonal(1, 4, 9), 40)
    truth = stated(torch.ones(3, dtype=torch.float64), diagonal(4, 1, 9))
    assert FrechetDistance()(Evidence(fake), truth) == pytest.approx(3 + (1 - 2) ** 2 + (2 - 1) ** 2 + 0, abs=1e-10)


def by_scipy(fake: Tensor, real: Tensor, ddof: int = 1, root: Callable[[Any], Any] = scipy.linalg.sqrtm) -> float:
    """The formula, written out with scipy's matrix square root."""
    m1, m2 = fake.numpy().mean(0), real.numpy().mean(0)
    s1, s2 = (np.cov(x.numpy(), rowvar=False, ddof=ddof) for x in (fake, real))
    return float(((m1 - m2) ** 2).sum() + np.trace(s1 + s2 - 2 * np.real(root(s1 @ s2))))


def two_feature_sets() -> tuple[Tensor, Tensor]:
    """Like a classifier's: not negative, correlated, differently spread."""
    mixing = normal(16, 16, seed=1)
    return torch.relu(normal(300, 16, seed=2) @ mixing + 0.3), torch.relu(1.2 * normal(400, 16, seed=3) @ mixing.T)


def test_frechet_distance_agrees_with_scipy() -> None:
    fake, real = two_feature_sets()
    assert frechet(fake, real) == pytest.approx(by_scipy(fake, real), rel=1e-6)


@pytest.mark.parametrize("wrong", [{"ddof": 0}, {"root": lambda product: product}], ids=["ddof 0", "no square root"])
def test_a_wrong_frechet_distance_would_be_noticed(wrong: dict[str, Any]) -> None:
    fake, real = two_feature_sets()
    assert frechet(fake, real) != pytest.approx(by_scipy(fake, real, **wrong), rel=1e-4)


def test_frechet_distance_with_fewer_samples_than_features() -> None:
    fake, real = normal(10, 30, seed=4), 2 * normal(12, 30, seed=5)
    a, b = ((x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (fake, real))
    shared = torch.linalg.svdvals(a @ b.T).sum()  # tr (S1 S2)^(1/2) is the nuclear norm of A B^T
    expected = (fake.mean(0) - real.mean(0)).square().sum() + a.square().sum() + b.square().sum() - 2 * shared
    assert frechet(fake, real) == pytest.approx(expected.item(), rel=1e-5)


def test_frechet_distance_with_features_that_are_always_off() -> None:
    fake, real = normal(200, 4, seed=6), normal(200, 4, seed=7)
    dead = torch.zeros(200, 3, dtype=torch.float64)
    with_dead = frechet(torch.cat([fake, dead], 1), torch.cat([real, dead], 1))
    assert with_dead == pytest.approx(frechet(fake, real), abs=1e-8)


@few
@given(seed=seeds)
def test_frechet_distance_to_oneself_is_zero(seed: int) -> None:
    features = normal(100, 6, seed=seed) @ normal(6, 6, seed=seed + 1)
    assert abs(frechet(features, features)) < 1e-6 * features.T.cov().trace()


@few
@given(seed=seeds, shift=st.floats(-5, 5))
def test_frechet_distance_of_a_shift_is_its_square_in_every_dimension(seed: int, shift: float) -> None:
    features = normal(100, 6, seed=seed)
    assert frechet(features + shift, features) == pytest.approx(6 * shift**2, abs=1e-6)


@few
@given(seed=seeds, factor=st.floats(0.1, 10))
def test_frechet_distance_scales_with_the_square_of_the_features(seed: int, factor: float) -> None:
    fake, real = normal(50, 4, seed=seed), 2 * normal(60, 4, seed=seed + 1)
    assert frechet(factor * fake, factor * real) == pytest.approx(factor**2 * frechet(fake, real), rel=1e-8)


@few
@given(seed=seeds)
def test_frechet_distance_knows_neither_rotations_nor_the_order_of_samples_nor_which_side_is_which(seed: int) -> None:
    fake, real = normal(50, 5, seed=seed) + 1, 2 * normal(60, 5, seed=seed + 1)
    turn = rotation(5, seed)
    order = torch.randperm(50, generator=stream(seed, "order"))
    expected = pytest.approx(frechet(fake, real), rel=1e-8)
    assert frechet(fake @ turn, real @ turn) == expected
    assert frechet(fake[order], real) == expected
    assert frechet(real, fake) == expected


# Classifier score


def classifier_score(logits: Tensor) -> float:
    return ClassifierScore()(Evidence(torch.zeros(len(logits), 1, dtype=torch.float64), logits), measured(normal(5, 2)))


@pytest.mark.parametrize("classes", [2, 10])
def test_classifier_score_of_sure_and_evenly_spread_answers_is_the_number_of_classes(classes: int) -> None:
    logits = 1000 * torch.eye(classes, dtype=torch.float64).repeat(7, 1)
    assert classifier_score(logits) == pytest.approx(classes, rel=1e-9)


@pytest.mark.parametrize("logits", [torch.zeros(20, 10), torch.arange(10.0).expand(20, 10)], ids=["unsure", "constant"])
def test_classifier_score_of_samples_that_all_look_alike_is_one(logits: Tensor) -> None:
    assert classifier_score(logits.double()) == pytest.approx(1, rel=1e-12)


def by_entropies(logits: Tensor, softmaxes: int = 1) -> float:
    """exp of the mutual information, H(mean p) - mean H(p)."""
    p = logits
    for _ in range(softmaxes):
        p = p.softmax(1)

    def entropy(q: Tensor) -> Tensor:
        return -torch.xlogy(q, q).sum(-1)

    return (entropy(p.mean(0)) - entropy(p).mean()).exp().item()


def test_classifier_score_is_the_exponential_of_the_mutual_information() -> None:
    logits = 3 * normal(200, 10)
    assert classifier_score(logits) == pytest.approx(by_entropies(logits), rel=1e-9)


def test_a_softmax_too_many_would_be_noticed() -> None:
    logits = 3 * normal(200, 10)
    assert by_entropies(logits, softmaxes=2) != pytest.approx(by_entropies(logits), rel=1e-3)
    sure = 1000 * torch.eye(10, dtype=torch.float64).repeat(7, 1)
    assert by_entropies(sure, softmaxes=2) != pytest.approx(10, rel=0.1)


@few
@given(seed=seeds)
def test_classifier_score_is_within_its_range_and_ignores_the_order_of_samples(seed: int) -> None:
    logits = 5 * normal(37, 10, seed=seed)
    order = torch.randperm(37, generator=stream(seed, "order"))
    assert 1 <= classifier_score(logits) <= 10
    assert classifier_score(logits[order]) == pytest.approx(classifier_score(logits), rel=1e-12)


def test_points_have_no_classifier_score() -> None:
    with pytest.raises(EvidenceError, match="logits"):
        ClassifierScore()(Evidence(normal(5, 2)), measured(normal(5, 2)))


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
    assert abs(np.mean(draws)) < 4 * error
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


def test_kernel_distance_of_one_subset_by_hand() -> None:
    constant = torch.ones(2, 2, dtype=torch.float64)
    fake, real = constant.repeat(4, 1), torch.zeros(8, 2, dtype=torch.float64)
    assert kernel_distance(fake, real, subsets=3) == pytest.approx(2**3 + 1 - 2 * 1, rel=1e-12)


@few
@given(seed=seeds)
def test_kernel_distance_knows_no_rotations_and_is_repeatable(seed: int) -> None:
    fake, real = normal(40, 4, seed=seed) + 1, normal(50, 4, seed=seed + 1)
    turn = rotation(4, seed)
    found = kernel_distance(fake, real, subsets=3)
    assert kernel_distance(fake @ turn, real @ turn, subsets=3) == pytest.approx(found, rel=1e-9, abs=1e-9)
    assert kernel_distance(fake, real, subsets=3) == found


# The contract


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in REGISTRY.names("metric") for kind in REGISTRY.card("metric", name).traits["kinds"]],
)
def test_every_metric_is_a_repeatable_finite_number_and_says_how_to_read_it(name: str, kind: str) -> None:
    card = REGISTRY.card("metric", name)
    metric = plugins.load(card, plugins.resolve(card, {})[0])
    if kind == "points":
        truth, evidence = known.points(), known.perfect(known.RING, 50)
    else:
        truth = replace(measured(torch.relu(normal(60, 6))), mode_weights=torch.full((10,), 0.1).double())
        evidence = Evidence(torch.relu(normal(50, 6, seed=1)), normal(50, 10, seed=2))
    copy = evidence.features.clone()
    value = metric(evidence, truth)
    assert isinstance(value, float)
    assert math.isfinite(value)
    assert metric(evidence, truth) == value
    assert torch.equal(evidence.features, copy)
    assert re.fullmatch("[a-z0-9-]+", card.traits["short"])
    assert card.traits["title"]
    assert card.traits["floor"]
    assert 1 <= card.traits["minimum"] <= len(evidence)
    if hasattr(metric, "perfect"):
        assert math.isfinite(metric.perfect(truth, len(evidence)))
