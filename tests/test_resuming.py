"""A training that is interrupted and goes on ends where one that was not interrupted ends, bit for bit."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from conftest import ROOT, StudyFile
from rules import CASES, CPU, IDS, POINTS, STEPS, planned, trained
from safetensors import safe_open
from torch import Tensor

from ganbench import checkpoint, data, layout, markers, runs, training
from ganbench.runs import Plan
from ganbench.sidecar import Sidecar
from ganbench.work import Run


class Cut(BaseException):
    """The process is gone."""


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """A function that says after which step the process goes, saved or not."""
    at: list[int | None] = [None]

    def pause(sidecar: Sidecar) -> None:
        if sidecar.parts["course"].step == at[0]:  # type: ignore[attr-defined]
            sidecar.save()
            raise Cut

    monkeypatch.setattr(Sidecar, "pause", pause)
    return lambda step: at.__setitem__(0, step)


@pytest.mark.parametrize(("network", "samples", "rule"), CASES, ids=IDS)
def test_every_update_rule_goes_on_as_if_nothing_had_happened(
    network: str,
    samples: Tensor,
    rule: dict[str, Any],
    study_file: StudyFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cut: Callable[[int | None], None],
) -> None:
    monkeypatch.chdir(tmp_path)
    plan, given = planned(study_file, network, samples, rule)
    (run,) = plan.runs
    whole = trained(plan, run, samples, given)
    choose = random.Random(str(rule))
    (plan.folder(run) / layout.TRAINING).unlink()
    for step in sorted(choose.sample(range(1, STEPS + 1), 3)):
        cut(step)
        with pytest.raises(Cut):
            training.train_run(plan, run, samples, CPU, given)
    cut(None)
    torch.manual_seed(99)  # another process
    assert trained(plan, run, samples, given) == whole
    assert not (plan.folder(run) / layout.CHECKPOINT).exists()


# Real processes

STUDY = """
study: cut
datasets: [ring8]
architectures: [{name: mlp, generator_widths: [16], discriminator_widths: [16]}]
methods: [{name: non-saturating, ema: 0.9}]
seeds: [0]
training: {generator_steps: 600, log_every: 7, snapshots: 4, batch_size: 16, checkpoint_every: EVERY, engine: ENGINE}
evaluation: {samples: 100, metrics: [fd]}
"""


def left(folder: Path) -> tuple[Any, ...]:
    """What a training left on disk, without what it cost and where it was interrupted."""
    record = json.loads((folder / layout.TRAINING).read_text())
    files = {name: (folder / name).read_bytes() for name in record["files"] if name != layout.HISTORY}
    cost = ("seconds", "cpu_seconds", "peak_memory", "resumed_at", "snapshots")
    rows = [line.split(",") for line in (folder / layout.HISTORY).read_text().splitlines()]
    return files, [row[:1] + row[2:] for row in rows], {key: of for key, of in record.items() if key not in cost}


def ganbench(folder: Path, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ganbench", "train", "study.yaml", "ring8/mlp/0"]
    given = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.Popen(command, cwd=folder, env=given, stderr=subprocess.PIPE, text=True)


def reached(path: Path, at_least: int, process: subprocess.Popen[str]) -> None:
    """Wait until a checkpoint of this process is there."""
    deadline = time.monotonic() + 120
    before = path.stat().st_mtime_ns if path.exists() else 0
    while not path.exists() or path.stat().st_mtime_ns == before:
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(at_least / 1000)


@pytest.mark.parametrize("engine", ["single", "pack"])
def test_a_process_that_is_killed_or_asked_to_end_loses_nothing(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY.replace("EVERY", "0.01").replace("ENGINE", engine))
    plan = runs.plan(Path("study.yaml"))
    (run,) = plan.runs
    (dataset,) = plan.data.values()
    data.prepare(dataset, Path("nowhere"))
    folder = plan.folder(run)
    choose = random.Random(0)
    for number, code, said in (
        (signal.SIGKILL, -9, ""),
        (signal.SIGTERM, 143, "ended by SIGTERM, saved"),
        (signal.SIGINT, 130, "ended by SIGINT, saved"),
    ):
        process = ganbench(tmp_path)
        reached(folder / layout.CHECKPOINT, choose.randrange(100), process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == code
        assert said in errors
        assert not (folder / layout.TRAINING).exists()
    last = ganbench(tmp_path)
    assert last.wait(timeout=120) == 0
    assert last.stderr is not None
    assert last.stderr.read() == ""
    steps = json.loads((folder / layout.TRAINING).read_text())["resumed_at"]
    assert len(steps) == 3
    assert 0 < steps[0] <= steps[1] <= steps[2] < 600
    assert not [path for path in folder.iterdir() if path.name.startswith(".") or path.name == layout.CHECKPOINT]
    interrupted = left(folder)
    shutil.rmtree(folder)
    assert ganbench(tmp_path).wait(timeout=120) == 0
    assert left(folder) == interrupted


# Refusals


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, study_file: StudyFile) -> tuple[Plan, Run]:
    """A run with a checkpoint after step 3."""
    monkeypatch.chdir(tmp_path)
    plan = runs.plan(study_file(methods=["non-saturating"], seeds=[0]))
    (run,) = plan.runs
    with monkeypatch.context() as patch:
        patch.setattr(Sidecar, "pause", cutting(3))
        with pytest.raises(Cut):
            training.train_run(plan, run, POINTS, CPU)
    return plan, run


def cutting(step: int) -> Callable[[Sidecar], None]:
    def pause(sidecar: Sidecar) -> None:
        if sidecar.parts["course"].step == step:  # type: ignore[attr-defined]
            sidecar.save()
            raise Cut

    return pause


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def foreign(path: Path) -> None:
    state = checkpoint.read(path, identity_of(path))
    checkpoint.write(path, state, {**identity_of(path), "spec": "0" * 64})


def older(path: Path) -> None:
    state = checkpoint.read(path, identity_of(path))
    checkpoint.write(path, state, {**identity_of(path), "torch": "1.13.1"})


def misfit(path: Path) -> None:
    state = checkpoint.read(path, identity_of(path))
    del state["generator"]["network"]["0.weight"]
    checkpoint.write(path, state, identity_of(path))


def identity_of(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        found: dict[str, str] = json.loads(file.metadata()[checkpoint.HEADER])["identity"]
    return found


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (truncated, "not a whole checkpoint"),
        (foreign, "it is of spec 0000"),
        (older, "it is of torch 1.13.1, and wanted is torch"),
        (misfit, "does not fit"),
    ],
)
def test_a_checkpoint_that_will_not_do_is_refused_with_a_reason_and_the_run_starts_afresh(
    begun: tuple[Plan, Run],
    spoil: Callable[[Path], None],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan, run = begun
    path = plan.folder(run) / layout.CHECKPOINT
    spoil(path)
    with monkeypatch.context() as patch:
        patch.setattr(Sidecar, "pause", cutting(8))
        with pytest.raises(Cut):
            training.train_run(plan, run, POINTS, CPU)
    log = (plan.folder(run) / layout.TRAINING_LOG).read_text()
    said = capsys.readouterr().err
    for text in (log, said):
        assert "afresh" in text
        assert reason in text
    training.train_run(plan, run, POINTS, CPU)
    assert json.loads((plan.folder(run) / layout.TRAINING).read_text())["resumed_at"] == [8]
    afterwards = left(plan.folder(run))
    shutil.rmtree(plan.folder(run))
    training.train_run(plan, run, POINTS, CPU)
    assert left(plan.folder(run)) == afterwards


# Time limits


def test_a_run_that_is_out_of_time_is_measured_and_goes_on_when_it_gets_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    limited = tiny.place(training={"time_limit": 1e-9}).prepare().train().evaluate()
    record, measured = limited.record(name=layout.TRAINING), limited.record()
    assert (record["status"], record["step"], record["diverged_at"]) == ("timeout", 1, None)
    assert measured["status"] == "timeout"
    assert measured["reason"].startswith("the time limit of 1e-09 s, at step 1 of 4")
    assert {e["step"] for e in measured["evaluations"]} == {1}
    assert all(e["metrics"]["fd_100"] > 0 for e in measured["evaluations"])
    (job,) = limited.plan.training_jobs.values()
    assert markers.is_true(limited.plan, job)
    assert (limited.folder() / layout.CHECKPOINT).exists()

    longer = tiny.place(training={"time_limit": "1h"})
    (job,) = longer.plan.training_jobs.values()
    assert longer.run().digest == limited.run().digest
    assert not markers.is_true(longer.plan, job)
    assert not markers.is_trained(longer.plan, longer.run())
    longer.train()
    record = longer.record(name=layout.TRAINING)
    assert (record["status"], record["step"], record["resumed_at"]) == ("ok", 4, [1])
    assert not markers.is_evaluated(longer.plan, longer.run())
    assert not (longer.folder() / layout.CHECKPOINT).exists()
    went_on = left(longer.folder())

    unlimited = tiny.place()  # what was in time is done, whatever the limit
    assert markers.is_trained(unlimited.plan, unlimited.run())
    shutil.rmtree(unlimited.folder())
    unlimited.train()
    fresh = left(unlimited.folder())
    assert (fresh[0], fresh[1]) == (went_on[0], went_on[1])
    assert not markers.is_trained(limited.plan, limited.run())  # and what took longer is not


def test_a_run_that_diverged_before_it_was_out_of_time_has_diverged(begun: tuple[Plan, Run]) -> None:
    plan, run = begun
    path = plan.folder(run) / layout.CHECKPOINT
    state = checkpoint.read(path, identity_of(path))
    state["course"]["losses"][1] = torch.nan
    checkpoint.write(path, state, identity_of(path))
    training.train_run(plan, replace(run, time_limit=1e-9), POINTS, CPU)
    record = json.loads((plan.folder(run) / layout.TRAINING).read_text())
    assert (record["status"], record["diverged_at"]) == ("diverged", 2)


def test_a_checkpoint_that_a_kill_left_beside_a_finished_run_goes_with_the_marker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Sidecar, "pause", Sidecar.save)
        patch.setattr(Sidecar, "remove", lambda _: None)
        place = tiny.place().prepare().train()
    assert not (place.folder() / layout.CHECKPOINT).exists()
