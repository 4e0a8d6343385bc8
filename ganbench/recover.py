"""`ganbench recover`: make a folder usable again after Snakemake was killed, without two writers ever meeting.

A killed Snakemake leaves its jobs running, as orphans here or on a Slurm cluster, and a lock. Taking the lock away at
once would start every job a second time beside the first (measured; docs/cluster.md). So: find what still runs, wait
for it or end it, and only then unlock.
"""

import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL = 2.0
"""Seconds between two looks."""

PATIENCE = 60.0
"""Seconds between two lines."""

RUN_ID = re.compile(r"SLURM run ID: (\S+)")
"""In the log of a Snakemake call: what its jobs are called in Slurm."""

WORKER = "--target-jobs"
"""An option by which Snakemake calls itself for one job; a call without it is a master."""

GRACE = 30.0
"""Seconds that an ended process has to save its state."""


class RecoverError(Exception):
    """Something that cannot be known, or must be done first."""


@dataclass(frozen=True)
class Left:
    """What a dead Snakemake has left running."""

    orphans: list[psutil.Process]
    jobs: list[str]

    def __bool__(self) -> bool:
        return bool(self.orphans or self.jobs)

    def __str__(self) -> str:
        local = [f"pid {process.pid}" for process in self.orphans]
        return ", ".join([*local, *(f"Slurm job {job}" for job in self.jobs)])


def recover(study: Path, cancel: bool) -> None:
    """Wait for what a dead Snakemake left running in this folder, or end it, then unlock. Raises RecoverError."""
    folder = Path.cwd()
    told = -PATIENCE
    while left := remaining(folder):
        if cancel:
            _end(left)
        if time.monotonic() - told >= PATIENCE:
            told = time.monotonic()
            print(f"ganbench: {'ending' if cancel else 'waiting for'} {left}", file=sys.stderr, flush=True)
        time.sleep(POLL)
    unlocking = [sys.executable, "-m", "snakemake", "--unlock", "--configfile", str(study)]
    done = subprocess.run(unlocking, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RecoverError(f"snakemake --unlock failed:\n{done.stderr}")
    print(f"Nothing runs here any more. Go on with: snakemake --configfile {study} --rerun-incomplete ...")


def remaining(folder: Path) -> Left:
    """What runs in this folder without a master. Raises RecoverError if there is one, or if Slurm cannot be asked."""
    orphans = []
    for process in psutil.process_iter():
        try:
            words, inside = process.cmdline(), Path(process.cwd()) == folder
        except (psutil.Error, OSError):  # ended meanwhile, or another user's
            continue
        if not inside or process.pid in _own():
            continue
        snakemake = any(Path(word).name == "snakemake" for word in words[:3])
        if snakemake and WORKER not in words:
            raise RecoverError(f"snakemake runs in this folder, pid {process.pid}: nothing to recover; stop it first")
        if snakemake or _is_step(words):
            orphans.append(process)
    return Left(orphans, _jobs(folder))


def _own() -> set[int]:
    """This process and those that it was called by."""
    me = psutil.Process()
    return {me.pid, *(parent.pid for parent in me.parents())}


def _is_step(words: list[str]) -> bool:
    """Whether a command line is `python -m ganbench VERB ...`, as in the Snakefile."""
    return words[1:3] == ["-m", "ganbench"] and words[3:4] != ["recover"]


def _jobs(folder: Path) -> list[str]:
    """The jobs in Slurm's queue that calls of Snakemake in this folder have submitted."""
    logs = sorted((folder / ".snakemake" / "log").glob("*.log"))
    names = [found[1] for log in logs if (found := RUN_ID.search(log.read_text("utf-8", "replace")))]
    if not names:
        return []
    if shutil.which("squeue") is None:
        raise RecoverError("jobs were sent to Slurm from this folder; call this where there is squeue")
    asked = subprocess.run(
        ["squeue", "--noheader", "--format=%i", "--name", ",".join(names)], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise RecoverError(f"Slurm does not say what runs: {asked.stderr.strip()}")
    return asked.stdout.split()


def _end(left: Left) -> None:
    """End them, gently first: a training saves its state."""
    if left.jobs:
        subprocess.run(["scancel", *left.jobs], check=False)
    for process in left.orphans:
        process.terminate()
    for process in psutil.wait_procs(left.orphans, GRACE)[1]:
        process.kill()
