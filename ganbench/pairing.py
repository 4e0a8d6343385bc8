"""Methods meet architectures: what a method changes in a network, and which pairs make no sense."""

from dataclasses import dataclass, field
from typing import Any, get_args

from ganbench import method, plugins, specs, study
from ganbench.cards import Card
from ganbench.method import Optimizer
from ganbench.plugins import Registry, unknown
from ganbench.specs import Spec
from ganbench.study import Entry
from ganbench.traits import Way

WAYS = get_args(Way)


@dataclass(frozen=True)
class Pair:
    """An architecture as a method trains it, with notes on what the method changed; or the reason why it cannot."""

    architecture: Spec
    notes: list[str] = field(default_factory=list)
    reason: str | None = None


def method_spec(composed: dict[str, Any], registry: Registry, optimizer: Optimizer | None = None) -> Spec:
    """A composed method in full, both optimizers replaced if one is given."""
    recipe = study.resolved_method(composed)
    if optimizer is not None:
        forced = {"generator_optimizer": optimizer, "discriminator_optimizer": optimizer}
        recipe = recipe.model_copy(update=forced)
    spec: Spec = recipe.model_dump(mode="json")
    for part in method.PARTS:
        if spec[part] is not None:
            spec[part] = specs.with_settings(registry.card(part, spec[part]["name"]), spec[part]["settings"])
    return spec


def meet(kind: str, architecture: Entry, recipe: Spec, registry: Registry, condition: str | None = None) -> Pair:
    """Lay a method's wishes over an architecture's settings; a study's own settings are wishes too, and weaker.

    A penalty on each sample's own gradient is void where samples are mixed (Gulrajani et al. 2017, section 4): under
    batch normalisation, which becomes layer normalisation, and beside a minibatch layer, which is refused. A
    constraint may name the normalisation that it needs. `condition`: the form of what samples are made for, if
    anything.
    """
    card = registry.card("architecture", architecture.name)
    network = specs.with_settings(card, architecture.settings)
    settings: dict[str, Any] = network["settings"]
    notes: list[str] = []

    brought = recipe["architecture"]
    for key in brought:
        if key not in card.fields:
            return Pair(network, reason=unknown(f"the method sets '{key}', and {card.name} has no", key, card.fields))
    changed, problems = plugins.resolve(card, {**settings, **brought})
    if problems:
        key, message = problems[0]
        return Pair(network, reason=f"the method's '{key}' does not fit {card.name}: {message}")
    notes += [f"the method brings {key} {changed[key]}" for key in brought if changed[key] != settings[key]]
    settings |= changed

    penalty = recipe["penalty"]
    if recipe["unrolled"] and penalty and "begin" in registry.card("penalty", penalty["name"]).methods:
        reason = (
            f"{penalty['name']} remembers earlier scores, and the steps that the generator looks ahead are not taken"
        )
        return Pair(network, reason=reason)
    if condition is not None and (why_not := _cannot_condition(recipe, card, condition)):
        return Pair(network, reason=why_not)
    if recipe["augment"] and kind != "images":
        return Pair(network, reason=f"augmentation is of images, and this data holds {kind}")
    wanted = _normalisation(recipe, settings.get("discriminator_norm"), registry)
    if wanted is not None:
        norm, why = wanted
        notes.append(
            f"{why}, so the discriminator has {norm} instead of {settings['discriminator_norm']} normalisation"
        )
        settings["discriminator_norm"] = norm
    if _per_sample(recipe, registry) and mixes_samples(network):
        reason = f"{recipe['penalty']['name']} looks at each sample alone, and the minibatch layer mixes them"
        return Pair(network, reason=reason)
    return Pair(network, notes)


def _cannot_condition(recipe: Spec, architecture: Card, form: str) -> str | None:
    """Why a method with an architecture cannot make samples for conditions of a form, or None."""
    wishes, supported = recipe["conditional"], architecture.traits.get("conditions", ())
    if recipe["packing"] > 1:
        return "packed samples are judged as one, and each has a condition of its own"
    if form == "image":
        if recipe["augment"]:
            return "augmentation would move a sample and leave the image that it belongs to"
        changed = [player for player in ("generator", "discriminator") if wishes[player] != "concatenation"]
        if changed:
            return f"the {changed[0]} of {architecture.name} has its own way to take an image"
    elif wishes["reconstruction"] or wishes["adversarial"] != 1:
        return f"reconstruction needs the one true sample of a condition, and many samples have the same {form}"
    if wishes["adversarial"] != 1 and not wishes["reconstruction"]:
        return "without reconstruction, the adversarial loss is all that the generator learns from"
    if wishes["discriminator"] == "classifier" and form != "class":
        return f"a classifier names classes, and these conditions are {form}"
    if wishes["matching"] and wishes["discriminator"] in ("classifier", "none"):
        return "matching needs a discriminator whose score depends on the condition"
    if recipe["unrolled"] and wishes["discriminator"] == "classifier":
        return "the steps that the generator looks ahead know of no classification"
    for player in ("generator", "discriminator"):
        way = wishes[player]
        if way in WAYS and way not in supported:
            return f"{architecture.name} has no conditioning by {way}"
    return None


def mixes_samples(architecture: Spec) -> bool:
    """Whether a minibatch layer makes a sample's score depend on the others, also in evaluation."""
    return bool(architecture["settings"].get("minibatch", "none") != "none")


def _normalisation(recipe: Spec, present: str | None, registry: Registry) -> tuple[str, str] | None:
    """The normalisation that a method needs in place of the present one, and why."""
    constraint = recipe["constraint"]
    if present is None:
        return None
    if constraint is not None:
        needed = registry.card("constraint", constraint["name"]).traits.get("discriminator_norm")
        if needed not in (None, present):
            return str(needed), f"{constraint['name']} allows no other"
        if needed is not None:
            return None
    if present == "batch" and _per_sample(recipe, registry):
        return "layer", f"{recipe['penalty']['name']} looks at each sample alone"
    return None


def _per_sample(recipe: Spec, registry: Registry) -> bool:
    penalty = recipe["penalty"]
    return bool(penalty and registry.card("penalty", penalty["name"]).traits.get("per_sample", False))
