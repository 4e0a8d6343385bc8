"""Specs: canonical descriptions of what a result depends on, whose digests are the cache keys."""

import hashlib
import json
from typing import Any

from ganbench import plugins
from ganbench.cards import Card
from ganbench.sections import Training

ENGINE = 2
"""Version of what training computes. It is in every spec: raise it when a change alters trained weights
(tests/test_golden.py notices), and every run trains again."""

EVALUATION_ENGINE = 3
"""The same for what evaluation computes from trained weights."""

Spec = dict[str, Any]


def digest(content: Any) -> str:
    """sha256 of the canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def with_settings(card: Card, given: dict[str, Any]) -> Spec:
    """A plugin with all its settings, and the hash of its file."""
    settings, _ = plugins.resolve(card, given)
    return {"name": card.name, "settings": settings, "sha256": card.sha256}


def of_run(dataset: Spec, architecture: Spec, method: Spec, training: Training, condition: Spec | None = None) -> Spec:
    """The spec of a cell's runs, but for the seed. A budget of discriminator steps is divided by `n_critic`. What a
    method does with conditions is in it only where there are any."""
    steps = training.generator_steps or max(1, (training.discriminator_steps or 0) // method["n_critic"])
    return {
        "engine": ENGINE,
        "dataset": dataset,
        "architecture": architecture,
        "method": {k: v for k, v in method.items() if condition is not None or k != "conditional"},
        **({} if condition is None else {"condition": condition}),
        "training": {
            "generator_steps": steps,
            "batch_size": training.batch_size,
            "log_every": training.log_every,
            "snapshots": training.snapshot_steps(steps),
            **training.numerics,
        },
    }
