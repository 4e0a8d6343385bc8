"""The contract of an extractor: a frozen network from uint8 images to features, and logits if it has any."""

import os
import unittest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.data import Split
from ganbench.testing.material import close, demand, images, seeded

SHAPES = ((1, 16, 16), (3, 16, 16))
CLASSES = 3


def outputs(extractor: Any) -> None:
    """The network returns a pair: finite features (n, d), and logits (n, classes) or None, as `provides` says."""
    for shape in SHAPES:
        found = _network(extractor, shape)(images(7, shape, "seen"))
        demand(isinstance(found, tuple) and len(found) == 2, f"the network returns {type(found).__name__}, not a pair")
        features, logits = found
        demand(features.dim() == 2 and len(features) == 7, f"7 images have features {tuple(features.shape)}")
        demand(bool(features.isfinite().all()), "a feature is not finite")
        promised = bool({"logits", "classes", "attributes"} & set(extractor.provides))
        demand((logits is not None) == promised, f"`provides` is {extractor.provides}, and logits are {_said(logits)}")
        if logits is not None:
            demand(logits.dim() == 2 and len(logits) == 7, f"7 images have logits {tuple(logits.shape)}")
            demand(bool(logits.isfinite().all()), "a logit is not finite")


def variation(extractor: Any) -> None:
    """Different images have different features."""
    for shape in SHAPES:
        features, _ = _network(extractor, shape)(images(7, shape, "seen"))
        demand(bool((features.var(0) > 0).any()), f"no feature varies from image to image for {shape}")


def batch_sizes(extractor: Any) -> None:
    """What an image gets does not depend on the batch: alone, among 7, and wherever it stands."""
    for shape in SHAPES:
        network, seen = _network(extractor, shape), images(7, shape, "seen")
        features, _ = network(seen)
        alone = torch.cat([network(image)[0] for image in seen.split(1)])
        turned = network(seen.flip(0))[0].flip(0)
        demand(close(features, alone), f"features of {shape} depend on the other images; is it in evaluation mode?")
        demand(close(features, turned), f"features of {shape} depend on the order of the batch")


def inputs_unchanged(extractor: Any) -> None:
    """The images are the same afterwards."""
    for shape in SHAPES:
        seen = images(7, shape, "seen")
        given = seen.clone()
        _network(extractor, shape)(given)
        demand(torch.equal(given, seen), "the images are changed in place")


def determinism(extractor: Any) -> None:
    """Made twice, it sees the same, whatever torch's global generator says."""
    for shape in SHAPES:
        seen = images(7, shape, "seen")
        first, second = (_network(extractor, shape, seed)(seen)[0] for seed in (0, 1))
        demand(torch.equal(first, second), f"two extractors made for {shape} differ; draw from ganbench.streams.stream")


def weights(extractor: Any) -> None:
    """What was trained can be stored: `untrained`, with the weights loaded, sees the same."""
    if not hasattr(extractor, "trained"):
        raise unittest.SkipTest("it is not trained")
    for shape in SHAPES:
        trained, seen = _network(extractor, shape), images(7, shape, "seen")
        with seeded(1):
            other = extractor.untrained(shape, CLASSES)
        other.load_state_dict(trained.state_dict())
        demand(
            torch.equal(trained(seen)[0], other.eval()(seen)[0]),
            f"`untrained` with the trained weights has other features for {shape}",
        )


CHECKS = (outputs, variation, batch_sizes, inputs_unchanged, determinism, weights)


def _network(extractor: Any, shape: tuple[int, ...], seed: int = 0) -> nn.Module:
    """The frozen network for images of this shape, made by whichever method the extractor has."""
    with seeded(seed):
        if hasattr(extractor, "fixed"):
            made: nn.Module = extractor.fixed(shape).eval()
        elif hasattr(extractor, "trained"):
            labels = torch.arange(30) % CLASSES
            made = extractor.trained(Split(images(30, shape, "trained on"), labels, labels[:, None]), CLASSES, 1)
        else:
            made = extractor.pretrained(_weights(extractor)).eval()
    return made.requires_grad_(False)


def _weights(extractor: Any) -> Path:
    given = extractor.weights or os.environ.get(extractor.weights_variable, "")
    if not given:
        raise unittest.SkipTest(f"its weights are not here; set {extractor.weights_variable} to the path of the file")
    return Path(given)


def _said(logits: Tensor | None) -> str:
    return "None" if logits is None else f"{tuple(logits.shape)}"
