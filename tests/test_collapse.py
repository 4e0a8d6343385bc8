"""When a run counts as collapsed: each side of both limits, and who is never accused."""

import math

import known
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.collapse import verdict
from ganbench.datasets.grid25 import Dataset as Grid25
from ganbench.evidence import Evidence, EvidenceError, Reference
from ganbench.mixtures import Mixture

few = settings(max_examples=25)
HALF = "3 of 8 modes hold at least a tenth of their share of 8,000 samples"


@pytest.mark.parametrize(("fourth", "reason"), [(99, HALF), (100, None)])
def test_half_of_the_modes_must_hold_a_tenth_of_their_share(fourth: int, reason: str | None) -> None:
    counts = [3000, 3000, 1901 + 99 - fourth, fourth, 0, 0, 0, 0]
    assert verdict(known.planted(counts), known.points()) == reason
    assert verdict(known.classified(counts), known.images([1 / 8] * 8)) == reason


def test_the_reason_has_the_numbers() -> None:
    real, fake = known.points(), known.planted([5000, 5000])
    assert verdict(fake, real) == "2 of 8 modes hold at least a tenth of their share of 10,000 samples"


def test_a_share_is_that_of_the_mode() -> None:
    weights = [0.7, 0.1, 0.1, 0.1]
    assert verdict(known.classified([60, 940, 0, 0]), known.images(weights)) is not None  # 60 of 700: one mode held
    assert verdict(known.classified([70, 930, 0, 0]), known.images(weights)) is None
    assert verdict(known.classified([60, 940, 0, 0]), known.images([0.25] * 4)) is None


def test_points_count_however_far_they_lie() -> None:
    blob = Evidence(0.7 * known.perfect(Mixture(torch.zeros(1, 2), 1.0), 2000).features)
    assert verdict(blob, known.points()) is None


@pytest.mark.parametrize("spread", [0.31, 0.32])
def test_a_tenth_of_the_variance_is_enough(spread: float) -> None:
    real = known.points()
    fake = Evidence(spread * known.perfect(known.RING, 10_000).features)
    expected = None if spread**2 > 0.1 else "the total variance of 10,000 samples is 9.6 % of the real one"
    assert verdict(fake, real) == expected


def test_the_total_variance_is_a_sum_over_the_features() -> None:
    covariance = torch.diag(torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    real = Reference(Evidence(torch.zeros(2, 3, dtype=torch.float64)), covariance[1], covariance)
    axis = torch.linspace(-1, 1, 101, dtype=torch.float64)[:, None]  # of variance 0.343
    fake = Evidence(torch.cat([0 * axis, axis, axis], 1))
    assert verdict(fake, real) is None
    assert verdict(Evidence(0.3 * fake.features), real) is not None  # 6 % in total
    assert verdict(Evidence(0.4 * fake.features), real) is None  # 11 % in total, and 5 % in the largest direction


def test_one_constant_sample_is_a_collapse_of_any_data() -> None:
    constant = Evidence(torch.ones(100, 2, dtype=torch.float64))
    assert verdict(constant, known.points()) is not None
    unknown = Reference(known.points().evidence, known.RING.mean(), known.RING.covariance())
    assert verdict(constant, unknown) == "the total variance of 100 samples is 0 % of the real one"


def test_the_dataset_s_own_classes_are_modes_with_the_shares_of_real_predictions() -> None:
    some = known.images([0.25] * 4)
    real = Reference(known.classified([60, 20, 20, 0]), some.mean, some.covariance)
    even = known.classified([40, 30, 30, 0])
    assert verdict(even, real, own_classes=True) is None
    one = known.classified([1, 99, 0, 0])
    reason = "1 of 3 modes hold at least a tenth of their share of 100 samples"  # not the class never seen
    assert verdict(one, real, own_classes=True) == reason
    assert verdict(one, real) is None  # another classifier's classes are no modes


def test_rounding_moves_no_limit() -> None:
    declared = known.images([0.07, 0.07, 0.43, 0.43])
    predicted = Reference(known.classified([7, 7, 43, 43]), declared.mean, declared.covariance)
    fake = known.classified([7, 993, 0, 0])
    assert verdict(fake, declared) is None
    assert verdict(fake, predicted, own_classes=True) is None


def test_modes_that_should_have_fewer_than_five_samples_are_not_asked() -> None:
    reason = "0 of 2 modes hold at least a tenth of their share of 100 samples"
    assert verdict(known.classified([0, 0, 50, 50]), known.images([0.5, 0.48, 0.01, 0.01])) == reason
    assert verdict(known.classified([50, 0, 50, 0]), known.images([0.5, 0.4, 0.05, 0.05])) is None  # 2 of 4


@few
@given(seed=st.integers(0, 2**32 - 1), samples=st.sampled_from([2, 10, 30, 64, 100, 1000]))
def test_a_perfect_generator_is_never_accused(seed: int, samples: int) -> None:
    skewed = Mixture(Grid25().mixture().centres, 0.05, torch.arange(1.0, 26.0) ** -1)
    for mixture in (known.RING, Grid25().mixture(), skewed):
        fake = known.perfect(mixture, samples, seed)
        assert "modes" not in (verdict(fake, known.points(mixture)) or "")
        if samples >= 10:
            assert verdict(fake, known.points(mixture)) is None


@few
@given(held=st.integers(1, 8), order=st.permutations(range(8)))
def test_it_depends_on_how_many_modes_are_held_and_not_on_which(held: int, order: list[int]) -> None:
    counts = [100 if mode < held else 0 for mode in order]
    assert (verdict(known.classified(counts), known.images([1 / 8] * 8)) is None) == (held >= 4)


def test_samples_that_cannot_be_judged() -> None:
    for features in (torch.zeros(1, 2), torch.zeros(0, 2), torch.zeros(5, 3)):
        with pytest.raises(EvidenceError, match="two samples or more of 2 features"):
            verdict(Evidence(features.double()), known.points())
    with pytest.raises(EvidenceError, match="logits"):
        verdict(Evidence(torch.zeros(5, 1, dtype=torch.float64)), known.images([0.5, 0.5]))
    with pytest.raises(EvidenceError, match="not finite"):
        verdict(Evidence(torch.full((5, 2), math.nan, dtype=torch.float64)), known.points())
