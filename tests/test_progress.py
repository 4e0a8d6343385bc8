"""Progress: a line now and then for a person, nothing for a log."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganbench.progress import INTERVAL, Progress


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three finished runs and one unfinished one."""
    for seed in range(3):
        folder = tmp_path / f"runs/ring8/mlp/wgan/seed{seed}"
        folder.mkdir(parents=True)
        (folder / "training.json").write_text("{}")
    (tmp_path / "runs/ring8/mlp/wgan/seed3").mkdir()
    return tmp_path


def test_a_line_says_run_step_speed_rest_and_how_much_of_the_study_is_done(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress("ring8/mlp/wgan/seed3", 4000, results, 60, visible=True)
    progress.start = time.perf_counter() - 10
    progress.shown = progress.start
    progress(1000)
    line = capsys.readouterr().err
    assert "ring8/mlp/wgan/seed3" in line
    assert "step 1,000/4,000" in line
    assert "100 steps/s" in line
    assert "ETA 0:30" in line or "ETA 0:29" in line
    assert "(3/60 runs trained)" in line


def test_lines_are_no_closer_than_the_interval_but_the_last_step_always_shows(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress("run", 100, results, 60, visible=True)
    progress(1)
    progress(2)
    assert capsys.readouterr().err == ""
    progress.shown -= INTERVAL
    progress(3)
    progress(4)
    progress(100)
    assert [line.split("step ")[1].split("/")[0] for line in capsys.readouterr().err.splitlines()] == ["3", "100"]


def test_a_log_stays_quiet(results: Path) -> None:
    code = f"""
from pathlib import Path
from ganbench.progress import Progress
progress = Progress("run", 10, Path({str(results)!r}), 60)
progress(10)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""
