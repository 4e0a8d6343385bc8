"""Jobs: each run at its own risk, also when it does not fit into memory, and never two processes on one run."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
from conftest import ROOT

from ganbench import jobs, layout, locks, markers

LOSS = '''
"""A loss that wants more memory than there is."""
from dataclasses import dataclass
import torch
from torch.nn.functional import softplus

@dataclass(frozen=True)
class Loss:
    """Non-saturating."""
    def discriminator(self, real, fake):
        RAISE
        return softplus(-real).mean(-1) + softplus(fake).mean(-1)

    def generator(self, real, fake):
        return softplus(-fake).mean(-1)
'''
METHODS: list[Any] = [{"name": "non-saturating", "label": "large", "loss": "my-loss"}, "non-saturating"]


@pytest.mark.parametrize(
    "raising", ["torch.empty(2**55)", "raise MemoryError", "raise torch.OutOfMemoryError('CUDA out of memory.')"]
)
def test_a_run_that_is_out_of_memory_says_how_large_it_is_and_the_others_go_on(
    raising: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tiny.place({"my_loss.py": LOSS.replace("RAISE", raising)}, methods=METHODS).prepare()
    with pytest.raises(AssertionError):
        place.train()
    size = "batch_size 8 and mlp of generator_widths [8], discriminator_widths [8]"
    said = f"ring8/mlp/large/seed0: out of memory with {size}"
    assert said in capsys.readouterr().err
    log = (place.folder("large") / layout.TRAINING_LOG).read_text()
    assert said in log
    assert "my_loss.py" in log
    assert place.record("non-saturating", name=layout.TRAINING)["status"] == "ok"


@pytest.mark.parametrize(
    "raising", ["raise RuntimeError('shapes do not match')", "raise ValueError('out of memory of mine')"]
)
def test_other_errors_are_told_as_they_are(
    raising: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tiny.place({"my_loss.py": LOSS.replace("RAISE", raising)}, methods=METHODS).prepare()
    with pytest.raises(AssertionError):
        place.train()
    assert "batch_size" not in capsys.readouterr().err


HOLDER = """
import sys, time
from pathlib import Path
import torch
from ganbench import data, jobs, runs, training

plan = runs.plan(Path("study.yaml"))
(job,) = plan.training_jobs.values()

def slowly(together):
    (run,) = together
    Path("began").touch()
    while not Path("go").exists():
        time.sleep(0.01)
    training.train_run(plan, run, samples, torch.device("cpu"))

samples = data.read(plan.datasets["ring8"], "train").samples
sys.exit(0 if jobs.each(plan, job, slowly) else 1)
"""


def test_a_job_waits_for_an_orphan_that_is_at_work_and_then_finds_the_run_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    place = tiny.place().prepare()
    (job,) = place.plan.training_jobs.values()
    orphan = subprocess.Popen([sys.executable, "-c", HOLDER])
    while not Path("began").exists():
        assert orphan.poll() is None
    monkeypatch.setattr(locks.time, "sleep", lambda _: Path("go").touch())
    assert jobs.each(place.plan, job, lambda runs: pytest.fail(f"{runs} trained twice"))
    assert orphan.wait(timeout=60) == 0
    assert f"waits for process {orphan.pid}" in capfd.readouterr().err
    assert markers.is_true(place.plan, job)
    assert list(layout.lock("tiny", "x").parent.iterdir()) == []


def test_a_log_that_cannot_be_written_costs_no_other_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    raising = LOSS.replace("RAISE", "raise OSError(28, 'No space left on device')")
    place = tiny.place({"my_loss.py": raising}, methods=METHODS).prepare()
    (place.folder("large") / layout.TRAINING_LOG).mkdir(parents=True)  # a file of this name cannot be written
    with pytest.raises(AssertionError):
        place.train()
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "its log cannot be written" in said
    assert place.record("non-saturating", name=layout.TRAINING)["status"] == "ok"
