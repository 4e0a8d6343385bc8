"""What the workflow costs before and after it works: planning a study of 10,000 runs, and a call that finds 1,000 runs
done. Wall seconds, CPU seconds, memory; bars for 2 cores that do nothing else: 20 s and 500 MB, and 5 s."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from ganbench import files, layout, markers, plugins, runs

ROOT = Path(__file__).resolve().parent.parent
METHODS = 10
BARS = {"planning": (20.0, 500.0), "done": (5.0, 500.0)}


@dataclass(frozen=True)
class Cost:
    """Of one call: seconds by the clock and of the CPU, and the peak of memory in MB."""

    wall: float
    cpu: float
    memory: float


def study(count: int, folder: Path) -> Path:
    """A study of so many runs: two mixtures, ten methods, seeds."""
    content = {
        "study": "scale",
        "datasets": ["ring8", "grid25"],
        "architectures": ["mlp"],
        "methods": plugins.discover().names("method")[:METHODS],
        "seeds": list(range(count // (2 * METHODS))),
        "training": {"generator_steps": 1000},
        "evaluation": {"samples": 1000, "snapshot_samples": 500},
        "device": "cpu",
    }
    path = folder / "scale.yaml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    shutil.copy(ROOT / "Snakefile", folder)
    return path


def pretend(path: Path) -> None:
    """Write what Snakemake looks at, as if all runs were trained, measured and reported."""
    plan = runs.plan(path)
    name = plan.study.study
    for run in plan.runs:
        files.write_json(plan.folder(run) / layout.TRAINING, {"digest": run.digest, "files": []})
    for dataset in plan.datasets.values():
        _touch(layout.data(dataset.key))
    for label in plan.datasets:
        files.write_json(layout.reference(name, label), {"protocol": label})
    for job in plan.training_jobs.values():
        markers.write(plan, job)
    for run in plan.runs:
        record = {"evaluation_digest": run.evaluation_digest, "protocol": run.dataset}
        files.write_json(plan.folder(run) / layout.METRICS, record)
    for job in plan.evaluation_jobs.values():
        markers.write(plan, job)
    for output in (layout.report(name), layout.runs_table(name), layout.evaluations_table(name)):
        _touch(output)
    layout.figures(name).mkdir(parents=True)


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def snakemake(folder: Path, *options: str) -> Cost:
    """Call it; its output goes to a file, as that of 10,000 jobs is megabytes."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "scale.yaml", *options]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (folder / "log").open("w") as log:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - start, cpu, after.ru_maxrss / 1000)


def main(planned: int, done: int) -> int:
    """Print both; 1 if one is above its bar."""
    costs: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.chdir(folder)
        path = study(done, folder)
        pretend(path)
        snakemake(folder, "--touch")  # Snakemake's own memory of each output
        costs["done"] = snakemake(folder)
        said = (folder / "log").read_text()
        if "Nothing to be done" not in said:
            raise SystemExit(f"the finished study is not finished:\n{said[-2000:]}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        study(planned, folder)
        costs["planning"] = snakemake(folder, "-n")
    for what, cost in costs.items():
        seconds, memory = BARS[what]
        count = planned if what == "planning" else done
        print(
            f"{what:9} {count:6} runs  {cost.wall:6.1f} s (bar {seconds:.0f})  {cost.cpu:6.1f} CPU-s"
            f"  {cost.memory:4.0f} MB (bar {memory:.0f})"
        )
    print(json.dumps({"load": os.getloadavg(), "cores": os.cpu_count()}))
    return int(any(cost.wall > BARS[w][0] or cost.memory > BARS[w][1] for w, cost in costs.items()))


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(sizes or (10_000, 1_000))))
