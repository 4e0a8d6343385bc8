"""Remote execution through a queue that is thirty lines long, its master killed, and the recovery. It proves nothing
about Slurm (test_slurm.py does), but that the Snakefile works where each job is a call of Snakemake of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import fake_gpus
import pytest

from ganbench import cli, recover
from ganbench.recover import RecoverError

pytest.importorskip(
    "snakemake_executor_plugin_cluster_generic", reason="needs snakemake-executor-plugin-cluster-generic"
)

STUDY = """
study: tiny
datasets: [ring8]
architectures: [{name: mlp, generator_widths: [8], discriminator_widths: [8]}]
methods: [{name: non-saturating, loss: told}]
seeds: [0, 1]
plugins: [told.py]
training: {generator_steps: 2, snapshots: 0, runs_per_job: 1}
evaluation: {samples: 100, metrics: [fd]}
"""

TOLD = '''
"""Least squares that say where they are computed, and wait until they may."""
import os, time
from dataclasses import dataclass
from pathlib import Path

@dataclass(frozen=True)
class Loss:
    """Squares."""
    def discriminator(self, real, fake):
        if not Path(str(os.getpid())).exists():
            Path(str(os.getpid())).touch()
            with Path("told").open("a") as file:
                file.write(f"{os.environ['CUDA_VISIBLE_DEVICES']}\\n")
        return ((real - 1) ** 2).mean(-1) + (fake ** 2).mean(-1)

    def generator(self, real, fake):
        deadline = time.monotonic() + 120
        while not Path("go").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return ((fake - 1) ** 2).mean(-1)
'''

QUEUE = """
import fcntl, itertools, os, subprocess, sys, time
from pathlib import Path

verb, argument = sys.argv[1:]
folder = Path(os.environ["QUEUE"])
if verb == "submit":
    number = next(n for n in itertools.count(1) if not (folder / f"{n}.log").exists())
    log = (folder / f"{number}.log").open("w")
    if os.fork():
        print(number)
        os._exit(sys.stdout.flush() or 0)
    os.setsid()
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    while True:  # two cards, each to one job at a time
        for card in "01":
            lock = open(folder / f"card{card}", "w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            code = subprocess.call(["sh", argument], env={**os.environ, "CUDA_VISIBLE_DEVICES": card})
            (folder / f"{number}.code").write_text(str(code))
            os._exit(0)
        time.sleep(0.1)
else:
    code = folder / f"{argument}.code"
    print("running" if not code.exists() else "success" if code.read_text() == "0" else "failed")
"""


def until(what: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_jobs_in_a_queue_survive_their_master_and_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(fake_gpus.ROOT / "Snakefile", tmp_path)
    for name, text in (("tiny.yaml", STUDY), ("told.py", TOLD), ("qsub.py", QUEUE)):
        (tmp_path / name).write_text(text)
    (tmp_path / "queue").mkdir()
    environment = fake_gpus.environment(tmp_path, 2, QUEUE=str(tmp_path / "queue"))
    monkeypatch.chdir(tmp_path)
    (key,) = _keys()
    assert cli.main(["data", "tiny.yaml", key]) == 0
    told = tmp_path / "told"
    queue = f"{sys.executable} {tmp_path / 'qsub.py'}"
    snakemake = [sys.executable, "-m", "snakemake", "--configfile", "tiny.yaml", "--until", "train"]
    remote = [
        "--executor", "cluster-generic", "--jobs", "4", "--seconds-between-status-checks", "1",
        "--cluster-generic-submit-cmd", f"{queue} submit", "--cluster-generic-status-cmd", f"{queue} status",
    ]  # fmt: skip
    with (tmp_path / "master.log").open("w") as log:
        master = subprocess.Popen([*snakemake, *remote], env=environment, stdout=log, stderr=log)
    try:
        until(lambda: master.poll() is not None or (told.exists() and len(told.read_text().split()) == 2))
        with pytest.raises(RecoverError, match=f"snakemake runs in this folder, pid {master.pid}"):
            recover.remaining(tmp_path)
    finally:
        master.send_signal(signal.SIGKILL)
        master.wait()
    recovering = subprocess.Popen(
        [sys.executable, "-m", "ganbench", "recover", "tiny.yaml"], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert recovering.stderr is not None
        assert "waiting for pid" in recovering.stderr.readline()
        assert list((tmp_path / ".snakemake/locks").iterdir())  # still locked: its jobs write
        (tmp_path / "go").touch()
        assert recovering.wait(60) == 0
    finally:
        (tmp_path / "go").touch()
        recovering.kill()
        recovering.wait()
        recovering.stderr.close()
    again = subprocess.run(
        [*snakemake, "--cores", "2", "--rerun-incomplete"], env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert sorted(told.read_text().split()) == ["0", "1"]  # each trained once, on a card of its own
    assert len(list(tmp_path.glob("results/tiny/runs/*/*/*/*/training.json"))) == 2


def _keys() -> list[str]:
    from ganbench import runs

    return list(runs.plan(Path("tiny.yaml")).data)


def test_jobs_may_be_ended_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = "import time; time.sleep(600)"
    (tmp_path / "ganbench.py").write_text(code)  # `python -m ganbench train`, as far as the process table knows
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    orphan = subprocess.Popen([sys.executable, "-m", "ganbench", "train", "tiny.yaml"], env=environment)
    stranger = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert [process.pid for process in recover.remaining(tmp_path).orphans] == [orphan.pid]
        recover._end(recover.remaining(tmp_path))
        orphan.wait(5)
        assert not recover.remaining(tmp_path)
        assert stranger.poll() is None
    finally:
        for process in (orphan, stranger):
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("squeue", "jobs"),
    [("echo 17; echo 18_3", ["17", "18_3"]), ("true", []), ("echo Unable to contact >&2; exit 1", None), ("", None)],
)
def test_jobs_of_slurm_are_found_by_the_names_in_the_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, squeue: str, jobs: list[str] | None
) -> None:
    logs = tmp_path / ".snakemake/log"
    logs.mkdir(parents=True)
    (logs / "1.log").write_text("Building DAG\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert recover._jobs(tmp_path) == []  # nothing was sent: Slurm need not be there
    for number in (2, 3):
        (logs / f"{number}.log").write_text(f"x\nSLURM run ID: name-{number}\n")
    if squeue:
        program = tmp_path / "squeue"
        program.write_text(f'#!/bin/sh\n[ "$4" = name-2,name-3 ] || exit 9\n{squeue}\n')
        program.chmod(0o755)
    if jobs is None:
        with pytest.raises(RecoverError, match="Unable to contact" if squeue else "where there is squeue"):
            recover._jobs(tmp_path)
    else:
        assert recover._jobs(tmp_path) == jobs
