"""A real Slurm of two nodes with two fake GPUs each on this machine: minutes, with `make test-slow`.

The study's own loss writes down which node and card each training is on, and when; the networks compute on the CPU.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fake_gpus
import psutil
import pytest

SCRIPT = Path(__file__).with_name("slurm_cluster.sh")
PROFILE = fake_gpus.ROOT / "configs/profiles/slurm"
MISSING = [
    name for name in ("slurmctld", "slurmd", "munged", "srun") if not shutil.which(name, path="/usr/sbin:/usr/bin")
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"needs Slurm and MUNGE; not found: {', '.join(MISSING)}"),
]
pytest.importorskip("snakemake_executor_plugin_slurm")

STUDY = """
study: tiny
datasets: [ring8]
architectures: [{{name: mlp, generator_widths: [8], discriminator_widths: [8]}}]
methods: [{{name: non-saturating, loss: told}}]
seeds: {seeds}
plugins: [told.py]
training: {{generator_steps: 2, snapshots: 0, runs_per_job: 1}}
evaluation: {{samples: 100, metrics: [fd]}}
"""

TOLD = '''
"""Least squares that say where and when they are computed."""
import json, os, time
from dataclasses import dataclass
from pathlib import Path

FIRST = f"first-{os.environ.get('SLURM_JOB_ID')}-{os.getpid()}"

def say(**what):
    with Path("told").open("a") as file:
        place = {"node": os.environ["SLURMD_NODENAME"], "card": os.environ["CUDA_VISIBLE_DEVICES"]}
        file.write(json.dumps({**place, "job": os.environ["SLURM_JOB_ID"], "time": time.time(), **what}) + "\\n")

@dataclass(frozen=True)
class Loss:
    """Squares."""
    def discriminator(self, real, fake):
        if not Path(FIRST).exists():
            Path(FIRST).touch()
            say(what="start")
            if Path("fail").exists():
                Path("fail").unlink()
                raise RuntimeError("as the test wants it")
        return ((real - 1) ** 2).mean(-1) + (fake ** 2).mean(-1)

    def generator(self, real, fake):
        if not Path(FIRST + "-end").exists():
            Path(FIRST + "-end").touch()
            deadline = time.monotonic() + float(Path("seconds").read_text())
            while time.monotonic() < deadline and not Path("go").exists():
                time.sleep(0.1)
            say(what="end")
        return ((fake - 1) ** 2).mean(-1)
'''


@dataclass
class Cluster:
    """The cluster, and a folder with a study."""

    slurm: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        own = fake_gpus.environment(self.slurm, 0)
        return {
            **own,
            "PATH": f"{self.slurm / 'bin'}:{os.environ['PATH']}",
            "SLURM_CONF": str(self.slurm / "slurm.conf"),
        }

    def study(self, seeds: int, seconds: float) -> "Cluster":
        """Put a study of so many trainings into the folder; each takes so long."""
        shutil.copy(fake_gpus.ROOT / "Snakefile", self.folder)
        (self.folder / "tiny.yaml").write_text(STUDY.format(seeds=list(range(seeds))))
        (self.folder / "told.py").write_text(TOLD)
        (self.folder / "seconds").write_text(str(seconds))
        prepare = [sys.executable, "-c", _DATA]
        subprocess.run(prepare, cwd=self.folder, env=self.environment, check=True)
        return self

    def snakemake(self, *options: str) -> "subprocess.Popen[str]":
        """The call of docs/cluster.md with the shipped profile, in seconds instead of minutes."""
        command = [
            sys.executable, "-m", "snakemake", "--profile", str(PROFILE), "--configfile", "tiny.yaml",
            "--jobs", "6", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2",
            "--latency-wait", "10", *options, "--until", "train",
        ]  # fmt: skip
        log = (self.folder / "master.log").open("a")
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, text=True)

    def call(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )

    def told(self) -> list[dict[str, Any]]:
        file = self.folder / "told"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def starts(self) -> int:
        return sum(line["what"] == "start" for line in self.told())

    def trained(self) -> int:
        return len(list(self.folder.glob("results/tiny/runs/*/*/*/*/training.json")))

    def log(self) -> str:
        return (self.folder / "master.log").read_text()


_DATA = """
from pathlib import Path
from ganbench import cli, runs
(key,) = runs.plan(Path("tiny.yaml")).data
raise SystemExit(cli.main(["data", "tiny.yaml", key]))
"""


@pytest.fixture(scope="module")
def slurm() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ganbench-slurm-"))  # pytest's own folders are closed to MUNGE
    folder.chmod(0o755)
    started = subprocess.run([str(SCRIPT), "start", str(folder)], capture_output=True, text=True, check=False)
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield folder
    finally:
        subprocess.run([str(SCRIPT), "stop", str(folder)], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(slurm: Path, tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(slurm, tmp_path)
    yield found
    (tmp_path / "go").touch()
    found.call("scancel", "--user", psutil.Process().username())


def ended(process: "subprocess.Popen[str]", seconds: float = 300) -> int:
    try:
        return process.wait(seconds)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def until(what: Callable[[], bool], seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("options", [[], ["--slurm-array-jobs", "train"]], ids=["single jobs", "array jobs"])
def test_six_trainings_on_four_cards_of_two_nodes(cluster: Cluster, options: list[str]) -> None:
    assert ended(cluster.study(seeds=6, seconds=8).snakemake(*options)) == 0, cluster.log()
    assert (cluster.starts(), cluster.trained()) == (6, 6)
    spans: dict[tuple[str, str], list[tuple[float, float]]] = {}
    by_job: dict[str, list[dict[str, Any]]] = {}
    for line in cluster.told():
        by_job.setdefault(line["job"], []).append(line)
    for start, end in by_job.values():
        spans.setdefault((start["node"], start["card"]), []).append((start["time"], end["time"]))
    assert spans.keys() == set(itertools.product(["n1", "n2"], ["0", "1"]))
    for held in spans.values():
        assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(sorted(held)))
    if options:
        assert "Submitted array job" in cluster.log()


def test_a_job_that_fails_is_sent_again_with_more(cluster: Cluster) -> None:
    cluster.study(seeds=1, seconds=0)
    (cluster.folder / "fail").touch()
    assert ended(cluster.snakemake("--retries", "1")) == 0, cluster.log()
    first, second = (line["job"] for line in cluster.told() if line["what"] == "start")
    asked = [cluster.call("scontrol", "show", "job", job).stdout for job in (first, second)]
    assert "TimeLimit=00:10:00" in asked[0]
    assert "TimeLimit=00:20:00" in asked[1]
    assert cluster.trained() == 1


def test_a_node_that_crashes_loses_no_run(cluster: Cluster, slurm: Path) -> None:
    master = cluster.study(seeds=2, seconds=20).snakemake("--retries", "2")
    until(lambda: cluster.starts() == 2 or master.poll() is not None)
    (node, *_) = {line["node"] for line in cluster.told()}
    try:
        crash(slurm, node)
        assert ended(master) == 0, cluster.log()
    finally:
        subprocess.run(["/usr/sbin/slurmd", "-f", slurm / "slurm.conf", "-N", node], check=False)
    assert cluster.trained() == 2
    assert cluster.starts() > 2
    until(lambda: len(set(cluster.call("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").stdout.split())) == 2)


def crash(slurm: Path, node: str) -> None:
    """Kill a node's daemon, and all that it runs."""
    daemon = psutil.Process(int((slurm / f"run/slurmd.{node}.pid").read_text()))
    steps = [p for p in psutil.process_iter(["name"]) if p.info["name"] == "slurmstepd"]
    victims = [daemon]
    for step in steps:
        for process in (step, *step.children(recursive=True)):
            try:
                if process.environ().get("SLURMD_NODENAME") == node or f"/{node}/" in " ".join(
                    process.environ().values()
                ):
                    victims += [step, *step.children(recursive=True)]
                    break
            except psutil.Error:
                continue
    for process in victims:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


@pytest.mark.parametrize("cancel", [False, True], ids=["waiting", "cancelling"])
def test_a_killed_master_and_the_recovery(cluster: Cluster, cancel: bool) -> None:
    master = cluster.study(seeds=3, seconds=150).snakemake()
    until(lambda: cluster.starts() == 3 or master.poll() is not None)
    master.kill()
    master.wait()
    again = cluster.call(sys.executable, "-m", "snakemake", "--cores", "1", "--configfile", "tiny.yaml")
    assert again.returncode != 0  # locked
    recovering = [sys.executable, "-m", "ganbench", "recover", "tiny.yaml"]
    if cancel:
        done = cluster.call(*recovering, "--cancel")
    else:
        (cluster.folder / "go").touch()
        done = cluster.call(*recovering)
    assert done.returncode == 0, done.stderr
    assert "Slurm job" in done.stderr
    assert cluster.call("squeue", "--noheader").stdout == ""
    assert cluster.trained() == (0 if cancel else 3)
    (cluster.folder / "go").touch()
    assert ended(cluster.snakemake()) == 0, cluster.log()
    assert cluster.trained() == 3
    assert cluster.starts() == (6 if cancel else 3)  # no run was trained twice but those that were ended
