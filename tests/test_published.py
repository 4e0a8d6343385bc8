"""Published against measured: which numbers give which verdict, and what the pages say."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import fakes
import pytest
import yaml

from ganbench import cli, files, layout, runs
from ganbench.report import exports, page, published
from ganbench.report.collect import Results, collect
from ganbench.report.published import Table

STUDY = """
study: table
datasets: [ring8]
architectures: [mlp]
methods: [non-saturating, wgan-gp, minimax]
seeds: [0, 1, 2, 3, 4]
training: {generator_steps: 50, snapshots: 0}
evaluation: {samples: 200, metrics: [modes_200, hq_200], resamples: 0}
paper:
  title: A & B
  citation: "<b>Somebody</b> 2020"
  table: Table 1
  source: page 3
  protocol: its appendix
  tier: exact-cpu
  spread: sd
  runs: 5
  columns: [{title: modes, dataset: ring8, metric: modes_200, margin: 1.0}]
  rows:
    - {title: GAN, method: non-saturating, values: [[4, 0.5]]}
    - {title: WGAN-GP, method: wgan-gp, values: [[8, 0.5]]}
"""
LIKE_4, LIKE_8 = [3.8, 4.1, 4.0, 3.9, 4.2], [7.9, 8.0, 7.8, 8.0, 8.1]
LIKE_1, LIKE_3 = [1.1, 0.9, 1.0, 1.2, 0.8], [3.0, 2.9, 3.1, 2.8, 3.2]
WILD = [1.0, 8.0, 2.0, 7.0, 3.0]
NONE = [math.nan] * 5


def judged(values: dict[str, list[float]], change: Any = None, statuses: dict[str, str] | None = None) -> Results:
    """The results of the study, after `change(paper)`, with these modes per seed of each method."""
    study = yaml.safe_load(STUDY)
    if change is not None:
        change(study["paper"])
    Path("table.yaml").write_text(yaml.safe_dump(study), "utf-8")
    plan = runs.plan(Path("table.yaml"))
    fakes.write(plan)
    for run in plan.runs:
        path = plan.folder(run) / layout.METRICS
        record = files.read_json(path)
        assert record is not None
        value = values.get(run.method, LIKE_4)[run.seed]
        record["evaluations"][0]["metrics"]["modes_200"] = None if math.isnan(value) else value
        record["status"] = (statuses or {}).get(run.method, "diverged" if math.isnan(value) else "ok")
        files.write_json(path, record)
    return collect(plan)


def found(values: dict[str, list[float]], change: Any = None, statuses: dict[str, str] | None = None) -> Table:
    table = published.table(judged(values, change, statuses))
    assert table is not None
    return table


def told(values: dict[str, list[float]], change: Any) -> str:
    """The Markdown over these results."""
    judged(values, change)
    Path("folder").mkdir()
    Path("table.yaml").rename("folder/table.yaml")
    assert cli.main(["papers", "folder", "--markdown", "docs"]) == 0
    return Path("docs/index.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("gan", "wgan", "verdicts"),
    [
        (LIKE_4, LIKE_8, ["match", "match"]),
        (LIKE_1, LIKE_3, ["same order", "same order"]),  # neither is the number, and one is above the other
        (LIKE_8, LIKE_4, ["differs", "differs"]),
        (LIKE_3, LIKE_3[::-1], ["open", "differs"]),  # 3 for 4 is on the margin, 3 for 8 is not; no order
        (LIKE_4, WILD, ["match", "open"]),
        (LIKE_4, NONE, ["match", "differs"]),
        (LIKE_4, [*LIKE_8[:4], math.nan], ["match", "open"]),  # it took four good runs and a failed one
    ],
)
def test_numbers_give_verdicts(gan: list[float], wgan: list[float], verdicts: list[str]) -> None:
    table = found({"non-saturating": gan, "wgan-gp": wgan})
    assert [judged.verdict for judged in table.cells] == verdicts


def test_a_difference_has_its_interval_and_says_whose_spread_it_is() -> None:
    first, _ = found({"non-saturating": LIKE_3, "wgan-gp": LIKE_8}).cells
    assert first.difference == pytest.approx(-1.0)
    assert first.difference_interval is not None
    assert first.difference_interval.low < -1 < first.difference_interval.high
    assert "Welch" in first.why
    unknown, _ = found({"non-saturating": LIKE_3}, lambda p: p.update(spread="sampling")).cells
    assert "the measured spread stands" in unknown.why
    wider = unknown.difference_interval
    assert wider is not None
    assert wider.low < first.difference_interval.high


def test_with_a_shape_only_protocol_values_are_not_compared() -> None:
    def shape(of: dict[str, Any]) -> None:
        of.update(tier="shape", columns=[{"title": "modes", "dataset": "ring8", "metric": "modes_200"}])

    table = found({"non-saturating": LIKE_1, "wgan-gp": LIKE_3}, shape)
    assert [(judged.verdict, judged.difference) for judged in table.cells] == [("same order", None)] * 2
    table = found({"non-saturating": LIKE_8, "wgan-gp": LIKE_4}, shape)
    assert [judged.verdict for judged in table.cells] == ["differs"] * 2
    table = found({"non-saturating": WILD, "wgan-gp": WILD}, shape)
    assert [judged.verdict for judged in table.cells] == ["open"] * 2


def test_the_best_of_several_methods_is_what_the_paper_shows() -> None:
    def best(of: dict[str, Any]) -> None:
        of["rows"] = [{"title": "GAN", "method": ["non-saturating", "minimax"], "values": [[4, 0.5]]}]

    (cell,) = found({"non-saturating": LIKE_1, "minimax": LIKE_4}, best).cells
    assert (cell.label, cell.verdict) == ("minimax", "match")
    assert "the best of 2" in cell.why


@pytest.mark.parametrize(("statuses", "verdict"), [({"wgan-gp": "collapsed"}, "match"), ({"wgan-gp": "ok"}, "differs")])
def test_a_published_failure_is_compared_with_failures(statuses: dict[str, str], verdict: str) -> None:
    def fail(of: dict[str, Any]) -> None:
        of["rows"][1]["values"] = ["fail"]

    assert found({"wgan-gp": LIKE_8}, fail, statuses).cells[1].verdict == verdict


def test_what_is_not_run_says_why() -> None:
    def some(of: dict[str, Any]) -> None:
        of["rows"].append({"title": "ALI", "not_run": "no encoders here", "values": [[7, 0.1]]})
        of["budget"] = {"methods": ["non-saturating"]}

    table = found({}, some)
    assert [(judged.verdict, judged.why) for judged in table.cells[1:]] == [
        ("not run", "not in this budget"),
        ("not run", "no encoders here"),
    ]
    assert table.reduced == ""
    assert table.marked("match") == "match"


def test_a_reduced_budget_is_in_every_verdict() -> None:
    table = found({}, lambda of: of.update(budget={"steps": 0.5, "seeds": 3}))
    assert table.reduced == "50 % of the steps, 3 seeds"
    assert table.marked("match") == "match (reduced budget)"
    assert table.marked("not run") == "not run"
    assert "50 % of the steps" in exports.published_csv(table)


CLAIMS = [
    ({"better": "wgan-gp", "worse": "non-saturating"}, "match"),
    ({"better": "non-saturating", "worse": "wgan-gp"}, "differs"),
    ({"better": "wgan-gp", "worse": ["non-saturating", "minimax"]}, "open"),  # minimax is wild
    ({"better": "wgan-gp", "worse": "minimax", "holds": "in every pair of seeds"}, "differs"),
    ({"better": "wgan-gp", "worse": "non-saturating", "holds": "in every pair of seeds"}, "match"),
    ({"methods": "wgan-gp", "at_least": 7.5, "runs": "all"}, "match"),
    ({"methods": ["wgan-gp", "minimax"], "at_least": 7.5, "runs": "all"}, "differs"),
    ({"methods": "minimax", "at_least": 7, "runs": "few"}, "open"),  # 2 of 5
    ({"methods": "wgan-gp", "at_most": 4, "runs": "none"}, "match"),
    ({"methods": "wgan-gp", "at_least": 7.5, "runs": "most"}, "match"),
    ({"methods": "wgan-gp", "at_least": 7.5, "runs": "few"}, "differs"),
    ({"more": "wgan-gp", "than": "non-saturating", "at_least": 7.5}, "open"),  # five pairs: p is 0.06
    ({"methods": "minimax", "datasets": "ring8", "architectures": "mlp", "at_most": 9, "runs": "all"}, "match"),
]


def test_claims_are_checked_as_such() -> None:
    claims = [{"claim": "so it is", "metric": "modes_200", **claim} for claim, _ in CLAIMS]
    table = found({"wgan-gp": LIKE_8, "minimax": WILD}, lambda of: of.update(claims=claims))
    for (claim, verdict), checked in zip(CLAIMS, table.claims, strict=True):
        assert checked.verdict == verdict, (claim, checked.why)


def test_a_run_without_a_number_loses_and_does_not_succeed() -> None:
    claims = [
        {
            "claim": "a",
            "metric": "modes_200",
            "better": "wgan-gp",
            "worse": "minimax",
            "holds": "in every pair of seeds",
        },
        {"claim": "b", "metric": "modes_200", "methods": "minimax", "at_most": 100, "runs": "none"},
        {"claim": "c", "metric": "modes_200", "better": "wgan-gp", "worse": "minimax"},
    ]
    table = found({"wgan-gp": LIKE_8, "minimax": NONE}, lambda of: of.update(claims=claims))
    assert [checked.verdict for checked in table.claims] == ["match", "match", "open"]  # five signs allow p = 0.06


@pytest.mark.parametrize(
    ("claim", "verdict", "why"),
    [
        ({"better": "wgan-gp", "worse": "non-saturating"}, "match", "better in 5 of 5 pairs"),
        ({"better": "wgan-gp", "worse": ["non-saturating", "minimax"]}, "open", "; 1 comparison not run"),
        ({"better": "non-saturating", "worse": ["wgan-gp", "minimax"]}, "differs", "; 1 comparison not run"),
        ({"better": "wgan-gp", "worse": ["minimax", "non-saturating"], "holds": "in every pair of seeds"}, "open", ""),
        ({"methods": ["wgan-gp", "minimax"], "at_least": 7.5, "runs": "most"}, "open", "; not run: minimax"),
        ({"methods": ["wgan-gp", "minimax"], "at_least": 7.5, "runs": "few"}, "differs", "; not run: minimax"),
        ({"methods": ["minimax"], "at_least": 7.5, "runs": "few"}, "not run", "not in this budget"),
    ],
)
def test_what_was_not_run_is_not_shown(claim: dict[str, Any], verdict: str, why: str) -> None:
    def without_minimax(of: dict[str, Any]) -> None:
        of.update(claims=[{"claim": "so it is", "metric": "modes_200", **claim}])
        of.update(budget={"methods": ["non-saturating", "wgan-gp"]})

    (checked,) = found({"wgan-gp": LIKE_8}, without_minimax).claims
    assert checked.verdict == verdict
    assert why in checked.why


def test_variants_of_the_reference_code_stand_side_by_side() -> None:
    variant = {"what": "w", "source": "s", "kind": "method", "faithful": "wgan-gp", "fixed": "minimax"}
    (shown,) = found({"wgan-gp": LIKE_8}, lambda of: of.update(deviations=[variant])).variants
    assert (shown.on, shown.metric) == ("ring8, mlp", "modes_200")
    assert shown.faithful.startswith("7.96")
    assert shown.fixed.startswith("4.00")
    assert shown.effect.startswith("−3.96")


def test_the_pages_and_files_show_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    results = judged({"wgan-gp": LIKE_8})
    page.write(results.plans[0])
    html = layout.report("table").read_text("utf-8")
    assert "Against the paper: numbers: 2 match." in html
    assert "Published against measured" in html
    assert "&lt;b&gt;Somebody&lt;/b&gt;" in html
    assert "<b>Somebody" not in html
    rows = list(csv.DictReader(io.StringIO((Path("reports/table/tables/published.csv")).read_text("utf-8"))))
    assert [(row["row"], row["verdict"], row["source"]) for row in rows] == [
        ("GAN", "match", "page 3"),
        ("WGAN-GP", "match", "page 3"),
    ]
    assert "(match)" in Path("reports/table/tables/published.tex").read_text("utf-8")
    Path("folder").mkdir()
    Path("table.yaml").rename("folder/table.yaml")
    Path("folder/later.yaml").write_text(yaml.safe_dump(yaml.safe_load(STUDY) | {"study": "later"}), "utf-8")
    assert cli.main(["papers", "folder", "--markdown", "docs"]) == 0
    index = layout.papers().read_text("utf-8")
    assert "2 match" in index
    assert "not run here" in index
    assert 'href="../table/index.html"' in index
    text = Path("docs/index.md").read_text("utf-8")
    assert "| GAN | 4 ± 0.5 / 4.00 [3.80, 4.20]: match |" in text
    assert "Some Processor" in text
    assert "[table](#table)" in text
    assert "| later | Table 1. " in text
    assert Path("docs/table.csv").exists()
    assert capsys.readouterr().out.strip() == str(layout.papers())
    Path("results").rename("elsewhere")
    Path("folder/table.yaml").rename("folder/last.yaml")
    assert cli.main(["papers", "folder", "--markdown", "docs"]) == 0
    lines = text.splitlines()
    lines[6], lines[7] = lines[7], lines[6]  # in the order of the files
    assert Path("docs/index.md").read_text("utf-8").splitlines() == lines, "a table run elsewhere stays as it was"
    assert "2 match" not in layout.papers().read_text("utf-8")


def test_a_table_without_numbers_shows_what_was_measured() -> None:
    def change(of: dict[str, Any]) -> None:
        del of["rows"], of["columns"]
        of["claims"] = [{"claim": "so it is", "metric": "modes_200", "better": "wgan-gp", "worse": "non-saturating"}]

    text = told({"wgan-gp": LIKE_8, "minimax": NONE}, change)
    assert "No number was published. Measured" in text
    assert "|  | modes_200 | hq_200 |" in text
    assert "| ring8, mlp, wgan-gp | 7.96 [7.82, 8.10] | " in text
    assert "| ring8, mlp, minimax | – 5 of 5 diverged | " in text
    rows = list(csv.DictReader(io.StringIO(Path("docs/table-measured.csv").read_text("utf-8"))))
    (mine,) = [row for row in rows if (row["metric"], row["method"]) == ("modes_200", "wgan-gp")]
    assert float(mine["average"]) == pytest.approx(7.96)
    assert not Path("docs/table.csv").exists()


def test_a_table_of_which_no_number_was_run_shows_what_was_measured_too() -> None:
    text = told({"wgan-gp": LIKE_8}, lambda of: of["columns"][0].update(not_run="other images"))
    assert "| WGAN-GP | 8 ± 0.5 / –: not run |" in text
    assert "No number of the table was run. Measured" in text
    assert "| ring8, mlp, wgan-gp | 7.96 [7.82, 8.10] | " in text
    assert Path("docs/table.csv").exists()
    assert Path("docs/table-measured.csv").exists()


def test_a_number_may_be_of_a_tuned_method_and_its_search_is_in_the_cost() -> None:
    study = yaml.safe_load(STUDY)
    study.update(tuning={"trials": 6, "generations": 2, "seeds": [100]}, settings=["tuned"], methods=["wgan-gp"])
    study["paper"]["rows"] = [{"title": "WGAN-GP", "method": "wgan-gp-tuned", "values": [[8, 0.5]]}]
    study["paper"]["budget"] = {"trials": 4}
    Path("folder").mkdir()
    file = Path("folder/table.yaml")
    file.write_text(yaml.safe_dump(study), "utf-8")
    fakes.write(runs.plan(file))
    fakes.tune(runs.plan(file))
    assert cli.main(["papers", "folder", "--markdown", "docs"]) == 0
    text = Path("docs/index.md").read_text("utf-8")
    assert "Run at a **reduced budget, 4 trials of each search**: 5 runs, 4 trials, 0.0011 core-hours" in text
    assert "| WGAN-GP | 8 ± 0.5 / " in text
    assert "not run" not in text


def test_a_table_that_cannot_be_planned_says_why() -> None:
    study = yaml.safe_load(STUDY)
    study["paper"]["columns"][0]["metric"] = "modes_201"
    Path("folder").mkdir()
    Path("folder/table.yaml").write_text(yaml.safe_dump(study), "utf-8")
    assert cli.main(["papers", "folder", "--markdown", "docs"]) == 0
    assert "not run here: ring8 has no column 'modes_201'" in Path("docs/index.md").read_text("utf-8")


def test_a_folder_without_tables_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    assert cli.main(["papers", "empty"]) == 1
    assert "no study with a `paper:` section" in capsys.readouterr().err


def test_other_studies_and_comparisons_have_no_such_section() -> None:
    results = judged({})
    plain = yaml.safe_load(STUDY)
    del plain["paper"]
    Path("plain.yaml").write_text(yaml.safe_dump(plain), "utf-8")
    page.write(runs.plan(Path("plain.yaml")))
    assert "Published against" not in layout.report("table").read_text("utf-8")
    assert published.table(results) is not None
