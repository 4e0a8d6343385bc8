"""The page: what it shows, what it never does, and that equal results give equal bytes."""

import base64
import contextlib
import hashlib
import html
import json
import math
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import fakes
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench import layout, runs
from ganbench.report import exports, numerals, page, pictures, standing
from ganbench.report.collect import MissingResultError, collect
from ganbench.stats.cells import summarise

STUDY = """
study: fake
description: "<script>alert(1)</script> & more"
datasets: [ring8, digits]
architectures: [mlp, {name: dcgan, width: 8}]
methods: [minimax, non-saturating, {name: wgan-gp, ema: 0.9}]
seeds: [0, 1, 2]
training: {generator_steps: 50, snapshots: 5}
evaluation: {samples: 200}
"""
DIVERGED = frozenset({"ring8/mlp/minimax/seed1", "digits/mlp/wgan-gp/seed0"})
COLLAPSED = frozenset({"ring8/mlp/non-saturating/seed2"})
TIMEOUT = frozenset({"ring8/mlp/wgan-gp/seed1"})


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results and their page, made once."""
    folder = tmp_path_factory.mktemp("rendered")
    with contextlib.chdir(folder):
        made = runs.plan(fakes.study(Path("fake.yaml"), STUDY))
        fakes.write(made, DIVERGED, COLLAPSED, timeout=TIMEOUT)
        page.write(made)
    return folder


@pytest.fixture
def plan(rendered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> runs.Plan:
    """The plan, in a copy of the folder."""
    monkeypatch.chdir(shutil.copytree(rendered, tmp_path / "copy"))
    return runs.plan(Path("fake.yaml"))


@pytest.fixture
def text(rendered: Path) -> str:
    """The page."""
    return (rendered / layout.report("fake")).read_text("utf-8")


class Tags(HTMLParser):
    """Collects tags with their attributes, and checks that they are closed in order."""

    void = frozenset({"meta", "br", "img", "link", "input", "hr", "use", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.void:
            assert self.open.pop() == tag


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    assert parser.open == []
    return parser.seen


def test_equal_results_give_equal_bytes(plan: runs.Plan) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in layout.report("fake").parent.rglob("*") if path.is_file()}

    before = files()
    page.write(plan)
    assert files() == before
    assert {path.suffix for path in before} == {".html", ".csv", ".tex", ".svg", ".pdf"}


def test_the_report_needs_no_torch() -> None:
    code = "import sys; import ganbench.report.page; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pictures_beyond_the_budget_are_links_to_copies(plan: runs.Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "BUDGET", 5000)
    page.write(plan)
    text = layout.report("fake").read_text("utf-8")
    links = set(re.findall(r'href="(samples/[^"]+)"', text))
    assert links
    assert all((layout.report("fake").parent / link).read_bytes()[1:4] == b"PNG" for link in links)
    assert sum(map(len, re.findall(r'src="data:image/png;base64,([^"]*)"', text))) <= 5000 * 4 / 3


def test_the_page_asks_for_nothing_from_anywhere(text: str) -> None:
    for tag, attributes in tags(text):
        assert tag not in ("link", "iframe", "object")
        assert tag != "script" or "src" not in attributes
        for name in ("src", "href", "xlink:href", "data", "srcset"):
            value = attributes.get(name) or ""
            assert not re.match(r"\s*(https?:)?//", value), (tag, value)
    assert "url(http" not in text
    assert "@import" not in text
    policy = next(a["content"] for t, a in tags(text) if a.get("http-equiv") == "Content-Security-Policy")
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    rest = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    assert policy == f"{rest}script-src 'sha256-{digest}'"


def test_names_from_the_study_are_text_not_markup(text: str) -> None:
    assert "<script>alert" not in text
    assert html.escape("<script>alert(1)</script>") in text


def test_links_lead_somewhere(rendered: Path, text: str) -> None:
    seen = tags(text)
    ids = {a["id"] for _, a in seen if "id" in a}
    for tag, attributes in seen:
        target = attributes.get("href") or ""
        if tag == "a" and target.startswith("#"):
            assert target[1:] in ids
        elif tag == "a":
            assert (rendered / layout.report("fake").parent / target).exists(), target


def test_every_run_is_in_the_table_and_in_the_csv(plan: runs.Plan, text: str) -> None:
    rows = layout.runs_table("fake").read_text("utf-8").splitlines()
    assert len(rows) == 1 + len(plan.runs)
    for run in plan.runs:
        assert run.digest in "\n".join(rows)
        assert run.digest[:10] in text


def test_diverged_runs_are_counted_and_named_with_their_step(plan: runs.Plan, text: str) -> None:
    assert "2 diverged" in text
    assert "1 of 3 diverged" in text
    row = text[text.index('<th scope="row">ring8/mlp/minimax/seed1</th>') :]
    row = row[: row.index("</tr>")]
    assert ">diverged<" in row
    assert ">27<" in row
    assert "the loss is not finite" in row
    assert "discriminator_loss" in row  # the end of what it logged
    assert f"{len(plan.runs) - 4} ok" in text


def test_collapsed_runs_are_counted_and_named_and_keep_their_numbers(text: str) -> None:
    assert "1 collapsed" in text
    assert "1 of 3 collapsed" in text
    assert ">ring8/mlp/non-saturating/seed2<" in text
    assert "1 of 8 modes holds all samples" in text


def test_runs_that_ran_out_of_time_are_counted_and_named_and_keep_their_numbers(text: str) -> None:
    assert "1 timeout" in text
    assert "1 of 3 out of time" in text
    assert "1 ran out of time" in text
    row = text[text.index('<th scope="row">ring8/mlp/wgan-gp/seed1</th>') :]
    row = row[: row.index("</tr>")]
    assert ">timeout<" in row
    assert ">20<" in row
    assert "the time limit of 60 s, at step 20 of 50" in row


def test_results_that_were_moved_report_the_same(plan: runs.Plan, rendered: Path, tmp_path: Path) -> None:
    before = {path.relative_to(rendered): path.read_bytes() for path in (rendered / "reports").rglob("*.*")}
    elsewhere = tmp_path / "another machine"
    elsewhere.mkdir()
    for name in ("fake.yaml", "results"):
        shutil.move(name, elsewhere)
    with contextlib.chdir(elsewhere):
        page.write(runs.plan(Path("fake.yaml")))
    after = {path.relative_to(elsewhere): path.read_bytes() for path in (elsewhere / "reports").rglob("*.*")}
    assert after == before
    assert plan.file.name == "fake.yaml"


def test_gaps_and_changes_are_told(text: str) -> None:
    assert "ring8 × dcgan: dcgan makes images, ring8 holds points" in text
    assert "the discriminator has layer instead of batch normalisation" in text


def test_a_missing_result_is_an_error_that_names_the_file(plan: runs.Plan, text: str) -> None:
    gone = plan.folder(plan.runs[3]) / layout.METRICS
    gone.unlink()
    with pytest.raises(MissingResultError, match=re.escape(str(gone))):
        page.write(plan)
    assert layout.report("fake").read_text("utf-8") == text


@pytest.mark.usefixtures("plan")
def test_the_result_of_an_earlier_spec_is_not_shown() -> None:
    changed = runs.plan(fakes.study(Path("fake.yaml"), STUDY.replace("generator_steps: 50", "generator_steps: 60")))
    with pytest.raises(MissingResultError, match="earlier study or plugin"):
        collect(changed)


def test_means_and_deviations_are_those_of_the_finished_seeds(plan: runs.Plan) -> None:
    results = collect(plan)
    table = standing.standing(results, "modes_200")
    cell = table.rows["minimax"][0]
    assert cell is not None
    first, third = 1.25 + 0, 1.25 + 2
    assert (cell.summary.average.count, cell.diverged) == (2, 1)
    assert cell.value == cell.summary.mean == pytest.approx((first + third) / 2)
    assert cell.summary.sd == pytest.approx(abs(third - first) / math.sqrt(2))
    assert not cell.best  # a method that diverged is not marked while others finished


def cell(values: list[float], diverged: int = 0) -> standing.Cell:
    return standing.Cell(summarise(values, "lower", "plain"), diverged, 0)


def best(cells: dict[str, standing.Cell], direction: str) -> set[str]:
    return {name for name, marked in standing._marked(cells, direction, "plain").items() if marked.best}


@pytest.mark.parametrize(("direction", "leaders"), [("lower", {"a"}), ("higher", {"b", "c"})])
def test_the_best_follows_the_direction_and_what_prints_alike_is_marked_alike(
    direction: str, leaders: set[str]
) -> None:
    cells = {name: cell([mean - 0.5, mean + 0.5]) for name, mean in {"a": 1.0, "b": 2.0, "c": 2.001}.items()}
    assert best(cells, direction) == leaders


def test_a_run_without_a_number_bars_its_method_from_being_best_and_from_a_tie() -> None:
    lucky = cell([0.1, math.nan, math.nan])
    cells = {"lucky": lucky, "whole": cell([0.4, 0.5, 0.6])}
    assert best(cells, "lower") == {"whole"}
    assert not standing._marked(cells, "lower", "plain")["lucky"].tied
    assert best({"lucky": lucky}, "lower") == {"lucky"}


def test_where_all_score_the_same_none_is_best() -> None:
    zero = cell([0.0, 0.0, 0.0])
    assert best({"a": zero, "b": zero}, "higher") == set()
    assert best({"a": zero}, "higher") == {"a"}


def test_ties_are_judged_seed_by_seed() -> None:
    def tied(values: list[float]) -> bool:
        cells = {"leader": cell([1.0, 5.0, 9.0]), "other": cell(values)}
        return standing._marked(cells, "lower", "plain")["other"].tied

    assert not tied([1.9, 6.0, 10.1])  # always worse by about 1, whatever the spread
    assert tied([0.0, 6.0, 9.5])
    assert not tied([2.0, 6.0, 10.0])  # always worse by exactly 1


@pytest.mark.parametrize("everyone", [True, False])
def test_a_study_that_diverged_is_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, everyone: bool) -> None:
    monkeypatch.chdir(tmp_path)
    short = STUDY.replace("ring8, digits", "ring8").replace("[mlp, {name: dcgan, width: 8}]", "[mlp]")
    plan = runs.plan(fakes.study(Path("fake.yaml"), short))
    fakes.write(plan, frozenset(run.id for run in plan.runs if everyone or run.method == "wgan-gp"))
    page.write(plan)
    text = layout.report("fake").read_text("utf-8")
    assert f"{9 if everyone else 3} diverged" in text
    assert ("no method has a number" in text) == everyone
    header = layout.runs_table("fake").read_text("utf-8").splitlines()[0].split(",")
    assert header[-1] == "digest"
    assert set(plan.datasets["ring8"].measures) < set(header)


def test_a_moving_average_is_a_row_of_its_own_below_its_method(plan: runs.Plan) -> None:
    results = collect(plan)
    assert results.rows == ["minimax", "non-saturating", "wgan-gp", "wgan-gp (ema)"]
    table = standing.standing(results, "modes_200")
    raw, average = table.rows["wgan-gp"][0], table.rows["wgan-gp (ema)"][0]
    assert raw is not None
    assert average is not None
    assert average.value == pytest.approx(11.25)
    assert raw.value < 10


def test_the_table_of_runs_holds_the_raw_weights_at_the_end(plan: runs.Plan) -> None:
    results = collect(plan)
    at = dict(zip([run.id for run in plan.runs], results.runs["modes_200"], strict=True))
    assert [at[f"ring8/mlp/wgan-gp/seed{seed}"] for seed in (0, 1, 2)] == [1.25 + (6 + i) % 7 for i in (0, 1, 2)]
    assert math.isnan(at["ring8/mlp/minimax/seed1"])


def test_every_checkpoint_is_in_the_other_csv(plan: runs.Plan) -> None:
    rows = pd.read_csv(layout.evaluations_table("fake"))
    averaged = sum(run.method == "wgan-gp" for run in plan.runs)
    by_checkpoint = rows.checkpoint.value_counts()
    assert by_checkpoint["final"] == by_checkpoint["best"] == len(plan.runs) + averaged
    of = rows[(rows.dataset == "ring8") & (rows.method == "wgan-gp") & (rows.seed == 0)]
    curve = of[of.checkpoint == "snapshot"].set_index(["weights", "step"])["modes_validation_2k"]
    assert {weights: curve[weights].to_dict() for weights in ("raw", "ema")} == {
        weights: {step: end + back for step, back in zip((10, 20, 30, 40, 50), (2, 1.5, 1, 0.5, 0), strict=True)}
        for weights, end in (("raw", 7.25), ("ema", 11.25))
    }


def test_the_best_checkpoint_has_a_table_of_its_own(plan: runs.Plan, text: str) -> None:
    assert "Best checkpoints" in text
    results = collect(plan)
    final = standing.standing(results, "modes_200").rows["wgan-gp"][0]
    best = standing.standing(results, "modes_200", "best").rows["wgan-gp"][0]
    assert final is not None
    assert best is not None
    assert best.value == pytest.approx(final.value + 2)


def test_a_perfect_generator_has_a_row_where_theory_knows(plan: runs.Plan) -> None:
    results = collect(plan)
    assert standing.standing(results, "hq_200").perfect == [0.25]
    assert standing.standing(results, "modes_200").perfect == [None]


def test_the_names_of_columns_are_the_protocol(plan: runs.Plan, text: str) -> None:
    for dataset in plan.datasets.values():
        for name in dataset.measures:
            assert f"<code>{name}</code>" in text
    assert "fd_digits-cnn_200" in plan.datasets["digits"].measures


def test_a_study_without_snapshots_has_no_curves_and_no_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    short = STUDY.replace("ring8, digits", "ring8").replace("snapshots: 5", "snapshots: 0")
    plan = runs.plan(fakes.study(Path("fake.yaml"), short.replace("[mlp, {name: dcgan, width: 8}]", "[mlp]")))
    fakes.write(plan)
    page.write(plan)
    text = layout.report("fake").read_text("utf-8")
    assert "Over training" not in text
    assert "Best checkpoints" not in text
    tags(text)


def test_a_metric_that_real_data_does_not_have_is_a_dash(plan: runs.Plan) -> None:
    path = layout.reference("fake", "ring8")
    record = json.loads(path.read_text("utf-8"))
    record["real"]["modes_200"] = None
    path.write_text(json.dumps(record), "utf-8")
    assert standing.standing(collect(plan), "modes_200").real == [None]
    page.write(plan)


def test_the_rerun_command_is_quoted_and_tells_no_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my work").mkdir()
    monkeypatch.chdir(tmp_path / "my work")
    plan = runs.plan(fakes.study(Path("my study.yaml").resolve(), STUDY))
    fakes.write(plan)
    page.write(plan)
    text = html.unescape(layout.report("fake").read_text("utf-8"))
    assert "--configfile 'my study.yaml'" in text
    assert str(tmp_path) not in text


def test_a_cell_without_numbers_is_never_best() -> None:
    none = cell([math.nan] * 3, diverged=3)
    assert best({"a": none}, "lower") == set()
    assert (none.text, none.remark) == ("–", "3 of 3 diverged")


def test_failed_runs_rank_worst(plan: runs.Plan) -> None:
    table = standing.rank_table(collect(plan))
    # by seed: minimax 1.25, failed, 3.25; non-saturating 4.25, 5.25, 6.25; wgan-gp 7.25, 1.25, 2.25
    assert table["minimax"][0] == pytest.approx((4 + 4 + 3) / 3)
    assert table["wgan-gp (ema)"][0] == 1


@pytest.mark.usefixtures("plan")
def test_the_files_hold_what_the_page_shows() -> None:
    folder = layout.report("fake").parent
    cells = pd.read_csv(folder / "tables/cells.csv")
    of = cells[(cells.metric == "modes_200") & (cells.method == "minimax") & (cells.dataset == "ring8")].iloc[0]
    assert (of.average, of.seeds, of.without_number) == (pytest.approx(2.25), 3, 1)
    assert of.failure_low < 1 / 3 < of.failure_high
    pairs = pd.read_csv(folder / "tables/pairs.csv")
    assert len(pairs) == 3 * 6  # six pairs of four rows, on three pairs of dataset and architecture
    tex = (folder / "tables/modes_200.tex").read_text("utf-8")
    assert tex.count("\\toprule") == tex.count("\\bottomrule") == 1
    assert "wgan-gp (ema)" in tex
    drawn = {path.suffix for path in (folder / "figures").iterdir()}
    assert drawn == {".svg", ".pdf"}


def test_latex_is_escaped() -> None:
    assert exports.tex("a_b & 5 % \\") == r"a\_b \& 5 \% \textbackslash{}"


@given(st.floats(min_value=1e-3, max_value=1e6))
def test_numbers_show_three_significant_digits(value: float) -> None:
    assert float(numerals.number(value)) == pytest.approx(value, rel=0.006 if value >= 0.01 else 0.06)


def test_a_drawing_rounds_its_coordinates_and_never_what_is_written_on_it() -> None:
    import matplotlib.pyplot as plt

    from ganbench.report import drawing

    with drawing.style():
        figure, axes = plt.subplots(figsize=(3, 2))
        axes.plot([0.0011, 0.0014], [0.1234, 0.1266])
        made = drawing.finish(figure, "fine", "fine ticks")
    written = re.findall(r"<text[^>]*>([^<]*)</text>", made.svg)
    assert {"0.0011", "0.0012", "0.0013", "0.0014"} <= set(written)
    assert not re.search(r"\.\d{3}", re.sub(r">[^<]+<", "><", made.svg))


def test_what_stands_between_backticks_is_code_and_nothing_else_is_markup() -> None:
    assert page.marked("as `a < b`, <i>or</i>") == "as <code>a &lt; b</code>, &lt;i&gt;or&lt;/i&gt;"
    assert page.marked("``c``") == "<code>c</code>"
    assert page.marked("one ` alone") == "one ` alone"
