"""Methods: a recipe of loss, penalty, constraint, optimizers and update rule.

A recipe file, and an entry under `methods:` in a study, are the same thing: a `base` (another recipe) and what
differs from it. So "wgan-gp with another learning rate" is `{name: wgan-gp, optimizer: {lr: 3e-4}}`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic import Field as Key

from ganbench import yamlfile
from ganbench.plugins import Registry

Beta = Annotated[float, Key(ge=0, lt=1)]
Augmentation = Literal["colour", "translation", "cutout"]
Decay = Annotated[float, Key(gt=0, lt=1)]


class Strict(BaseModel):
    """Unknown keys, wrong types and infinities are errors; values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Moments(Strict):
    """What Adam and its variants are set by."""

    lr: PositiveFloat
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0


class RMSprop(Strict):
    """torch.optim.RMSprop; `alpha` is torch's default, as in the authors' WGAN code."""

    name: Literal["rmsprop"]
    lr: PositiveFloat
    alpha: Beta = 0.99
    eps: PositiveFloat = 1e-8
    momentum: NonNegativeFloat = 0.0
    weight_decay: NonNegativeFloat = 0.0


class SGD(Strict):
    """torch.optim.SGD."""

    name: Literal["sgd"]
    lr: PositiveFloat
    momentum: NonNegativeFloat = 0.0
    weight_decay: NonNegativeFloat = 0.0


class Adam(Moments):
    """torch.optim.Adam (Kingma & Ba 2015)."""

    name: Literal["adam"]


class AdamW(Moments):
    """torch.optim.AdamW (Loshchilov & Hutter 2019): weight decay apart from the gradient."""

    name: Literal["adamw"]


OPTIMIZER_KINDS: dict[str, type[Strict]] = {"adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "sgd": SGD}
Optimizer = Annotated[Adam | AdamW | RMSprop | SGD, Key(discriminator="name")]


class TopK(Strict):
    """The generator learns from its samples with the highest scores (Sinha et al. 2020): from a share of the batch that
    starts at 1 and is multiplied by `decay` each epoch, but never falls below `share`."""

    share: Annotated[float, Key(gt=0, le=1)] = 0.5
    decay: Annotated[float, Key(gt=0, le=1)] = 0.99


class Conditioning(Strict):
    """How both players are told what a sample is made for, where the data says so. An architecture that takes images
    has its own way."""

    generator: Literal["concatenation", "normalisation", "none"] = "concatenation"
    """With the noise (Mirza & Osindero 2014, arXiv:1411.1784), by the scales and shifts of batch normalisation
    (Dumoulin et al. 2017, arXiv:1610.07629; de Vries et al. 2017, arXiv:1707.00683), or not at all."""
    discriminator: Literal["concatenation", "projection", "classifier", "none"] = "concatenation"
    """With the sample, by a projection on its features (Miyato & Koyama 2018, arXiv:1802.05637, equation 3), by a
    second output that names the class (Odena et al. 2017, arXiv:1610.09585), or not at all."""
    encoder: Literal["bag-of-words", "gru"] = "bag-of-words"
    """What makes a vector of a caption."""
    width: PositiveInt | None = None
    """Numbers of that vector, or of a class's embedding; without it, 32 for captions and one per class for classes."""
    frozen: bool = False
    """Whether the encoder stays as it was initialised."""
    classification: tuple[NonNegativeFloat, NonNegativeFloat] = (1.0, 1.0)
    """Weights of the discriminator's and of the generator's classification term, with `discriminator: classifier`."""
    matching: bool = False
    """Whether real samples with the condition of another count as generated (Reed et al. 2016, arXiv:1605.05396,
    Algorithm 1: GAN-CLS)."""
    reconstruction: NonNegativeFloat = 0.0
    """Weight of the mean absolute difference from the true sample of the condition, in the generator's loss (Isola et
    al. 2017, arXiv:1611.07004, equation 4), where conditions are images. Samples are in [-1, 1]."""
    adversarial: NonNegativeFloat = 1.0
    """Weight of the generator's adversarial loss, where conditions are images; 0 is reconstruction alone."""


class Part(Strict):
    """A plugin by name, with its settings."""

    name: str
    settings: dict[str, Any] = Key(default_factory=dict)


class Method(Strict):
    """A complete recipe."""

    loss: Part
    """Both objectives."""
    penalty: Part | None = None
    """A term added to the discriminator's loss."""
    constraint: Part | None = None
    """What keeps the discriminator in bounds."""
    generator_optimizer: Optimizer
    """The generator's optimizer; `optimizer` stands for both."""
    discriminator_optimizer: Optimizer
    """The discriminator's optimizer."""
    n_critic: PositiveInt = 1
    """Discriminator steps per generator step."""
    generator_turns: PositiveInt = 1
    """How many steps the generator takes in its turn, on the same noise; together they count as one."""
    simultaneous: bool = False
    """Both players move from the same point, instead of one after the other."""
    unrolled: NonNegativeInt = 0
    """Discriminator steps that the generator looks ahead (Metz et al. 2017)."""
    packing: PositiveInt = 1
    """Samples that the discriminator judges together (Lin et al. 2018)."""
    penalty_interval: PositiveInt = 1
    """Discriminator steps between two penalties, each that many times as heavy (Karras et al. 2020)."""
    augment: tuple[Augmentation, ...] = ()
    """Differentiable augmentation of all images that the discriminator sees (Zhao et al. 2020)."""
    top_k: TopK | None = None
    lr_decay: Literal["linear"] | None = None
    """Whether both learning rates fall over the training, to 0 at its end."""
    architecture: dict[str, Any] = Key(default_factory=dict)
    """Settings that the method brings to any architecture."""
    conditional: Conditioning = Conditioning()
    """How it conditions, where the data has conditions."""
    ema: Decay | None = None
    """Decay per generator step of an exponential moving average of the generator's weights, evaluated beside them."""


ON_KIND = ("on_points", "on_images")
DESCRIPTIVE = ("title", "citation", "base", "search", *ON_KIND)
PARTS = ("loss", "penalty", "constraint")
OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")
KEYS = (*Method.model_fields, "optimizer", *DESCRIPTIVE)


class RecipeError(Exception):
    """A base that does not exist, or that leads back to itself."""


def layers(registry: Registry, name: str, base: str | None = None) -> list[dict[str, Any]]:
    """The recipe and all that it stands on, the deepest base first. `base` replaces the recipe's own.

    Raises RecipeError.
    """
    found: list[dict[str, Any]] = []
    seen: list[str] = []
    while True:
        if name in seen:
            raise RecipeError(f"recipe '{name}' is its own base: {' -> '.join([*seen, name])}")
        if name not in registry.recipes:
            raise RecipeError(registry.missing("method", name))
        seen.append(name)
        recipe = yamlfile.read(registry.recipes[name])
        found.insert(0, recipe)
        below = base if len(seen) == 1 and base is not None else recipe.get("base")
        if below is None:
            return found
        name = str(below)


def compose(recipes: list[Mapping[str, Any]], data_kind: str) -> dict[str, Any]:
    """Lay recipes over each other, the later the stronger, as settings for one kind of data."""
    combined: dict[str, Any] = {}
    for recipe in recipes:
        for layer in (recipe, recipe.get(f"on_{data_kind}") or {}):
            for key, value in _spelled_out(layer).items():
                combined[key] = _over(combined.get(key), value)
    return combined


def _spelled_out(layer: Mapping[str, Any]) -> dict[str, Any]:
    """Without the describing keys; `loss: hinge` as a mapping; `optimizer` as both optimizers."""
    full = {key: value for key, value in layer.items() if key not in (*DESCRIPTIVE, "name", "label")}
    for key in (*PARTS, *OPTIMIZERS, "optimizer"):
        if isinstance(full.get(key), str):
            full[key] = {"name": full[key]}
    if "optimizer" in full:
        both = full.pop("optimizer")
        for key in OPTIMIZERS:
            full[key] = _over(both, full[key]) if key in full else both
    return full


def _over(old: Any, new: Any) -> Any:
    """`new` over `old`: settings merge, unless the name says that it is another thing."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    if "name" in new and new["name"] != old.get("name"):
        return new
    return {**old, **new}


def as_parts(composed: dict[str, Any]) -> dict[str, Any]:
    """Inline settings to the shape of `Method`: `{name, weight}` becomes `{name, settings: {weight}}`."""
    shaped = dict(composed)
    for key in PARTS:
        value = shaped.get(key)
        if isinstance(value, dict):
            rest = {k: v for k, v in value.items() if k != "name"}
            shaped[key] = {"settings": rest, **({"name": value["name"]} if "name" in value else {})}
    return shaped
