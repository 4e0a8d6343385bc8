"""Every built-in recipe, trained for some steps on ring8 as a study would."""

import math

import pytest
import torch
from conftest import StudyFile

from ganbench import data, plugins, runs, training
from ganbench.streams import stream
from ganbench.train import train

STEPS, BATCH = 20, 16
REGISTRY = plugins.discover()


@pytest.mark.parametrize("name", REGISTRY.names("method"))
def test_every_recipe_trains_on_points(study_file: StudyFile, name: str) -> None:
    plan = runs.plan(study_file(methods=[name], seeds=[0]))
    (run,) = plan.runs
    method = run.spec["method"]
    loss, penalty, constraint = (
        plugins.load(REGISTRY.card(kind, part["name"]), part["settings"]) if (part := method[kind]) else None
        for kind in ("loss", "penalty", "constraint")
    )
    points = plugins.load(plan.datasets["ring8"].card, {"radius": 1.0, "sigma": 0.01}).mixture()
    samples = points.sample(1000, stream(0, "test"))
    architecture, generator, discriminator = training.build(plan, run.spec, (2,), torch.device("cpu"))
    if hasattr(constraint, "prepare"):
        constraint.prepare(discriminator.network)
    # not the biases: the discriminator's last one has no gradient where only differences of scores count
    weights = [p for player in (generator, discriminator) for p in player.network.parameters() if p.dim() > 1]
    start = [weight.clone() for weight in weights]
    noise = stream(0, "noise")
    outcome = train(
        generator,
        discriminator,
        loss=loss,
        penalty=penalty,
        constraint=constraint,
        batches=data.batches(samples, BATCH, stream(0, "data")),
        noise=lambda: torch.randn(BATCH, architecture.noise_dim, generator=noise),
        penalty_stream=stream(0, "penalty"),
        steps=STEPS,
        n_critic=method["n_critic"],
        log_every=1,
        progress=lambda _: None,
    )
    assert outcome.diverged_at is None
    assert len(outcome.history) == STEPS
    assert all(math.isfinite(value) for row in outcome.history for value in row.values())
    assert all((row["penalty"] > 0) == (penalty is not None) for row in outcome.history)
    assert all(row["discriminator_gradient"] > 0 and row["generator_gradient"] > 0 for row in outcome.history)
    assert all((old != new).any() for old, new in zip(start, weights, strict=True))
