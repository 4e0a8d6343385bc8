"""Feature extractors at work: made once by a rule of their own, frozen, and named by the hash of their weights in every
number that they helped to make.

One that is trained here and predicts the dataset's classes, or reads its captions, is accepted only above the dataset's
accuracy gate, and none with features that do not vary: a network of random weights would make small, smooth,
meaningless distances.
"""

import itertools
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganbench import data, files, layout, numerics, optimizers, plugins, tensorfiles, weights
from ganbench.data import Split
from ganbench.protocol import Dataset, Extractor

BATCH = 500
DEAD = 1e-4  # a feature whose variance is below this share of the mean variance says nothing
MOST_DEAD = 0.5  # the share of such features from which an extractor is refused


class ExtractorError(Exception):
    """An extractor that missed its gate, or whose weights are not the recorded ones."""


def make(dataset: Dataset, extractor: Extractor) -> None:
    """Train an extractor, or fetch its weights, check it, and write its card. Raises ExtractorError."""
    optimizers.warm_up()
    cpu_start = time.process_time()
    test = data.read(dataset, "test") if extractor.form == "trained" else None
    plugin = plugins.load(extractor.card, extractor.settings)
    path = layout.extractor(extractor.key)
    card: dict[str, Any] = {
        "label": extractor.label,
        "form": extractor.form,
        "spec": extractor.spec,
        "provides": list(extractor.card.traits["provides"]),
        "torch": torch.__version__,
    }
    if test is not None:
        train, split = data.read(dataset, "train"), data.lessons(dataset)
        lessons = train if split == "train" else data.read(dataset, split)
        traits = dataset.card.traits
        network = plugin.trained(lessons, _outputs(dataset, extractor, train), traits["classifier_epochs"])
        card |= _accepted(dataset, extractor, plugin, network, train, test)
        card |= {
            "dataset": dataset.spec,
            "data_sha256": {split: data.fingerprint(lessons.samples), "test": data.fingerprint(test.samples)},
            "split": split,
            "epochs": traits["classifier_epochs"],
        }
        tensorfiles.write(_weights(path), {key: value.contiguous() for key, value in network.state_dict().items()})
        card["weights_sha256"] = files.sha256(_weights(path))
    elif extractor.form == "pretrained":
        stored = weights.find(extractor.card, extractor.settings) or weights.fetch(extractor.card)
        card["weights_sha256"] = weights.verify(stored, extractor.card.traits["weights_sha256"])
    else:
        card["weights_sha256"] = None
    files.write_json(path, {**card, "cpu_seconds": time.process_time() - cpu_start})


def _outputs(dataset: Dataset, extractor: Extractor, split: Split) -> int:
    """How many logits a trained extractor has: one per class; or, at each place of a caption, one per word and one for
    none."""
    if "attributes" not in extractor.card.traits["provides"]:
        return int(dataset.card.traits["classes"])
    if split.captions is None:
        raise ExtractorError(f"{extractor.label} reads captions, and '{dataset.label}' has none")
    return split.captions.shape[1] * (len(dataset.card.traits["words"]) + 1)


def _accepted(
    dataset: Dataset, extractor: Extractor, plugin: Any, network: nn.Module, train: Split, test: Split
) -> dict[str, Any]:
    """What the checks of a trained extractor found. Raises ExtractorError."""
    gate = dataset.card.traits["accuracy_gate"]
    features, logits = describe(network, test.samples)
    variance = features.var(0)
    dead = int((variance < DEAD * variance.mean()).sum())
    if dead > MOST_DEAD * len(variance) or not variance.sum() > 0:
        raise ExtractorError(
            f"{dead} of the {len(variance)} features of {extractor.label} do not vary on the test split of "
            f"'{dataset.label}'; distances between them would mean little"
        )
    found: dict[str, Any] = {"features": features.shape[1], "dead_features": dead}
    accuracies = _accuracies(extractor, plugin, logits, train, test)
    for what, reached in accuracies.items():
        if not reached >= gate:
            raise ExtractorError(
                f"{extractor.label} reached an accuracy of {reached:.4f}{what and f' for {what}'} on the test split of "
                f"'{dataset.label}', below the gate of {gate}; numbers measured by it would mean little"
            )
    if accuracies:
        found |= {"test_accuracy": min(accuracies.values()), "accuracy_gate": gate}
    if len(accuracies) > 1:
        found["test_accuracies"] = accuracies
    return found


def _accuracies(
    extractor: Extractor, plugin: Any, logits: Tensor | None, train: Split, test: Split
) -> dict[str, float]:
    """Shares of test samples by what was right about them; each must pass the gate. An extractor may count in its own
    way (`accuracies`); one that provides classes is right about the label."""
    if hasattr(plugin, "accuracies"):
        counted: dict[str, float] = plugin.accuracies(logits, train, test)
        return counted
    if "classes" not in extractor.card.traits["provides"]:
        return {}
    if logits is None or test.labels is None:
        raise ExtractorError(f"{extractor.label} provides classes, and has no logits, or its data no labels")
    return {"": float((logits.argmax(1) == test.labels).double().mean())}


def read(dataset: Dataset, extractor: Extractor) -> tuple[nn.Module, dict[str, Any]]:
    """The frozen network and its card. Raises ExtractorError if the weights are not the recorded ones."""
    path = layout.extractor(extractor.key)
    card = files.read_json(path)
    if card is None:
        raise ExtractorError(f"{path}: no card of an extractor there; `snakemake` makes it")
    plugin = plugins.load(extractor.card, extractor.settings)
    shape = data.sample_shape(dataset)
    if extractor.form == "fixed":
        return plugin.fixed(shape).eval().requires_grad_(False), card
    stored = _weights(path) if extractor.form == "trained" else weights.located(extractor.card, extractor.settings)
    if stored is None or not stored.exists() or files.sha256(stored) != card.get("weights_sha256"):
        raise ExtractorError(
            f"{stored}: these weights are not the ones on the card; remove {path.parent} and run again"
        )
    if extractor.form == "pretrained":
        network: nn.Module = plugin.pretrained(stored)
    else:
        network = plugin.untrained(shape, _outputs(dataset, extractor, data.read(dataset, "test")))
        network.load_state_dict(load_file(stored))
    return network.eval().requires_grad_(False), card


@torch.no_grad()
def describe(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor | None]:
    """uint8 images to features (n, d) and logits (n, classes) if there are any, both float64 on the CPU, in batches.

    Their values are those of float32, as real features are stored: a copy of a real image is at distance 0 from it.
    """
    held = next(itertools.chain(network.parameters(), network.buffers()), None)
    device = torch.device("cpu") if held is None else held.device
    with numerics.full_float32():  # the same features on a GPU, nearly
        outputs = [network(batch.to(device)) for batch in images.split(BATCH)]
    logits = [found for _, found in outputs if found is not None]
    return _joined([found for found, _ in outputs]), _joined(logits) if logits else None


def _joined(batches: list[Tensor]) -> Tensor:
    return torch.cat(batches).float().cpu().double()


def _weights(card: Path) -> Path:
    return card.with_suffix(".safetensors")
