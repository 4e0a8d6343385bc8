"""The sentences of the page, on results of which the truth is known; and the comparison of two results."""

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import fakes
import pytest

from ganbench import layout, runs
from ganbench.report import merged, page, spread, standing, verdicts
from ganbench.report.collect import Results, collect
from ganbench.report.contests import contests

STUDY = """
study: known
datasets: [ring8, grid25]
architectures: [mlp]
methods: [good, bad]
seeds: {seeds}
training: {{generator_steps: 50, snapshots: 2}}
evaluation: {{samples: 200}}
"""
METHODS = "[{name: minimax, label: good}, {name: wgan, label: bad}]"

Make = Callable[..., Results]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A function that makes results whose headline, modes captured, is as given by method and seed; None diverged."""
    monkeypatch.chdir(tmp_path)

    def results(good: list[float | None], bad: list[float | None]) -> Results:
        text = STUDY.format(seeds=list(range(len(good)))).replace("[good, bad]", METHODS)
        plan = runs.plan(fakes.study(Path("known.yaml"), text))
        given = {"good": good, "bad": bad}
        fakes.write(plan, frozenset(run.id for run in plan.runs if given[run.method][run.seed] is None))
        for run in plan.runs:
            value = given[run.method][run.seed]
            path = plan.folder(run) / layout.METRICS
            record = json.loads(path.read_text("utf-8"))
            for evaluation in record["evaluations"]:
                evaluation["metrics"]["modes_200"] = value
            record["resamples"] = {} if value is None else {"raw": [value, value]}
            path.write_text(json.dumps(record), "utf-8")
        return collect(plan)

    return results


def said(results: Results) -> list[str]:
    standings = {name: standing.standing(results, name) for name in results.measures}
    return verdicts.verdicts(results, standings, {pair: contests(results, pair) for pair in results.pairs})


def test_a_clear_winner_is_named_with_the_difference_and_its_interval(make: Make) -> None:
    first, ring, grid, failed = said(make([8, 7, 8, 7, 8, 8], [2, 1, 1, 2, 1, 2]))
    assert first == "good has the most clear wins: it beats bad on 2 of 2 datasets."
    assert ring == (
        "ring8, mlp: good leads with 7.67 modes [7.12, 8.21] (Modes captured). "
        "It beats bad by 6.17 modes [5.38, 6.96], 6 paired seeds."
    )
    assert grid.startswith("grid25, mlp: good leads")
    assert failed == "Every one of 24 runs finished with numbers, and none collapsed."


def test_who_beats_what_needs_no_learning_is_said_and_who_does_not_too(make: Make) -> None:
    results = make([8, 7, 8, 7, 8, 8], [2, 1, 1, 2, 1, 2])
    for reference in results.references.values():
        reference["baseline"] = {"name": "real, shuffled", "metrics": {results.headline("ring8"): 1.5}}
    _, _, ring, _, grid, _ = said(results)
    assert ring == (
        "ring8, mlp: without learning, real, shuffled scores 1.50 modes; good beats that, "
        "bad does not, or not beyond chance."
    )
    assert grid.startswith("grid25, mlp: without learning")


def test_one_seed_cannot_say_who_beats_what_needs_no_learning(make: Make) -> None:
    results = make([8], [2])
    results.references["ring8"]["baseline"] = {"name": "nothing", "metrics": {results.headline("ring8"): 0.1}}
    assert any(sentence.endswith("one seed cannot say who beats that.") for sentence in said(results))


def test_seeds_that_are_all_equal_beat_what_needs_no_learning(make: Make) -> None:
    results = make([8, 8, 8], [2, 1, 1])
    results.references["ring8"]["baseline"] = {"name": "nothing", "metrics": {results.headline("ring8"): 7.0}}
    assert any("good beats that, bad does not" in sentence for sentence in said(results))


def test_a_method_with_a_failed_run_does_not_beat_what_needs_no_learning(make: Make) -> None:
    results = make([8, 7, 8, None, 8, 8], [2, 1, 1, 2, 1, 2])
    results.references["ring8"]["baseline"] = {"name": "nothing", "metrics": {results.headline("ring8"): 0.1}}
    assert "bad beats that, good does not" in said(results)[2]
    results.references["ring8"]["baseline"]["metrics"][results.headline("ring8")] = 9.0
    assert said(results)[2].endswith("nothing scores 9.00 modes; no method beats that beyond chance.")


def test_few_seeds_give_no_conclusion(make: Make) -> None:
    first, ring, *_ = said(make([8, 7, 8], [2, 1, 1]))
    assert first.startswith(
        "No conclusion that one method beats another: 3 seeds, and a winner needs 5 (a signed-rank test 6)"
    )
    assert "no conclusion: 3 seeds" in ring


def test_many_columns_without_a_conclusion_share_a_sentence(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    results = make([8, 7, 8], [2, 1, 1])
    monkeypatch.setattr(verdicts, "MOST_COLUMNS", 1)
    first, leads, failed = said(results)
    assert first.startswith("No conclusion that one method beats another: 3 seeds")
    assert leads == "good has the best average on 2 of 2 pairs of dataset and architecture."
    assert failed.startswith("Every one of 12 runs finished")


def test_many_columns_of_which_nobody_has_the_best_have_a_sentence_each(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "MOST_COLUMNS", 1)
    _, ring, grid, _ = said(make([8, 8, 8], [8, 8, 8]))
    assert ring.startswith("ring8, mlp: all methods score the same")
    assert grid.startswith("grid25, mlp: all methods score the same")


def test_many_columns_with_a_conclusion_have_a_sentence_each(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "MOST_COLUMNS", 1)
    _, ring, grid, _ = said(make([8, 7, 8, 7, 8, 8], [2, 1, 1, 2, 1, 2]))
    assert "It beats bad" in ring
    assert "It beats bad" in grid


def test_methods_that_overlap_are_not_told_apart(make: Make) -> None:
    first, ring, *_ = said(make([8, 1, 8, 1, 8, 2], [2, 8, 1, 8, 1, 7]))
    assert first.startswith("No method beats another")
    assert "Not told apart from it: bad" in ring
    assert "beats" not in ring


def test_a_failed_run_is_no_win_and_is_named(make: Make) -> None:
    results = make([8, 7, 8, 7, 8, 8], [2, 1, None, 2, 1, 2])
    first, ring, _, failed = said(results)
    assert first.startswith("No method beats another")
    assert ring.endswith("With failed runs: bad.")
    assert failed == "Of 24 runs 2 diverged, all of bad (2 of 12)."
    (contest,) = contests(results, ("ring8", "mlp"))
    assert (contest.comparison.incomplete, contest.winner) == (1, None)
    assert contest.comparison.wins.events == 6  # the failed run lost


def test_resampling_without_spread_puts_all_variance_on_training(make: Make) -> None:
    split = next(s for s in spread.splits(make([8, 7, 8], [2, 1, 1])) if s.row == "good")
    assert (split.found.share, split.found.samples) == (1.0, 3)


def test_two_copies_of_the_same_results_did_not_change(make: Make) -> None:
    results = make([8, 7, 8, 7, 8, 8], [2, 1, 1, 2, 1, 2])
    page.write(results.plans[0])
    shutil.copytree(layout.results("known"), "before")
    made = page.compare(Path("before"), Path("known.yaml"))
    text = made.read_text("utf-8")
    assert made == Path("reports/known-vs-known/index.html")
    assert "the same values on 6 seeds" in text
    assert "none of 4 pairs of method and dataset changed beyond noise" in text
    assert "good [A]" in text
    assert "good [B]" in text


def test_a_change_beyond_noise_is_named_and_noise_is_not(make: Make) -> None:
    before = make([8, 7, 8, 7, 8, 8], [2, 1, 4, 2, 3, 2])
    with contextlib.chdir(Path()):
        shutil.copytree(layout.results("known"), "before")
    page._keep_study(before.plans[0])
    shutil.copytree(layout.study(layout.results("known")).parent, "before/study")
    after = make([4, 3, 4, 3, 4, 3], [2, 3, 1, 4, 2, 2])
    both = merged.merge(collect(after.plans[0], Path("before")), after, ("A", "B"))
    found = {(c.pair[0], c.method): c for c in merged.changes(both, ("A", "B"))}
    assert found["ring8", "good"].beyond_noise
    assert found["ring8", "good"].text.startswith("worse: 4.17 [3.74, 4.60]")
    assert not found["ring8", "bad"].beyond_noise
    assert found["ring8", "bad"].text.startswith("no change beyond noise")
    assert "good on ring8, mlp (worse" in merged.sentences(list(found.values()), ("A", "B"))[0]
