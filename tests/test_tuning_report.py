"""What the page says of tuning."""

import re
import shutil
from pathlib import Path

import fakes
import pytest

from ganbench import layout, runs
from ganbench.report import landscapes, merged, page, tuning
from ganbench.report.collect import MissingResultError, collect

STUDY = """
study: fake
datasets: [ring8]
architectures: [mlp]
methods: [{name: wgan-gp, ema: 0.9}, ttur]
seeds: [0, 1]
training: {generator_steps: 50, snapshots: 2}
evaluation: {samples: 200, metrics: [fd, fd-inf], snapshot_samples: 100}
shared_optimizer: {name: adam, lr: 2e-4}
tuning:
  trials: 24
  generations: 4
  seeds: [100]
  startup: 6
  objective: [fd, fd-inf]
  space: {optimizer.lr: [log, 1e-4, 1e-2]}
"""


def _plan(text: str = STUDY) -> runs.Plan:
    plan = runs.plan(fakes.study(Path("fake.yaml"), text))
    fakes.write(plan)
    fakes.tune(plan)
    return plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page of a tuned study, made once."""
    at = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(at)
        page.write(_plan())
    return at


@pytest.fixture
def text(folder: Path) -> str:
    return (folder / layout.report("fake")).read_text("utf-8")


def test_the_page_says_that_budgets_were_equal_and_on_what(text: str) -> None:
    assert "24 trials, the first with its own setting, each trained for 50 generator steps on seed 100" in text
    assert "judged on the validation split (tpe, 4 generations)" in text


def test_native_shared_and_tuned_stand_side_by_side(text: str) -> None:
    for method in ("ttur", "wgan-gp"):
        for row in (method, f"{method}-shared", f"{method}-tuned"):
            assert f'<th scope="row">{row}</th>' in text
    assert '<th scope="col" class="left">shared optimizer</th>' in text
    assert text.index('id="results"') < text.index('id="tuning"') < text.index('id="training"')


def test_every_method_has_its_figures_settings_and_an_entry_to_paste(folder: Path, text: str) -> None:
    for cell in ("ring8_mlp_wgan-gp", "ring8_mlp_ttur"):
        for kind in ("slices", "parallel", "front"):
            assert (folder / f"reports/fake/figures/{kind}_{cell}.svg").is_file()
    assert (folder / "reports/fake/figures/budget_ring8_mlp.pdf").is_file()
    assert text.count("label: wgan-gp-tuned") == 1
    assert "penalty.weight" in text
    assert re.search(r"<code>optimizer\.lr</code></th><td class=\"left\">0\.0001 to 0\.01, log</td>", text)


def test_what_was_pruned_and_saved_is_printed(text: str) -> None:
    row = re.search(r'<th scope="row">ttur</th>(<td>[^<]*</td>){3}<td>(\d+)</td><td>(\d+)</td><td>(\d+)</td>', text)
    assert row
    finished, pruned, diverged = map(int, row.groups()[1:])
    assert (pruned, diverged) == (4, 3)
    assert finished + pruned + diverged == 24
    assert "<td>15 %</td>" in text  # 7 of 24 trials were ended half-way


def test_importance_finds_the_parameter_that_the_objective_depends_on(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        results = collect(runs.plan(Path("fake.yaml")))
    weights = tuning._importance(results.tuned["ring8/mlp/wgan-gp-tuned"])
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["optimizer.lr"] + weights["n_critic"] > weights["optimizer.betas[0]"] + weights["penalty.weight"]


def test_equal_trials_give_equal_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    of = collect(runs.plan(Path("fake.yaml"))).tuned["ring8/mlp/wgan-gp-tuned"]
    for draw in (landscapes.slices, landscapes.parallel):
        first, again = draw(of, "distance"), draw(of, "distance")
        assert (first.svg, first.pdf) == (again.svg, again.pdf)
        assert (folder / f"reports/fake/figures/{first.name}.svg").stat().st_size > 10_000


def test_a_copy_of_tuned_results_is_read_and_merged(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "copy"))
    shutil.move("results/fake", "old")
    old = collect(runs.plan(Path("fake.yaml")), Path("old"))
    assert set(old.tuned) == {"ring8/mlp/wgan-gp-tuned", "ring8/mlp/ttur-tuned"}
    assert merged.merge(old, old, ("A", "B")).tuned == {}


def test_a_missing_trial_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shutil.copytree(folder, tmp_path / "copy"))
    Path("results/fake/tuning/ring8/mlp/ttur/trial3.json").unlink()
    with pytest.raises(MissingResultError, match=r"best\.json, or a trial beside it, is missing"):
        collect(runs.plan(Path("fake.yaml")))


def test_a_study_without_tuning_has_no_such_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = collect(_plan(STUDY[: STUDY.index("tuning:")]))
    assert tuning.section(results, {}, lambda _: None) == []
