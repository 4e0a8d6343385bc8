"""A run's numbers: at the end, over training, at its best, and of its moving average."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch import Tensor

from ganbench import cli, data, evaluate, folder, layout, markers, reference, training
from ganbench.generate import generate
from ganbench.reference import Instruments
from ganbench.streams import stream
from ganbench.train import train

EMA = {"name": "non-saturating", "label": "averaged", "ema": 0.7}
NAN = '''
"""A loss that is no number from some step on."""
import itertools
from dataclasses import dataclass
from torch.nn.functional import softplus

CALLS = itertools.count(1)

@dataclass(frozen=True)
class Loss:
    """Fails in step FIRST."""
    def discriminator(self, real, fake):
        return softplus(-real).mean(-1) + softplus(fake).mean(-1)

    def generator(self, real, fake):
        loss = softplus(-fake).mean(-1)
        return WRONG if next(CALLS) == FIRST else loss
'''
BROKEN = "loss * float('nan')"
INFINITE = "loss + float('inf')"  # its gradient is finite, so the weights stay finite too


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


Seen = list[tuple[str, int]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Every batch of samples that is measured, as (split, how many)."""
    found: Seen = []
    see = Instruments.see

    def noted(self: Instruments, samples: Tensor, measures: Any, *rest: Any) -> Any:
        found.append((next(iter(measures)).split, len(samples)))
        return see(self, samples, measures, *rest)

    monkeypatch.setattr(Instruments, "see", noted)
    return found


def evaluations(place: tiny.Place, method: str | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    return {(e["weights"], e["checkpoint"]): e for e in place.record(method)["evaluations"]}


def points(place: tiny.Place, metric: str = "gap_validation_50", weights: str = "raw") -> dict[int, float | None]:
    return {p["step"]: p["metrics"][metric] for p in place.record()["curve"] if p["weights"] == weights}


def again(place: tiny.Place) -> tiny.Place:
    """Measure once more."""
    (place.folder() / layout.METRICS).unlink(missing_ok=True)
    return place.evaluate()


# The end


def test_the_final_numbers_are_those_of_the_last_weights() -> None:
    place = tiny.place(evaluation={"metrics": ["fd", "sw2_80"]}).prepare().train().evaluate()
    _, player, _ = training.build(place.plan, place.run().spec, (2,), tiny.CPU)
    player.network.load_state_dict(load_file(place.folder() / "generator.safetensors"))
    found = reference.read(place.plan, place.dataset, tiny.CPU)
    measures = place.dataset.measures.values()
    samples = generate(player.network, 100, 4, stream(0, "evaluation"))
    final = evaluations(place)["raw", "final"]
    assert final["metrics"] == found.measure(found.see(samples, measures), measures)
    assert set(final["metrics"]) == {"fd_100", "sw2_80"}
    assert final["step"] == 4
    assert final["seconds"] == place.record(name=layout.TRAINING)["seconds"]


def test_an_evaluation_says_what_it_is_of() -> None:
    place = tiny.place().prepare().train().evaluate()
    record, trained = place.record(), place.record(name=layout.TRAINING)
    assert record["evaluation_digest"] == place.run().evaluation_digest
    assert record["weights_sha256"] == trained["weights_sha256"]
    assert set(trained["weights_sha256"]) == {"generator.safetensors", "snapshots.safetensors"}
    assert record["protocol"] == place.reference["protocol"]
    assert record["training"]["seconds"] == trained["seconds"]
    assert markers.is_evaluated(place.plan, place.run())


def test_a_second_evaluation_gives_equal_numbers() -> None:
    place = tiny.corners(evaluation={"metrics": ["fd", "kd", "is", "precision", "ndb"]}).prepare().train().evaluate()
    first = place.record()
    second = again(place).record()
    assert {**second, "cpu_seconds": 0} == {**first, "cpu_seconds": 0}


# Over training


def test_the_curve_has_every_kept_step_and_the_last_with_fewer_samples_against_the_validation_split() -> None:
    place = tiny.dots(training={"snapshots": 4}).prepare().train()
    place.plant({1: 7.0, 2: 5.0, 3: 3.0, 4: 6.0}).evaluate()
    middle = float(data.read(place.dataset, "validation").samples[:, 0].double().mean())
    assert points(place) == {step: pytest.approx(height - middle) for step, height in {1: 7, 2: 5, 3: 3, 4: 6}.items()}
    seconds = [point["seconds"] for point in place.record()["curve"]]
    assert seconds == sorted(seconds)
    assert seconds[-1] == place.record(name=layout.TRAINING)["seconds"]


def test_without_snapshots_there_is_no_curve_and_no_best() -> None:
    place = tiny.dots(training={"snapshots": 0}).prepare().train().evaluate()
    assert place.record()["curve"] == []
    assert list(evaluations(place)) == [("raw", "final")]
    assert not (place.folder() / layout.SNAPSHOTS).exists()


def test_modes_are_watched_beside_the_headline() -> None:
    metrics = ["fd", "sw2", "modes"]
    place = tiny.place(evaluation={"metrics": metrics}).prepare().train().evaluate()
    assert {*place.record()["curve"][0]["metrics"]} == {"fd_validation_50", "modes_validation_50"}


def test_a_snapshot_has_the_weights_of_a_run_that_stops_there() -> None:
    long = tiny.place(methods=[EMA], training={"snapshots": [2]}).prepare().train()
    kept = load_file(long.folder() / layout.SNAPSHOTS)
    short = tiny.place(methods=[EMA], study="short", training={"generator_steps": 2, "snapshots": 0}).prepare().train()
    assert long.run().digest != short.run().digest
    for weights, name in layout.GENERATORS.items():
        stopped = load_file(short.folder() / name)
        found = {key.removeprefix(f"{weights}/2/"): t for key, t in kept.items() if key.startswith(f"{weights}/2/")}
        assert found.keys() == stopped.keys()
        assert all(torch.equal(found[key], stopped[key]) for key in stopped)


def test_snapshots_and_how_often_one_logs_leave_the_training_as_it_is() -> None:
    plain = tiny.place(training={"snapshots": 0, "log_every": 4}).prepare().train()
    expected = plain.record(name=layout.TRAINING)["weights_sha256"]["generator.safetensors"]
    busy = tiny.place(study="busy", training={"snapshots": 4, "log_every": 1}).prepare().train()
    assert busy.record(name=layout.TRAINING)["weights_sha256"]["generator.safetensors"] == expected


def test_a_run_whose_snapshots_were_deleted_is_not_trained() -> None:
    place = tiny.place().prepare().train()
    assert markers.is_trained(place.plan, place.run())
    (place.folder() / layout.SNAPSHOTS).unlink()
    assert not markers.is_trained(place.plan, place.run())
    job = next(iter(place.plan.evaluation_jobs.values()))
    assert not evaluate.carry_out(place.plan, job, tiny.CPU)
    assert layout.SNAPSHOTS in (place.folder() / layout.EVALUATION_LOG).read_text()


def test_a_record_is_gone_while_its_run_is_trained_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    place = tiny.place().prepare().train()
    (place.folder() / layout.SHEET).unlink()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "_as_csv", interrupted)  # all files are written, and the record is not
    with pytest.raises(KeyboardInterrupt):
        place.train()
    assert not markers.is_trained(place.plan, place.run())


# The best


@pytest.mark.parametrize(
    ("direction", "heights", "best"),
    [
        ("lower", {1: 7.0, 2: 2.0, 3: 5.0, 4: 6.0}, 2),
        ("higher", {1: 5.0, 2: 2.0, 3: 7.0, 4: 6.0}, 3),
        ("lower", {1: 7.0, 2: 2.0, 3: 2.0, 4: 2.0}, 2),
        ("higher", {1: 7.0, 2: 7.0, 3: 5.0, 4: 7.0}, 1),
        ("lower", {1: 2000.0, 2: 9.0, 3: 8.0, 4: 2000.0}, 3),  # undefined from 1000 on
    ],
)
def test_the_best_step_has_the_best_headline_and_is_the_earliest_of_equals(
    direction: str, heights: dict[int, float], best: int
) -> None:
    metric = tiny.GAP.replace('direction: ClassVar[str] = "lower"', f'direction: ClassVar[str] = "{direction}"')
    place = tiny.dots(metric, training={"snapshots": 4}).prepare().train().plant(heights).evaluate()
    assert evaluations(place)["raw", "best"]["step"] == best


def test_the_best_step_is_chosen_by_the_validation_split_and_judged_by_the_test_split() -> None:
    place = tiny.dots(training={"snapshots": 2}).prepare().train()
    place.plant({2: 0.0, 4: 10.0}).evaluate()  # the validation split is around 0, the test split around 10
    found = evaluations(place)
    assert found["raw", "best"]["step"] == 2
    assert found["raw", "best"]["metrics"]["gap_100"] == pytest.approx(10, abs=0.5)
    assert found["raw", "final"]["metrics"]["gap_100"] == pytest.approx(0, abs=0.5)


def test_the_best_step_is_measured_by_every_metric_with_all_samples(seen: Seen) -> None:
    place = tiny.dots(evaluation={"metrics": ["gap", "fd", "sw2_60"]}).prepare().train()
    place.plant({2: 0.0, 4: 10.0})
    seen.clear()
    place.evaluate()
    best = evaluations(place)["raw", "best"]
    assert set(best["metrics"]) == {"gap_100", "fd_100", "sw2_60"}
    assert best["seconds"] == place.record(name=layout.TRAINING)["snapshots"][0]["seconds"]
    assert sorted(seen) == [("test", 100), ("test", 100), ("validation", 50), ("validation", 50)]


def test_a_best_step_that_is_the_last_is_not_measured_twice(seen: Seen) -> None:
    place = tiny.dots().prepare().train()
    place.plant({2: 10.0, 4: 0.0})
    seen.clear()
    place.evaluate()
    assert sorted(seen) == [("test", 100), ("validation", 50), ("validation", 50)]
    found = evaluations(place)
    assert found["raw", "best"] == {**found["raw", "final"], "checkpoint": "best"}


def test_resamples_are_the_headline_on_other_samples_of_the_last_step() -> None:
    place = tiny.place(evaluation={"metrics": ["fd", "modes"], "resamples": 3}).prepare().train().evaluate()
    final, further = evaluations(place)["raw", "final"]["metrics"]["fd_100"], place.record()["resamples"]["raw"]
    assert len({final, *further}) == 4  # each by noise of its own
    assert all(value == pytest.approx(final, rel=0.5) for value in further)
    again = tiny.place(evaluation={"metrics": ["fd", "modes"], "resamples": 2})
    assert not markers.is_evaluated(again.plan, again.run())
    again.evaluate()
    assert again.record()["resamples"]["raw"] == further[:2]


def test_every_step_has_the_same_noise() -> None:
    place = tiny.place().prepare().train()
    state = load_file(place.folder() / layout.SNAPSHOTS)
    (place.folder() / "generator.safetensors").unlink()
    tiny.save_file({k.removeprefix("raw/2/"): t for k, t in state.items()}, place.folder() / "generator.safetensors")
    place.evaluate()
    first, last = place.record()["curve"]
    assert first["metrics"] == last["metrics"]


def test_a_curve_that_is_nowhere_defined_has_no_best() -> None:
    place = tiny.dots().prepare().train().plant({2: 2000.0, 4: 3000.0}).evaluate()
    assert points(place) == {2: None, 4: None}
    assert list(evaluations(place)) == [("raw", "final")]
    assert evaluations(place)["raw", "final"]["metrics"] == {"gap_100": None}


def test_a_diagnostic_as_the_headline_has_a_curve_and_no_best() -> None:
    metric = tiny.GAP.replace('direction: ClassVar[str] = "lower"', 'direction: ClassVar[str] = "none"')
    place = tiny.dots(metric).prepare().train().evaluate()
    assert len(place.record()["curve"]) == 2
    assert list(evaluations(place)) == [("raw", "final")]


# Moving averages


def test_the_average_is_measured_beside_the_raw_weights_at_the_same_steps() -> None:
    place = tiny.dots(methods=[EMA], training={"snapshots": 4}).prepare().train()
    place.plant({1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}).plant({1: 8.0, 2: 5.0, 3: 6.0, 4: 7.0}, "ema").evaluate()
    found = evaluations(place)
    assert {key: found[key]["step"] for key in found} == {
        ("raw", "final"): 4,
        ("raw", "best"): 1,
        ("ema", "final"): 4,
        ("ema", "best"): 2,
    }
    assert found["ema", "final"]["metrics"]["gap_100"] == pytest.approx(3, abs=0.5)
    assert list(points(place)) == list(points(place, weights="ema")) == [1, 2, 3, 4]
    assert points(place)[3] != points(place, weights="ema")[3]


def test_training_is_the_same_with_and_without_an_average() -> None:
    place = tiny.corners(methods=["non-saturating", EMA]).prepare().train()
    states = [load_file(place.folder(method) / "generator.safetensors") for method in ("non-saturating", "averaged")]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not (place.folder("non-saturating") / "generator-ema.safetensors").exists()
    averaged = load_file(place.folder("averaged") / "generator-ema.safetensors")
    assert not torch.equal(averaged["2.weight"], states[0]["2.weight"])


def test_the_average_is_the_moving_average_of_the_weights_after_each_step_statistics_included() -> None:
    sizes = {"datasets": [{"name": "corners", "size": 16}], "architectures": [{"name": "dcgan", "width": 4}]}
    place = tiny.corners(**sizes, methods=[EMA], training={"snapshots": 4}).prepare().train()
    kept = load_file(place.folder() / layout.SNAPSHOTS)
    last = {name: load_file(place.folder() / file) for name, file in layout.GENERATORS.items()}
    floating = [key for key, tensor in last["raw"].items() if tensor.is_floating_point()]
    assert any("running_var" in key for key in floating)
    for key in floating:
        raw = [*(kept[f"raw/{step}/{key}"].double() for step in (1, 2, 3)), last["raw"][key].double()]
        expected = raw[0]  # the average starts as the weights after the first step
        for weights in raw[1:]:
            expected = 0.7 * expected + 0.3 * weights
        torch.testing.assert_close(last["ema"][key].double(), expected, rtol=1e-5, atol=1e-7)
        assert not torch.equal(last["ema"][key], last["raw"][key])


def test_the_average_with_batch_normalisation_is_measured() -> None:
    sizes = {"datasets": [{"name": "corners", "size": 16}], "architectures": [{"name": "dcgan", "width": 4}]}
    place = tiny.corners(**sizes, methods=[EMA]).prepare().train().evaluate()
    found = evaluations(place)
    metric = "fd_corners-cnn_100"
    assert found["ema", "final"]["metrics"][metric] != found["raw", "final"]["metrics"][metric]


# What is no number


def diverging(first: int, wrong: str = BROKEN, **training_: Any) -> tiny.Place:
    loss = NAN.replace("FIRST", str(first)).replace("WRONG", wrong)
    methods = [{"name": "non-saturating", "label": "bad", "loss": "my-loss"}]
    budget = {"snapshots": 4, "log_every": 4, **training_}
    return tiny.dots(files={"my_loss.py": loss}, methods=methods, training=budget).prepare().train().evaluate()


def test_a_diverged_run_has_a_curve_until_it_diverged_and_no_final_numbers() -> None:
    place = diverging(3)
    record = place.record()
    assert (record["status"], record["reason"]) == ("diverged", "the loss is not finite")
    assert record["training"]["diverged_at"] == 3
    assert list(points(place)) == [1, 2]
    assert [(e["checkpoint"], e["step"] in (1, 2)) for e in record["evaluations"]] == [("best", True)]


def test_one_snapshot_before_the_divergence_is_a_curve() -> None:
    assert list(points(diverging(2))) == [1]


def test_a_run_that_diverged_at_once_has_no_numbers() -> None:
    record = diverging(1).record()
    assert (record["status"], record["curve"], record["evaluations"]) == ("diverged", [], [])


def test_finite_weights_after_an_infinite_loss_are_no_snapshots() -> None:
    place = diverging(2, INFINITE)
    assert [snapshot["step"] for snapshot in place.record(name=layout.TRAINING)["snapshots"]] == [1]
    assert list(points(place)) == [1]


def test_a_generator_whose_samples_are_no_numbers_at_the_end_has_diverged() -> None:
    place = tiny.dots().prepare().train().plant({2: 3.0, 4: math.nan}).evaluate()
    record = place.record()
    assert (record["status"], record["reason"]) == ("diverged", "a generated sample is not finite")
    assert list(points(place)) == [2]
    assert [(e["checkpoint"], e["step"]) for e in record["evaluations"]] == [("best", 2)]


def test_a_step_whose_samples_are_no_numbers_is_no_point() -> None:
    place = tiny.dots(training={"snapshots": 4}).prepare().train()
    place.plant({1: 5.0, 2: math.nan, 3: math.inf, 4: 6.0}).evaluate()
    assert list(points(place)) == [1, 4]
    assert evaluations(place)["raw", "best"]["step"] == 1


def test_a_best_step_that_fails_on_more_samples_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    place = tiny.dots(training={"snapshots": 4}).prepare().train()
    place.plant({1: 4.0, 2: 2.0, 3: 3.0, 4: 5.0})
    sampled = evaluate.Trained.samples

    def failing(self: evaluate.Trained, weights: str, step: int, count: int, role: str, *rest: Any) -> Tensor:
        if step == 2 and role == "evaluation":
            raise evaluate.NotFiniteError("a generated sample is not finite")
        return sampled(self, weights, step, count, role, *rest)

    monkeypatch.setattr(evaluate.Trained, "samples", failing)
    place.evaluate()
    assert list(points(place)) == [1, 2, 3, 4]
    assert evaluations(place)["raw", "best"]["step"] == 3


def test_an_average_that_is_no_number_takes_nothing_from_the_run() -> None:
    place = tiny.dots(methods=[EMA]).prepare().train()
    place.plant({2: math.nan, 4: math.nan}, "ema").evaluate()
    assert place.record()["status"] in ("ok", "collapsed")
    assert {weights for weights, _ in evaluations(place)} == {"raw"}


# Collapse


def test_a_run_that_makes_one_point_is_collapsed_and_keeps_its_numbers() -> None:
    place = tiny.place(evaluation={"metrics": ["fd", "modes"]}).prepare().train()
    place.plant({4: 0.7}).evaluate()
    record = place.record()
    assert record["status"] == "collapsed"
    assert record["reason"] == "1 of 8 modes hold at least a tenth of their share of 100 samples"
    assert evaluations(place)["raw", "final"]["metrics"]["fd_100"] > 0


def test_points_without_modes_collapse_by_their_variance() -> None:
    record = tiny.dots().prepare().train().plant({4: 10.0}).evaluate().record()
    assert record["status"] == "collapsed"
    assert record["reason"] == "the total variance of 100 samples is 0 % of the real one"


def test_images_of_one_class_are_collapsed() -> None:
    place = tiny.corners().prepare().train()
    place.plant({4: 0.0}).evaluate()
    record = place.record()
    assert record["status"] == "collapsed"
    assert record["reason"] == "1 of 4 modes hold at least a tenth of their share of 100 samples"


def test_only_the_raw_weights_decide_on_a_collapse(monkeypatch: pytest.MonkeyPatch) -> None:
    place = tiny.place(methods=[EMA]).prepare().train()
    place.plant({4: 0.7}, "ema")
    verdicts = iter([None, "only the average"])
    monkeypatch.setattr("ganbench.collapse.verdict", lambda *_: next(verdicts))
    place.evaluate()
    assert next(verdicts) == "only the average"  # which nobody asked
    assert place.record()["status"] == "ok"


# What is done again


def written(place: tiny.Place, name: str) -> int:
    return (place.folder() / name).stat().st_mtime_ns


@pytest.mark.parametrize("changes", [{"metrics": ["fd", "sw2"]}, {"samples": 90}, {"snapshot_samples": 40}])
def test_another_evaluation_measures_again_and_trains_nothing(changes: dict[str, Any]) -> None:
    place = tiny.place().prepare().train().evaluate()
    before = [written(place, name) for name in (layout.TRAINING, layout.METRICS)]
    place = tiny.place(evaluation=changes)
    assert markers.is_trained(place.plan, place.run())
    assert not markers.is_evaluated(place.plan, place.run())
    assert cli.main(["reference", "study.yaml", "ring8"]) == 0
    for verb, jobs in (("train", place.plan.training_jobs), ("evaluate", place.plan.evaluation_jobs)):
        assert [cli.main([verb, "study.yaml", job]) for job in jobs] == [0]
    after = [written(place, name) for name in (layout.TRAINING, layout.METRICS)]
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert set(evaluations(place)["raw", "final"]["metrics"]) == set(place.dataset.measures)


def test_an_unchanged_evaluation_is_not_done_again(seen: Seen) -> None:
    place = tiny.place().prepare().train().evaluate()
    seen.clear()
    place.evaluate()
    assert seen == []


def test_a_threshold_is_of_the_report_and_measures_nothing_again(seen: Seen) -> None:
    place = tiny.place().prepare().train().evaluate()
    seen.clear()
    changed = tiny.place(evaluation={"threshold": 0.5}).evaluate()
    assert seen == []
    assert changed.plan.digest != place.plan.digest


def test_a_half_written_record_is_measured_again() -> None:
    place = tiny.place().prepare().train().evaluate()
    path = place.folder() / layout.METRICS
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    assert not markers.is_evaluated(place.plan, place.run())
    place.evaluate()
    assert {**json.loads(path.read_text()), "cpu_seconds": 0} == {**json.loads(whole), "cpu_seconds": 0}


def test_an_evaluation_of_weights_that_are_trained_anew_is_done_again() -> None:
    place = tiny.place().prepare().train().evaluate()
    path = place.folder() / layout.TRAINING
    record = json.loads(path.read_text())
    record["weights_sha256"]["snapshots.safetensors"] = "00"
    path.write_text(json.dumps(record))
    assert not markers.is_evaluated(place.plan, place.run())


def test_the_generator_of_a_run_by_hand_is_the_one_that_is_measured() -> None:
    place = tiny.place(methods=[EMA], training={"engine": "single"}).prepare().train()
    spec = place.run().spec
    _, generator, discriminator = training.build(place.plan, spec, (2,), tiny.CPU)
    noise = stream(0, "noise")
    outcome = train(
        generator,
        discriminator,
        loss=training.part(place.plan, "loss", spec["method"]),
        penalty=None,
        constraint=None,
        batches=data.Batches(data.read(place.dataset, "train").samples, 8, stream(0, "data")),
        noise=lambda: torch.randn(8, 4, generator=noise),
        penalty_stream=stream(0, "penalty"),
        steps=4,
        n_critic=1,
        log_every=4,
        snapshots={2},
        progress=lambda _: None,
    )
    assert [snapshot.step for snapshot in outcome.snapshots] == [2]
    for kind, state in generator.weights().items():
        found = load_file(place.folder() / layout.GENERATORS[kind])
        assert all(torch.equal(found[key], state[key]) for key in state)
