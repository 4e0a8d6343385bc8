"""The examples of the README are a study and a plugin that work as they stand there."""

import re
from pathlib import Path

import yaml
from conftest import ROOT, StudyFile

from ganbench import runs

README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_study_in_ten_lines_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "first.yaml"
    path.write_text(blocks("yaml")[0])
    cells = {run.cell for run in runs.plan(path).runs}
    assert {"ring8/mlp/wgan-gp-fast", "digits/dcgan/non-saturating"} <= cells


def test_the_loss_in_ten_lines_is_a_plugin_of_that_name(study_file: StudyFile, tmp_path: Path) -> None:
    (file,) = re.findall(r"Save it as `configs/(\w+\.py)`", README)
    (tmp_path / file).write_text(blocks("python")[0])
    plan = runs.plan(study_file(**yaml.safe_load(blocks("yaml")[1])))
    assert {run.spec["method"]["loss"]["name"] for run in plan.runs} == {"my-squares"}
