"""Ranks over blocks and all pairs: against scipy and scikit-posthocs, and the chance of a false conclusion."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganbench.stats.pairwise import all_pairs, holm
from ganbench.stats.ranks import average_ranks, friedman, nemenyi_distance, ranks

NAN = math.nan
number = st.one_of(st.integers(1, 9).map(float), st.just(NAN))


def tables(least: int = 2) -> st.SearchStrategy[np.ndarray]:
    """Scores (methods, blocks) of both 2 or `least` to 4."""
    sizes = st.tuples(st.integers(least, 4), st.integers(least, 4))
    return sizes.flatmap(
        lambda size: st.lists(number, min_size=size[0] * size[1], max_size=size[0] * size[1]).map(
            lambda flat: np.reshape(flat, size)
        )
    )


def test_ranks_by_hand() -> None:
    scores = [[1.0, 5.0, NAN], [2.0, 5.0, 3.0], [3.0, 4.0, NAN]]
    assert ranks(scores, "lower").tolist() == [[1, 2.5, 2.5], [2, 2.5, 1], [3, 1, 2.5]]
    assert ranks(scores, "higher").tolist() == [[3, 1.5, 2.5], [2, 1.5, 1], [1, 3, 2.5]]
    assert average_ranks(scores, "lower").tolist() == pytest.approx([2, 5.5 / 3, 6.5 / 3])


@given(tables())
def test_the_ranks_of_a_block_have_a_fixed_sum_and_only_the_order_counts(scores: np.ndarray) -> None:
    found = ranks(scores, "lower")
    assert found.sum(0) == pytest.approx(len(scores) * (len(scores) + 1) / 2)
    assert (ranks(np.exp(scores), "lower") == found).all()
    assert (ranks(-scores, "higher") == found).all()


@pytest.mark.parametrize(("methods", "blocks", "digits"), [(3, 5, 9), (4, 8, 9), (5, 6, 0)])
def test_friedman_is_scipys_with_ties_and_without(methods: int, blocks: int, digits: int) -> None:
    scores = np.random.default_rng(methods).normal(0, 2, (methods, blocks)).round(digits)
    truth = stats.friedmanchisquare(*scores)
    found = friedman(scores, "lower")
    assert (found.chi2, found.chi2_p) == pytest.approx((truth.statistic, truth.pvalue))
    assert friedman(scores, "higher").chi2 == pytest.approx(found.chi2)


def test_iman_and_davenport_in_demsars_example() -> None:
    """Average ranks 3.143, 2.000, 2.893, 1.964 of 4 methods on 14 datasets: chi2 9.28, F 3.69 (Demsar 2006, 3.2.2)."""
    mean, k, n = np.array([3.143, 2.0, 2.893, 1.964]), 4, 14
    chi2 = 12 * n / (k * (k + 1)) * ((mean**2).sum() - k * (k + 1) ** 2 / 4)
    assert chi2 == pytest.approx(9.28, abs=0.01)
    assert (n - 1) * chi2 / (n * (k - 1) - chi2) == pytest.approx(3.69, abs=0.01)
    scores = np.random.default_rng(0).normal(size=(k, n))
    found = friedman(scores, "lower")
    mean = average_ranks(scores, "lower")
    assert found.chi2 == pytest.approx(12 * n / (k * (k + 1)) * ((mean**2).sum() - k * (k + 1) ** 2 / 4))
    assert found.f == pytest.approx((n - 1) * found.chi2 / (n * (k - 1) - found.chi2))
    assert found.f_p == pytest.approx(stats.f.sf(found.f, k - 1, (k - 1) * (n - 1)))


def test_the_p_of_permutations_is_that_of_all_of_them() -> None:
    scores = np.random.default_rng(5).normal(np.arange(3)[:, None] / 2, 1, (3, 4))
    chi2 = friedman(scores, "lower").chi2
    orders = [np.array(order) for order in itertools.permutations(range(3))]
    every = [friedman_chi2(np.stack(blocks, axis=1)) for blocks in itertools.product(orders, repeat=4)]
    assert friedman(scores, "lower").p == pytest.approx(np.mean([c >= chi2 - 1e-9 for c in every]), abs=0.02)
    assert friedman(scores, "lower") == friedman(scores, "lower")


def friedman_chi2(found: np.ndarray) -> float:
    """Chi2 of ranks 0 to k - 1 (methods, blocks)."""
    k, n = found.shape
    return float(12 / (n * k * (k + 1)) * ((found.sum(1) - n * (k - 1) / 2) ** 2).sum())


def test_where_all_blocks_agree_no_p_is_0() -> None:
    found = friedman(np.tile([[1.0], [2.0], [3.0]], 4), "lower")
    assert found.chi2 == pytest.approx(8)
    assert found.f == math.inf
    assert found.smallest_p == pytest.approx(6.0**-3)
    assert found.f_p == found.smallest_p
    assert found.smallest_p <= found.p < 0.01


def test_where_all_methods_are_alike_p_is_1() -> None:
    found = friedman(np.ones((3, 4)), "lower")
    assert (found.chi2, found.f, found.p) == (0, 0, 1)
    for wrong in (np.ones((1, 4)), np.ones((3, 1))):
        with pytest.raises(ValueError, match="two methods and two blocks"):
            friedman(wrong, "lower")


def test_the_f_of_three_blocks_concludes_too_often_and_permutations_do_not() -> None:
    rng = np.random.default_rng(0)
    found = [friedman(rng.normal(size=(3, 3)), "lower") for _ in range(200)]
    assert np.mean([f.f_p <= 0.05 for f in found]) > 0.12
    assert np.mean([f.p <= 0.05 for f in found]) < 0.08


def test_nemenyis_table() -> None:
    """Critical values of Demsar (2006), table 5, within their rounding; without the root of 2 they are 1.4 times so."""
    table = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
    for k, q in table.items():
        assert nemenyi_distance(k, 10) == pytest.approx(q * math.sqrt(k * (k + 1) / 60), abs=1e-3)
    assert nemenyi_distance(5, 10, 0.1) == pytest.approx(2.459 * math.sqrt(0.5), abs=1e-3)


def test_nemenyi_tells_apart_what_scikit_posthocs_does() -> None:
    posthocs = pytest.importorskip("scikit_posthocs")
    rng = np.random.default_rng(1)
    outcomes = set()
    for _ in range(10):
        scores = rng.normal(np.arange(4)[:, None] * 0.7, 1, (4, 12))
        p = posthocs.posthoc_nemenyi_friedman(scores.T).to_numpy()
        mean = average_ranks(scores, "lower")
        apart = np.abs(mean[:, None] - mean) > nemenyi_distance(4, 12)
        assert (apart == (p < 0.05)).all()
        outcomes |= set(apart[np.triu_indices(4, 1)].tolist())
    assert outcomes == {True, False}


def test_all_pairs_are_those_of_scikit_posthocs() -> None:
    posthocs = pytest.importorskip("scikit_posthocs")
    scores = np.random.default_rng(2).normal(np.arange(4)[:, None], 1, (4, 10))
    truth = posthocs.posthoc_wilcoxon([*scores], p_adjust="holm").to_numpy()
    found = all_pairs(scores, "lower", "plain")
    assert [(t.first, t.second) for t in found] == list(itertools.combinations(range(4), 2))
    for test in found:
        assert test.adjusted == pytest.approx(truth[test.first, test.second])


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_is_between_p_and_bonferroni(ps: list[float]) -> None:
    found = holm(ps)
    order = np.argsort(ps, kind="stable")
    assert (np.diff(np.array(found)[order]) >= 0).all()
    assert all(p <= a <= min(1, len(ps) * p) + 1e-12 for p, a in zip(ps, found, strict=True))
    assert sorted(holm(ps[::-1])) == sorted(found)


def test_holm_over_all_pairs_seldom_concludes_falsely() -> None:
    rng = np.random.default_rng(3)
    runs = [all_pairs(rng.normal(size=(4, 10)), "lower", "plain") for _ in range(300)]
    assert np.mean([min(t.adjusted for t in run) <= 0.05 for run in runs]) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    assert np.mean([min(t.p for t in run) <= 0.05 for run in runs]) > 0.12


def test_a_method_that_fails_everywhere_is_behind() -> None:
    found = all_pairs([[1.0] * 9, [NAN] * 9, [2.0] * 9], "lower", "log")
    assert [t.p for t in found] == [2.0**-8] * 3
    assert [t.adjusted for t in found] == [3 * 2.0**-8] * 3
    with pytest.raises(ValueError, match="two methods"):
        all_pairs([[1.0, 2.0]], "lower", "plain")
