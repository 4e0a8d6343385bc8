"""Tuning in real processes: workflows that are killed at random moments, workers that are killed, a real database."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny

from ganbench import runs
from ganbench.runs import Plan
from ganbench.tune import command, storage

ROOT = Path(__file__).resolve().parent.parent
KILLS = 10

STUDY = """
study: tiny
datasets: [ring8]
architectures: [{name: mlp, generator_widths: [16], discriminator_widths: [16]}]
methods: [non-saturating]
seeds: [0]
training: {generator_steps: 150, log_every: 50}
evaluation: {samples: 100, metrics: [fd], snapshot_samples: 100}
settings: [tuned]
tuning:
  trials: 12
  generations: 4
  seeds: [100, 101]
  startup: 3
  pruning: {name: halving, reduction: 2}
  trials_per_job: 2
"""
CELL = "results/tiny/tuning/ring8/mlp/non-saturating"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def _folder(at: Path, study: str = STUDY) -> Path:
    at.mkdir()
    shutil.copy(ROOT / "Snakefile", at)
    (at / "tiny.yaml").write_text(study)
    return at


def _start(folder: Path, *options: str, cores: int = 2) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "snakemake", *options, "--cores", str(cores), "--configfile", "tiny.yaml"]
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log, start_new_session=True)


def _finished(folder: Path) -> dict[str, Any]:
    """Every trial's record and the best setting, but for what trials cost."""
    return {
        path.name: {key: value for key, value in json.loads(path.read_text()).items() if key != "cost"}
        for path in sorted((folder / CELL).glob("*.json"))
    }


def _trials(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / CELL).glob("trial*.json")}


@pytest.mark.slow
def test_ten_kills_at_random_moments_lose_no_finished_trial_and_end_in_the_same_best_setting(tmp_path: Path) -> None:
    """Undisturbed on two cores, killed on one: equal to the bit all the same."""
    whole, killed = _folder(tmp_path / "whole"), _folder(tmp_path / "killed")
    begun = time.monotonic()
    assert _start(whole).wait(900) == 0, (whole / "log.txt").read_text()[-3000:]
    lasted = time.monotonic() - begun
    chance, kills, at = random.Random(0), 0, list[int]()
    while kills < KILLS:
        before = _trials(killed)
        process = _start(killed, "--rerun-incomplete", cores=1)
        time.sleep(chance.uniform(0.02, 0.25) * lasted)
        if process.poll() is None:
            kills += 1
            at.append(len(_trials(killed)))
        else:  # it was done: let one of its trials and the end be made again
            assert process.returncode == 0, (killed / "log.txt").read_text()[-3000:]
            before.pop("trial11.json", None)
            (killed / CELL / "trial11.json").unlink()
            continue
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert all(_trials(killed)[name] == content for name, content in before.items())
        assert _start(killed, "--unlock").wait(300) == 0
    before = _trials(killed)
    assert _start(killed, "--rerun-incomplete", cores=1).wait(900) == 0, (killed / "log.txt").read_text()[-3000:]
    assert all(_trials(killed)[name] == content for name, content in before.items())
    assert _finished(killed) == _finished(whole)
    print(f"{kills} kills with so many trials finished: {at}")


def _worker_study(storage: str = "") -> str:
    extra = f"  backend: storage\n  workers: 2\n{storage}"
    return STUDY + extra


def _tune(folder: Path, step: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "ganbench", "tune", "tiny.yaml", f"ring8/mlp/non-saturating/{step}"]
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)


def _wait_for_trials(folder: Path, count: int) -> None:
    end = time.monotonic() + 300
    while len(_trials(folder)) < count:
        assert time.monotonic() < end, (folder / "log.txt").read_text()[-3000:]
        time.sleep(0.05)


def _opened() -> Plan:
    """All that workers need, and the storage."""
    place = tiny.Place(runs.plan(Path("tiny.yaml"))).prepare()
    _carry_out(place.plan, "open")
    return place.plan


def _carry_out(plan: Plan, kind: str) -> None:
    for step in plan.tuning_steps.values():
        if step.kind == kind:
            assert command.carry_out(plan, step, lambda: tiny.CPU)


@pytest.mark.slow
def test_killed_workers_with_a_journal_leave_exactly_the_budget_after_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _folder(tmp_path / "journal", _worker_study())
    monkeypatch.chdir(folder)
    plan = _opened()
    workers = [_tune(folder, f"worker{k}") for k in range(2)]
    _wait_for_trials(folder, 3)
    for worker in workers:
        worker.kill()
        worker.wait()
    before = _trials(folder)
    assert 3 <= len(before) < 12
    for kind in ("open", "work", "best"):
        _carry_out(plan, kind)
    after = _trials(folder)
    assert len(after) == 12
    assert all(after[name] == content for name, content in before.items())


@pytest.mark.slow
def test_a_dead_worker_of_a_database_is_heard_of_and_another_does_its_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: str
) -> None:
    folder = _folder(tmp_path / "postgres", _worker_study(f"  storage: {postgres}\n"))
    monkeypatch.chdir(folder)
    plan = _opened()
    dead = _tune(folder, "worker0")
    _wait_for_trials(folder, 2)
    study = storage._load(plan, *plan.searches.values(), 0)
    while "RUNNING" not in [trial.state.name for trial in study.get_trials()]:
        time.sleep(0.01)
    dead.kill()
    dead.wait()
    before = _trials(folder)
    begun = time.monotonic()
    _carry_out(plan, "work")  # hears nothing of the dead one's trial for the time of grace, and then takes it
    after = _trials(folder)
    assert len(after) == 12
    assert all(after[name] == content for name, content in before.items())
    states = [trial.state.name for trial in storage._load(plan, *plan.searches.values(), 0).get_trials()]
    print(f"{len(before)} trials before the kill; {states}, {time.monotonic() - begun:.0f} s")
    assert "RUNNING" not in states
    assert states.count("FAIL") == len(states) - 12 == 1
    _carry_out(plan, "best")


@pytest.fixture
def postgres() -> Any:
    """The URL of an empty database of a PostgreSQL server that lives as long as the test."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install ganbench[postgresql]")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [shutil.which("initdb")]
    if not found[-1]:
        pytest.skip("no PostgreSQL server here (initdb is not found)")
    binaries, at = Path(found[-1]).parent, Path(f"/tmp/ganbench-pg-{os.getpid()}")
    port = 15000 + os.getpid() % 10000
    at.mkdir()
    root = os.geteuid() == 0
    if root:  # the server refuses to run as root
        shutil.chown(at, "postgres")

    def call(*command: str) -> None:
        line = ["runuser", "-u", "postgres", "--", *command] if root else list(command)
        subprocess.run(line, check=True, cwd="/", capture_output=True, timeout=120)

    try:
        call(str(binaries / "initdb"), "-D", f"{at}/data", "-A", "trust", "-U", "optuna", "--no-sync", "-E", "UTF8")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={at}"
        call(str(binaries / "pg_ctl"), "-D", f"{at}/data", "-w", "-l", f"{at}/log", "-o", options, "start")
        try:
            call(str(binaries / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "optuna", "optuna")
            yield f"postgresql+psycopg://optuna@127.0.0.1:{port}/optuna"
        finally:
            call(str(binaries / "pg_ctl"), "-D", f"{at}/data", "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(at, ignore_errors=True)
