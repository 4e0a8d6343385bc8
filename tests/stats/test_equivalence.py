"""A published number against measured ones: closed forms, and how often a verdict is wrong."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from montecarlo import off
from scipy import stats

from ganbench.stats.equivalence import OURS, THEIRS, WELCH, Difference, difference, verdict

NAN = math.nan
TIMES = 1500
runs = st.lists(st.floats(-100, 100).map(lambda v: round(v, 3)), min_size=1, max_size=6)


def test_with_both_spreads_it_is_welchs_interval() -> None:
    values = np.array([6.1, 5.2, 7.4, 6.6])
    found = difference(values, 5.0, sd=1.3, runs=10)
    scipys = stats.ttest_ind_from_stats(values.mean(), values.std(ddof=1), 4, 5.0, 1.3, 10, equal_var=False)
    interval = found.interval(0.95)
    assert interval is not None
    assert found.basis == WELCH
    assert found.value / found.se == pytest.approx(scipys.statistic)
    p = 2 * stats.t.sf(abs(found.value / found.se), found.freedom)
    assert p == pytest.approx(scipys.pvalue)
    assert (interval.low + interval.high) / 2 == pytest.approx(found.value)


def test_a_number_of_one_run_of_unknown_spread_has_a_prediction_interval() -> None:
    values = [1.0, 2.0, 4.0]
    found = difference(values, 2.0, sd=None, runs=None)
    reach = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) * math.sqrt(1 + 1 / 3)
    interval = found.interval()
    assert interval is not None
    assert found.basis == OURS
    assert interval.high - found.value == pytest.approx(reach)
    assert difference(values, 2.0, sd=None, runs=10).se == pytest.approx(
        np.std(values, ddof=1) * math.sqrt(1 / 3 + 0.1)
    )


def test_one_measured_run_rests_on_the_published_spread() -> None:
    found = difference([7.0, NAN], 5.0, sd=2.0, runs=4)
    assert (found.value, found.basis, found.count) == (2.0, THEIRS, 1)
    assert found.se == pytest.approx(2.0 * math.sqrt(1 + 1 / 4))
    assert found.freedom == 3


def test_where_no_spread_is_known_nothing_is_said() -> None:
    for values, sd, of in (([7.0], None, 10), ([7.0], 2.0, 1), ([7.0], 2.0, None)):
        found = difference(values, 5.0, sd, of)
        assert found.se is None
        assert found.interval() is None
        assert verdict(found, 10.0) == "open"
    with pytest.raises(ValueError, match="did not fail"):
        difference([NAN], 5.0, 1.0, 10)


def test_equal_runs_and_a_published_spread_of_0_are_compared_as_points() -> None:
    assert verdict(difference([1000.0, 1000.0], 1000.0, 0.0, 10), 25) == "match"
    assert verdict(difference([1000.0, 1000.0], 900.0, 0.0, 10), 25) == "differs"
    assert verdict(difference([1000.0, 1000.0], 975.0, 0.0, 10), 25) == "match"  # the margin itself is the same


def test_the_rule_at_its_edges() -> None:
    reach = float(stats.t.ppf(0.95, 9)), float(stats.t.ppf(0.975, 9))
    assert verdict(Difference(0.0, 1.0, 9, 10, WELCH), reach[0] + 1e-9) == "match"
    assert verdict(Difference(0.0, 1.0, 9, 10, WELCH), reach[0] - 1e-9) == "open"
    assert verdict(Difference(-5.0, 1.0, 9, 10, WELCH), 5 - reach[1] - 1e-9) == "differs"
    assert verdict(Difference(-5.0, 1.0, 9, 10, WELCH), 5 - reach[1] + 1e-9) == "open"
    with pytest.raises(ValueError, match="above 0"):
        verdict(Difference(0.0, 1.0, 9, 10, WELCH), 0.0)


@given(runs, st.floats(-100, 100), st.one_of(st.none(), st.floats(0, 10)), st.one_of(st.none(), st.integers(1, 20)))
def test_a_larger_margin_never_turns_a_match_into_a_difference(
    values: list[float], published: float, sd: float | None, of: int | None
) -> None:
    found = difference(values, published, sd, of)
    order = [verdict(found, margin) for margin in (1e-3, 0.1, 1.0, 10.0, 1e3)]
    rank = [{"differs": 0, "open": 1, "match": 2}[said] for said in order]
    assert rank == sorted(rank)


@pytest.mark.parametrize(("count", "of"), [(3, 10), (5, 10), (10, 5), (10, None)])
def test_a_false_match_and_a_false_difference_are_as_rare_as_stated(count: int, of: int | None) -> None:
    """At a true difference of exactly the margin, where both errors are the most frequent."""
    random = np.random.default_rng(count)
    margin, spread = 1.0, 0.4
    said = []
    for _ in range(TIMES):
        paper = random.normal(0, spread, of or 1)
        sd = float(paper.std(ddof=1)) if of else None
        said.append(verdict(difference(random.normal(margin, spread, count), float(paper.mean()), sd, of), margin))
    match, differs = said.count("match"), said.count("differs")
    assert match < 0.05 * TIMES or off(match, TIMES, 0.05) < 3.5
    assert differs < 0.025 * TIMES or off(differs, TIMES, 0.025) < 3.5
    assert min(match, differs) > 0.005 * TIMES  # and the rule can say either


def test_equal_protocols_match_and_others_differ_with_enough_runs() -> None:
    random = np.random.default_rng(0)
    alike = [verdict(difference(random.normal(5, 1, 10), 5 + random.normal(0, 0.3), 1.0, 10), 1.5) for _ in range(500)]
    other = [verdict(difference(random.normal(9, 1, 10), 5 + random.normal(0, 0.3), 1.0, 10), 1.5) for _ in range(500)]
    assert alike.count("match") > 350
    assert alike.count("differs") == 0
    assert other.count("differs") > 450
    assert other.count("match") == 0
