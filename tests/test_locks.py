"""Locks between real processes: nobody works at the same time, and a killed holder is gone at once."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganbench import locks

WORKER = """
import sys, time
from pathlib import Path
from ganbench import locks
path, count, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
locks.POLL = 0.001
for _ in range(count):
    with locks.held(path, "this run"):
        Path("inside").touch(exist_ok=False)  # fails if anyone else is
        print("in", flush=True)
        time.sleep(seconds)
        Path("inside").unlink()
"""


def worker(folder: Path, count: int, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, "locks/a~b.lock", str(count), str(seconds)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_nobody_is_inside_with_another_and_no_file_is_left(tmp_path: Path) -> None:
    workers = [worker(tmp_path, 200, 0.0) for _ in range(4)]
    for process in workers:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert list((tmp_path / "locks").iterdir()) == []


def test_who_waits_says_for_whom_and_a_killed_holder_is_gone_at_once(tmp_path: Path) -> None:
    holder = worker(tmp_path, 1, 600)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"
    waiting = worker(tmp_path, 1, 0.0)
    assert waiting.stderr is not None
    assert waiting.stderr.readline().startswith(f"this run: waits for process {holder.pid} on ")
    holder.send_signal(signal.SIGKILL)
    (tmp_path / "inside").unlink()
    killed = time.monotonic()
    assert waiting.wait(timeout=30) == 0
    assert time.monotonic() - killed < 5
    holder.communicate()
    assert list((tmp_path / "locks").iterdir()) == []


def test_an_exception_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locks.held(tmp_path / "lock", "x"):
        raise ZeroDivisionError
    with locks.held(tmp_path / "lock", "x"):
        assert (tmp_path / "lock").exists()
    assert not (tmp_path / "lock").exists()
