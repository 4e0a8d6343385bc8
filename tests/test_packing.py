"""Runs that are trained in packs: what is planned, and what lies in their folders."""

import csv
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from conftest import StudyFile
from safetensors.torch import load_file

from ganbench import layout, markers, runs
from ganbench.cards import PluginError, read_card
from ganbench.packs import grouping, loop
from ganbench.packs import training as packed
from ganbench.plugins import load
from ganbench.runs import Plan
from ganbench.sections import Training

METHODS = ["non-saturating", "minimax", "wgan", {"name": "wgan-gp", "label": "gp"}]
BUDGET = {"generator_steps": 6, "batch_size": 8, "log_every": 2, "snapshots": 2}
NETWORK = {"name": "mlp", "noise_dim": 4, "generator_widths": [8], "discriminator_widths": [8]}


def planned(study_file: StudyFile, **changes: Any) -> Plan:
    training = {**BUDGET, **changes.pop("training", {})}
    given = {"methods": METHODS, "architectures": [NETWORK], "seeds": [0, 1, 2], **changes}
    return runs.plan(study_file(training=training, **given))


def packs(plan: Plan) -> list[set[str]]:
    """The packs that the jobs of a plan are trained in."""
    found = [grouping.packs(job.runs, plan.registry, len(job.runs)) for job in plan.training_jobs.values()]
    return [{f"{run.method}{run.seed}" for run in pack} for of_job in found for pack in of_job]


def test_runs_of_one_shape_share_packs_and_others_do_not(study_file: StudyFile) -> None:
    plan = planned(study_file)
    assert packs(plan) == [
        {"non-saturating0", "non-saturating1", "non-saturating2"},
        {"minimax0", "minimax1", "minimax2"},
        {"wgan0", "wgan1", "wgan2"},
        {"gp0", "gp1", "gp2"},
    ]
    assert packs(planned(study_file, training={"runs_per_job": 8}))[0] == {
        f"{method}{seed}" for method in ("non-saturating", "minimax") for seed in range(3)
    }
    assert all(len(pack) == 1 for pack in packs(planned(study_file, training={"runs_per_job": 1})))
    full = packs(planned(study_file, methods=["non-saturating"], seeds=list(range(40))))
    assert [len(pack) for pack in full] == [8] * 5


@pytest.mark.parametrize(
    ("change", "shared"),
    [
        ({"optimizer": {"lr": 1e-3, "betas": [0.1, 0.2]}}, True),
        ({"penalty": {"weight": 1.0}}, True),
        ({"penalty": {"target": 0.0}}, False),
        ({"penalty": {"name": "r1"}}, False),
        ({"loss": "hinge"}, True),
        ({"loss": "relativistic"}, False),
        ({"n_critic": 2}, False),
        ({"optimizer": {"weight_decay": 0.1}}, False),
        ({"optimizer": {"name": "sgd", "lr": 0.1}}, False),
        ({"constraint": {"name": "weight-clipping"}}, False),
        ({"packing": 2}, False),
        ({"unrolled": 1}, False),
        ({"ema": 0.9}, False),
        ({"architecture": {"discriminator_norm": "layer"}}, False),
    ],
)
def test_what_members_may_differ_in(study_file: StudyFile, change: dict[str, Any], shared: bool) -> None:
    other = {"name": "wgan-gp", "label": "other", **change}
    plan = planned(study_file, methods=["wgan-gp", other], seeds=[0])
    assert (len(packs(plan)) == 1) == shared


def test_a_spec_depends_on_the_run_alone(study_file: StudyFile) -> None:
    before = {run.id: run.spec for run in planned(study_file).runs}
    assert all(spec["pack"] == 8 for spec in before.values())
    for changes in (
        {"seeds": [0, 1, 2, 3]},
        {"methods": [*METHODS, "r1"]},
        {"training": {"runs_per_job": 1}},
        {"training": {"engine": "pack"}},
    ):
        assert before.items() <= {run.id: run.spec for run in planned(study_file, **changes).runs}.items()


def test_single_runs_have_the_spec_that_they_always_had(study_file: StudyFile) -> None:
    packed, single = planned(study_file), planned(study_file, training={"engine": "single"})
    for one, other in zip(packed.runs, single.runs, strict=True):
        assert one.spec == {**other.spec, "pack": 8}
        assert other.spec.keys() == {"engine", "dataset", "architecture", "method", "training", "seed"}
    wide = planned(study_file, device="cuda")
    assert {run.spec["pack"] for run in wide.runs} == {64}


LOSS = "class Loss:\n    {trait}\n    scale: float = 1.0\n"
SAFE, UNSAFE = "packs: ClassVar[bool] = True", "packs: ClassVar[bool] = False"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"methods": ["sngan"]}, "constraint spectral-normalisation does not say `packs`"),
        ({"methods": [{"name": "wgan", "top_k": {}}]}, "with top_k the size of a step changes"),
        ({"training": {"batch_size": 9}}, "batch_size 9 is not a multiple of 4"),
    ],
)
def test_what_cannot_be_packed_is_trained_by_itself_with_a_note(
    study_file: StudyFile, change: dict[str, Any], reason: str
) -> None:
    plan = planned(study_file, **{"methods": ["wgan"], **change})
    assert [note for note in plan.notes if "packs" in note] == [
        f"{plan.runs[0].method} on ring8 is trained run by run, not in packs: {reason}"
    ]
    assert not any("pack" in run.spec for run in plan.runs)


@pytest.mark.parametrize(("trait", "safe"), [("", True), (SAFE, True), (UNSAFE, False)])
def test_a_loss_of_ones_own_is_packed_unless_it_says_otherwise_and_with_itself(
    study_file: StudyFile, tmp_path: Path, trait: str, safe: bool
) -> None:
    (tmp_path / "my_loss.py").write_text(LOSS.format(trait=trait))
    mine = {"name": "non-saturating", "label": "mine", "loss": "my-loss"}
    plan = planned(study_file, methods=["non-saturating", mine], plugins=["my_loss.py"], training={"runs_per_job": 8})
    assert [len(pack) for pack in packs(plan)] == ([3, 3] if safe else [3, 1, 1, 1])
    assert bool([note for note in plan.notes if "loss my-loss" in note]) != safe


def test_networks_of_images_are_packed_where_it_is_asked_for(study_file: StudyFile) -> None:
    study = {"datasets": ["digits"], "methods": ["minimax"]}
    assert not any("pack" in run.spec for run in planned(study_file, **study).runs)
    assert all(run.spec["pack"] == 8 for run in planned(study_file, **study, training={"engine": "pack"}).runs)


@pytest.mark.parametrize(
    ("traits", "message"),
    [
        ("packs: ClassVar[int] = 3", "`packs` is True or False, not 3"),
        ('scale: ClassVar[str] = "wait"', "'wait' is none"),
    ],
)
def test_false_words_about_packs_are_told(tmp_path: Path, traits: str, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"class Penalty:\n    {traits}\n    weight: float = 1.0\n")
    with pytest.raises(PluginError, match=message):
        read_card(path)


def test_other_architectures_are_as_before_unless_packs_are_asked_for(study_file: StudyFile) -> None:
    study = {"datasets": ["digits"], "architectures": [{"name": "dcgan", "width": 8}], "methods": ["minimax"]}
    assert planned(study_file, **study).notes == ()
    (note,) = planned(study_file, **study, training={"engine": "pack"}).notes
    assert "architecture dcgan does not say `packs`" in note


# Folders


def weights(plan: Plan, seed: int, method: str = "non-saturating") -> dict[str, torch.Tensor]:
    (run,) = (run for run in plan.runs if (run.method, run.seed) == (method, seed))
    return load_file(plan.folder(run) / layout.GENERATORS["raw"])


def record(plan: Plan, seed: int) -> dict[str, Any]:
    (run,) = (run for run in plan.runs if run.seed == seed)
    found: dict[str, Any] = json.loads((plan.folder(run) / layout.TRAINING).read_text())
    return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.usefixtures("here")
def test_a_packed_run_has_an_ordinary_folder_and_the_bits_of_any_other_pack() -> None:
    place = tiny.place(seeds=[0, 1, 2], training={"runs_per_job": 3}).prepare().train().evaluate()
    for run in place.plan.runs:
        assert markers.is_evaluated(place.plan, run)
    of = record(place.plan, 1)
    assert of["status"] == "ok"
    assert of["provenance"]["pack"] | {"slots": 0} == {
        "width": 8, "slots": 0, "members": 3, "slot": 1, "products": "oneDNN", "memory": "kept",
    }  # fmt: skip
    architecture = load(
        place.plan.registry.card("architecture", "mlp"), place.plan.runs[0].spec["architecture"]["settings"]
    )
    architecture.generator((2,)).load_state_dict(weights(place.plan, 1))
    # another seed trains itself alone, and alone it is what it is in company
    together = {seed: weights(place.plan, seed) for seed in (0, 1, 2)}
    before = [record(place.plan, seed) for seed in (0, 1, 2)]
    more = tiny.place(seeds=[3, 0, 1, 2], training={"runs_per_job": 8}).train()
    assert [record(more.plan, seed) for seed in (0, 1, 2)] == before
    assert record(more.plan, 3)["provenance"]["pack"]["members"] == 1
    alone = tiny.place(study="alone", seeds=[3, 2, 1, 0], training={"runs_per_job": 1}).train()
    assert all(same(weights(alone.plan, seed), kept) for seed, kept in together.items())
    assert same(weights(alone.plan, 3), weights(more.plan, 3))


@pytest.mark.usefixtures("here")
def test_losses_too_are_the_bits_of_any_other_pack() -> None:
    """The scores of a critic may be rounded otherwise in another company without any trace in its weights."""
    found = []
    for study, seeds in (("two", [0, 1]), ("one", [1])):
        place = tiny.place(
            study=study,
            architectures=[{"name": "mlp", "generator_widths": [32], "discriminator_widths": [32]}],
            methods=["wgan"],
            seeds=seeds,
            training={"generator_steps": 60, "log_every": 1, "batch_size": 64, "runs_per_job": 2},
        )
        place.prepare().train()
        with (place.plan.folder(place.plan.runs[-1]) / layout.HISTORY).open() as file:
            found.append([{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)])
    assert len(found[0]) == 60
    assert found[0] == found[1]


@pytest.mark.usefixtures("here")
def test_an_odd_batch_costs_no_padding() -> None:
    """Three times 100 scores are no whole vectors; only the losses are filled up to those of a full pack."""
    network = {"name": "mlp", "generator_widths": [64], "discriminator_widths": [64]}
    training = {"batch_size": 100, "runs_per_job": 3, "generator_steps": 3}
    place = tiny.place(architectures=[network], seeds=[0, 1, 2], training=training).prepare().train()
    assert record(place.plan, 2)["provenance"]["pack"]["slots"] == 3


@pytest.mark.usefixtures("here")
def test_padding_and_the_first_slot_are_used_where_a_machine_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = tiny.place(seeds=[0, 1], training={"runs_per_job": 2}).prepare().train()
    answers = iter([8, None])
    monkeypatch.setattr(packed, "_slots", lambda *_: next(answers))
    for study, members in (("padded", 2), ("slotted", 1)):
        wide = tiny.place(study=study, seeds=[0, 1], training={"runs_per_job": 2}).train()
        assert same(weights(wide.plan, 1), weights(narrow.plan, 1))
        found = record(wide.plan, 1)["provenance"]["pack"]
        assert (found["slots"], found["members"]) == (8, members)


@pytest.mark.usefixtures("here")
def test_a_pack_that_is_told_to_end_goes_on_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    study: dict[str, Any] = {
        "seeds": [0, 1, 2],
        "methods": [{"name": "wgan-gp", "ema": 0.9, "lr_decay": "linear"}],
        "training": {"generator_steps": 9, "runs_per_job": 3},
    }
    straight = tiny.place(**study).prepare().train()
    broken = tiny.place(**study, study="broken")
    train = loop.train

    def interrupted(*players: Any, **given: Any) -> None:
        between = given["pause"]

        def at_five() -> None:
            if given["courses"][0].step == 5 and len(given["courses"]) == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            between()

        train(*players, **{**given, "pause": at_five})

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", interrupted)
        with pytest.raises(SystemExit):
            broken.train()
    (gone, *_) = broken.plan.runs
    assert all((broken.plan.folder(run) / layout.CHECKPOINT).exists() for run in broken.plan.runs)
    (broken.plan.folder(gone) / layout.CHECKPOINT).unlink()  # its companions go on without it
    broken.train()
    for seed in (0, 1, 2):
        assert same(weights(broken.plan, seed, "wgan-gp"), weights(straight.plan, seed, "wgan-gp"))
        found = record(broken.plan, seed)
        assert found["resumed_at"] == ([] if seed == 0 else [5])
        assert found["provenance"]["pack"]["members"] == (1 if seed == 0 else 2)
        assert not (broken.plan.folder(broken.plan.runs[seed]) / layout.CHECKPOINT).exists()


def test_runs_per_job_may_be_left_out() -> None:
    assert Training(generator_steps=1).runs_per_job is None
