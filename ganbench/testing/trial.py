"""A plugin at work: some steps of training as a study would do them, in a folder that is gone afterwards."""

import contextlib
import io
import json
import tempfile
import unittest
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ganbench import cards, data, files, folder, given, layout, method, plugins, rehearsal, runs, training
from ganbench.cards import Card
from ganbench.data import DataError
from ganbench.generate import generate
from ganbench.given import Given
from ganbench.method import RecipeError
from ganbench.mixtures import Mixture
from ganbench.plugins import Registry
from ganbench.runs import Plan
from ganbench.streams import stream
from ganbench.testing.material import demand
from ganbench.testing.tape import Tape
from ganbench.work import Run

STEPS = 200
BLOCKS = Path(__file__).with_name("blocks.py")
CPU = torch.device("cpu")
OPTIMIZER = {"name": "adam", "lr": 1e-4, "betas": [0.5, 0.9]}
SMALL = {"name": "mlp", "generator_widths": [64, 64], "discriminator_widths": [64, 64]}
SMALL_FROM_IMAGES = {"name": "unet", "width": 4}
GIVEN: dict[str, Any] = {"class": "label", "image": {"name": "super-resolution", "factor": 2}}
"""A condition of each form that small images have."""


@dataclass(frozen=True)
class Trial:
    """What a short training left behind: why it diverged, if it did; samples of the generator before and after."""

    diverged: str | None
    before: Tensor
    after: Tensor


def of_part(card: Card, settings: dict[str, Any], steps: int = STEPS) -> Trial:
    """Train a loss, penalty or constraint on ring8, within a plain method.

    A critic's loss (also under a penalty or constraint) is kept Lipschitz.
    """
    recipe: dict[str, Any] = {"name": "non-saturating", "optimizer": OPTIMIZER, card.kind: _entry(card, settings)}
    if card.traits.get("critic", False):
        recipe["penalty"] = {"name": "gradient-penalty", "weight": 0.1}
    return train(planned(recipe, SMALL, "ring8", steps, [card]))


def records(card: Card, settings: dict[str, Any]) -> None:
    """A step with it that is recorded and repeated, as on a GPU, is the step as it is written, to the bit: it reads
    nothing back, and what it remembers is in tensors that it changes in place."""
    architecture, dataset, recipe = SMALL, "ring8", {"name": "non-saturating", "optimizer": OPTIMIZER}
    if card.kind == "architecture":
        architecture = _entry(card, settings)
    else:
        recipe[card.kind] = _entry(card, settings)
    with planned(recipe, architecture, dataset, 1, [card]) as (plan, run, samples, asked):
        why = rehearsal.obstacle(run.spec, CPU, Tape, training.shortly(plan, samples, asked), 0.0)
    demand(why is None, str(why))


def of_architecture(card: Card, settings: dict[str, Any], steps: int = STEPS) -> Trial:
    """Train an architecture: on ring8 if it makes points, else a tenth of the steps on small images; under a condition
    if its networks take one. Raises SkipTest for one that takes words alone, as these images have no captions."""
    entry, forms = _entry(card, settings), card.traits.get("given", ())
    if forms and not GIVEN.keys() & set(forms):
        raise unittest.SkipTest("it takes captions, and the images that it is tried on have none")
    told = {"condition": next(GIVEN[form] for form in forms if form in GIVEN)} if forms else {}
    if "points" in card.traits["kinds"] and told.get("condition", "label") == "label":
        plain = {"name": "non-saturating", "optimizer": OPTIMIZER}
        return train(planned(plain, entry, {"name": "ring8", **told}, steps, [card]))
    size = min(card.traits.get("sizes", (16,)))
    dataset = {"name": "blocks", "size": size, **told}
    return train(
        planned({"name": "non-saturating"}, entry, dataset, max(1, steps // 10), [card, cards.read_card(BLOCKS)])
    )


def of_condition(card: Card, settings: dict[str, Any], steps: int = STEPS) -> Trial:
    """Train under a condition, a tenth of the steps on small colour images. Raises SkipTest where these are not what it
    is of."""
    if card.traits["makes"] not in GIVEN:
        raise unittest.SkipTest("it is of captions, and the images that it is tried on have none")
    network = SMALL_FROM_IMAGES if card.traits["makes"] == "image" else SMALL
    dataset = {"name": "blocks", "channels": 3, "condition": _entry(card, settings)}
    try:
        return train(
            planned({"name": "non-saturating"}, network, dataset, max(1, steps // 10), [card, cards.read_card(BLOCKS)])
        )
    except DataError as error:
        raise unittest.SkipTest(f"it does not take the images that it is tried on: {error}") from error


def of_method(name: str, registry: Registry, path: Path | None, steps: int = STEPS) -> Trial:
    """Train a recipe: on ring8, or, if it compares samples with true ones, a tenth of the steps from images to images.
    `path`: its file, if a study has to name it."""
    recipes = [path] if path else []
    if wants_truth(name, registry):
        dataset = {"name": "blocks", "condition": GIVEN["image"]}
        blocks = [cards.read_card(BLOCKS)]
        return train(planned({"name": name}, SMALL_FROM_IMAGES, dataset, max(1, steps // 10), blocks, recipes))
    return train(planned({"name": name}, SMALL, "ring8", steps, [], recipes))


def wants_truth(name: str, registry: Registry) -> bool:
    """Whether a recipe compares samples with the true ones of their conditions."""
    try:
        composed = method.compose([*method.layers(registry, name)], "images")
    except RecipeError:
        return False  # which another check says
    wishes = composed.get("conditional")
    return isinstance(wishes, dict) and bool(wishes.get("reconstruction"))


def trains(trial: Trial) -> None:
    """Nothing becomes infinite, and the generator changes."""
    demand(trial.diverged is None, f"training diverges: {trial.diverged}")
    demand(not torch.equal(trial.before, trial.after), "training does not change the generator's samples")


def learns(trial: Trial) -> None:
    """It trains, and the samples come nearer to the modes of ring8."""
    trains(trial)
    before, after = (float(_ring().nearest(samples)[1].norm(dim=1).mean()) for samples in (trial.before, trial.after))
    demand(after < before, f"samples were {before:.3f} from their nearest mode, and are {after:.3f} after training")


def train(study: AbstractContextManager[tuple[Plan, Run, Tensor, Given | None]]) -> Trial:
    """Train the run of a planned study."""
    with study as (plan, run, samples, asked):
        before = _samples_before(plan, run, tuple(samples.shape[1:]), asked)
        training.train_run(plan, run, samples, CPU, asked)
        record = files.read_json(plan.folder(run) / layout.TRAINING) or {}
        if record["status"] != "ok":
            return Trial(f"{record['reason']}, step {record['diverged_at']}", before, before)
        return Trial(None, before, load_file(plan.folder(run) / layout.SAMPLES)["samples"])


@contextlib.contextmanager
def planned(
    recipe: dict[str, Any],
    architecture: dict[str, Any],
    dataset: Any,
    steps: int,
    cards: list[Card],
    recipes: list[Path] | None = None,
) -> Iterator[tuple[Plan, Run, Tensor, Given | None]]:
    """A study of one run, in a folder that is gone afterwards: its plan, the run, the training split and its
    conditions. `cards`: the plugins under test; the study names those that are files."""
    named = [str(card.path.resolve()) for card in cards if not card.module]
    named += [str(path.resolve()) for path in recipes or []]
    study = {
        "study": "trial",
        "plugins": named,
        "datasets": [dataset],
        "architectures": [{**architecture, "label": "network"}],
        "methods": [{**recipe, "label": "method"}],
        "seeds": [0],
        "training": {"generator_steps": steps, "batch_size": 64, "log_every": steps, "snapshots": [1]},
        "evaluation": {"samples": 100, "metrics": ["frechet-distance"]},
        "device": "cpu",
    }
    raw = layout.raw_data(None).resolve()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stderr(io.StringIO()):
        file = Path("study.yaml")
        file.write_text(json.dumps(study), "utf-8")
        plan = runs.plan(file)
        (run,) = plan.runs
        (prepared,) = plan.datasets.values()
        data.prepare(prepared, raw)
        yield plan, run, data.read(prepared, "train").samples, given.read(prepared, "train")


def _samples_before(plan: Plan, run: Run, shape: tuple[int, ...], asked: Given | None) -> Tensor:
    """What the generator makes before training, from the noise that its samples are made from afterwards."""
    architecture, generator, _ = training.build(plan, run.spec, shape, CPU, asked.form if asked else None)
    count = folder.SHEET_SAMPLES["points" if len(shape) == 1 else "images"]
    values = asked.first(count).values if asked else None
    return generate(generator.network, count, architecture.noise_dim, stream(run.seed, "sheet", CPU), values)


def _ring() -> Mixture:
    mixture: Mixture = plugins.load(plugins.discover().card("dataset", "ring8"), {}).mixture()
    return mixture


def _entry(card: Card, settings: dict[str, Any]) -> dict[str, Any]:
    return {"name": card.name, **{key: plugins.as_json(value) for key, value in settings.items()}}
