"""What a result was made on: versions, hardware, memory."""

import os
import platform
import resource
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ganbench import numerics, slots

PACKAGES = ("ganbench", "torch", "torch-fidelity", "numpy", "scikit-learn", "snakemake")


def provenance(device: torch.device) -> dict[str, Any]:
    """Versions, processor or GPU name, threads; on a GPU, what float32 means and how many processes may
    have shared it."""
    slot = slots.mine()
    on_gpu: dict[str, Any] = {"float32": numerics.float32()} if device.type == "cuda" else {}
    if slot is not None and on_gpu:
        on_gpu["jobs_per_gpu"] = slot.share
    return {
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "platform": platform.platform(terse=True),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        **on_gpu,
    }


class Effort:
    """What one run costs, in all processes that worked on it: measured from here on, and added to what was before."""

    def __init__(self, device: torch.device, runs: int = 1) -> None:
        """`runs`: how many are worked on at once, of which each has its share."""
        self.device, self._runs = device, runs
        self._start = time.process_time()
        self._before: dict[str, Any] = {"cpu_seconds": 0.0, "peak_memory": {}}
        _forget_peak_memory(device)  # so that runs of one process do not inherit each other's

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of all threads."""
        return float(self._before["cpu_seconds"]) + (time.process_time() - self._start) / self._runs

    @property
    def peak_memory(self) -> dict[str, int]:
        """Bytes: resident memory of the process, and allocated memory of the GPU if one is used."""
        peak = {"resident": _resident()}
        if self.device.type == "cuda":
            peak["gpu"] = torch.cuda.max_memory_allocated(self.device)
        return {kind: max(size, self._before["peak_memory"].get(kind, 0)) for kind, size in peak.items()}

    def state_dict(self) -> dict[str, Any]:
        """The figures so far."""
        return {"cpu_seconds": self.cpu_seconds, "peak_memory": self.peak_memory}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Add what an earlier process did."""
        self._before = state


def _forget_peak_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")  # resets VmHWM; see proc(5)


def _resident() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
