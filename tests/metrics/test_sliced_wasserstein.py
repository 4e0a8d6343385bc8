"""The sliced Wasserstein distance against exact values, and proof that the tolerances would notice a wrong formula."""

import math
from itertools import permutations
from pathlib import Path

import known
import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ganbench import cards, metrics, plugins
from ganbench.evidence import Evidence, EvidenceError, Reference
from ganbench.metrics.sliced_wasserstein import Metric
from ganbench.mixtures import Mixture
from ganbench.streams import stream

few = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=stream(seed, "test"), dtype=torch.float64)


def measured(features: Tensor) -> Reference:
    return Reference(Evidence(features), features.mean(0), features.T.cov())


def distance(fake: Tensor, real: Tensor, directions: int = 200) -> float:
    return Metric(directions)(Evidence(fake), measured(real))


def in_one_dimension(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_in_one_dimension_it_is_the_wasserstein_distance_of_sorted_values() -> None:
    assert distance(in_one_dimension(3, 0, 1), in_one_dimension(1, 5, 0)) == pytest.approx(math.sqrt(4 / 3), rel=1e-12)


@few
@given(seed=seeds)
def test_in_one_dimension_no_other_pairing_is_cheaper(seed: int) -> None:
    fake, real = normal(5, 1, seed=seed), normal(5, 1, seed=seed + 1)
    cheapest = min((fake[list(order)] - real).square().mean().sqrt().item() for order in permutations(range(5)))
    assert distance(fake, real) == pytest.approx(cheapest, rel=1e-9)


def test_it_is_no_less_than_the_earth_movers_distance_of_scipy() -> None:
    fake, real = normal(50, 1, seed=1), 2 * normal(50, 1, seed=2)
    first_order = scipy.stats.wasserstein_distance(fake[:, 0].numpy(), real[:, 0].numpy())
    assert distance(fake, real) > 1.05 * first_order  # the absolute difference instead of the square would be noticed


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_a_shift_costs_its_length_along_each_direction(dimension: int) -> None:
    real, shift = normal(100, dimension), torch.arange(1.0, dimension + 1).double()
    found, directions = distance(real + shift, real, 20_000), 20_000
    # The mean of cos^2 over random directions is 1 / d, with variance 2 (d - 1) / (d^2 (d + 2)).
    error = math.sqrt(2 * (dimension - 1) / (dimension**2 * (dimension + 2)) / directions)
    assert found**2 / shift.square().sum() == pytest.approx(1 / dimension, abs=4 * error + 1e-12)
    assert 4 * error < 0.05 / dimension


def test_a_wrong_sliced_wasserstein_distance_would_be_noticed() -> None:
    real, shift = normal(100, 2), torch.tensor([3.0, 4.0], dtype=torch.float64)
    found = distance(real + shift, real, 20_000)
    assert found == pytest.approx(5 / math.sqrt(2), rel=0.01)
    squared, mean_of_roots, without_unit_length = found**2, 5 * 2 / math.pi, 5.0
    for wrong in (squared, mean_of_roots, without_unit_length, found * math.sqrt(100)):
        assert wrong != pytest.approx(5 / math.sqrt(2), rel=0.05)


def test_a_few_directions_are_close_to_many() -> None:
    fake, real = normal(500, 2, seed=1) + 1, 2 * normal(500, 2, seed=2)
    assert distance(fake, real) == pytest.approx(distance(fake, real, 5000), rel=0.1)


def test_a_collapsed_generator_is_as_far_as_the_real_points_are_wide() -> None:
    centre = Evidence(torch.zeros(5000, 2, dtype=torch.float64))
    expected = math.sqrt(1 / 2 + 0.01**2)  # a half of |x|^2 = 1 along each direction
    assert Metric()(centre, known.points()) == pytest.approx(expected, rel=0.03)


def test_two_samples_of_separate_modes_grow_alike_only_slowly() -> None:
    def between_perfect(samples: int) -> float:
        pairs = [
            (known.perfect(known.RING, samples, 2 * i), known.perfect(known.RING, samples, 2 * i + 1))
            for i in range(40)
        ]
        return float(np.mean([distance(fake.features, real.features, directions=20) for fake, real in pairs]))

    assert between_perfect(50) / between_perfect(3200) == pytest.approx(64 ** (1 / 4), rel=0.2)  # and not 64^(1/2)


def test_a_perfect_generator_is_near() -> None:
    draws = [Metric()(known.perfect(known.RING, 2500, seed), known.points()) for seed in range(3)]
    assert 0 < min(draws) <= max(draws) < 0.15  # a fifth of a collapse


def test_the_real_side_is_fresh_points_of_the_mixture_and_always_the_same() -> None:
    real, fake = known.points(), known.perfect(known.RING, 300, seed=7)
    elsewhere = Reference(Evidence(real.features + 100), real.mean, real.covariance, real.mixture)
    assert Metric()(fake, elsewhere) == Metric()(fake, real)
    assert Metric()(fake, elsewhere) < 1
    without_mixture = Reference(elsewhere.evidence, real.mean, real.covariance)
    assert Metric()(fake, without_mixture) > 50


def test_unequal_weights_are_heard() -> None:
    heavy = Mixture(known.RING.centres, known.RING.sigma, torch.tensor([8.0, 1, 1, 1, 1, 1, 1, 1]))
    fake = known.perfect(heavy, 2000)
    assert Metric()(fake, known.points(heavy)) < 0.5 * Metric()(fake, known.points())


def test_the_larger_side_is_cut() -> None:
    fake, real = normal(40, 3, seed=1), normal(60, 3, seed=2)
    assert distance(fake, real) == pytest.approx(distance(fake, real[:40]), rel=1e-12)
    assert distance(real, fake) == pytest.approx(distance(real[:40], fake), rel=1e-12)


@few
@given(seed=seeds, factor=st.floats(0.1, 10))
def test_it_is_a_distance_that_scales_and_ignores_the_order_of_samples(seed: int, factor: float) -> None:
    fake, real, third = normal(30, 3, seed=seed), 2 * normal(30, 3, seed=seed + 1), normal(30, 3, seed=seed + 2) + 1
    order = torch.randperm(30, generator=stream(seed, "order"))
    found = distance(fake, real)
    assert distance(fake, fake[order]) == pytest.approx(0, abs=1e-12)
    assert distance(fake[order], real) == pytest.approx(found, rel=1e-9)
    assert distance(real, fake) == pytest.approx(found, rel=1e-9)
    assert distance(factor * fake, factor * real) == pytest.approx(factor * found, rel=1e-9)
    assert 0 < found <= distance(fake, third) + distance(third, real) + 1e-12


def test_points_that_cannot_be_measured() -> None:
    for real in (known.points(), measured(normal(5, 2))):
        with pytest.raises(EvidenceError, match="2 dimensions are wanted"):
            Metric()(Evidence(normal(5, 3)), real)
        with pytest.raises(EvidenceError, match=r"\(0, 2\)"):
            Metric()(Evidence(normal(0, 2)), real)
    with pytest.raises(EvidenceError, match="not finite"):
        distance(normal(5, 2) / 0, normal(5, 2))


def test_the_number_of_directions_is_a_setting() -> None:
    card = cards.read_card(Path(metrics.__file__).parent / "sliced_wasserstein.py", "metric")
    assert plugins.resolve(card, {}) == ({"directions": 200}, [])
    assert plugins.resolve(card, {"directions": 0})[1]
    assert card.traits["needs"] == ()
