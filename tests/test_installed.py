"""Plugins of installed packages: found without being run, named with their source, an error only where asked for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from conftest import ROOT, StudyFile

from ganbench import cli, doctor, installed, plugins, runs, show
from ganbench.cards import PluginError
from ganbench.problems import StudyError

EXAMPLE = ROOT / "examples" / "ganbench-extras"
LOSS = "raise SystemExit('planning ran a plugin')\n\n\nclass Loss:\n    weight: float = 1.0\n"
RECIPE = "title: A recipe\ncitation: Nobody 2020\nbase: non-saturating\nn_critic: 2\n"


Install = Callable[[str, dict[str, str], dict[str, str]], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A function that puts a package on the path: its files, and its entry points by group."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(name: str, files: dict[str, str], groups: dict[str, str]) -> None:
        package = folder / name.replace("-", "_")
        package.mkdir()
        (package / "__init__.py").write_text("raise SystemExit('planning imported a package')\n")
        for file, text in files.items():
            (package / file).parent.mkdir(exist_ok=True)
            (package / file).write_text(text)
        info = folder / f"{package.name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        points = "\n".join(f"[ganbench.{group}]\n{lines}" for group, lines in groups.items())
        (info / "entry_points.txt").write_text(points)

    return write


def test_an_installed_plugin_is_found_and_not_run(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"my_loss.py": LOSS, "deep/other.py": LOSS, "my_recipe.yaml": RECIPE}
    losses = "my-loss = extras.my_loss\nother = extras.deep.other"
    install("extras", files, {"losses": losses, "methods": "my-recipe = extras.my_recipe"})
    registry = plugins.discover()
    assert not registry.broken
    card = registry.card("loss", "my-loss")
    assert (card.source, card.module) == ("package extras 1.2", "extras.my_loss")
    assert registry.card("loss", "other").path.parts[-3:] == ("extras", "deep", "other.py")
    assert registry.source("method", "my-recipe") == "package extras 1.2"
    assert registry.source("method", "wgan") == registry.source("loss", "hinge") == "built-in"
    assert cli.main(["list", "loss"]) == 0
    assert cli.main(["show", "my-loss"]) == 0
    said = capsys.readouterr().out
    assert "  my-loss " in said
    assert "[package extras 1.2]" in said
    assert "Source:  package extras 1.2" in said
    assert f"sha256:  {card.sha256}" in said


def test_a_study_uses_installed_plugins_and_its_specs_carry_their_hash(install: Install, study_file: StudyFile) -> None:
    install(
        "extras",
        {"my_loss.py": LOSS, "my_recipe.yaml": RECIPE},
        {"losses": "my-loss = extras.my_loss", "methods": "my-recipe = extras.my_recipe"},
    )
    plan = runs.plan(study_file(methods=[{"name": "my-recipe", "loss": {"name": "my-loss", "weight": 2.0}}]))
    method = plan.runs[0].spec["method"]
    assert method["loss"] == {
        "name": "my-loss",
        "settings": {"weight": 2.0},
        "sha256": plan.registry.card("loss", "my-loss").sha256,
    }
    assert method["n_critic"] == 2


@pytest.mark.parametrize(
    ("files", "groups", "said"),
    [
        ({"bad.py": "class Loss:\n    x: int = = 1\n"}, {"losses": "bad = extras.bad"}, "not valid Python"),
        ({}, {"losses": "bad = extras.gone"}, "no file of module extras.gone"),
        ({}, {"losses": "bad = nothing.gone"}, "no file of module nothing.gone"),
        ({"x.py": LOSS}, {"losses": "bad = extras.x"}, "call the entry point 'x'"),
        ({"bad.py": "class Penalty: ..."}, {"losses": "bad = extras.bad"}, "exactly one of the classes Loss"),
    ],
)
def test_a_broken_plugin_is_an_error_only_where_it_is_asked_for(
    install: Install,
    study_file: StudyFile,
    capsys: pytest.CaptureFixture[str],
    files: dict[str, str],
    groups: dict[str, str],
    said: str,
) -> None:
    install("extras", files, groups)
    assert runs.plan(study_file()).runs
    assert cli.main(["list", "loss"]) == 0
    assert "bad                      CANNOT BE USED: package extras 1.2: " in capsys.readouterr().out
    with pytest.raises(StudyError, match=rf"loss 'bad' cannot be used: package extras 1.2: .*{said}"):
        runs.plan(study_file(methods=[{"name": "minimax", "loss": "bad"}]))
    with pytest.raises(show.ShowError, match="cannot be used"):
        show.described(plugins.discover(), "bad")
    with pytest.raises(doctor.Trouble, match=rf"loss 'bad' cannot be used: .*{said}"):
        doctor._plugins()


def test_a_broken_recipe_is_broken_alone(install: Install, study_file: StudyFile) -> None:
    install("extras", {"odd.yaml": "a: 1\na: 2\n"}, {"methods": "odd = extras.odd"})
    assert runs.plan(study_file()).runs
    with pytest.raises(StudyError, match=r"method 'odd' cannot be used: .*given twice"):
        runs.plan(study_file(methods=["odd"]))


def test_a_name_of_two_sources_means_neither(install: Install, study_file: StudyFile) -> None:
    install("extras", {"hinge.py": LOSS, "mine.py": LOSS}, {"losses": "hinge = extras.hinge\nmine = extras.mine"})
    install("others", {"mine.py": LOSS}, {"losses": "mine = others.mine"})
    assert runs.plan(study_file()).runs
    with pytest.raises(StudyError, match=r"loss 'hinge' cannot be used: package extras 1.2: built-in has one of that"):
        runs.plan(study_file(methods=["hinge"]))
    with pytest.raises(StudyError, match=r"loss 'mine' cannot be used: package others 1.2: package extras 1.2 has one"):
        runs.plan(study_file(methods=[{"name": "minimax", "loss": "mine"}]))


def test_a_file_cannot_take_the_name_of_an_installed_plugin(install: Install, tmp_path: Path) -> None:
    install("extras", {"my_loss.py": LOSS}, {"losses": "my-loss = extras.my_loss"})
    (tmp_path / "my_loss.py").write_text(LOSS)
    with pytest.raises(PluginError, match=r"exists already in .*extras.my_loss\.py \(package extras 1\.2\)"):
        plugins.discover([tmp_path / "my_loss.py"])


def test_a_slip_in_the_name_of_a_group_is_found_by_doctor(install: Install) -> None:
    install("extras", {"my_loss.py": LOSS}, {"loss": "my-loss = extras.my_loss"})
    assert installed.strangers(plugins.GROUPS) == {"ganbench.loss": "extras 1.2"}
    with pytest.raises(doctor.Trouble, match=r"unknown group 'ganbench.loss'; did you mean 'ganbench.losses'"):
        doctor._plugins()


def test_metrics_of_packages_measure_only_studies_that_name_them(install: Install, study_file: StudyFile) -> None:
    from ganbench.scaffold import TEMPLATES

    text = (TEMPLATES / "metric.py").read_text()
    install("extras", {"mean_gap.py": text}, {"metrics": "mean-gap = extras.mean_gap"})
    assert not plugins.discover().broken
    usual = runs.plan(study_file()).datasets["ring8"].measures
    assert not any(name.startswith("mean-gap") for name in usual)
    named = runs.plan(study_file(evaluation={"samples": 100, "metrics": ["mean-gap"]})).datasets["ring8"].measures
    assert list(named) == ["mean-gap_100"]


def test_a_name_of_another_kind_is_pointed_out(study_file: StudyFile) -> None:
    with pytest.raises(StudyError, match=r"unknown loss 'gradient-penalty'.*; penalty 'gradient-penalty' exists"):
        runs.plan(study_file(methods=[{"name": "minimax", "loss": "gradient-penalty"}]))


def test_a_recipe_can_be_a_file_named_in_the_study(study_file: StudyFile, tmp_path: Path) -> None:
    (tmp_path / "my_recipe.yaml").write_text(RECIPE)
    plan = runs.plan(study_file(plugins=["my_recipe.yaml"], methods=["my-recipe"]))
    assert plan.registry.source("method", "my-recipe") == "file"
    assert plan.runs[0].spec["method"]["n_critic"] == 2
    (tmp_path / "my_recipe.yaml").write_text(RECIPE + "n_crtic: 3\n")
    with pytest.raises(StudyError, match="'n_crtic'; did you mean 'n_critic'"):
        runs.plan(study_file(plugins=["my_recipe.yaml"], methods=["my-recipe"]))


def _python(site: Path, *arguments: str, folder: Path) -> str:
    path = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    argv = [sys.executable, *arguments]
    done = subprocess.run(
        argv, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(int(version("setuptools").split(".")[0]) < 71, reason="this setuptools builds no wheel on its own")
def test_the_example_package_is_installed_checked_and_used(tmp_path: Path) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(EXAMPLE, source)  # building leaves files behind
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    _python(site, *pip, str(source), folder=tmp_path)
    assert "[package ganbench-extras 0.1.0]" in _python(site, "-m", "ganbench", "list", "loss", folder=tmp_path)
    assert "2 runs" in _python(site, "-m", "ganbench", "check", str(source / "study.yaml"), folder=tmp_path)
    heavy = "import sys; from ganbench import plugins; plugins.discover(); assert 'torch' not in sys.modules"
    _python(site, "-c", heavy, folder=tmp_path)
    study = str(source / "study.yaml")
    plan = "from pathlib import Path; from ganbench import runs; p = runs.plan(Path(sys.argv[1])); "
    (data,) = _python(site, "-c", f"import sys; {plan}print(*p.data)", study, folder=tmp_path).split()
    _python(site, "-m", "ganbench", "data", study, data, folder=tmp_path)
    _python(site, "-m", "ganbench", "train", study, "ring8/residual-mlp/0", folder=tmp_path)
    _python(site, "-m", "ganbench", "train", study, "ring8/residual-mlp/1", folder=tmp_path)
    trained = sorted(path.parts[-3] for path in tmp_path.glob("results/extras/runs/**/training.json"))
    assert trained == ["non-saturating", "smooth-hinge"]
    _python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", folder=source)
