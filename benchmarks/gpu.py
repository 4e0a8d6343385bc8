"""Steps per second on a GPU: kernel by kernel against recorded CUDA graphs, for single runs and for packs.

Both ways take turns in one process, block by block; medians of the blocks, and of their ratios, are printed. For each
case a step's kernels and arithmetic are counted, and what is reached of two limits is said: of the arithmetic that the
card does in large products of that precision (measured here), and of the rate at which it can start the kernels of a
graph (measured by a graph of as many empty ones). Aims: recorded four times as fast, and 64 packed members fifty times
one process.

    python benchmarks/gpu.py            # everything, some minutes
    python benchmarks/gpu.py --only packs
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganbench import capture, devices, numerics, plugins, runs, training
from ganbench.packs import grouping
from ganbench.packs.pack import Pack, steps_of
from ganbench.train import straight_on

AIM, PACKED_AIM = 4.0, 50.0
MEMBERS = (1, 8, 64, 256)
WIDTH = grouping.WIDTHS["cuda"]
POINTS: dict[str, Any] = {
    "datasets": ["ring8"],
    "architectures": [{"name": "mlp", "generator_widths": [128, 128], "discriminator_widths": [128, 128]}],
    "batch_size": 128,
}
IMAGES: dict[str, Any] = {
    "datasets": [{"name": "digits", "size": 32}],
    "architectures": [{"name": "dcgan", "width": 64}],
    "batch_size": 64,
}
CASES = {
    f"{name} {method}": (of, method)
    for name, of in (
        ("mlp ring8", POINTS),
        ("dcgan 32x32", IMAGES),
        ("dcgan 32x32 tf32", {**IMAGES, "precision": "tf32"}),
        ("dcgan 32x32 bf16", {**IMAGES, "precision": "bf16"}),
    )
    for method in ("non-saturating", "wgan-gp")
}


@dataclass
class Trainee:
    """A training that can take more steps, both ways."""

    advance: Callable[[int], None]
    """Take that many steps more."""
    members: int = 1


def planned(folder: Path, of: dict[str, Any], method: str, engine: str, members: int) -> runs.Plan:
    """The plan of a study of one cell. A pack of all members, also of more than a study makes."""
    grouping.WIDTHS["cuda"] = max(WIDTH, members)
    budget = {key: value for key, value in of.items() if key not in ("datasets", "architectures")}
    content = {
        "study": "gpu",
        "datasets": of["datasets"],
        "architectures": of["architectures"],
        "methods": [method],
        "seeds": list(range(members)),
        "training": {"generator_steps": 10**7, "log_every": 1000, "engine": engine, **budget},
        "device": "cuda",
    }
    file = folder / "study.yaml"
    file.write_text(json.dumps(content), "utf-8")
    return runs.plan(file)


def single(plan: runs.Plan, samples: Tensor, recorded: bool) -> Trainee:
    """One run by itself."""
    spec = plan.runs[0].spec
    session = training.begin(plan, spec, samples, samples.device)
    recorder = capture.CudaRecorder if recorded else None

    def advance(steps: int) -> None:
        until = session.course.step + steps
        budget = {**spec["training"], "generator_steps": until, "snapshots": []}
        training.fit(plan, {**spec, "training": budget}, session, lambda _: None, straight_on, recorder=recorder)

    return Trainee(advance)


def packed(plan: runs.Plan, samples: Tensor, recorded: bool) -> Trainee:
    """All runs in one pack."""
    pack = Pack.of(plan, [run.spec for run in plan.runs], samples, len(plan.runs))
    recorder = capture.CudaRecorder if recorded else None

    def advance(steps: int) -> None:
        until = pack.sessions[0].course.step + steps
        pack.train(lambda _: None, until=until, recorder=recorder)

    return Trainee(advance, len(plan.runs))


def timed(trainee: Trainee, steps: int) -> float:
    """Seconds of a step. A recording, which each call makes anew, is not in it: two lengths are compared."""
    took = []
    for length in (steps, 3 * steps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        trainee.advance(length)
        torch.cuda.synchronize()
        took.append(time.perf_counter() - start)
    return (took[1] - took[0]) / (2 * steps)


def block(trainee: Trainee, seconds: float) -> int:
    """So many steps that twice as many take about that long."""
    steps = 5
    while (each := timed(trainee, steps)) * steps < seconds / 20 and steps < 10_000:
        steps *= 4
    return max(5, min(10_000, round(seconds / 2 / each)))


class Operations(TorchDispatchMode):
    """Counts floating-point operations. torch's own FlopCounterMode cannot follow gradients of gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operation: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        made = operation(*given, **(named or {}))
        if operation._overloadpacket in flop_registry:
            self.count += flop_registry[operation._overloadpacket](*given, **(named or {}), out_val=made)
        return made


def counted(trainee: Trainee) -> tuple[int, float]:
    """The kernels that a step of a training kernel by kernel launches, and its floating-point operations. The last
    step of each call also launches those of the history's row, so two lengths are compared."""
    trainee.advance(3)
    kernels = []
    for length in (1, 3):
        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiled:
            trainee.advance(length)
            torch.cuda.synchronize()
        kernels.append(sum(event.count for event in profiled.key_averages() if event.device_type.name == "CUDA"))
    with Operations() as operations:
        trainee.advance(1)
    return (kernels[1] - kernels[0]) // 2, float(operations.count)


def arithmetic(device: torch.device, precision: str) -> float:
    """Floating-point operations per second of a large product in a precision."""
    side, dtype = 8192, torch.bfloat16 if precision == "bf16" else torch.float32
    numerics.set_float32(precision == "tf32")
    first, second = torch.randn(2, side, side, device=device, dtype=dtype)
    torch.mm(first, second)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(5):
        torch.mm(first, second)
    torch.cuda.synchronize()
    return 5 * 2 * side**3 / (time.perf_counter() - start)


def launches(device: torch.device, kernels: int) -> float:
    """Seconds in which a graph of so many kernels that do next to nothing is over."""
    small = torch.zeros(1, device=device)
    graph = torch.cuda.CUDAGraph()
    small.add_(1)
    with torch.cuda.graph(graph):
        for _ in range(kernels):
            small.add_(1)
    graph.replay()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        graph.replay()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / 20


def compared(
    title: str, eager: Trainee, recorded: Trainee, seconds: float, rounds: int, peak: float
) -> tuple[float, float]:
    """Print both ways in turn. Returns seed-steps per second kernel by kernel, and recorded."""
    blocks = [(way, block(way, seconds)) for way in (eager, recorded)]
    rows = [[timed(way, steps) for way, steps in blocks] for _ in range(rounds)]
    slow, fast = (statistics.median(row[way] for row in rows) for way in (0, 1))
    ratios = [row[0] / row[1] for row in rows]
    kernels, operations = counted(eager)
    floor = launches(torch.device("cuda"), kernels)
    members = eager.members
    print(
        f"{title:34} {members / slow:10.0f} {members / fast:10.0f}  x{statistics.median(ratios):5.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f})  {kernels:5d} kernels, {floor / fast:4.0%} of the launch limit, "
        f"{operations / fast / peak:4.0%} of the arithmetic",
        flush=True,
    )
    return members / slow, members / fast


def main() -> int:
    """Print the table; 1 if an aim is missed, 2 without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--only", choices=("singles", "packs"))
    parser.add_argument("--seconds", type=float, default=0.5, help="of a block")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("benchmarks/gpu.py needs a CUDA GPU, and torch sees none here; `ganbench doctor` tells more")
        return 2
    device = devices.choose("cuda", 1)
    missed: list[str] = []
    peaks = {precision: arithmetic(device, precision) for precision in ("fp32", "tf32", "bf16")}
    print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}, TFLOP/s in large products:", end=" ")
    print(", ".join(f"{precision} {peak / 1e12:.1f}" for precision, peak in peaks.items()))
    print(f"{'seed-steps per second':34} {'eager':>10} {'graph':>10}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        def samples_of(plan: runs.Plan) -> Tensor:
            (dataset,) = plan.datasets.values()
            return plugins.load(dataset.card, dataset.spec["settings"]).splits(folder)["train"].samples.to(device)

        for title, (of, method) in CASES.items() if options.only != "packs" else ():
            plan = planned(folder, of, method, "single", 1)
            samples = samples_of(plan)
            note = training.steps_of(plan, plan.runs[0].spec, samples).note
            ways = (single(plan, samples, recorded) for recorded in (False, True))
            peak = peaks[of.get("precision", "fp32")]
            slow, fast = compared(f"{title}: {note}", *ways, options.seconds, options.rounds, peak)
            missed += [title] if fast < AIM * slow else []
        for method in ("non-saturating", "wgan-gp") if options.only != "singles" else ():
            alone = planned(folder, POINTS, method, "single", 1)
            process = single(alone, samples_of(alone), recorded=False)
            steps = block(process, options.seconds)
            one = 1 / statistics.median(timed(process, steps) for _ in range(options.rounds))
            for members in MEMBERS:
                plan = planned(folder, POINTS, method, "pack", members)
                samples = samples_of(plan)
                title = f"pack of {members}, {method}"
                note = steps_of(plan, [run.spec for run in plan.runs], samples, members).note
                ways = (packed(plan, samples, recorded) for recorded in (False, True))
                _, fast = compared(f"{title}: {note}", *ways, options.seconds, options.rounds, peaks["fp32"])
                print(f"{'':34} {fast / one:.0f} times one run by itself, kernel by kernel", flush=True)
                missed += [title] if members == 64 and fast < PACKED_AIM * one else []
    print(f"missed: {', '.join(missed)}" if missed else "all aims met")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
