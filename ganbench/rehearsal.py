"""Whether the steps of a training can be recorded: tried before it begins, against steps as they are written."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganbench import capture
from ganbench.capture import Recording
from ganbench.specs import Spec

REPEATS = 4
"""How often the recorded step of the rarest kind is repeated."""

TOLERANCE = 1e-3
"""How far a recorded training may be from one as it is written, as a share of how far that one came: the kernels are
the same, but some add up in any order. Where two trainings as written differ by more, five times that."""

Trained = Callable[[Spec, Recording | None], Tensor]
"""All weights (numbers,) after the training of a spec, recorded or not; always from the same beginning."""


@dataclass(frozen=True)
class Steps:
    """How the steps of a training are carried out: recorded, if by anything, and what the provenance says of it, if
    there is a choice."""

    recorder: Recording | None = None
    note: str | None = None


def steps(spec: Spec, device: torch.device, wanted: bool, unsure: str | None, trained: Trained) -> Steps:
    """How a training on a device may go: recorded, if that is `wanted` and a short one comes out the same. `unsure`: a
    part that does not say that it may be recorded. A short training does not show what changes slowly."""
    recorder = capture.RECORDERS.get(device.type)
    if recorder is None:
        return Steps()
    if not wanted:
        return Steps(note="kernel by kernel, as `cuda_graphs: false` says")
    if unsure:
        why: str | None = f"{unsure} does not say `recordable`"
    else:
        why = obstacle(spec, device, recorder, trained)
    return Steps(note=f"kernel by kernel: {why}") if why else Steps(recorder, "recorded as CUDA graphs")


def obstacle(
    spec: Spec, device: torch.device, recorder: Recording, trained: Trained, tolerance: float | None = None
) -> str | None:
    """Why a recorded step is not the same as the step as it is written, or None. Without a `tolerance` TOLERANCE."""
    count = (capture.WARM_UP + REPEATS) * spec["method"]["penalty_interval"]
    short, none = (
        {**spec, "training": {**spec["training"], "generator_steps": n, "snapshots": []}} for n in (count, 0)
    )
    with torch.random.fork_rng([device] if device.type == "cuda" else []):  # torch's own stream is the training's
        first, plain, again = trained(none, None), trained(short, None), trained(short, None)
        try:
            recorded = trained(short, recorder)
        except RuntimeError as error:
            return str(error).strip().splitlines()[0]
    way = float((plain - first).norm())
    off = _share(recorded, plain, way)
    if math.isnan(off) or off > max(TOLERANCE if tolerance is None else tolerance, 5 * _share(again, plain, way)):
        return f"a recorded step does something else: after {count} steps weights are {off:.2g} of their way off"
    return None


def _share(found: Tensor, wanted: Tensor, way: float) -> float:
    """How far weights are from others, as a share of a way; 0 where they are equal, also in what is not finite."""
    if torch.equal(found.nan_to_num(), wanted.nan_to_num()):
        return 0.0
    return float((found - wanted).norm()) / way if way else math.inf
