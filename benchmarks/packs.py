"""Packs against one process per run: the same trainings, two `ganbench train` at a time, start-up included.

Both ways take turns. The ratio of wall times is that of runs per hour, if the machine is idle beside them; the ratio of
CPU seconds of the whole process trees also holds on a busy one. Bars: 2.2 for the non-saturating loss, 2 for WGAN-GP.
How much faster oneDNN multiplies here than torch by itself is said first: most of what packs gain comes from that.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from ganbench import data, devices, processor, runs

BARS = {"non-saturating": 2.2, "wgan-gp": 2.0}
CORES = 2
WAYS: dict[str, dict[str, Any]] = {"a process per run": {"engine": "single", "runs_per_job": 1}, "packs": {}}


def study(method: str, steps: int, seeds: int, way: str) -> dict[str, Any]:
    """Trainings of one method on ring8 by networks 128 wide, with batches of 128."""
    widths = {"generator_widths": [128, 128], "discriminator_widths": [128, 128]}
    return {
        "study": "packs",
        "datasets": ["ring8"],
        "architectures": [{"name": "mlp", "noise_dim": 2, **widths}],
        "methods": [method],
        "seeds": list(range(seeds)),
        "training": {"generator_steps": steps, "batch_size": 128, "log_every": 50, **WAYS[way]},
        "device": "cpu",
    }


def carried_out(content: dict[str, Any]) -> tuple[float, float]:
    """Wall and CPU seconds of all training jobs of a study, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "study.yaml"
        file.write_text(json.dumps(content), "utf-8")
        plan = runs.plan(file)
        before = Path.cwd()
        os.chdir(folder)
        try:
            for dataset in plan.data.values():
                data.prepare(dataset, Path())
        finally:
            os.chdir(before)

        def train(job: str) -> None:
            command = [sys.executable, "-m", "ganbench", "train", "study.yaml", job, "--threads", "1"]
            subprocess.run(command, cwd=folder, check=True)

        start, cpu = time.perf_counter(), _cpu_of_children()
        with ThreadPoolExecutor(CORES) as pool:
            list(pool.map(train, plan.training_jobs))
        return time.perf_counter() - start, _cpu_of_children() - cpu


def products() -> float:
    """Batched products of four 128x128 matrices: CPU time by torch's default route over that by oneDNN's."""
    devices.limit_threads(1)
    devices.choose("cpu", 1)
    first, second = torch.randn(2, 4, 128, 128)

    def taken() -> float:
        start = time.process_time()
        for _ in range(500):
            torch.bmm(first, second)
        return time.process_time() - start

    ratios = []
    for _ in range(9):
        plain = taken()
        with processor.products(torch.device("cpu")):
            ratios.append(plain / taken())
    return statistics.median(ratios)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print times and ratios of each round; 1 if a median of the runs per hour is below its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=list(BARS))
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"products by oneDNN: x {products():.2f}", flush=True)
    failed = False
    for method in options.methods:
        walls, cpus = [], []
        for index in range(options.rounds):
            found = {}
            for way in list(WAYS)[:: -1 if index % 2 else 1]:  # who goes first takes turns as well
                found[way] = carried_out(study(method, options.steps, options.seeds, way))
                wall, cpu = found[way]
                print(
                    f"  {method}, {way}: {wall:.1f} s, {cpu:.1f} CPU-s, {options.seeds * 3600 / wall:.0f} runs/h",
                    flush=True,
                )
            (wall_alone, cpu_alone), (wall_packs, cpu_packs) = (found[way] for way in WAYS)
            walls.append(wall_alone / wall_packs)
            cpus.append(cpu_alone / cpu_packs)
        wall, cpu = statistics.median(walls), statistics.median(cpus)
        failed |= wall < BARS.get(method, 0)
        print(f"{method}: runs per hour x {wall:.2f} ({min(walls):.2f} to {max(walls):.2f}), CPU x {cpu:.2f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
