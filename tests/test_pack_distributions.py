"""In float32 a pack and single runs part after some hundred steps, as any two programs do; over seeds they agree."""

import math
from typing import Any

import pytest
import torch
from test_packs import ADAM, RULE, WGAN_GP, alone, together
from torch import Tensor

from ganbench import plugins
from ganbench.course import Course
from ganbench.packs.network import Stack
from ganbench.streams import stream

SEEDS, STEPS, BATCH = 20, 100, 16
LIMIT = 3.5
"""Standard errors. Of two equal distributions, one metric in 2,000 differs by more."""

Metrics = dict[str, Tensor]
Trained = tuple[dict[str, Tensor], Course]
CASES: dict[str, dict[str, Any]] = {"non-saturating": {}, "wgan-gp": {**WGAN_GP, "n_critic": 2}}


def runs(case: str, first: int) -> list[dict[str, Any]]:
    adam = {**ADAM, "lr": 5e-3}
    rule = {**RULE, **CASES[case], "generator_optimizer": adam, "discriminator_optimizer": adam}
    return [{**rule, "seed": seed} for seed in range(first, first + SEEDS)]


@pytest.fixture(autouse=True)
def longer(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = plugins.load(plugins.discover().card("dataset", "ring8"), {})
    monkeypatch.setattr("test_packs.SAMPLES", dataset.mixture().sample(500, stream(0, "packs")))
    monkeypatch.setattr("test_packs.STEPS", STEPS)
    monkeypatch.setattr("test_packs.BATCH", BATCH)


def metrics(trained: list[Trained]) -> Metrics:
    """Of each seed: the length of each network's weights, and the mean of each column of the second half of its
    history."""

    def length(state: dict[str, Tensor], who: str) -> float:
        return math.sqrt(sum(float(value.square().sum()) for name, value in state.items() if name.startswith(who)))

    found = {who: torch.tensor([length(state, who) for state, _ in trained]) for who in ("generator", "discriminator")}
    columns = trained[0][1].history[0].keys() - {"step", "seconds"}
    later = [course.history[len(course.history) // 2 :] for _, course in trained]
    return found | {key: torch.tensor([sum(row[key] for row in rows) / len(rows) for rows in later]) for key in columns}


def apart(first: Metrics, second: Metrics) -> dict[str, float]:
    """By how many standard errors the means over seeds differ."""
    errors = {name: ((first[name].var() + second[name].var()) / SEEDS).sqrt().clamp_min(1e-9) for name in first}
    return {name: float((first[name].mean() - second[name].mean()).abs() / errors[name]) for name in first}


@pytest.mark.parametrize("case", CASES)
def test_twenty_seeds_in_a_pack_are_like_twenty_others_alone(case: str) -> None:
    singles = metrics([alone(run, torch.float32) for run in runs(case, 0)])
    found = apart(singles, metrics(together(runs(case, 100), torch.float32)))
    assert max(found.values()) < LIMIT, found


@pytest.mark.parametrize(("layer", "factor"), [("0.weight", -1.0), ("0.bias", -1.0), ("2.weight", -1.0)])
def test_a_wrong_gradient_would_be_noticed(layer: str, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    right = metrics(together(runs("non-saturating", 0), torch.float32))
    true = Stack.slopes

    def wrong(stack: Stack, loss: Tensor) -> Tensor:
        rows = true(stack, loss)
        stack.named(rows)[layer].mul_(factor)
        return rows

    monkeypatch.setattr(Stack, "slopes", wrong)
    found = apart(right, metrics(together(runs("non-saturating", 100), torch.float32)))
    assert max(found.values()) > LIMIT, found
