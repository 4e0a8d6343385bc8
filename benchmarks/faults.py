"""The fault campaign: kill, fill, freeze and spoil a small study at random, and compare what is left in the end.

Every fault ends in the numbers of the undisturbed study, byte for byte, and says what happened. Compared are all
records of runs but for MEASURED, all weights and samples, and the histories but for their seconds. The faults that
need a mount are left out, with a word, where this process may not mount.

    python benchmarks/faults.py --kills 50
"""

import argparse
import contextlib
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
STUDY = """
study: faults
datasets: [ring8]
architectures: [{name: mlp, generator_widths: [32], discriminator_widths: [32]}]
methods: [{name: non-saturating, ema: 0.9}, wgan-gp, {name: wgan, label: short}]
seeds: [0, 1]
training: {generator_steps: 600, log_every: 10, snapshots: 3, runs_per_job: 3, checkpoint_every: 0.05}
evaluation: {samples: 500, metrics: [fd, modes], snapshot_samples: 200, runs_per_job: 6}
"""
MEASURED = ("seconds", "cpu_seconds", "peak_memory", "resumed_at", "pack")
"""Keys of a record that tell what a run cost, where it was interrupted and who was trained beside it, not what came
out."""

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SHARES = (0.2, 0.5, 0.9)
"""Of the room that a study needs, what the full disk has."""
PATIENCE = 900.0


class FaultError(Exception):
    """What should not have happened."""


def snakemake(folder: Path, *options: str) -> subprocess.Popen[str]:
    """A call in a session of its own, its output in a file."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "faults.yaml", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "output.txt").open("a") as output:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, text=True, start_new_session=True
        )


def run(folder: Path, *options: str) -> tuple[int, str]:
    """A call to its end: the exit code and what it said."""
    (folder / "output.txt").write_text("")
    code = snakemake(folder, *options).wait(PATIENCE)
    return code, (folder / "output.txt").read_text()


def finish(folder: Path) -> None:
    """What a user does after a crash."""
    run(folder, "--unlock")
    code, said = run(folder, "--rerun-incomplete")
    demand(code == 0, f"the study does not finish:\n{said[-3000:]}")


def place(parent: Path, name: str) -> Path:
    """A folder with the study in it."""
    folder = parent / name
    folder.mkdir()
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "faults.yaml").write_text(STUDY)
    return folder


def left(folder: Path) -> dict[str, Any]:
    """All that is compared, by file."""
    base = folder / "results/faults/runs"
    found: dict[str, Any] = {}
    for path in sorted(path for path in base.rglob("*") if path.is_file()):
        name = str(path.relative_to(base))
        if path.suffix == ".json":
            found[name] = json.dumps(_without_cost(json.loads(path.read_text())), sort_keys=True)
        elif path.suffix == ".csv":
            with path.open() as lines:
                found[name] = [{k: v for k, v in row.items() if k not in MEASURED} for row in csv.DictReader(lines)]
        else:
            found[name] = path.read_bytes()
    return found


def _without_cost(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_cost(of) for key, of in value.items() if key not in MEASURED}
    return [_without_cost(of) for of in value] if isinstance(value, list) else value


def demand(true: bool, otherwise: str) -> None:
    if not true:
        raise FaultError(otherwise)


def equal(folder: Path, wanted: dict[str, Any], after: str) -> None:
    found = left(folder)
    differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    demand(not differing, f"{after}: these are not as undisturbed: {', '.join(differing)}")


def workers(folder: Path) -> list[psutil.Process]:
    """The ganbench processes at work in a folder, orphans too."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(folder) and process.cmdline()[1:3] == ["-m", "ganbench"]:
                found.append(process)
    return found


def kills(parent: Path, wanted: dict[str, Any], count: int, choose: random.Random) -> str:
    """Kill workers and Snakemake itself, at random moments of their lives."""
    folder = place(parent, "kills")
    done: Counter[str] = Counter()
    finished = resumed = 0
    while done.total() < count:
        run(folder, "--unlock")
        call = snakemake(folder, "--rerun-incomplete", "--retries", "3", "--keep-going")
        while done.total() < count:
            with contextlib.suppress(subprocess.TimeoutExpired):
                call.wait(choose.uniform(0.0, 10.0))
                break
            number = choose.choice(SIGNALS)
            if choose.random() < 0.25:
                done[f"snakemake {number.name}"] += 1
                os.kill(call.pid, number) if number is not signal.SIGINT else os.killpg(call.pid, number)
                call.wait(PATIENCE)
            elif at_work := workers(folder):
                with contextlib.suppress(psutil.NoSuchProcess):
                    choose.choice(at_work).send_signal(number)
                    done[f"worker {number.name}"] += 1
            print(f"  {done.total()} of {count} kills", file=sys.stderr)
        if call.wait(PATIENCE) == 0 and not workers(folder):
            equal(folder, wanted, "kills")
            finished += 1
            resumed += _resumed(folder)
            shutil.rmtree(folder / "results")
    while workers(folder):
        time.sleep(0.5)
    finish(folder)
    equal(folder, wanted, "kills")
    leftovers = list(folder.glob("results/faults/runs/**/.*"))
    demand(not leftovers, f"temporary files are left: {leftovers}")
    kinds = ", ".join(f"{number} {name}" for name, number in sorted(done.items()))
    resumed += _resumed(folder)
    return f"{done.total()} kills ({kinds}); {finished + 1} studies finished, {resumed} of their runs from a checkpoint"


def _resumed(folder: Path) -> int:
    records = (json.loads(path.read_text()) for path in folder.glob("results/faults/runs/*/*/*/*/training.json"))
    return sum(bool(record["resumed_at"]) for record in records)


def full_disk(parent: Path, wanted: dict[str, Any], choose: random.Random) -> str:
    """A results folder that is too small, at different stages, and then grows."""
    size = sum(path.stat().st_size for path in (parent / "undisturbed/results").rglob("*"))
    messages = set()
    for share in SHARES:
        folder = place(parent, f"full{share}")
        with mounted(folder / "results", f"size={int(size * share * choose.uniform(0.9, 1.0))}"):
            code, said = run(folder, "--keep-going")
            reasons = [reason for reason in ("No space left on device", "no checkpoint:") if reason in said]
            demand(code != 0 and bool(reasons), f"a full disk goes unnoticed or unnamed:\n{said[-3000:]}")
            messages |= set(reasons)
            subprocess.run(["mount", "-o", "remount,size=1g", folder / "results"], check=True)
            finish(folder)
            equal(folder, wanted, "full disk")
    return f"{len(SHARES)} sizes; said: {', '.join(sorted(messages))}"


def read_only(parent: Path, wanted: dict[str, Any]) -> str:
    """Results that cannot be written."""
    folder = place(parent, "readonly")
    with mounted(folder / "results", "size=1g"):
        finish(folder)
        shutil.rmtree(folder / "results/faults/runs/ring8/mlp/wgan-gp")
        subprocess.run(["mount", "-o", "remount,ro", folder / "results"], check=True)
        code, said = run(folder)
        demand(code != 0 and "Read-only file system" in said, f"read-only results are not named:\n{said[-3000:]}")
        subprocess.run(["mount", "-o", "remount,rw", folder / "results"], check=True)
        finish(folder)
        equal(folder, wanted, "read-only results")
    return "refused with “Read-only file system” and the path"


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def corrupt_data(parent: Path, wanted: dict[str, Any], choose: random.Random) -> str:
    """One changed bit in the converted dataset."""
    folder = copied(parent, "corrupt")
    shutil.rmtree(folder / "results/faults/runs/ring8/mlp/short/seed1")
    (path,) = folder.glob("results/datasets/*/data.safetensors")
    content = bytearray(path.read_bytes())
    # in the points of the training split, which stand between those of the test and of the validation split
    content[len(content) // 2 + choose.randrange(-1000, 1000)] ^= 1 << choose.randrange(8)
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    code, said = run(folder)
    named = "data.safetensors" in said and "is damaged" in said
    demand(code != 0 and named, f"a damaged dataset is not named:\n{said[-3000:]}")
    path.unlink()
    finish(folder)
    equal(folder, wanted, "corrupt data")
    return "refused with the file's name and both hashes"


def clock_jumps(parent: Path, wanted: dict[str, Any], choose: random.Random) -> str:
    """Files from ten years ago and from ten years ahead."""
    folder = copied(parent, "clock")
    records = {path: path.read_bytes() for path in folder.glob("results/faults/runs/*/*/*/*/training.json")}
    for _ in range(3):
        for path in (*folder.glob("results/**/*"), *folder.glob("reports/**/*")):
            when = time.time() + choose.uniform(-10, 10) * 365 * 86400
            os.utime(path, (when, when))
        finish(folder)
        equal(folder, wanted, "clock jumps")
    demand(all(path.read_bytes() == of for path, of in records.items()), "a clock jump retrained a run")
    return "3 jumps; nothing was trained again"


def two_calls(parent: Path, wanted: dict[str, Any]) -> str:
    """Two calls at the same time, with Snakemake's lock and without."""
    folder = place(parent, "two")
    calls = [snakemake(folder), snakemake(folder)]
    codes = sorted(call.wait(PATIENCE) for call in calls)
    demand(codes == [0, 1], f"of two calls one works and one is refused; got {codes}")
    demand("locked" in (folder / "output.txt").read_text(), "the second call does not say why it is refused")
    equal(folder, wanted, "two calls")
    shutil.rmtree(folder / "results")
    for call in [snakemake(folder, "--nolock"), snakemake(folder, "--nolock")]:
        call.wait(PATIENCE)  # they delete each other's markers; no run is written by both
    waited = (folder / "output.txt").read_text().count("which works on it")
    finish(folder)
    equal(folder, wanted, "two calls without a lock")
    return f"one refused, one finished; without Snakemake's lock they shared the work ({waited} waited)"


def copied(parent: Path, name: str) -> Path:
    """A copy of the finished study, with its times and Snakemake's memory."""
    return shutil.copytree(parent / "undisturbed", parent / name)


def main() -> int:
    """Print a line per fault; 1 if one was not survived."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="names of faults")
    options = parser.parse_args()
    choose = random.Random(options.seed)
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        parent = Path(temporary).resolve()
        undisturbed = place(parent, "undisturbed")
        finish(undisturbed)
        wanted = left(undisturbed)
        print(f"undisturbed: {len(wanted)} files of runs to compare", flush=True)
        faults = {
            "kills": lambda: kills(parent, wanted, options.kills, choose),
            "full disk": lambda: full_disk(parent, wanted, choose),
            "read-only": lambda: read_only(parent, wanted),
            "corrupt data": lambda: corrupt_data(parent, wanted, choose),
            "clock jumps": lambda: clock_jumps(parent, wanted, choose),
            "two calls": lambda: two_calls(parent, wanted),
        }
        for name, fault in faults.items():
            if options.only and name not in options.only:
                continue
            try:
                print(f"{name}: {fault()}: equal", flush=True)
            except subprocess.CalledProcessError as error:
                print(f"{name}: left out, as this process may not mount: {error}", flush=True)
            except FaultError as error:
                failed = True
                print(f"{name}: FAILED: {error}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
