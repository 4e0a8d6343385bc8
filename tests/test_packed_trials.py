"""Trials in packs: each is what it is by itself, whoever is with it, is pruned or diverges; and so are tuned runs."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import yaml
from conftest import StudyFile
from safetensors.torch import load_file
from torch import Tensor

from ganbench import layout, runs
from ganbench.packs import training as packed
from ganbench.packs.pack import Pack
from ganbench.searches import Step
from ganbench.tune import command, records, trials
from ganbench.tune.records import Record

TUNING: dict[str, Any] = {
    "trials": 8, "generations": 2, "seeds": [3, 4], "sampler": "random", "samples": 50, "objective": "fd",
}  # fmt: skip
HALVING = {"name": "halving", "reduction": 2}
SEARCH = {"n_critic": None, "optimizer.lr": ["log", 1e-5, 1e-1], "penalty.weight": ["choice", 1.0, 10.0, 1e38]}
METHOD = {"name": "wgan-gp", "ema": 0.9, "search": SEARCH}
"""With a weight at which it diverges."""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def place(**changes: Any) -> tiny.Place:
    return tiny.place(tuning={**TUNING, **changes.pop("tuning", {})}, **{"methods": [METHOD], **changes})


def steps(of: tiny.Place) -> list[Step]:
    return [step for step in of.plan.tuning_steps.values() if step.kind == "trials"]


def results(of: tiny.Place) -> list[Record]:
    """What came out of all trials, but for the cost."""
    (search,) = of.plan.searches.values()
    found = records.everything(of.plan, search)
    return [{key: value for key, value in record.items() if key != "cost"} for record in found]


def remade(of: tiny.Place, numbers: list[int]) -> list[Record]:
    """All results, after some trials were deleted and made again."""
    (search,) = of.plan.searches.values()
    for number in numbers:
        records.trial_file(of.plan, search, number).unlink()
    for step in steps(of):
        assert command.carry_out(of.plan, step, lambda: tiny.CPU)
    return results(of)


@pytest.fixture
def companies(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The members of each pack that is trained, and its slots; and how far it went."""
    seen: list[tuple[int, int]] = []
    train = Pack.train

    def watched(self: Pack, *given: Any, **named: Any) -> None:
        train(self, *given, **named)
        seen.append((len(self.sessions), len(self.specs)))

    monkeypatch.setattr(Pack, "train", watched)
    return seen


@pytest.mark.parametrize("pruning", [None, HALVING], ids=["whole", "pruned"])
def test_a_trial_is_the_same_alone_in_company_and_in_a_full_pack(
    pruning: Any, monkeypatch: pytest.MonkeyPatch, companies: list[tuple[int, int]]
) -> None:
    made = place(tuning={"pruning": pruning}).prepare().tune()
    together = results(made)
    assert {trial["status"] for trial in together} == {"ok", "diverged"} | ({"pruned"} if pruning else set())
    assert max(companies)[0] == (4 if pruning else 8)  # a seed at a time, or both at once
    companies.clear()
    for number in (1, 4, 5):
        assert remade(made, [number]) == together
    assert max(companies)[0] == (1 if pruning else 2)
    monkeypatch.setattr(packed, "_slots", lambda *_: 8)
    assert remade(made, [1, 4, 5, 7]) == together
    monkeypatch.setattr(packed, "_slots", lambda *_: None)  # each in the first slot
    assert remade(made, [1, 2]) == together
    assert {slots for members, slots in companies[-4:]} == {8}


def test_who_is_pruned_or_diverges_leaves_the_pack_and_costs_nothing_more(companies: list[tuple[int, int]]) -> None:
    made = place(tuning={"pruning": HALVING, "seeds": [3]}).prepare().tune()
    for step in steps(made):
        found = [trial for trial in results(made) if trial["number"] in step.numbers]
        curves = [len(trial["seeds"][0]["curve"]) + (trial["status"] == "diverged") for trial in found]
        stages = [sum(length > stage for length in curves) for stage in range(max(curves))]
        assert [members for members, _ in companies[: len(stages)]] == stages
        del companies[: len(stages)]
        assert stages[0] == 4 > stages[-1]
    assert not companies


@pytest.mark.parametrize(("seed", "members", "told"), [(3, [4, 4], 1), (4, [4, 4, 2, 2], 2)])
def test_a_trial_that_fails_on_a_seed_ends_on_the_later_ones_too(
    monkeypatch: pytest.MonkeyPatch, companies: list[tuple[int, int]], seed: int, members: list[int], told: int
) -> None:
    measured = trials.Bench._measured

    def undefined(self: trials.Bench, session: Any, spec: Any) -> Any:
        if (spec["seed"], session.course.step) == (seed, 2):
            raise trials.UndefinedError("no number")
        return measured(self, session, spec)

    monkeypatch.setattr(trials.Bench, "_measured", undefined)
    made = place(methods=["non-saturating"], tuning={"trials": 2, "generations": 1, "space": {"n_critic": None}})
    made.prepare().tune()
    assert [of for of, _ in companies] == members
    for trial in results(made):
        assert (trial["status"], trial["reason"], len(trial["seeds"])) == ("diverged", "no number", told)
        assert trial["seeds"][-1]["steps"] == 2


def test_a_trial_is_the_packed_run_of_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[tuple[int, int, int], dict[str, Tensor]] = {}
    measured = trials.Bench._measured

    def watched(self: trials.Bench, session: Any, spec: Any) -> Any:
        state = session.generator.network.state_dict()
        rate = spec["method"]["generator_optimizer"]["lr"]
        seen[rate, spec["seed"], session.course.step] = {k: v.detach().clone().contiguous() for k, v in state.items()}
        return measured(self, session, spec)

    monkeypatch.setattr(trials.Bench, "_measured", watched)
    made = place(training={"snapshots": 4, "log_every": 3}).prepare().tune()
    own = made.run("wgan-gp").spec["method"]["generator_optimizer"]["lr"]
    fixed = tiny.place(study="runs", methods=[{"name": "wgan-gp", "ema": 0.9}], seeds=[4], training={"snapshots": 4})
    fixed.train()
    kept = load_file(fixed.folder("wgan-gp", 4) / layout.SNAPSHOTS)
    final = load_file(fixed.folder("wgan-gp", 4) / layout.GENERATORS["raw"])
    for step in (1, 2, 3, 4):
        state = seen[own, 4, step]
        expected = final if step == 4 else {name: kept[f"raw/{step}/{name}"] for name in state}
        assert all(torch.equal(value, expected[name]) for name, value in state.items())


def test_trials_of_other_shapes_do_not_share_a_pack(companies: list[tuple[int, int]]) -> None:
    method = {**METHOD, "search": {"n_critic": ["choice", 1, 2], "optimizer.lr": ["choice", 1e-3, 1e-2]}}
    made = place(methods=[method], tuning={"trials": 8, "generations": 1, "seeds": [3]}).prepare().tune()
    critic = [trial["values"]["n_critic"] for trial in results(made)]  # of the method itself 5
    shapes = sorted(critic.count(n) for n in set(critic))
    assert sorted({members for members, _ in companies}) == sorted(set(shapes))
    assert len(shapes) == 3
    assert remade(made, [0, 3, 6]) == results(made)


def test_tuned_runs_share_a_pack_and_are_those_of_the_setting_that_was_found() -> None:
    made = place(seeds=[0, 1, 2]).prepare().tune().train()
    found = [made.record("wgan-gp-tuned", seed, layout.TRAINING) for seed in (0, 1, 2)]
    assert [of["provenance"]["pack"]["members"] for of in found] == [3, 3, 3]
    (search,) = made.plan.searches.values()
    best = json.loads(made.plan.best(search).read_text())
    assert all(of["spec"]["method"] == best["method"] and of["spec"]["pack"] == 8 for of in found)
    weights = load_file(made.folder("wgan-gp-tuned", 1) / layout.GENERATORS["raw"])
    pasted = made.plan.best(search).with_suffix(".yaml").read_text()
    fixed = tiny.place(study="fixed", methods=yaml.safe_load(pasted), seeds=[1]).train()
    alone = load_file(fixed.folder(seed=1) / layout.GENERATORS["raw"])
    assert all(torch.equal(weights[name], alone[name]) for name in weights)


def test_tuned_runs_that_are_told_to_end_go_on_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    study = {"methods": ["non-saturating"], "settings": ["tuned"], "seeds": [0, 1]}
    tuning = {"trials": 2, "generations": 1, "seeds": [3], "space": {"n_critic": None}}
    straight = place(**study, tuning=tuning).prepare().tune().train()
    broken = place(**study, tuning=tuning, study="broken").prepare().tune()
    pause = packed.pause

    def told(together: Any) -> None:
        if together[0].parts["course"].step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        pause(together)

    with monkeypatch.context() as patch:
        patch.setattr(packed, "pause", told)
        with pytest.raises(SystemExit):
            broken.train()
    broken.train()
    for seed in (0, 1):
        assert broken.record(seed=seed, name=layout.TRAINING)["resumed_at"] == [2]
        ends = [load_file(of.folder(seed=seed) / layout.GENERATORS["raw"]) for of in (broken, straight)]
        assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def planned(study_file: StudyFile, space: dict[str, Any] | None = None, **changes: Any) -> runs.Plan:
    tuning = {**TUNING, "trials": 40, "space": space or {}, **changes.pop("tuning", {})}
    return runs.plan(study_file(**{"methods": ["non-saturating"], "tuning": tuning, "device": "cpu", **changes}))


def test_a_generation_is_one_job_as_far_as_a_pack_has_slots(study_file: StudyFile) -> None:
    def sizes(**changes: Any) -> list[int]:
        plan = planned(study_file, **changes)
        return [len(step.numbers) for step in plan.tuning_steps.values() if step.kind == "trials"]

    assert sizes(tuning={"trials": 12}) == [6, 6]
    assert sizes() == [7, 7, 6] * 2
    assert sizes(device="cuda") == [20, 20]
    assert sizes(training={"generator_steps": 10, "engine": "single"}) == [4] * 10
    assert sizes(tuning={"trials_per_job": 10}) == [10] * 4


@pytest.mark.parametrize(
    ("space", "packed"),
    [
        ({}, True),
        ({"n_critic": ["int", 1, 3], "optimizer.name": ["choice", "adam", "sgd"]}, True),
        ({"loss": ["choice", "hinge", "minimax"]}, True),
        ({"penalty": ["choice", "r1", "gradient-penalty"]}, True),
        ({"penalty": ["choice", "lecam", "r1"]}, False),
        ({"generator_turns": ["int", 1, 2]}, False),
    ],
)
def test_a_search_is_packed_if_all_that_it_may_try_can_be(
    study_file: StudyFile, space: dict[str, Any], packed: bool
) -> None:
    plan = planned(study_file, space)
    (search,) = plan.searches.values()
    tuned = [run for run in plan.runs if run.method.endswith("-tuned")]
    assert search.pack == (8 if packed else None)
    assert {run.spec.get("pack") for run in tuned} == {search.pack}
    asked = records.request(plan, search, 1, {"n_critic": 2}, [])
    assert asked["spec"].get("pack") == search.pack
    said = [note for note in plan.notes if "packs" in note]
    assert said == ([] if packed else [
        "non-saturating-tuned on ring8 is trained run by run, not in packs: its search may try what cannot be packed"
    ])  # fmt: skip
    single = planned(study_file, space, training={"generator_steps": 10, "batch_size": 8, "engine": "single"})
    assert (next(iter(single.searches.values())).digest != search.digest) == packed
