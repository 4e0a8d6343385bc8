"""Every loss with every penalty and every constraint: each pair trains on ring8, or has its reason."""

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import StudyFile

from ganbench import files, layout, plugins, runs, training
from ganbench.streams import stream

REGISTRY = plugins.discover()
LOSSES = REGISTRY.names("loss")
SMALL = {"name": "mlp", "noise_dim": 2, "generator_widths": [16], "discriminator_widths": [16]}


def crossed(study_file: StudyFile, network: dict[str, Any]) -> runs.Plan:
    methods = [
        {"name": "non-saturating", "label": f"{loss}.{part}", "loss": loss, **({kind: part} if kind else {})}
        for loss in LOSSES
        for kind, part in [
            ("", "alone"),
            *(("penalty", name) for name in REGISTRY.names("penalty")),
            *(("constraint", name) for name in REGISTRY.names("constraint")),
        ]
    ]
    budget = {"generator_steps": 20, "batch_size": 8, "snapshots": 0}
    return runs.plan(study_file(methods=methods, architectures=[network], seeds=[0], training=budget))


def test_every_pair_trains(study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = crossed(study_file, SMALL)
    assert plan.gaps == ()
    parts = 1 + len(REGISTRY.names("penalty")) + len(REGISTRY.names("constraint"))
    assert len(plan.runs) == len(LOSSES) * parts
    mixture = plugins.load(plan.datasets["ring8"].card, plan.datasets["ring8"].spec["settings"]).mixture()
    samples = mixture.sample(200, stream(0, "crossing"))
    for run in plan.runs:
        training.train_run(plan, run, samples, torch.device("cpu"))
        record = files.read_json(plan.folder(run) / layout.TRAINING)
        assert record is not None
        assert record["status"] == "ok", run.id


def test_every_illegal_pair_has_its_reason(study_file: StudyFile) -> None:
    plan = crossed(study_file, {**SMALL, "minibatch": "discrimination"})
    refused = {gap.what.rsplit(" × ", 1)[1]: gap.reason for gap in plan.gaps}
    per_sample = [n for n in REGISTRY.names("penalty") if REGISTRY.card("penalty", n).traits.get("per_sample")]
    assert sorted(refused) == sorted(f"{loss}.{penalty}" for loss in LOSSES for penalty in per_sample)
    assert all("the minibatch layer mixes them" in reason for reason in refused.values())
    assert {run.method for run in plan.runs}.isdisjoint(refused)
