"""Which GPUs this process may use, found without torch: what is there, and what its environment leaves of it."""

import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
NVIDIA = Path("/proc/driver/nvidia/gpus")

_GPU = re.compile(r"GPU (?P<index>\d+): (?P<name>.+) \(UUID: (?P<uuid>GPU-[0-9a-zA-Z-]+)\)")
_MIG = re.compile(r"\s+MIG (?P<profile>\S+)\s+Device\s+\d+: \(UUID: (?P<uuid>MIG-[^)]+)\)")


class GpuError(Exception):
    """GPUs that cannot be told apart, or a list of them that names one that is not there."""


@dataclass(frozen=True)
class Gpu:
    """A card, or a MIG slice of one. `key` is its physical identity, the same for every process of this machine;
    `visible` is what CUDA_VISIBLE_DEVICES calls it in this process."""

    key: str
    visible: str
    name: str


def present() -> list[Gpu]:
    """All GPUs of this machine in the order of their bus, by nvidia-smi, or by the driver's files."""
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return from_driver(NVIDIA)
    return from_listing(listing)


def from_listing(text: str) -> list[Gpu]:
    """The GPUs in the output of `nvidia-smi -L`. A card that is cut into MIG slices keeps its place and is followed
    by its slices."""
    found: list[Gpu] = []
    card = ""
    for line in text.splitlines():
        if match := _GPU.match(line):
            card = match["name"]
            found.append(Gpu(match["uuid"], match["uuid"], card))
        elif match := _MIG.match(line):
            found.append(Gpu(match["uuid"], match["uuid"], f"{card} MIG {match['profile']}"))
    return found


def from_driver(folder: Path) -> list[Gpu]:
    """The GPUs in the folder of NVIDIA's kernel driver, where each has a file of `Model:` and `GPU UUID:`."""
    found = []
    for file in sorted(folder.glob("*/information")):  # the folders are named by bus address
        pairs = (line.split(":", 1) for line in file.read_text("utf-8").splitlines() if ":" in line)
        facts = {key.strip(): value.strip() for key, value in pairs}
        uuid = facts.get("GPU UUID", "")
        if uuid.startswith("GPU-"):
            found.append(Gpu(uuid, uuid, facts.get("Model", "GPU")))
    return found


def pool(environment: Mapping[str, str], there: Iterable[Gpu]) -> list[Gpu]:
    """What this process may use of the GPUs that are `there`: all, or those that CUDA_VISIBLE_DEVICES lists, which is
    never stepped outside of and whose words are kept. Raises GpuError.

    Inside a scheduler's job, the keys are the job's own: another job on the same card is the scheduler's concern.
    """
    there = list(there)
    listed = environment.get(VISIBLE)
    if listed is None:
        chosen = [gpu for gpu in there if not _is_cut(gpu, there)]
    else:
        chosen = _listed(listed, there, environment.get(ORDER) == "PCI_BUS_ID")
    scope = _scope(environment)
    return [Gpu(f"{scope}{gpu.key}", gpu.visible, gpu.name) for gpu in dict.fromkeys(chosen)]


def _scope(environment: Mapping[str, str]) -> str:
    if "SLURM_JOB_ID" in environment and VISIBLE in environment:
        return f"slurm-{environment['SLURM_JOB_ID']}:"
    if "KUBERNETES_SERVICE_HOST" in environment:
        return f"pod-{environment.get('HOSTNAME', '')}:"
    return ""


def _is_cut(gpu: Gpu, there: list[Gpu]) -> bool:
    """Whether a card is cut into slices: then those are to be used, and not the card."""
    following = there[there.index(gpu) + 1 :]
    return gpu.key.startswith("GPU-") and bool(following) and following[0].key.startswith("MIG-")


def _listed(text: str, there: list[Gpu], by_bus: bool) -> list[Gpu]:
    """The GPUs of a list such as `0,2` or `GPU-8932f937,MIG-…`. Like CUDA, it ends at the first entry that is none
    (CUDA C++ programming guide, "CUDA environment variables")."""
    cards = [gpu for gpu in there if gpu.key.startswith("GPU-")]
    if len({gpu.name for gpu in cards}) > 1 and not by_bus and re.match(r"\s*\d", text):
        raise GpuError(
            f"{VISIBLE}={text}: the GPUs of this machine differ, and CUDA numbers the fastest first, nvidia-smi by "
            f"bus; set {ORDER}=PCI_BUS_ID, or list them by UUID (nvidia-smi -L)"
        )
    found: list[Gpu] = []
    for entry in (part.strip() for part in text.split(",")):
        if entry.isdecimal():
            if not cards:  # nothing here can list them: a number is all there is to know
                found.append(Gpu(f"number-{int(entry)}", entry, "GPU"))
            elif int(entry) < len(cards):
                found.append(Gpu(cards[int(entry)].key, entry, cards[int(entry)].name))
            else:
                break
        elif entry.startswith(("GPU-", "MIG-")):
            named = [gpu for gpu in there if gpu.key.startswith(entry)]
            if len(named) > 1 or (there and not named):
                break
            found.append(Gpu(named[0].key if named else entry, entry, named[0].name if named else "GPU"))
        else:
            break
    return found
