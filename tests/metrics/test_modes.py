"""Metrics over modes against closed forms, and proof that the tolerances would notice a wrong formula."""

import math
from pathlib import Path
from typing import Any

import known
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from ganbench import cards, metrics, modes, plugins
from ganbench.datasets.grid25 import Dataset as Grid25
from ganbench.evidence import Evidence, EvidenceError, Reference
from ganbench.metrics.high_quality_share import Metric as HighQualityShare
from ganbench.metrics.jensen_shannon import Metric as JensenShannon
from ganbench.metrics.modes_captured import Metric as ModesCaptured
from ganbench.metrics.modes_covered import Metric as ModesCovered
from ganbench.metrics.reverse_kl import Metric as ReverseKL
from ganbench.metrics.total_variation import Metric as TotalVariation
from ganbench.mixtures import Mixture
from ganbench.streams import stream

FOR_IMAGES = [ModesCaptured, ModesCovered, ReverseKL, JensenShannon, TotalVariation]
ALL = [HighQualityShare, *FOR_IMAGES]
INSIDE = 1 - math.exp(-4.5)  # of a 2-D Gaussian, within 3 sigma
few = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)
some_counts = st.lists(st.integers(0, 40), min_size=2, max_size=8).filter(any)


def named(metric: Any) -> str:
    return metric.short if isinstance(metric, type) else f"{metric.short} {getattr(metric, 'rule', '')}"


def uniform(modes: int) -> Reference:
    return known.images([1 / modes] * modes)


def lopsided() -> Mixture:
    """Four modes of unequal weights in three dimensions."""
    corners = torch.cat([torch.zeros(1, 3), torch.eye(3)]).double()
    return Mixture(corners, 0.02, torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64))


# Which mode a sample is in


def test_points_are_counted_at_their_nearest_mode_if_they_are_valid() -> None:
    counts, invalid = modes.count(known.planted([3, 0, 2], lost=4), known.points())
    assert counts.tolist() == [3, 0, 2, 0, 0, 0, 0, 0]
    assert invalid == 4
    counts, invalid = modes.count(known.planted([3, 0, 2], lost=4), known.points(), "any")
    assert counts.tolist() == [3, 4, 2, 0, 0, 0, 0, 0]  # (50, 50) is nearest to the mode at 45 degrees
    assert invalid == 0


def test_a_corner_of_the_box_is_outside_the_ball() -> None:
    corner = Evidence(known.RING.centres[:1] + 2.9 * known.RING.sigma)
    assert modes.count(corner, known.points(), "ball") == (pytest.approx(torch.zeros(8)), 1)
    assert modes.count(corner, known.points(), "box")[1] == 0
    assert HighQualityShare()(corner, known.points()) == 0
    for metric in (ModesCaptured, ModesCovered):
        assert metric()(corner, known.points()) == 0
        assert metric(rule="box")(corner, known.points()) == 1
    for metric in (ReverseKL, JensenShannon):
        assert math.isnan(metric()(corner, known.points()))
        assert math.isfinite(metric(rule="box")(corner, known.points()))
    box = math.erf(3 / math.sqrt(2)) ** 2
    assert TotalVariation()(corner, known.points()) == pytest.approx(INSIDE, rel=1e-12)
    assert TotalVariation(rule="box")(corner, known.points()) == pytest.approx(1 - box / 8, rel=1e-12)


def test_every_image_counts_at_its_predicted_class_whatever_the_rule() -> None:
    counts, invalid = modes.count(known.classified([5, 0, 2]), uniform(3), "box")
    assert (counts.tolist(), invalid) == ([5, 0, 2], 0)


@pytest.mark.parametrize("dimension", [1, 2, 3, 10])
def test_the_valid_share_is_that_of_samples_in_any_dimension(dimension: int) -> None:
    one = known.points(Mixture(torch.zeros(1, dimension), 0.3))
    noise = torch.randn(20_000, dimension, generator=stream(0, "test"), dtype=torch.float64)
    for rule, distance in {"ball": noise.norm(dim=1), "box": noise.abs().amax(1)}.items():
        share = (distance <= 3).double().mean().item()
        error = math.sqrt(share * (1 - share) / len(noise))
        assert modes.valid_share(one, rule) == pytest.approx(share, abs=4 * error)
    assert modes.valid_share(one, "any") == 1


def test_the_valid_shares_that_documentation_quotes() -> None:
    assert modes.valid_share(known.points(), "ball") == pytest.approx(INSIDE, rel=1e-12)
    assert modes.valid_share(known.points(), "box") == pytest.approx(0.994607, abs=1e-6)
    assert modes.valid_share(uniform(10)) == 1


# Exact values: K' of K modes are equally full


@pytest.mark.parametrize("full", range(1, 9))
@pytest.mark.parametrize("kind", ["points", "images"])
def test_modes_that_are_equally_full(full: int, kind: str) -> None:
    counts, ratio = [5] * full + [0] * (8 - full), full / 8
    fake, real = (known.planted(counts), known.points()) if kind == "points" else (known.classified(counts), uniform(8))
    valid = INSIDE if kind == "points" else 1
    assert ModesCaptured()(fake, real) == full
    assert ModesCovered()(fake, real) == full
    assert ReverseKL()(fake, real) == pytest.approx(math.log(1 / ratio), abs=1e-12)
    missed = (1 - ratio) * math.log(2)
    jensen_shannon = (math.log(2 / (1 + ratio)) + ratio * math.log(2 * ratio / (1 + ratio)) + missed) / 2
    assert JensenShannon()(fake, real) == pytest.approx(jensen_shannon, abs=1e-12)
    assert TotalVariation()(fake, real) == pytest.approx(1 - ratio * valid, abs=1e-12)


def test_samples_in_no_mode() -> None:
    fake, real = known.planted([10] * 8, lost=20), known.points()
    assert HighQualityShare()(fake, real) == pytest.approx(80, rel=1e-12)
    assert ReverseKL()(fake, real) == pytest.approx(0, abs=1e-12)
    assert JensenShannon()(fake, real) == pytest.approx(0, abs=1e-12)
    assert TotalVariation()(fake, real) == pytest.approx(INSIDE - 0.8, rel=1e-12)
    # The one published evaluation that counts every point at its nearest mode: 20 of them at the second one.
    shares = np.array([0.1, 0.3, *[0.1] * 6])
    assert ReverseKL(rule="any")(fake, real) == pytest.approx((shares * np.log(8 * shares)).sum(), rel=1e-12)


@pytest.mark.parametrize("rule", ["ball", "box"])
def test_without_a_valid_sample(rule: Any) -> None:
    fake, real = known.planted([], lost=10), known.points()
    assert ModesCaptured(rule)(fake, real) == ModesCovered(rule)(fake, real) == HighQualityShare(rule)(fake, real) == 0
    assert math.isnan(ReverseKL(rule)(fake, real))
    assert math.isnan(JensenShannon(rule)(fake, real))
    assert TotalVariation(rule)(fake, real) == pytest.approx(modes.valid_share(real, rule), rel=1e-12)


def test_true_shares_that_are_not_equal() -> None:
    weights = [0.4, 0.3, 0.2, 0.1]
    real = known.points(lopsided())
    matched = known.planted([40, 30, 20, 10], mixture=lopsided())
    even = known.planted([25] * 4, mixture=lopsided())
    assert ReverseKL()(matched, real) == pytest.approx(0, abs=1e-12)
    assert JensenShannon()(matched, real) == pytest.approx(0, abs=1e-12)
    assert TotalVariation()(matched, real) == pytest.approx(1 - modes.valid_share(real), rel=1e-9)
    assert ReverseKL()(even, real) == pytest.approx(sum(math.log(0.25 / w) / 4 for w in weights), rel=1e-12)
    assert TotalVariation()(known.classified([25] * 4), known.images(weights)) == pytest.approx(0.2, rel=1e-12)


# A wrong formula would be noticed


def uneven() -> tuple[Evidence, Reference, np.ndarray, np.ndarray]:
    """Images in three of four classes of different weights; the shares of both sides."""
    weights = [0.4, 0.05, 0.25, 0.3]
    return known.classified([8, 1, 1, 0]), known.images(weights), np.array([0.8, 0.1, 0.1, 0]), np.array(weights)


def kl(p: np.ndarray, q: np.ndarray) -> float:
    return float(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0))


def test_a_wrong_reverse_kl_would_be_noticed() -> None:
    fake, real, p, w = uneven()
    found = ReverseKL()(fake, real)
    assert found == pytest.approx(kl(p, w), rel=1e-12)
    forward = sum(b * math.log(b / a) for a, b in zip(p, w, strict=True) if a > 0)
    for wrong in (forward, kl(p, w) / math.log(2), kl(p, np.full(4, 0.25)), kl(p, w) / 2):
        assert wrong != pytest.approx(found, rel=1e-3)


def test_a_wrong_jensen_shannon_divergence_would_be_noticed() -> None:
    fake, real, p, w = uneven()
    found = JensenShannon()(fake, real)
    m = (p + w) / 2
    halves = kl(p, m), kl(w, m)
    assert found == pytest.approx(sum(halves) / 2, rel=1e-12)
    for wrong in (sum(halves), found / math.log(2), math.sqrt(found), *halves, (kl(p, w) + kl(w, p + 1e-12)) / 2):
        assert wrong != pytest.approx(found, rel=1e-3)


def test_a_wrong_total_variation_would_be_noticed() -> None:
    fake, real, p, w = uneven()
    found = TotalVariation()(fake, real)
    assert found == pytest.approx(0.45, rel=1e-12)
    for wrong in (np.abs(p - w).sum(), np.square(p - w).sum() / 2, np.abs(p - 0.25).sum() / 2, np.abs(p - w).max()):
        assert wrong != pytest.approx(found, rel=1e-3)
    # Charged for its own 1.11 % outside 3 sigma, a perfect generator would have at least that.
    exact = known.planted([int(100_000 * INSIDE / 8)] * 8, lost=int(100_000 * (1 - INSIDE)))
    assert TotalVariation()(exact, known.points()) < 1e-4


def test_a_wrong_high_quality_share_would_be_noticed() -> None:
    fake = known.perfect(known.RING, 100_000)
    deviation = 100 * math.sqrt(INSIDE * (1 - INSIDE) / len(fake))
    assert HighQualityShare()(fake, known.points()) == pytest.approx(100 * INSIDE, abs=4 * deviation)
    box = 100 * modes.valid_share(known.points(), "box")
    assert HighQualityShare(rule="box")(fake, known.points()) == pytest.approx(box, abs=4 * deviation)
    assert box - 100 * INSIDE > 8 * deviation


def test_one_sample_captures_a_mode() -> None:
    assert ModesCaptured()(known.planted([1000, 1]), known.points()) == 2
    assert ModesCaptured()(known.classified([1000, 1, 0]), uniform(3)) == 2


@pytest.mark.parametrize(("count", "covered"), [(9, 0), (10, 1), (11, 1)])
def test_a_mode_is_covered_from_a_tenth_of_its_share_of_all_samples_on(count: int, covered: int) -> None:
    fake = known.planted([count], lost=800 - count)  # a tenth of 800 / 8; a tenth of the valid samples would be less
    assert ModesCovered()(fake, known.points()) == covered


@pytest.mark.parametrize(("count", "covered"), [(6, 0), (7, 1)])
def test_the_dataset_or_a_setting_says_from_which_share_a_mode_is_covered(count: int, covered: int) -> None:
    fake = known.classified([count, 2600 - count, *[0] * 98])
    quarter = known.images([0.01] * 100, covered_share=0.25)  # 6.5 of 26, as 7 of the 26 of stacked MNIST
    assert ModesCovered()(fake, quarter) == 1 + covered
    assert ModesCovered(share=0.25)(fake, uniform(100)) == 1 + covered
    assert ModesCovered()(fake, uniform(100)) == 2


def test_a_covered_mode_has_a_sample_and_a_heavier_one_needs_more() -> None:
    assert ModesCovered()(known.classified([1, 0, 0, 0]), uniform(4)) == 1  # not the three without a sample
    assert ModesCovered()(known.classified([50, 50, 0]), known.images([0.5, 0.5, 0.0])) == 2
    fake = known.classified([80, 10, 10])
    assert ModesCovered(share=1.0)(fake, known.images([0.8, 0.1, 0.1])) == 3
    assert ModesCovered(share=1.0)(fake, known.images([0.1, 0.1, 0.8])) == 2


@pytest.mark.parametrize("share", [0.01, 0.07, 0.14, 0.28, 0.29, 0.55, 0.56, 0.57, 0.58])
def test_rounding_lifts_no_threshold(share: float) -> None:
    threshold = round(100 * share)
    assert modes.fewest(share, torch.tensor([1.0]), 100).item() == threshold
    assert modes.fewest(0.01, torch.tensor([share], dtype=torch.float64), 10_000).item() == threshold


# What a perfect generator has


@pytest.mark.parametrize(
    "metric",
    [
        HighQualityShare(),
        HighQualityShare(rule="box"),
        ModesCaptured(),
        ModesCovered(share=1.0),
        ModesCovered(rule="box", share=0.9),
        ReverseKL(),
        ReverseKL(rule="any"),
        JensenShannon(),
        TotalVariation(),
        TotalVariation(rule="box"),
    ],
    ids=named,
)
@pytest.mark.parametrize("mixture", [known.RING, lopsided()], ids=["ring8", "lopsided"])
def test_a_perfect_generator_of_points_has_on_average_what_the_metric_says(metric: Any, mixture: Mixture) -> None:
    real, samples = known.points(mixture), 500
    draws = [metric(known.perfect(mixture, samples, seed), real) for seed in range(400)]
    error = np.std(draws, ddof=1) / math.sqrt(len(draws))
    assert error <= 0.05 * np.mean(draws)  # a factor of two would be noticed
    assert np.mean(draws) == pytest.approx(metric.perfect(real, samples), abs=4 * error + 1e-9)


@pytest.mark.parametrize("metric", [ModesCaptured(), ModesCovered(share=0.9), ReverseKL(), JensenShannon()], ids=named)
def test_a_perfect_generator_of_images_has_on_average_what_the_metric_says(metric: Any) -> None:
    weights = torch.arange(1, 41, dtype=torch.float64) / 820
    real, samples = known.images(weights.tolist()), 2000
    draws = [metric(known.drawn(weights, samples, seed), real) for seed in range(60)]
    error = np.std(draws, ddof=1) / math.sqrt(len(draws))
    expected = metric.perfect(real, samples)
    assert error <= 0.05 * expected
    second_order = float((1 / weights).sum() - 1) / (12 * samples**2)  # of the KL; first order is what is promised
    assert np.mean(draws) == pytest.approx(expected, abs=4 * error + second_order)


def test_few_samples_a_mode_capture_fewer_modes() -> None:
    real, samples = uniform(50), 50
    expected = ModesCaptured().perfect(real, samples)
    assert expected == pytest.approx(50 * (1 - 0.98**50), rel=1e-12)
    weights = real.true_mode_weights()
    draws = [ModesCaptured()(known.drawn(weights, samples, seed), real) for seed in range(200)]
    error = np.std(draws, ddof=1) / math.sqrt(len(draws))
    assert error < 0.2
    assert np.mean(draws) == pytest.approx(expected, abs=4 * error)


def test_the_floors_of_published_protocols() -> None:
    grid, ring = known.points(Grid25().mixture()), known.points()
    assert ReverseKL().perfect(ring, 2500) == pytest.approx(0.0014, abs=5e-5)
    assert ReverseKL().perfect(grid, 2500) == pytest.approx(0.0048, abs=1e-4)
    assert ReverseKL().perfect(uniform(1000), 26_000) == pytest.approx(0.0192, abs=5e-5)
    assert ReverseKL().perfect(uniform(1000), 25_600) == pytest.approx(0.0195, abs=5e-5)
    assert ModesCaptured().perfect(uniform(1000), 26_000) == pytest.approx(1000, abs=1e-6)
    assert ModesCovered(share=0.25).perfect(uniform(1000), 26_000) == pytest.approx(1000, abs=0.01)
    assert HighQualityShare().perfect(grid, 2500) == pytest.approx(98.889, abs=1e-3)
    assert HighQualityShare(rule="box").perfect(grid, 50_000) == pytest.approx(99.461, abs=1e-3)


def test_the_floor_of_the_total_variation_is_an_expectation_and_nearly_what_its_documentation_says() -> None:
    real, samples = known.points(), 2500
    shares = [INSIDE / 8] * 8 + [1 - INSIDE]
    by_sums = [
        sum(abs(k / samples - p) * binom.pmf(k, samples, p) for k in range(samples + 1)) for p in (shares[0], shares[8])
    ]
    found = TotalVariation().perfect(real, samples)
    assert found == pytest.approx((8 * by_sums[0] + by_sums[1]) / 2, rel=1e-9)
    assert found == pytest.approx(math.sqrt(8 / (2 * math.pi * samples)), rel=0.05)
    assert TotalVariation().perfect(uniform(1), 100) == 0


# Properties


@few
@given(counts=some_counts, lost=st.integers(0, 20))
def test_values_are_in_their_ranges(counts: list[int], lost: int) -> None:
    fake, real = known.planted(counts, lost), known.points()
    assert 0 <= HighQualityShare()(fake, real) <= 100
    assert 0 <= ModesCovered()(fake, real) <= ModesCaptured()(fake, real) <= 8
    assert -1e-12 <= ReverseKL()(fake, real) <= math.log(8) + 1e-12
    assert -1e-12 <= JensenShannon()(fake, real) <= math.log(2)
    assert 0 <= TotalVariation()(fake, real) <= 1


@few
@given(weights=st.lists(st.floats(1e-6, 1), min_size=2, max_size=8), counts=some_counts)
def test_divergences_of_images_are_bounded_and_pinsker_holds(weights: list[float], counts: list[int]) -> None:
    assume(any(counts[: len(weights)]))
    shares = torch.tensor(weights, dtype=torch.float64)
    real = known.images((shares / shares.sum()).tolist())
    fake = known.classified([*counts, *[0] * 8][: len(weights)])
    divergence, variation = ReverseKL()(fake, real), TotalVariation()(fake, real)
    assert -1e-12 <= divergence <= -math.log(real.true_mode_weights().min()) + 1e-9
    assert divergence >= 2 * variation**2 - 1e-9
    assert -1e-12 <= JensenShannon()(fake, real) <= variation * math.log(2) + 1e-9


@few
@given(seed=seeds)
def test_neither_the_order_of_samples_nor_that_of_modes_matters(seed: int) -> None:
    mixture, fake = lopsided(), known.perfect(lopsided(), 60, seed)
    order = torch.randperm(60, generator=stream(seed, "order"))
    other = torch.randperm(4, generator=stream(seed, "modes"))
    renamed = known.points(Mixture(mixture.centres[other], mixture.sigma, mixture.weights[other]))
    for metric in ALL:
        expected = pytest.approx(metric()(fake, known.points(mixture)), abs=1e-12)
        assert metric()(Evidence(fake.features[order]), known.points(mixture)) == expected
        assert metric()(fake, renamed) == expected


@few
@given(seed=seeds)
def test_the_ball_knows_no_rotations(seed: int) -> None:
    generator = stream(seed, "rotation")
    turn = torch.linalg.qr(torch.randn(2, 2, generator=generator, dtype=torch.float64))[0]
    fake = known.perfect(known.RING, 60, seed)
    turned = known.points(Mixture(known.RING.centres @ turn, known.RING.sigma))
    for metric in ALL:
        expected = pytest.approx(metric()(fake, known.points()), abs=1e-12)
        assert metric()(Evidence(fake.features @ turn), turned) == expected


@few
@given(counts=some_counts.filter(lambda counts: len(counts) < 8), seed=st.integers(1, 30))
def test_another_mode_never_captures_less(counts: list[int], seed: int) -> None:
    more = [*counts, seed]
    for fewer, further, real in (
        (known.planted(counts), known.planted(more), known.points()),
        (known.classified([*counts, *[0] * 8][:8]), known.classified([*more, *[0] * 8][:8]), uniform(8)),
    ):
        assert ModesCaptured()(further, real) == ModesCaptured()(fewer, real) + 1
        assert ModesCovered(share=1e-6)(further, real) == ModesCovered(share=1e-6)(fewer, real) + 1


@pytest.mark.parametrize("metric", [ReverseKL, JensenShannon, TotalVariation])
def test_more_equally_full_modes_are_better(metric: Any) -> None:
    values = [metric()(known.planted([5] * full), known.points()) for full in range(1, 9)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 8


# Bad input


@pytest.mark.parametrize("metric", ALL)
def test_samples_that_cannot_be_measured(metric: Any) -> None:
    real = known.points()
    unknown = Reference(real.evidence, real.mean, real.covariance)
    with pytest.raises(EvidenceError, match="modes are known"):
        metric()(known.planted([1]), unknown)
    with pytest.raises(EvidenceError, match="no samples"):
        metric()(known.planted([]), real)
    with pytest.raises(EvidenceError, match="3 dimensions, and the data 2"):
        metric()(Evidence(torch.zeros(5, 3, dtype=torch.float64)), real)


@pytest.mark.parametrize("metric", FOR_IMAGES)
def test_images_that_cannot_be_measured(metric: Any) -> None:
    with pytest.raises(EvidenceError, match="logits"):
        metric()(Evidence(torch.zeros(5, 1, dtype=torch.float64)), uniform(3))
    with pytest.raises(EvidenceError, match="into 4 modes, and the data has 3"):
        metric()(known.classified([1] * 4), uniform(3))


# What the files declare


@pytest.mark.parametrize(
    ("name", "given", "label"),
    [
        ("high-quality-share", {"rule": "box"}, "hq"),
        ("modes-captured", {"rule": "box"}, "modes"),
        ("modes-covered", {"rule": "box", "share": 0.25}, "covered"),
        ("reverse-kl", {"rule": "any"}, "rkl"),
        ("jensen-shannon", {"rule": "box"}, "jsd"),
        ("total-variation", {"rule": "box"}, "tv"),
    ],
)
def test_settings_and_short_names(name: str, given: dict[str, Any], label: str) -> None:
    path = Path(metrics.__file__).parent / f"{name.replace('-', '_')}.py"
    card = cards.read_card(path, "metric")
    defaults, problems = plugins.resolve(card, {})
    assert defaults["rule"] == "ball"
    assert not problems
    chosen, problems = plugins.resolve(card, given)
    assert not problems
    assert math.isfinite(plugins.load(card, chosen)(known.planted([5] * 8), known.points()))
    assert plugins.resolve(card, {"rule": "sphere"})[1]
    assert card.traits["short"] == label
    assert card.traits["needs"] == ("modes",)
