"""What jobs ask a cluster for: enough, and growing with what they do."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, StudyFile

from ganbench import needs, runs

DCGAN = {"noise_dim": 100, "width": 32}
MLP = {"noise_dim": 2, "generator_widths": [128, 128], "discriminator_widths": [128, 128]}
PLAIN: dict[str, Any] = {"n_critic": 1, "unrolled": 0, "packing": 1, "penalty": None}


def seconds(settings: dict[str, Any], pixels: int, on: str = "cpu", **changes: Any) -> float:
    budget = {"generator_steps": 1000, "batch_size": 64}
    method = {**PLAIN, **{key: value for key, value in changes.items() if key in PLAIN}}
    training = {**budget, **{key: value for key, value in changes.items() if key in budget}}
    spec = {"architecture": {"settings": settings}, "method": method, "training": training}
    return needs.training_seconds(spec, pixels, on, changes.get("threads", 1))


@pytest.mark.parametrize(
    ("settings", "pixels", "changes", "measured"),
    [  # seconds per 1,000 steps on one core of an AMD EPYC (Zen 5)
        (MLP, 1, {"batch_size": 128}, 1 / 0.541),
        (MLP, 1, {"batch_size": 128, "n_critic": 5, "penalty": {}}, 1 / 0.118),
        (DCGAN, 1024, {}, 1 / 0.01448),
        ({"noise_dim": 100, "width": 64}, 1024, {}, 1 / 0.00491),
    ],
)
def test_a_request_is_above_what_was_measured_and_not_absurd(
    settings: dict[str, Any], pixels: int, changes: dict[str, Any], measured: float
) -> None:
    assert 2 * measured < seconds(settings, pixels, **changes) < 20 * measured


@pytest.mark.parametrize(
    "changes",
    [
        {"generator_steps": 2000},
        {"batch_size": 128},
        {"n_critic": 2},
        {"unrolled": 5},
        {"packing": 2},
        {"penalty": {"name": "r1"}},
    ],
)
@pytest.mark.parametrize("on", ["cpu", "cuda"])
def test_more_work_asks_for_more(changes: dict[str, Any], on: str) -> None:
    assert seconds(DCGAN, 1024, on, **changes) > seconds(DCGAN, 1024, on)


def test_width_threads_and_a_minibatch_layer_count() -> None:
    base = seconds(DCGAN, 1024)
    assert seconds({**DCGAN, "width": 64}, 1024) > base > seconds(DCGAN, 1024, threads=4)
    assert seconds({**DCGAN, "minibatch": "discrimination"}, 1024) == 10 * base
    assert seconds({}, 1024) == seconds({"width": needs.WIDTH}, 1024)  # a plugin that does not say


def test_a_rule_asks_for_its_largest_job_and_a_retry_for_more(study_file: StudyFile) -> None:
    large = {"generator_steps": 100_000, "batch_size": 8, "engine": "single"}
    one, four = (needs.of(runs.plan(study_file(training={**large, "runs_per_job": n}, device="cpu"))) for n in (1, 4))
    rules = {"data", "extractor", "features", "reference", "tune", "trials", "train", "evaluate", "report"}
    assert one.keys() == rules
    assert four["train"].minutes > 2 * one["train"].minutes > 2 * needs.SHORTEST
    assert one["train"].runtime(None, attempt=2) == 2 * one["train"].minutes
    assert one["train"].mem_mb(None, attempt=3) == 3 * one["train"].megabytes


def test_a_pack_asks_for_the_work_of_its_members_but_for_fewer_starts(study_file: StudyFile) -> None:
    def train(count: int, **changes: Any) -> needs.Needs:
        training = {"generator_steps": 100_000, "batch_size": 64, "runs_per_job": 8, **changes}
        study = {"methods": ["non-saturating"], "seeds": list(range(count)), "device": "cpu"}
        return needs.of(runs.plan(study_file(training=training, **study)))["train"]

    one, eight, alone = train(1), train(8), train(8, engine="single")
    assert one.minutes < eight.minutes < alone.minutes
    assert one.megabytes < eight.megabytes
    assert alone.megabytes <= one.megabytes
    assert [needs._members({"pack": 8}, count) for count in (1, 8, 9)] == [1, 8, 5]
    spec = {"architecture": {"settings": {**MLP, "minibatch": "discrimination"}}, "method": PLAIN}
    budget = {"generator_steps": 1000, "batch_size": 64}
    mixing = [needs.training_seconds({**spec, "training": budget}, 1, "cpu", 1, members) for members in (1, 8)]
    assert mixing[1] == pytest.approx(8 * mixing[0])  # a layer that takes members one by one


def test_trials_ask_for_all_their_seeds_and_for_more_critic_steps(study_file: StudyFile) -> None:
    def minutes(**tuning: Any) -> int:
        tuned = {"trials": 8, "generations": 2, "seeds": [100], "trials_per_job": 2, **tuning}
        training = {"generator_steps": 20_000, "batch_size": 8}
        return needs.of(runs.plan(study_file(training=training, tuning=tuned, device="cpu")))["trials"].minutes

    assert minutes(seeds=[100, 101]) > 1.5 * minutes() > 1.5 * needs.SHORTEST
    assert minutes(trials_per_job=4) > 1.5 * minutes()


def test_every_study_here_can_say_what_it_needs_without_torch() -> None:
    code = """
import sys
from pathlib import Path
from ganbench import needs, runs
for file in sorted(Path("configs").glob("*.yaml")):
    found = needs.of(runs.plan(file))
    assert all(10 <= need.minutes < 3000 and 4000 <= need.megabytes < 20000 for need in found.values()), (file, found)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert Path(needs.__file__).is_file()
