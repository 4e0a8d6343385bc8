"""Every built-in recipe, trained for some steps on ring8 as a study would."""

import csv
import math
from pathlib import Path

import pytest
import torch
from conftest import StudyFile

from ganbench import files, layout, plugins, runs, training
from ganbench.streams import stream
from ganbench.testing.trial import wants_truth

REGISTRY = plugins.discover()
OF_PAIRS = [name for name in REGISTRY.names("method") if wants_truth(name, REGISTRY)]
"""Recipes that compare samples with true ones; their contract trains them from images (`tests/test_contract.py`)."""


@pytest.mark.parametrize("name", [name for name in REGISTRY.names("method") if name not in OF_PAIRS])
def test_every_recipe_trains_on_points(
    study_file: StudyFile, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    budget = {"generator_steps": 20, "batch_size": 16, "log_every": 1}
    plan = runs.plan(study_file(methods=[name], seeds=[0], training=budget))
    (run,) = plan.runs
    mixture = plugins.load(plan.datasets["ring8"].card, {"radius": 1.0, "sigma": 0.01}).mixture()
    training.train_run(plan, run, mixture.sample(1000, stream(0, "test")), torch.device("cpu"))
    record = files.read_json(plan.folder(run) / layout.TRAINING)
    assert record is not None
    assert record["status"] == "ok"
    with (plan.folder(run) / layout.HISTORY).open() as file:
        history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    assert len(history) == 20
    assert all(math.isfinite(value) for row in history for value in row.values())
    penalty = run.spec["method"]["penalty"]
    penalised = penalty is not None and not penalty["settings"].get("start")  # LeCam's begins after 1,000 steps
    assert all((row["penalty"] > 0) == penalised for row in history)
    assert all(row["discriminator_gradient"] > 0 and row["generator_gradient"] > 0 for row in history)


def test_only_recipes_from_images_are_left_out_on_points(study_file: StudyFile) -> None:
    assert OF_PAIRS == ["l1", "pix2pix"]
    plan = runs.plan(study_file(methods=[*OF_PAIRS, "wgan"], seeds=[0]))
    assert [run.method for run in plan.runs] == ["wgan"]
    assert all("reconstruction needs the one true sample" in gap.reason for gap in plan.gaps)
