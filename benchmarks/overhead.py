"""The CPU time of a whole study outside training and evaluation: process starts, imports, Snakemake, the report.

Runs the study for real in a temporary folder and compares the CPU time of the whole process tree with what the
steps themselves measured while computing.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR = 0.15
RECORDS = {
    "training": "results/*/runs/*/*/*/*/training.json",
    "evaluation": "results/*/runs/*/*/*/*/metrics.json",
    "extractors": "results/extractors/*/extractor.json",
    "features": "results/features/*/*/features.json",
    "references": "results/*/references/*/reference.json",
}


def main(study: Path) -> int:
    """Print the shares; 1 if the overhead is above the bar."""
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(root / "Snakefile", folder)
        command = ["snakemake", "--cores", "2", "--configfile", str(study.resolve())]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment, check=True)
        wall = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        total = used.ru_utime + used.ru_stime
        computing = {
            step: sum(json.loads(path.read_text())["cpu_seconds"] for path in Path(folder).glob(pattern))
            for step, pattern in RECORDS.items()
        }
    for step, cpu in computing.items():
        print(f"{step:12} {cpu:8.1f} CPU-s  {cpu / total:6.1%}")
    overhead = 1 - sum(computing.values()) / total
    print(f"{'overhead':12} {overhead * total:8.1f} CPU-s  {overhead:6.1%}  (bar {BAR:.0%})")
    print(f"{'all':12} {total:8.1f} CPU-s in {wall:.0f} s")
    return int(overhead > BAR)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "configs/quick.yaml")))
