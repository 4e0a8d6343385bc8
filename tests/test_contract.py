"""Every built-in plugin keeps its kind's contract, and every check of a contract can fail."""

import re
import unittest
from pathlib import Path
from typing import Any

import pytest
import torch
from broken import FAULTS

from ganbench import cli, plugins, scaffold, testing
from ganbench.cards import KINDS
from ganbench.plugins import KINDS_AND_METHOD
from ganbench.testing import contract, methods

REGISTRY = plugins.discover()
FEW = 20
"""Steps of a recipe. Losses, penalties and constraints train for all 200: a second each."""
QUICK: dict[str, dict[str, Any]] = {
    "augmentation-gain": {"real": 60, "steps": 10},
    "classification-accuracy-score": {"steps": 20},
    "random-mixture": {"modes": 4},
    "dcgan": {"width": 4},
    "sndcgan": {"width": 4},
    "resnet": {"generator_width": 8, "discriminator_width": 8},
    "unet": {"width": 4},
}
BIG = {"stacked-mnist", "veegan-mixture", "infogan"}
"""Datasets that take seconds to load, and networks whose width cannot be chosen."""


def _built_in() -> list[Any]:
    found = []
    for kind in KINDS:
        for name, card in REGISTRY.cards[kind].items():
            for check in testing.checks(card, QUICK.get(name)):
                marks = pytest.mark.slow if name in BIG else ()
                found.append(pytest.param(check, id=f"{kind}-{name}-{check}", marks=marks))
    for name in REGISTRY.names("method"):
        for check in testing.recipe_checks(name, REGISTRY, steps=FEW):
            found.append(pytest.param(check, id=f"method-{name}-{check}"))
    return found


@pytest.mark.parametrize("check", _built_in())
def test_a_built_in_plugin_keeps_its_contract(check: testing.Check) -> None:
    check()


def _outcomes(checks: list[testing.Check]) -> dict[str, str]:
    """What each check says that does not pass."""
    found = {}
    for check in checks:
        try:
            check()
        except unittest.SkipTest:
            continue
        except Exception as error:
            found[check.name] = str(error)
    return found


def _broken(kind: str, name: str, folder: Path) -> Path:
    path, _ = scaffold.write(kind, f"my_{kind}", folder)
    text = path.read_text()
    for old, new in FAULTS[kind][name]:
        assert old in text, old
        text = text.replace(old, new, 1)
    if name not in ("packs", "scales"):  # whoever breaks another check breaks these too, where it declares them
        text = text.replace("packs: ClassVar[bool] = True", "packs: ClassVar[bool] = False")
        text = text.replace('    scale: ClassVar[str] = "weight"\n', "")
    path.write_text(text)
    return path


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, faults in FAULTS.items() for name in faults])
def test_a_check_fails_for_the_plugin_that_breaks_it_and_no_other_does(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "square.txt").write_text("")
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    checks = testing.checks(_broken(kind, name, tmp_path))
    training = "200 steps on ring8"
    chosen = [check for check in checks if name == training or check.name != training]  # training takes a second
    assert list(_outcomes(chosen)) == [name]


def test_every_check_has_a_plugin_that_breaks_it() -> None:
    for kind in KINDS_AND_METHOD:
        of = methods if kind == "method" else contract.OF_KIND[kind]
        names = {check.__name__.replace("_", " ") for check in of.CHECKS}
        assert names == FAULTS[kind].keys() - {"200 steps on ring8"}


@pytest.mark.parametrize("kind", KINDS_AND_METHOD)
def test_what_ganbench_new_writes_works_and_its_test_passes(kind: str, tmp_path: Path) -> None:
    path, test = scaffold.write(kind, f"my_{kind}", tmp_path)
    assert pytest.main(["-q", "-p", "no:cacheprovider", "-c", "/dev/null", f"--rootdir={tmp_path}", str(test)]) == 0
    assert plugins.knowing(path)[1] == kind


def test_check_prints_every_check_with_its_outcome(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _broken("loss", "sign", tmp_path)
    assert cli.main(["check", str(path)]) == 1
    said = capsys.readouterr().out
    assert f"{path}: loss 'my-loss' (file)\n" in said
    assert "  FAILED   sign: discriminator does not rise where fake scores rise from 1; fake means low\n" in said
    assert "  ok       last axis: " in said
    assert "FAILED.\n" in said


def test_a_setting_that_nothing_explains_fails_the_contract(tmp_path: Path) -> None:
    path, _ = scaffold.write("loss", "my_loss", tmp_path)
    text = path.read_text()
    field = text.index("    confidence: ")
    path.write_text(text[:field] + re.sub('    """.*"""\n', "", text[field:], count=1))
    chosen = [check for check in testing.checks(path) if check.name == "documented"]
    assert "nothing says what confidence is" in _outcomes(chosen)["documented"]


def test_check_takes_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = scaffold.write("dataset", "my_dataset", tmp_path)
    assert cli.main(["check", str(path), "--set", "points=10"]) == 0
    assert cli.main(["check", str(path), "--set", "ponits=10"]) == 1
    assert "has no setting 'ponits'; did you mean 'points'?" in capsys.readouterr().err


def test_a_plugin_that_does_not_import_fails_its_checks_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = scaffold.write("loss", "my_loss", tmp_path)
    path.write_text(path.read_text().replace("from torch import Tensor", "from torhc import Tensor"))
    assert cli.main(["check", str(path)]) == 1
    assert "FAILED   sign: raises ModuleNotFoundError: No module named 'torhc'" in capsys.readouterr().out


def test_a_check_leaves_the_global_generator_and_the_folder_alone(tmp_path: Path) -> None:
    before, folder = torch.get_rng_state(), Path.cwd()
    path, _ = scaffold.write("loss", "my_loss", tmp_path)
    _outcomes(testing.checks(path, steps=2))
    assert torch.equal(torch.get_rng_state(), before)
    assert Path.cwd() == folder
    assert {file.name for file in tmp_path.iterdir()} == {"my_loss.py", "test_my_loss.py"}
