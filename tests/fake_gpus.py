"""Fake GPUs: an `nvidia-smi` that lists cards, and an environment in which nothing else speaks of GPUs."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = ("CUDA_", "SLURM_", "KUBERNETES_")


def uuid(number: int) -> str:
    return f"GPU-{number}f-{number}"


def environment(folder: Path, cards: int, **more: str) -> dict[str, str]:
    """This process's environment on a machine with so many cards; `folder` holds the program and the claims."""
    lines = "\n".join(f"GPU {i}: Fake Card (UUID: {uuid(i)})" for i in range(cards))
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'X'\n{lines}\nX\n")
    program.chmod(0o755)
    own = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    path = f"{folder}:{os.environ['PATH']}"
    return {**own, "PATH": path, "PYTHONPATH": str(ROOT), "GANBENCH_LOCKS": str(folder / "locks"), **more}
