"""Markers that speak falsely are discarded; a run counts as done only with all that belongs to it."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import StudyFile

from ganbench import files, layout, markers, runs
from ganbench.runs import Plan
from ganbench.work import Job, Run

GENERATOR = layout.GENERATORS["raw"]
WEIGHTS, PROTOCOL = {GENERATOR: "ab" * 32}, {"reference_samples": 100}


@pytest.fixture
def plan(study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A small study of which everything is done, as far as its records say."""
    monkeypatch.chdir(tmp_path)
    plan = runs.plan(study_file())
    for run in plan.runs:
        _train(plan, run)
        _evaluate(plan, run)
    files.write_json(layout.reference("small", "ring8"), {"protocol": PROTOCOL})
    for job in [*plan.training_jobs.values(), *plan.evaluation_jobs.values()]:
        markers.write(plan, job)
    return plan


def _train(plan: Plan, run: Run, **changes: Any) -> None:
    kept = [layout.HISTORY, GENERATOR]
    for name in kept:
        files.write_text(plan.folder(run) / name, "")
    record = {"digest": run.digest, "files": kept, "weights_sha256": WEIGHTS, **changes}
    files.write_json(plan.folder(run) / layout.TRAINING, record)


def _evaluate(plan: Plan, run: Run, **changes: Any) -> None:
    record = {"evaluation_digest": run.evaluation_digest, "weights_sha256": WEIGHTS, "protocol": PROTOCOL}
    files.write_json(plan.folder(run) / layout.METRICS, {**record, **changes})


def _jobs(plan: Plan) -> list[Job]:
    return [*plan.training_jobs.values(), *plan.evaluation_jobs.values()]


def test_true_markers_stay(plan: Plan) -> None:
    before = {path: path.stat().st_mtime_ns for path in map(plan.marker, _jobs(plan))}
    assert markers.discard_false(plan) == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_comes_from_the_future_is_brought_back(plan: Plan) -> None:
    first, second, *_ = map(plan.marker, _jobs(plan))
    now = time.time()
    os.utime(first, (now + 1e6, now + 1e6))
    os.utime(second, (now - 1e6, now - 1e6))
    assert markers.bring_back(plan) == [first]
    assert abs(first.stat().st_mtime - time.time()) < 60
    assert second.stat().st_mtime == pytest.approx(now - 1e6)
    assert markers.bring_back(plan) == []


def test_without_markers_there_is_nothing_to_discard(plan: Plan) -> None:
    for job in _jobs(plan):
        plan.marker(job).unlink()
    assert markers.discard_false(plan) == []
    assert not any(markers.is_true(plan, job) for job in _jobs(plan))


def test_markers_of_another_plan_are_discarded(plan: Plan, study_file: StudyFile) -> None:
    methods = ["non-saturating", {"name": "wgan", "n_critic": 2}]
    other = runs.plan(study_file(methods=methods))
    changed = [job for job in _jobs(other) if any(run.method == "wgan" for run in job.runs)]
    assert 0 < len(changed) < len(_jobs(other))
    assert set(markers.discard_false(other)) == {other.marker(job) for job in changed}
    assert {plan.marker(job).exists() for job in changed} == {False}
    assert all(markers.is_true(other, job) for job in _jobs(other) if job not in changed)


@pytest.mark.parametrize("record", [layout.TRAINING, layout.METRICS])
def test_a_marker_without_the_record_of_a_run_is_discarded(plan: Plan, record: str) -> None:
    run = plan.runs[1]
    (plan.folder(run) / record).unlink()
    jobs = plan.training_jobs if record == layout.TRAINING else plan.evaluation_jobs
    false = [plan.marker(job) for job in jobs.values() if run in job.runs]
    assert markers.discard_false(plan) == false
    assert len(false) == 1
    assert not false[0].exists()


@pytest.mark.parametrize("garbage", ["", "{", "[]", "3", "{}", '{"runs": null}', '{"runs": []}', "\ud800"])
def test_a_marker_of_garbage_is_discarded(plan: Plan, garbage: str) -> None:
    marker = plan.marker(_jobs(plan)[0])
    marker.write_bytes(garbage.encode("utf-8", "surrogatepass"))
    assert markers.discard_false(plan) == [marker]


def test_a_finished_run_is_trained_and_evaluated(plan: Plan) -> None:
    assert all(markers.is_trained(plan, run) and markers.is_evaluated(plan, run) for run in plan.runs)


@pytest.mark.parametrize("name", [layout.TRAINING, layout.HISTORY, GENERATOR])
def test_a_run_is_trained_only_with_every_file_that_its_record_names(plan: Plan, name: str) -> None:
    run = plan.runs[0]
    (plan.folder(run) / name).unlink()
    assert not markers.is_trained(plan, run)
    assert markers.is_trained(plan, plan.runs[1])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"digest": null}',
        '{"digest": "%s", "files": 5}',
        '{"digest": "%s", "files": [5]}',
        '{"digest": "%s", "files": null}',
    ],
)
def test_a_broken_training_record_is_no_training(plan: Plan, content: str) -> None:
    run = plan.runs[0]
    (plan.folder(run) / layout.TRAINING).write_text(content.replace("%s", run.digest))
    assert not markers.is_trained(plan, run)


def test_a_run_of_another_spec_is_not_trained_and_not_evaluated(plan: Plan) -> None:
    first, second = plan.runs[:2]
    _train(plan, first, digest=second.digest)
    assert not markers.is_trained(plan, first)
    assert not markers.is_evaluated(plan, first)


def _other_weights(plan: Plan, run: Run) -> None:
    _train(plan, run, weights_sha256={GENERATOR: "cd" * 32})


def _other_evaluation(plan: Plan, run: Run) -> None:
    _evaluate(plan, run, evaluation_digest=plan.runs[1].evaluation_digest)


def _other_protocol(plan: Plan, run: Run) -> None:
    _evaluate(plan, run, protocol={**PROTOCOL, "reference_samples": 99})


def _other_reference(_plan: Plan, _run: Run) -> None:
    files.write_json(layout.reference("small", "ring8"), {"protocol": {**PROTOCOL, "extractors": {}}})


def _no_reference(_plan: Plan, _run: Run) -> None:
    layout.reference("small", "ring8").unlink()


def _no_metrics(plan: Plan, run: Run) -> None:
    (plan.folder(run) / layout.METRICS).unlink()


def _broken_metrics(plan: Plan, run: Run) -> None:
    (plan.folder(run) / layout.METRICS).write_text("{")


def _no_training(plan: Plan, run: Run) -> None:
    (plan.folder(run) / layout.TRAINING).unlink()


@pytest.mark.parametrize(
    "disturb",
    [
        _other_weights,
        _other_evaluation,
        _other_protocol,
        _other_reference,
        _no_reference,
        _no_metrics,
        _broken_metrics,
        _no_training,
    ],
)
def test_a_run_is_evaluated_only_if_weights_evaluation_and_protocol_agree(
    plan: Plan, disturb: Callable[[Plan, Run], None]
) -> None:
    disturb(plan, plan.runs[0])
    assert not markers.is_evaluated(plan, plan.runs[0])


def test_a_diverged_run_without_weights_is_evaluated(plan: Plan) -> None:
    run = plan.runs[0]
    _train(plan, run, weights_sha256={}, files=[layout.HISTORY])
    _evaluate(plan, run, weights_sha256={})
    assert markers.is_evaluated(plan, run)
