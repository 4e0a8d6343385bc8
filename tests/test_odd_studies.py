"""Pages of studies that are odd: nothing was kept, nothing is better, all went wrong, names are hostile."""

import csv
import html
import re
from pathlib import Path
from typing import Any

import pytest
import tiny

from ganbench import layout
from ganbench.report import page, standing
from ganbench.report.collect import Results, collect

EMA = {"name": "non-saturating", "label": "averaged", "ema": 0.7}
BROKEN = '''
"""A loss that is no number."""
from dataclasses import dataclass

@dataclass(frozen=True)
class Loss:
    """NaN."""
    def discriminator(self, real, fake):
        return (real.mean(-1) + fake.mean(-1)) * float("nan")

    def generator(self, real, fake):
        return fake.mean(-1)
'''
HOSTILE = (
    tiny.GAP.replace('"Gap"', '"<b>Gap</b> in $ or $_{"')
    .replace("undefined from 1000 on", "<script>alert(1)</script>")
    .replace("power: float = 1.0", 'words: str = ""\n    power: float = 1.0')
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(place: tiny.Place) -> tuple[Results, str]:
    """The results and the page, without the figures' shapes."""
    page.write(place.plan)
    text = layout.report("tiny").read_text("utf-8")
    assert not re.search(r"\bnan\b", text)
    return collect(place.plan), text


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def directed(direction: str) -> str:
    return tiny.GAP.replace('direction: ClassVar[str] = "lower"', f'direction: ClassVar[str] = "{direction}"')


def test_a_study_without_snapshots_has_no_word_on_training() -> None:
    results, text = written(tiny.place(training={"snapshots": 0}, seeds=[0, 1]).prepare().train().evaluate())
    assert 'id="training"' not in text
    assert "#training" not in text
    assert "best checkpoint" not in text
    assert results.runs.best_to_final.isna().all()
    assert {row["checkpoint"] for row in rows(layout.evaluations_table("tiny"))} == {"final", "best"}


def test_one_seed_has_no_deviation_and_says_that_it_is_too_few() -> None:
    results, text = written(tiny.place().prepare().train().evaluate())
    assert "1 seed, and a winner needs 5" in text or "There is one method" in text
    cell = standing.standing(results, "fd_100").rows["non-saturating"][0]
    assert cell is not None
    assert cell.summary.average.interval is None
    assert cell.span == "–"


@pytest.mark.parametrize("snapshots", [0, 2])
def test_a_study_whose_runs_all_diverged_is_a_page(snapshots: int) -> None:
    methods = [{"name": "non-saturating", "label": "bad", "loss": "my-loss"}]
    place = tiny.place({"my_loss.py": BROKEN}, methods=methods, seeds=[0, 1], training={"snapshots": snapshots})
    _, text = written(place.prepare().train().evaluate())
    assert "2 of 2 diverged" in text
    assert "no method has a number" in text


def test_a_study_whose_runs_all_collapsed_keeps_its_numbers() -> None:
    place = tiny.place(evaluation={"metrics": ["fd", "modes"]}).prepare().train()
    _, text = written(place.plant({4: 0.7}).evaluate())
    assert "1 of 1 collapsed" in text
    assert "1 of 8 modes hold at least a tenth of their share" in text
    assert rows(layout.runs_table("tiny"))[0]["status"] == "collapsed"
    assert float(rows(layout.runs_table("tiny"))[0]["fd_100"]) > 0


def test_a_collapse_is_said_only_of_what_was_asked() -> None:
    place = tiny.place(methods=[EMA]).prepare().train()
    results, _ = written(place.plant({4: 0.7}).evaluate())
    for row, checkpoint, collapsed in (
        ("averaged", "final", 1),
        ("averaged (ema)", "final", 0),
        ("averaged", "best", 0),
    ):
        cell = standing.standing(results, "fd_100", checkpoint).rows[row][0]
        assert cell is not None
        assert (cell.summary.average.count, cell.collapsed) == (1, collapsed)


def test_a_method_with_an_average_has_a_row_more() -> None:
    place = tiny.place(methods=["wgan", EMA, "minimax"], seeds=[0, 1]).prepare().train().evaluate()
    results, text = written(place)
    assert results.rows == ["wgan", "averaged", "averaged (ema)", "minimax"]
    table = standing.standing(results, "fd_100")
    assert [cell.summary.average.count for (cell,) in table.rows.values() if cell] == [2, 2, 2, 2]
    assert '<th scope="row">averaged (ema)</th>' in text
    assert len(results.runs) == 6


def test_where_higher_is_better_the_highest_is_best_and_marked() -> None:
    place = tiny.dots(directed("higher"), training={"snapshots": 4}).prepare().train()
    results, text = written(place.plant({1: 2.0, 2: 8.0, 3: 6.0, 4: 4.0}).evaluate())
    assert "higher is better" in text
    (run,) = results.runs.to_dict("records")
    assert run["best_to_final"] == pytest.approx(0.5, abs=0.1)
    assert run["steps_to_threshold"] == 2  # the first at least as good as the end
    best = results.cell(("dots", "mlp"), "non-saturating", "best")
    assert best.step.tolist() == [2]


def test_of_a_diagnostic_the_page_calls_nothing_better() -> None:
    place = tiny.dots(directed("none"), methods=["wgan", "minimax"], seeds=[0, 1]).prepare().train().evaluate()
    results, text = written(place)
    assert "dots, mlp: Gap ranks no method." in text
    assert "none is better" not in text
    assert "Best checkpoints" not in text
    assert "not reached" not in text
    assert 'id="training"' in text  # the curve itself is shown
    assert results.runs.steps_to_threshold.isna().all()


def test_names_and_texts_of_a_metric_are_text_and_come_through_the_csv() -> None:
    words: dict[str, Any] = {"name": "gap", "words": '<i>a,b="c"</i>'}
    place = tiny.dots(HOSTILE, evaluation={"metrics": ["gap", "gap_power=2.0", words]}).prepare().train().evaluate()
    results, text = written(place)
    name = 'gap_words=<i>a,b="c"</i>_100'
    assert list(results.measures) == ["gap_100", "gap_power=2.0_100", name]
    assert "<script>alert" not in text
    assert "<b>Gap" not in text
    assert "<i>a" not in text
    assert html.escape(name, quote=False) in html.unescape(text).replace("<", "&lt;").replace(">", "&gt;")
    values = rows(layout.runs_table("tiny"))[0]
    assert float(values[name]) == float(values["gap_100"])
    assert float(values["gap_power=2.0_100"]) == pytest.approx(float(values["gap_100"]) ** 2)


def test_a_run_that_is_trained_anew_leaves_nothing_of_what_it_no_longer_has() -> None:
    method = {**EMA, "label": "one"}
    place = tiny.place(methods=[method]).prepare().train()
    assert {"generator-ema.safetensors", layout.SNAPSHOTS} <= {path.name for path in place.folder().iterdir()}
    place = tiny.place(methods=[{**method, "ema": None}], training={"snapshots": 0}).prepare().train().evaluate()
    assert {path.name for path in place.folder().iterdir()} == {
        layout.TRAINING, layout.METRICS, layout.HISTORY, "generator.safetensors", layout.SAMPLES, layout.SHEET,
        layout.SURFACE, layout.FILM,
    }  # fmt: skip
