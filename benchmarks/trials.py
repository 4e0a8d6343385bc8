"""Trials in packs against trials one after the other: a whole search on ring8, step by step in the processes that a
workflow starts, start-up included.

Both ways take turns and try the same settings. The ratio of CPU seconds is that of trials per CPU-second.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from ganbench import data, reference, runs

ENGINES = {"one after the other": "single", "packs": "auto"}


def study(options: argparse.Namespace, engine: str) -> dict[str, Any]:
    """The search of one method on ring8 by networks 128 wide, with batches of 128."""
    widths = {"generator_widths": [128, 128], "discriminator_widths": [128, 128]}
    return {
        "study": "trials",
        "datasets": ["ring8"],
        "architectures": [{"name": "mlp", "noise_dim": 2, **widths}],
        "methods": [options.method],
        "seeds": [0],
        "settings": ["tuned"],
        "training": {"generator_steps": options.steps, "batch_size": 128, "engine": engine},
        "evaluation": {"metrics": ["fd"]},
        "tuning": {
            "trials": options.trials,
            "generations": options.generations,
            "seeds": [1000, 1001],
            "sampler": "random",
            "space": {} if options.shapes else {"n_critic": None},
            "pruning": options.pruning,
        },
        "device": "cpu",
    }


def searched(content: dict[str, Any]) -> tuple[float, int]:
    """CPU seconds of all steps of a study's search, in an empty folder, and how many steps were trained."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "study.yaml"
        file.write_text(json.dumps(content), "utf-8")
        plan = runs.plan(file)
        before = Path.cwd()
        os.chdir(folder)
        try:
            for dataset in plan.datasets.values():
                data.prepare(dataset, Path())
                reference.make(plan, dataset, torch.device("cpu"))
            start = _cpu_of_children()
            for step in plan.tuning_steps:
                command = [sys.executable, "-m", "ganbench", "tune", "study.yaml", step, "--threads", "1"]
                subprocess.run(command, check=True)
            spent = _cpu_of_children() - start
            trials = [json.loads(path.read_text()) for path in Path("results").rglob("trial*.json")]
        finally:
            os.chdir(before)
    return spent, sum(seed["steps"] for trial in trials for seed in trial["seeds"])


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print CPU seconds of each round, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", nargs="?", default="non-saturating")
    parser.add_argument("--steps", type=int, default=1000, help="of each training of a trial")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--generations", type=int, default=2)
    parser.add_argument("--shapes", action="store_true", help="search n_critic too, whose values do not share a pack")
    parser.add_argument("--pruning", choices=["halving"])
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    ratios = []
    for index in range(options.rounds):
        found = {}
        for way in list(ENGINES)[:: -1 if index % 2 else 1]:  # who goes first takes turns as well
            found[way], steps = searched(study(options, ENGINES[way]))
            print(
                f"  {way}: {found[way]:.1f} CPU-s, {options.trials / found[way]:.3f} trials/CPU-s, {steps} steps",
                flush=True,
            )
        alone, packs = (found[way] for way in ENGINES)
        ratios.append(alone / packs)
    lowest, highest = min(ratios), max(ratios)
    print(f"{options.method}: trials per CPU-second x {statistics.median(ratios):.2f} ({lowest:.2f} to {highest:.2f})")


if __name__ == "__main__":
    main()
