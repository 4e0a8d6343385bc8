"""Which runs are trained in packs, and which of them share one. Planning asks this, so nothing here needs torch."""

import itertools
import math
from collections.abc import Iterable
from typing import Protocol, TypeVar

from ganbench.plugins import Registry
from ganbench.sections import Engine
from ganbench.specs import Spec, digest

WIDTHS = {"cpu": 8, "auto": 8, "cuda": 64}
"""Slots of a pack by the study's `device`. A result is the one of a full pack, to the bit, whatever its company: where
a machine's kernels round otherwise with fewer slots, the empty ones are filled with padding."""

BUSY = 4
"""Full packs of one shape that are enough to keep cores busy."""

WHOLE_VECTORS = 4
"""A batch of a multiple of so many scores times a width of 8 fills vectors of 32 numbers. torch treats what is left
over of a tensor by other instructions, which round differently: members in the last slot would differ."""


class HasSpec(Protocol):
    """Something with a spec: a run."""

    @property
    def spec(self) -> Spec:
        """Everything that can change its result."""


Planned = TypeVar("Planned", bound=HasSpec)


def width(spec: Spec, kind: str, engine: Engine, device: str, registry: Registry) -> tuple[int | None, str | None]:
    """How many members the pack of a run has, None if it is trained alone; and why, where a study may wonder.

    An answer that depends on the run alone: its spec must not change with its company. `auto` packs points: networks
    of images are so large that a CPU gains nothing (docs/performance.md).
    """
    if engine == "single" or (engine == "auto" and kind != "points"):
        return None, None
    method = spec["method"]
    if not registry.card("architecture", spec["architecture"]["name"]).traits.get("packs", False):
        reason = f"architecture {spec['architecture']['name']} does not say `packs`"
        return None, reason if engine == "pack" else None
    obstacle = _obstacle(spec, method, registry)
    return (None, obstacle) if obstacle else (WIDTHS[device], None)


def _obstacle(spec: Spec, method: Spec, registry: Registry) -> str | None:
    """Why a run cannot be a member of a pack."""
    for kind, unless_said in (("loss", True), ("penalty", False), ("constraint", False)):
        part = method[kind]
        if part and not registry.card(kind, part["name"]).traits.get("packs", unless_said):
            return f"{kind} {part['name']} does not say `packs`" if not unless_said else f"loss {part['name']} says so"
    if "condition" in spec:
        return "its samples have conditions"
    if method["augment"]:
        return "augmentation draws for one run"
    if method["generator_turns"] > 1:
        return "the generator takes more than one step in its turn"
    if spec["training"].get("precision", "fp32") != "fp32":
        return f"a pack computes in fp32, not {spec['training']['precision']}"
    if spec["training"].get("compile", False):
        return "a pack is not compiled"
    if method["top_k"]:
        return "with top_k the size of a step changes"
    if spec["training"]["batch_size"] % WHOLE_VECTORS:
        return f"batch_size {spec['training']['batch_size']} is not a multiple of {WHOLE_VECTORS}"
    return None


def packs(runs: Iterable[Planned], registry: Registry, most: int | None) -> list[list[Planned]]:
    """The runs that are trained together, those of one shape, in the order of their first members; a run without a pack
    is alone. How many there are in a pack is of no interest to results.

    `most`: how many at once; None: as many as a pack has members where that makes `BUSY` packs or the device is a GPU,
    else half as many, so that there is work for more cores.
    """
    alike: dict[str, list[Planned]] = {}
    for number, run in enumerate(runs):
        alike.setdefault(shape(run.spec, registry) if "pack" in run.spec else str(number), []).append(run)
    found: list[list[Planned]] = []
    for members in alike.values():
        width = int(members[0].spec.get("pack", 1))
        full = width > WIDTHS["cpu"] or len(members) >= BUSY * width
        size = min(width, most or (width if full else math.ceil(width / 2)))
        count = math.ceil(len(members) / size)
        bounds = [len(members) * i // count for i in range(count + 1)]
        found += [members[start:end] for start, end in itertools.pairwise(bounds)]
    return found


def shape(spec: Spec, registry: Registry) -> str:
    """What the members of a pack have in common, as a digest: all but seed, learning rates, betas and the other
    numbers of an optimizer, the settings of a constraint, the scale of a penalty, and the loss; but a loss that is not
    built-in is only with itself, so that its bugs are its own."""
    method, loss = spec["method"], registry.card("loss", spec["method"]["loss"]["name"])
    common = {key: value for key, value in spec.items() if key != "seed"}
    common["method"] = {
        **{key: value for key, value in method.items() if key != "architecture"},
        "loss": loss.traits.get("relativistic", False) if loss.source == "built-in" else method["loss"],
        "penalty": method["penalty"] and _without_scale(method["penalty"], registry),
        "constraint": method["constraint"] and {**method["constraint"], "settings": None},
        "generator_optimizer": _update(method["generator_optimizer"]),
        "discriminator_optimizer": _update(method["discriminator_optimizer"]),
    }
    return digest(common)


def _without_scale(penalty: Spec, registry: Registry) -> Spec:
    scale = registry.card("penalty", penalty["name"]).traits.get("scale")
    return {**penalty, "settings": {key: value for key, value in penalty["settings"].items() if key != scale}}


def _update(optimizer: Spec) -> Spec:
    """Which operations an optimizer's step has."""
    return {"name": optimizer["name"]} | {key: bool(optimizer.get(key)) for key in ("momentum", "weight_decay")}
