"""How long the page of 1,000 runs takes, how much memory, and how large it is: python benchmarks/report.py [RUNS]"""

import contextlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import fakes

from ganbench import layout, runs

STUDY = """
study: thousand
datasets: [ring8, grid25, digits, mnist, {{name: ring8, label: ring8-b}}]
architectures: [mlp, {{name: mlp, label: wide, generator_widths: [512, 512]}}]
methods:
{methods}
seeds: [0, 1, 2, 3, 4]
training: {{generator_steps: 4000}}
evaluation: {{samples: 2500}}
"""


def main(count: int) -> None:
    """Write fake results of about so many runs in a temporary folder, and render their page."""
    methods = "\n".join(f"  - {{name: non-saturating, label: method-{i}}}" for i in range(count // 50))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        plan = runs.plan(fakes.study(Path("thousand.yaml"), STUDY.format(methods=methods)))
        fakes.write(
            plan, frozenset(run.id for run in plan.runs[::37]), frozenset(run.id for run in plan.runs[::41]), 80
        )
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "ganbench", "report", "thousand.yaml"], check=True)
        seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        size = layout.report("thousand").stat().st_size / 1e6
        cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3
        print(f"{len(plan.runs)} runs: {seconds:.1f} s, {cpu:.1f} s of CPU, {peak:.0f} MB at most, page {size:.1f} MB")
        if len(sys.argv) > 2:
            shutil.copytree(layout.report("thousand").parent, sys.argv[2], dirs_exist_ok=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
