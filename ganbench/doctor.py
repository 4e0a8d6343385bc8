"""`ganbench doctor`: what would keep ganbench from working here, in words."""

import importlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ganbench import installed, layout, plugins

PAIRS = {"2.11": "0.26", "2.12": "0.27"}
"""Which torchvision belongs to which torch (pytorch/vision's README)."""

GIGABYTE = 10**9


class Trouble(Exception):  # noqa: N818 - reads as what it is
    """A check that failed; the message says what to do."""


def examine() -> int:
    """Run every check, print a line each, and return 0 if all passed."""
    failed = 0
    for check in CHECKS:
        try:
            print(f"ok       {check()}")
        except Trouble as trouble:
            failed += 1
            print(f"PROBLEM  {trouble}")
    return 1 if failed else 0


def _python() -> str:
    return f"Python {sys.version.split()[0]}"


def _torch() -> str:
    try:
        found = version("torch")
    except PackageNotFoundError as error:
        raise Trouble("torch is not installed; run `pip install -e .`") from error
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError) as error:
        raise Trouble(f"torch {found} does not import: {error}; reinstall it") from error
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return f"torch {found}, {', '.join(gpus) if gpus else 'no CUDA GPU: training runs on the CPU'}"


def _torchvision() -> str:
    try:
        torch, vision = version("torch"), version("torchvision")
    except PackageNotFoundError as error:
        raise Trouble(f"{error.name} is not installed; run `pip install -e .`") from error
    try:
        importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise Trouble(mismatch(torch, vision, str(error))) from error
    return f"torchvision {vision}"


def mismatch(torch: str, vision: str, error: str) -> str:
    """What to do about a torchvision that does not import beside this torch."""
    plain, _, torch_build = torch.partition("+")
    _, _, vision_build = vision.partition("+")
    release = ".".join(plain.split(".")[:2])
    said = f"torchvision {vision} does not work with torch {torch} ({error})."
    if torch_build != vision_build:
        which, build, other = (
            ("torch", torch_build, "torchvision") if torch_build else ("torchvision", vision_build, "torch")
        )
        said += f" {which} is a '+{build}' build and {other} is not; both must be of one build."
    if release in PAIRS:
        said += f" torch {plain} goes with torchvision {PAIRS[release]}."
        wanted = f"torch=={plain} torchvision=={PAIRS[release]}.*"
    else:
        said += f" ganbench works with torch {' and '.join(PAIRS)}."
        wanted = f"'torch=={max(PAIRS)}.*' torchvision=={PAIRS[max(PAIRS)]}.*"
    return f"{said} Install both anew, from the same place: pip install --force-reinstall {wanted}"


def _libraries() -> str:
    names = ("torch_fidelity", "snakemake", "optuna", "sklearn", "seaborn", "safetensors", "pydantic")
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            mend = "mend torchvision first" if "torchvision" in str(error) else "run `pip install -e .`"
            raise Trouble(f"{name} does not import: {error}; {mend}") from error
    return f"{', '.join(names)} import"


def _snakemake() -> str:
    program = shutil.which("snakemake") or str(Path(sys.executable).with_name("snakemake"))
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise Trouble(f"snakemake does not start: {error}; activate the environment it is in") from error
    return f"snakemake {said.stdout.strip()}"


def _writable() -> str:
    try:
        with tempfile.TemporaryFile(dir="."):
            pass
    except OSError as error:
        raise Trouble(f"cannot write to {Path.cwd()}: {error.strerror}; results/ would go there") from error
    free = shutil.disk_usage(".").free
    if free < GIGABYTE:
        raise Trouble(f"only {free / GIGABYTE:.1f} GB are free in {Path.cwd()}; make room for results/")
    return f"{Path.cwd()} can be written, {free / GIGABYTE:.0f} GB free"


def _data() -> str:
    folder = layout.raw_data(None)
    state = "is there" if folder.is_dir() else "is not there yet; datasets that are downloaded will make it"
    return f"data folder {folder} {state}"


def _plugins() -> str:
    registry = plugins.discover()
    found = [f"{broken.kind} '{broken.name}' cannot be used: {broken.message}" for broken in registry.broken]
    for group, package in installed.strangers(plugins.GROUPS).items():
        found.append(f"package {package}: {plugins.unknown('entry points in an unknown group', group, plugins.GROUPS)}")
    if found:
        raise Trouble("; ".join(found))
    count = sum(len(registry.names(kind)) for kind in plugins.KINDS_AND_METHOD)
    return f"{count} plugins can be used"


CHECKS: tuple[Callable[[], str], ...] = (
    _python,
    _torch,
    _torchvision,
    _libraries,
    _snakemake,
    _writable,
    _data,
    _plugins,
)
