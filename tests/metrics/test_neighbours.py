"""Nearest neighbours, precision, recall, density and coverage against brute force and exact expectations."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from features import measured, normal, rotation
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganbench import neighbours
from ganbench.evidence import Evidence, EvidenceError
from ganbench.metrics.coverage import Metric as Coverage
from ganbench.metrics.density import Metric as Density
from ganbench.metrics.precision import Metric as Precision
from ganbench.metrics.recall import Metric as Recall

few = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)
METRICS = (Precision, Recall, Density, Coverage)
Four = tuple[float, ...]


def four(fake: Tensor, real: Tensor, k: int = 5) -> Four:
    """Precision, recall, density and coverage."""
    evidence, truth = Evidence(fake), measured(real)
    return tuple(metric(k)(evidence, truth) for metric in METRICS)


def apart(a: Tensor, b: Tensor) -> Tensor:
    return (a[:, None] - b[None]).norm(dim=2)


def by_hand(fake: Tensor, real: Tensor, k: int, within: Callable[[Tensor, Tensor], Tensor] = torch.le) -> Four:
    """From whole matrices of distances."""
    between = apart(fake, real)
    fake_balls, real_balls = (apart(x, x).sort(1).values[:, k] for x in (fake, real))
    inside = within(between, real_balls)
    found = (
        inside.any(1).double().mean(),
        within(between, fake_balls[:, None]).any(0).double().mean(),
        inside.double().sum() / (k * len(fake)),
        inside.any(0).double().mean(),
    )
    return tuple(float(value) for value in found)


@pytest.mark.parametrize("dimensions", [2, 20])
def test_the_nearest_by_brute_force(dimensions: int) -> None:
    a, b = normal(70, dimensions, seed=1), normal(90, dimensions, seed=2)
    distances, indices = neighbours.to_nearest(a, b)
    assert torch.equal(indices, apart(a, b).argmin(1))
    assert torch.allclose(distances, apart(a, b).min(1).values, rtol=1e-14)
    own = apart(b, b).sort(1).values
    assert torch.allclose(neighbours.spacing(b), own[:, 1], rtol=1e-14)
    assert torch.allclose(neighbours.to_others(Evidence(b), 7), own[:, 1:8], rtol=1e-14)
    assert torch.allclose(neighbours.to_others(Evidence(b), 2), own[:, 1:3], rtol=1e-14)


@pytest.mark.parametrize("dimensions", [2, 64])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_exact_duplicates_are_at_distance_zero(dimensions: int, offset: float) -> None:
    features = normal(60, dimensions) + offset
    assert (neighbours.to_nearest(features.flip(0), features)[0] == 0).all()
    assert (neighbours.spacing(features.repeat(2, 1)) == 0).all()
    assert (neighbours.spacing(features) > 0).all()


def test_a_small_distance_far_from_the_origin_keeps_its_digits() -> None:
    features = 1e-3 * normal(60, 30)
    assert torch.allclose(neighbours.spacing(features + 1000), neighbours.spacing(features), rtol=1e-8)


@pytest.mark.parametrize(("n", "m", "k"), [(300, 400, 5), (400, 150, 3), (40, 50, 1)])
def test_by_hand(n: int, m: int, k: int) -> None:
    fake, real = 1.2 * normal(n, 6, seed=1) + 0.3, normal(m, 6, seed=2)
    assert four(fake, real, k) == pytest.approx(by_hand(fake, real, k), rel=1e-12)


def test_wrong_formulas_would_be_noticed() -> None:
    fake, real = 1.2 * normal(300, 6, seed=1) + 0.3, normal(400, 6, seed=2)
    found = four(fake, real)
    wrong = {"k off by one": by_hand(fake, real, 4), "sides swapped": by_hand(real, fake, 5)}
    for values in wrong.values():
        assert all(a != pytest.approx(b, rel=1e-3) for a, b in zip(found, values, strict=True))


def test_copies_of_real_samples_count_as_inside_on_the_surface() -> None:
    """With three equal samples each, all balls of k = 2 have radius 0: `<` would find nothing inside."""
    real = normal(20, 30, seed=1).repeat(3, 1)
    assert four(real.clone(), real, k=2) == pytest.approx((1, 1, 1.5, 1), rel=1e-12)
    assert four(real.clone(), real, k=2) == pytest.approx(by_hand(real, real, 2), rel=1e-12)
    assert by_hand(real, real, 2, within=torch.lt) == (0, 0, 0, 0)
    assert four(real.clone() + 1e-3, real, k=2) == (0, 0, 0, 0)


def test_a_neighbour_on_the_surface_is_inside() -> None:
    line = torch.arange(12, dtype=torch.float64)[:, None]
    found = four(line, line, k=1)  # every ball has radius 1 and holds its centre and both neighbours
    assert found == pytest.approx((1, 1, (3 * 12 - 2) / 12, 1), rel=1e-12)
    assert by_hand(line, line, 1, within=torch.lt) != pytest.approx(found, rel=0.1)


@pytest.mark.parametrize(("n", "m", "k"), [(200, 200, 5), (100, 300, 3)])
def test_perfect_generators_score_what_is_documented(n: int, m: int, k: int) -> None:
    draws = [four(normal(n, 8, seed=2 * i), normal(m, 8, seed=2 * i + 1), k) for i in range(60)]
    mean, error = np.mean(draws, axis=0), np.std(draws, axis=0, ddof=1) / math.sqrt(len(draws))
    truth = measured(normal(m, 8))
    for metric, column in ((Density(k), 2), (Coverage(k), 3)):
        assert mean[column] == pytest.approx(metric.perfect(truth, n), abs=4 * error[column])
    assert 4 * error[3] < abs(Coverage(k).perfect(truth, n) - Coverage(k + 1).perfect(truth, n))
    assert max(mean[:2] + 4 * error[:2]) < 1


def test_coverage_of_a_perfect_generator_by_the_formula() -> None:
    truth = measured(normal(10, 2))
    assert Coverage(2).perfect(truth, 5) == pytest.approx(1 - (9 / 14) * (8 / 13), rel=1e-12)


@pytest.mark.parametrize("placed", [0.0, 100.0])
def test_a_constant_generator(placed: float) -> None:
    real = normal(200, 4)
    precision, recall, density, coverage = four(torch.full((50, 4), placed, dtype=torch.float64), real)
    assert recall == 0
    assert (precision, density > 1) == ((1, True) if placed == 0 else (0, False))
    assert coverage == density * 5 / 200  # every generated sample lies in the same balls


def test_an_outlier_among_the_generated_changes_only_its_own_share() -> None:
    fake, real = normal(200, 20, seed=1), normal(200, 20, seed=2)
    far = torch.cat([fake, torch.full((1, 20), 1e9, dtype=torch.float64)])
    before, after = (neighbours.overlap(Evidence(samples), Evidence(real), 5) for samples in (fake, far))
    assert torch.equal(after.around, torch.cat([before.around, torch.zeros(1, dtype=torch.int64)]))
    assert torch.equal(after.covered, before.covered)
    assert after.recalled.sum() > before.recalled.sum()  # its ball reaches far back: what recall is known for


@few
@given(seed=seeds)
def test_knows_neither_rotations_nor_shifts_nor_scale_nor_order(seed: int) -> None:
    fake, real = normal(60, 4, seed=seed) + 0.5, normal(70, 4, seed=seed + 1)
    turn = rotation(4, seed)
    expected = pytest.approx(four(fake, real), rel=1e-12)
    assert four(3 * fake @ turn + 7, 3 * real @ turn + 7) == expected
    assert four(fake.flip(0), real.flip(0)) == expected


@few
@given(seed=seeds)
def test_more_neighbours_never_find_less(seed: int) -> None:
    fake, real = normal(40, 3, seed=seed) + 1, normal(50, 3, seed=seed + 1)
    for smaller, larger in pairwise(four(fake, real, k) for k in (1, 3, 9)):
        assert all(a <= b for a, b in zip(smaller[:2] + smaller[3:], larger[:2] + larger[3:], strict=True))


@few
@given(seed=seeds)
def test_precision_of_one_side_is_recall_of_the_other(seed: int) -> None:
    fake, real = normal(40, 3, seed=seed) + 1, normal(50, 3, seed=seed + 1)
    assert four(fake, real)[:2] == four(real, fake)[1::-1]


def test_the_balls_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, truth = Evidence(normal(30, 3)), measured(normal(30, 3, seed=1))
    Precision()(fake, truth)
    monkeypatch.setattr(neighbours, "_overlap", None)
    monkeypatch.setattr(neighbours, "nearest", None)
    assert all(math.isfinite(metric()(fake, truth)) for metric in METRICS)


def test_two_references_do_not_share_their_balls() -> None:
    fake, one, other = Evidence(normal(30, 3)), measured(normal(30, 3, seed=1)), measured(normal(30, 3, seed=2) + 9)
    assert Precision()(fake, one) > Precision()(fake, other)


@pytest.mark.parametrize("metric", METRICS)
def test_too_few_samples(metric: type) -> None:
    with pytest.raises(EvidenceError, match="at least 6"):
        metric()(Evidence(normal(5, 3)), measured(normal(9, 3)))
    with pytest.raises(EvidenceError, match="at least 6"):
        metric()(Evidence(normal(9, 3)), measured(normal(5, 3)))
    assert math.isfinite(metric()(Evidence(normal(6, 3)), measured(normal(6, 3))))
