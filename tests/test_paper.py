"""The `paper:` section: what is refused and how, what a budget leaves, and that every table here can be planned."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ganbench import layout, runs, yamlfile
from ganbench.cells import cells
from ganbench.problems import StudyError
from ganbench.runs import Plan

HERE = Path(__file__).parent.parent / "configs" / "papers"
TABLES = sorted(HERE.glob("*.yaml"))

STUDY = """
study: made-up
datasets: [ring8, {name: grid25, training: {generator_steps: 400}}]
architectures: [mlp, {name: mlp, label: wide}]
methods: [non-saturating, wgan-gp, {name: minimax, ema: 0.9}]
seeds: [0, 1, 2, 3]
training: {generator_steps: 1000, snapshots: [100, 500]}
evaluation: {samples: 500, metrics: [modes_500, hq_500]}
paper:
  title: A paper
  citation: Somebody 2020
  table: Table 1
  source: page 3
  protocol: its appendix
  tier: exact-cpu
  spread: se
  runs: 10
  columns:
    - {title: modes, dataset: ring8, architecture: mlp, metric: modes_500, margin: 1}
    - {title: quality, dataset: grid25, architecture: wide, metric: hq_500, relative_margin: 0.1}
  rows:
    - {title: GAN, method: non-saturating, values: [[6.3, 0.5], 90]}
    - {title: WGAN-GP, method: wgan-gp, values: [null, {value: 80, spread: 2, spread_is: sd, runs: 3, margin: 4}]}
    - {title: ALI, not_run: no encoders here, values: [[7, 0.1], fail]}
  claims:
    - {claim: it is better, better: wgan-gp, worse: [non-saturating, minimax], metric: modes_500}
    - {claim: it works, methods: wgan-gp, metric: modes_500, datasets: ring8, at_least: 7, runs: most}
    - {claim: it works more often, more: wgan-gp, than: minimax, metric: hq_500, at_least: 50}
  deviations:
    - {what: the other loss, source: code.py, kind: method, faithful: minimax, fixed: non-saturating}
  departures: [another initialisation]
"""


def planned(folder: Path, change: Any = None) -> Plan:
    """The plan of the study above, after `change(study)`."""
    study = yaml.safe_load(STUDY)
    if change is not None:
        change(study)
    file = folder / "made-up.yaml"
    file.write_text(yaml.safe_dump(study), "utf-8")
    return runs.plan(file)


def problems(folder: Path, change: Any) -> str:
    with pytest.raises(StudyError) as error:
        planned(folder, change)
    return str(error.value)


def test_a_cell_has_the_words_of_its_row_over_those_of_its_column(tmp_path: Path) -> None:
    of = planned(tmp_path).study.paper
    assert of is not None
    first, second, third, *_ = cells(of)
    assert (first.dataset, first.architecture, first.methods, first.metric) == (
        "ring8",
        "mlp",
        ("non-saturating",),
        "modes_500",
    )
    assert first.sd == pytest.approx(0.5 * 10**0.5)
    assert first.margin == 1
    assert (second.sd, second.runs, second.margin) == (None, 10, pytest.approx(9.0))
    assert (third.sd, third.runs, third.margin) == (2.0, 3, 4.0)
    assert [cell.not_run for cell in cells(of)][-1] == "no encoders here"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p["columns"][0].update(dataset="ring9"), "columns[0].dataset: the study has no dataset 'ring9'"),
        (lambda p: p["columns"][0].update(architecture="mpl"), "no architecture 'mpl'; did you mean 'mlp'?"),
        (lambda p: p["rows"][1].update(method="wgan_gp"), "rows[1].method: the study has no method 'wgan_gp'; did"),
        (lambda p: p["columns"][0].update(metric="modes_501"), "values[0]: ring8 has no column 'modes_501'; did you"),
        (lambda p: p["claims"][1].update(metric="mode_500"), "claims[1].metric: the study has no column 'mode_500'"),
        (lambda p: p["claims"][0].update(worse="minmax"), "claims[0].worse: the study has no method 'minmax'; did"),
        (lambda p: p["claims"][1].update(at_most=3), "exactly one of at_least and at_most"),
        (lambda p: p["claims"][2].pop("at_least"), "exactly one of at_least and at_most"),
        (lambda p: p["claims"][0].pop("metric"), "paper.claims[0].metric: this key is required"),
        (lambda p: p["claims"][0].update(beter=1), "claims[0].beter: unknown key (value 1): 'beter'; did you"),
        (lambda p: p["deviations"][0].update(fixed="wgan"), "the study has no method 'wgan'; did you mean 'wgan-gp'?"),
        (lambda p: p["columns"][0].pop("margin"), "paper.rows[0].values[0]: its column has no margin"),
        (lambda p: p["columns"][0].update(relative_margin=0.1), "one of margin and relative_margin"),
        (lambda p: p["columns"][0].pop("architecture"), "say which architecture: mlp, wide"),
        (lambda p: p["rows"][0].pop("method"), "neither its row nor its column says which method"),
        (lambda p: p["rows"][0].update(values=[6.3]), "row 'GAN' has 1 values for 2 columns"),
        (lambda p: p["rows"][0].update(values=["six", 90]), "paper.rows[0].values[0].value"),
        (lambda p: p["rows"][0].update(values=[[6.3, -1], 90]), "paper.rows[0].values[0].spread"),
        (lambda p: p.pop("source"), "paper.source: this key is required"),
        (lambda p: p.update(tier="exact"), "paper.tier"),
        (lambda p: p.update(budgt={}), "paper.budgt: unknown key (value {}): 'budgt'; did you mean 'budget'?"),
        (lambda p: p["columns"][0].update(titel="x"), "did you mean 'title'?"),
        (lambda p: p.update(budget={"seeds": 4}), "paper.budget.seeds: 4 is no fewer than the study's 4 seeds"),
        (lambda p: p.update(budget={"step": 0.5}), "budget.step: unknown key (value 0.5): 'step'; did you"),
        (lambda p: p.update(budget={"steps": 1.5}), "paper.budget.steps"),
        (lambda p: p.update(budget={"datasets": "ring"}), "paper.budget.datasets: the study has no dataset 'ring'"),
        (lambda p: p.update(budget={}), "paper.budget"),
        (lambda p: p.update(budget={"trials": 3}), "paper.budget.trials: there is no `tuning` that it could shorten"),
        (lambda p: p.update(rows=[], claims=[]), "a paper has rows, or claims"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_the_closest_name(tmp_path: Path, change: Any, message: str) -> None:
    assert message in problems(tmp_path, lambda study: change(study["paper"]))


@pytest.mark.parametrize("odd", [3, [], "x", {}, {"rows": 3}, {"rows": [3]}, {"claims": [None]}, {"columns": {"a": 1}}])
def test_an_odd_section_is_a_problem_and_no_crash(tmp_path: Path, odd: Any) -> None:
    assert "paper" in problems(tmp_path, lambda study: study.update(paper=odd))


def test_the_page_over_all_tables_is_no_study(tmp_path: Path) -> None:
    assert "the page over all" in problems(tmp_path, lambda study: study.update(study=layout.PAPERS))


def test_a_budget_scales_steps_and_takes_the_first_seeds(tmp_path: Path) -> None:
    made = planned(tmp_path, lambda study: study["paper"].update(budget={"steps": 0.1, "seeds": 2}))
    steps = {run.dataset: run.spec["training"]["generator_steps"] for run in made.runs}
    assert steps == {"ring8": 100, "grid25": 40}
    assert {run.seed for run in made.runs} == {0, 1}
    assert {tuple(run.spec["training"]["snapshots"]) for run in made.runs if run.dataset == "ring8"} == {(10, 50)}
    assert made.study.paper is not None
    assert made.study.paper.budget is not None
    assert made.study.paper.budget.reduced
    assert made.study.paper.budget.text == "10 % of the steps, 2 seeds"


def test_a_budget_of_some_cells_leaves_their_runs_as_they_are(tmp_path: Path) -> None:
    whole = planned(tmp_path)
    only = {"datasets": "ring8", "methods": ["wgan-gp"], "architectures": "mlp"}
    part = planned(tmp_path, lambda study: study["paper"].update(budget=only))
    assert {run.cell for run in part.runs} == {"ring8/mlp/wgan-gp"}
    assert {run.digest for run in part.runs} < {run.digest for run in whole.runs}
    assert part.study.paper is not None
    assert part.study.paper.budget is not None
    assert not part.study.paper.budget.reduced


def test_a_claim_may_be_about_a_dataset_that_the_budget_leaves_out(tmp_path: Path) -> None:
    """The metric's name may hold the dataset's own extractor, so that no other dataset has it."""

    def apart(study: dict[str, Any], metric: str = "hq_400") -> None:
        study["datasets"][1]["evaluation"] = {"metrics": ["hq_400"]}
        study["paper"]["columns"][1].update(metric="hq_400")
        study["paper"]["claims"][2].update(metric=metric)
        study["paper"]["budget"] = {"datasets": "ring8"}

    assert {run.dataset for run in planned(tmp_path, apart).runs} == {"ring8"}
    assert "no column 'hq_401'" in problems(tmp_path, lambda study: apart(study, "hq_401"))


def tuned(study: dict[str, Any], budget: dict[str, Any]) -> None:
    """The study with a search, of which the first row shows what it found."""
    study.update(tuning={"trials": 8, "generations": 4, "seeds": [100], "sampler": "random"}, settings=["own", "tuned"])
    study["paper"]["rows"][0].update(method="non-saturating-tuned")
    study["paper"].update(budget=budget)


def test_a_budget_takes_the_first_trials_and_names_methods_without_their_settings(tmp_path: Path) -> None:
    of = planned(tmp_path, lambda study: tuned(study, {"trials": 3, "methods": "non-saturating", "steps": 0.1}))
    assert {run.method for run in of.runs} == {"non-saturating", "non-saturating-tuned"}
    assert [search.tuning.trials for search in of.searches.values()] == [3] * 4
    search = next(iter(of.searches.values()))
    assert [search.tuning.numbers(g) for g in range(search.tuning.generations)] == [[0], [1], [2]]
    assert search.training.generator_steps == 100
    assert of.study.paper is not None
    assert of.study.paper.budget is not None
    assert of.study.paper.budget.text == "10 % of the steps, 3 trials of each search, 1 of the methods"
    only = planned(tmp_path, lambda study: tuned(study, {"trials": 3})).study.paper
    assert only is not None
    assert only.budget is not None
    assert only.budget.reduced


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"trials": 8}, "paper.budget.trials: 8 is no fewer than the tuning's 8 trials"),
        ({"methods": "wgan-gp-tuned"}, "the study has no method 'wgan-gp-tuned'; did you mean 'wgan-gp'?"),
    ],
)
def test_a_budget_that_a_search_does_not_have_is_a_problem(
    tmp_path: Path, budget: dict[str, Any], message: str
) -> None:
    assert message in problems(tmp_path, lambda study: tuned(study, budget))


def test_a_published_number_changes_the_page_and_no_run(tmp_path: Path) -> None:
    before = planned(tmp_path)
    after = planned(tmp_path, lambda study: study["paper"]["rows"][0].update(values=[[6.4, 0.5], 90]))
    assert before.digest != after.digest
    assert [run.digest for run in before.runs] == [run.digest for run in after.runs]


@pytest.mark.parametrize("file", TABLES, ids=lambda file: file.stem)
@pytest.mark.parametrize("budget", ["as it is", "the table's datasets", "none"])
def test_every_table_can_be_planned(file: Path, budget: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = yamlfile.read(file)
    if budget != "as it is":
        monkeypatch.setenv("GANBENCH_INCEPTION", str(file))  # planning asks only if it is there
        raw["paper"].pop("budget", None)
    of_table = sorted({column["dataset"] for column in raw["paper"].get("columns", ()) if "dataset" in column})
    if budget == "the table's datasets" and of_table:
        raw["paper"]["budget"] = {"datasets": of_table}
    if budget == "as it is":  # nothing that would have to be downloaded by hand
        monkeypatch.delenv("GANBENCH_INCEPTION", raising=False)
    raw["plugins"] = [str(file.parent / name) for name in raw.get("plugins", ())]
    copy = tmp_path / file.name
    copy.write_text(yaml.safe_dump(raw), "utf-8")
    plan = runs.plan(copy)
    of = plan.study.paper
    assert of is not None
    assert plan.runs
    assert plan.study.study == file.stem
    for cell in cells(of):  # whatever is not said to be left out is there
        run = {r.method for r in plan.runs if r.dataset == cell.dataset}
        assert cell.not_run or set(cell.methods) <= run or budget == "as it is"
    if of.tier == "shape":
        assert of.departures


WIDE = {
    "optimizer.lr": ("log", 1e-5, 1e-2),
    "optimizer.betas[0]": ("linear", 0.0, 0.99),
    "n_critic": ("choice", 1, 5),
}
"""The wide ranges of compare_gan v1.0, src/params.py, but for a beta of 1, which Adam cannot have."""
BATCH = {"architecture.discriminator_norm": ("choice", "batch", "none")}
CLIP = {"constraint.bound": ("log", 1e-3, 1.0)}
LAMBDA = {"architecture.discriminator_norm": ("choice", "none", "layer"), "penalty.weight": ("log", 0.1, 100.0)}
LUCIC = {
    "mm": WIDE | BATCH,
    "ns": WIDE | BATCH,
    "lsgan": WIDE | BATCH,
    "wgan": WIDE | BATCH | CLIP,
    "wgan-gp": WIDE | LAMBDA,
    "dragan": WIDE | LAMBDA,
}


def test_the_table_of_lucic_et_al_searches_as_they_did_and_needs_no_inception_for_it(tmp_path: Path) -> None:
    """The same hundred trials by chance for each method, each of as many discriminator steps as a run; here on digits,
    through another extractor."""
    text = (HERE / "lucic-table2.yaml").read_text("utf-8").replace("fd_inception-v3-compat_10k", "fd_digits-cnn_500")
    raw = yaml.safe_load(text.replace("inception-v3-compat", "digits-cnn"))
    published = {name for column in raw["paper"]["columns"] for name in [column["dataset"]]}
    raw["datasets"] = [{"name": "digits", "size": 32, "label": label} for label in sorted(published)]
    raw["paper"]["claims"] = [claim for claim in raw["paper"]["claims"] if claim["datasets"] in published]
    raw["evaluation"].update(samples=500, snapshot_samples=500)
    raw["tuning"]["samples"] = 500
    del raw["paper"]["budget"]
    file = tmp_path / "digits.yaml"
    file.write_text(yaml.safe_dump(raw), "utf-8")
    plan = runs.plan(file)
    assert plan.study.paper is not None
    assert {method for cell in cells(plan.study.paper) for method in cell.methods} <= {run.method for run in plan.runs}
    assert len(plan.searches) == 2 * 9
    for search in plan.searches.values():
        found = {parameter.path: parameter.space for parameter in search.parameters}
        assert found == LUCIC[search.method.label.removesuffix("-paper")]
        assert (search.tuning.trials, search.tuning.seeds, search.tuning.sampler) == (100, (1000,), "random")
        assert search.training.discriminator_steps == 15625


def test_all_tables_of_the_list_are_here() -> None:
    names = {file.stem for file in TABLES}
    assert {"pacgan-table1", "ttur-saddle", "wgan-gp-toys", "pacgan-table3", "pacgan-table2", "r3gan-table1"} <= names
    assert {"r3gan-lazy", "lucic-table2", "collection-cifar10", "gans-pytorch-cifar10"} <= names
    assert {"sngan-robustness", "wgan-gp-architectures", "veegan"} <= names
