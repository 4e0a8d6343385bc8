"""The plan of a study: which runs, under which digests, in which jobs."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import CONFIGS, SMALL, StudyFile
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench import layout, runs, specs, work
from ganbench.runs import Plan
from ganbench.sections import Training
from ganbench.work import Run

METHODS = ("minimax", "non-saturating", "wgan", "wgan-gp", "ttur")
QUICK: dict[str, Any] = {
    "study": "like-quick",
    "datasets": ["ring8", "grid25", {"name": "digits", "training": {"generator_steps": 5}}],
    "architectures": ["mlp", {"name": "dcgan", "width": 16}],
    "methods": list(METHODS),
    "seeds": [0, 1, 2],
    "training": {"generator_steps": 10, "runs_per_job": 3},
    "evaluation": {"samples": 100},
}
"""As large as configs/quick.yaml, whose budgets may change."""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    path = tmp_path_factory.mktemp("quick") / "study.yaml"
    path.write_text(yaml.safe_dump(QUICK))
    return runs.plan(path)


def _training(plan: Plan) -> dict[str, str]:
    return {run.id: run.digest for run in plan.runs}


def _evaluation(plan: Plan) -> dict[str, str]:
    return {run.id: run.evaluation_digest for run in plan.runs}


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {key for key in before if before[key] != after[key]}


def test_the_default_study_has_sixty_runs_and_no_points_for_dcgan() -> None:
    plan = runs.plan(CONFIGS / "quick.yaml")
    pairs = [("ring8", "mlp"), ("grid25", "mlp"), ("digits", "mlp"), ("digits", "dcgan")]
    assert {run.cell for run in plan.runs} == {f"{d}/{a}/{m}" for d, a in pairs for m in METHODS}
    assert len(plan.runs) == 60


def test_a_study_has_its_runs_and_says_what_it_left_out(quick: Plan) -> None:
    assert len(quick.runs) == len({run.id for run in quick.runs}) == len({run.digest for run in quick.runs}) == 60
    pairs = [("ring8", "mlp"), ("grid25", "mlp"), ("digits", "mlp"), ("digits", "dcgan")]
    assert {run.cell for run in quick.runs} == {f"{d}/{a}/{m}" for d, a in pairs for m in METHODS}
    assert {run.seed for run in quick.runs} == {0, 1, 2}
    assert {gap.what: gap.reason for gap in quick.gaps} == {
        "ring8 × dcgan": "dcgan makes images, ring8 holds points",
        "grid25 × dcgan": "dcgan makes images, grid25 holds points",
    }


@pytest.mark.parametrize("study", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_of_the_project_has_a_plan(study: Path) -> None:
    plan = runs.plan(study)
    assert plan.runs
    assert plan.study.study == study.stem


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": [0, 1, 2, 3]},
        {"seeds": [5, 2, 1, 0]},
        {"methods": [{"name": "wgan", "label": "new", "n_critic": 1}, *METHODS]},
        {"datasets": [{"name": "ring8", "label": "wide", "sigma": 0.1}, *QUICK["datasets"]]},
        {"architectures": [{"name": "mlp", "label": "thin", "generator_widths": [8]}, *QUICK["architectures"]]},
        {"shared_optimizer": {"name": "adam", "lr": 1e-3}},
        {"description": "In other words.", "study": "other", "device": "cpu", "threads": 2, "data": "/elsewhere"},
        {"training": {**QUICK["training"], "runs_per_job": 7}},
        {"evaluation": {**QUICK["evaluation"], "runs_per_job": 7}},
    ],
    ids=["seed", "seeds", "method", "dataset", "architecture", "shared", "words", "train-jobs", "evaluate-jobs"],
)
def test_what_is_new_leaves_every_old_digest_as_it_was(
    quick: Plan, study_file: StudyFile, changes: dict[str, Any]
) -> None:
    after = runs.plan(study_file(**{**QUICK, **changes}))
    assert _training(quick).items() <= _training(after).items()
    assert _evaluation(quick).items() <= _evaluation(after).items()


def test_one_rate_of_one_method_changes_exactly_its_cells(quick: Plan, study_file: StudyFile) -> None:
    methods = [{"name": m, "optimizer": {"lr": 3e-4}} if m == "wgan" else m for m in METHODS]
    after = runs.plan(study_file(**{**QUICK, "methods": methods}))
    wgan = {run.id for run in quick.runs if run.method == "wgan"}
    assert len(wgan) == 12
    assert _changed(_training(quick), _training(after)) == wgan
    assert _changed(_evaluation(quick), _evaluation(after)) == wgan


@pytest.mark.parametrize(
    "training", [{"generator_steps": 11}, {"batch_size": 9}, {"log_every": 3}], ids=["steps", "batch", "log"]
)
def test_a_budget_changes_every_run(study_file: StudyFile, training: dict[str, int]) -> None:
    before = _training(runs.plan(study_file()))
    after = _training(runs.plan(study_file(training={**SMALL["training"], **training})))
    assert _changed(before, after) == before.keys()


def test_a_label_changes_no_digest(study_file: StudyFile) -> None:
    before = runs.plan(study_file())
    after = runs.plan(
        study_file(
            study="renamed",
            datasets=[{"name": "ring8", "label": "circle"}],
            architectures=[{"name": "mlp", "label": "net"}],
            methods=[{"name": "non-saturating", "label": "gan"}, {"name": "wgan", "label": "critic"}],
        )
    )
    assert [run.digest for run in after.runs] == [run.digest for run in before.runs]
    assert [run.evaluation_digest for run in after.runs] == [run.evaluation_digest for run in before.runs]
    assert after.runs[0].id == "circle/net/gan/seed0"


def test_a_setting_spelled_out_as_its_default_changes_no_digest(study_file: StudyFile) -> None:
    before = runs.plan(study_file())
    after = runs.plan(
        study_file(
            datasets=[{"name": "ring8", "radius": 1}],
            architectures=[{"name": "mlp", "generator_widths": [256, 512]}],
            methods=["non-saturating", {"name": "wgan", "n_critic": 5, "constraint": {"bound": 0.01}}],
        )
    )
    assert _training(before) == _training(after)
    assert _evaluation(before) == _evaluation(after)


LOSS = "class Loss:\n    scale: float = 1.0\n"


def _with_loss(study_file: StudyFile, folder: Path, source: str) -> Plan:
    (folder / "losses").mkdir(exist_ok=True)
    (folder / "losses" / "my_loss.py").write_text(source)
    mine = {"name": "minimax", "label": "mine", "loss": "my-loss"}
    return runs.plan(study_file(plugins=["losses/my_loss.py"], methods=["minimax", mine, "wgan"]))


@pytest.mark.parametrize("source", [LOSS + "\n", LOSS + "    bias: float = 0.0\n", LOSS.replace("1.0", "1.1")])
def test_a_byte_of_a_plugin_file_changes_exactly_the_cells_that_use_it(
    study_file: StudyFile, tmp_path: Path, source: str
) -> None:
    before = _with_loss(study_file, tmp_path, LOSS)
    after = _with_loss(study_file, tmp_path, source)
    assert _changed(_training(before), _training(after)) == {run.id for run in before.runs if run.method == "mine"}


def test_a_plugin_can_lie_anywhere_and_is_found_beside_its_study(study_file: StudyFile, tmp_path: Path) -> None:
    before = _with_loss(study_file, tmp_path, LOSS)
    (tmp_path / "moved").mkdir()
    for name in ("study.yaml", "losses"):
        shutil.move(tmp_path / name, tmp_path / "moved" / name)
    assert _training(runs.plan(tmp_path / "moved" / "study.yaml")) == _training(before)


def test_a_metric_is_evaluated_anew_and_never_trained_anew(study_file: StudyFile) -> None:
    few, more = ["modes-captured"], ["modes-captured", "reverse-kl"]
    before = runs.plan(study_file(evaluation={"metrics": few}))
    after = runs.plan(study_file(evaluation={"metrics": more}))
    assert _training(before) == _training(after)
    assert _changed(_evaluation(before), _evaluation(after)) == _evaluation(before).keys()
    assert before.reference_digest("ring8") != after.reference_digest("ring8")


def test_metrics_of_one_dataset_leave_the_other_alone(study_file: StudyFile) -> None:
    before = runs.plan(study_file(datasets=["ring8", "grid25"]))
    narrow = {"name": "grid25", "evaluation": {"metrics": ["reverse-kl"]}}
    after = runs.plan(study_file(datasets=["ring8", narrow]))
    assert _training(before) == _training(after)
    assert _changed(_evaluation(before), _evaluation(after)) == {r.id for r in before.runs if r.dataset == "grid25"}


@pytest.mark.parametrize("samples", [101, 5000])
def test_the_sample_count_is_part_of_the_evaluation_only(study_file: StudyFile, samples: int) -> None:
    before, after = runs.plan(study_file()), runs.plan(study_file(evaluation={"samples": samples}))
    assert _training(before) == _training(after)
    assert _changed(_evaluation(before), _evaluation(after)) == _evaluation(before).keys()


def test_another_training_is_another_evaluation(study_file: StudyFile) -> None:
    before, after = runs.plan(study_file()), runs.plan(study_file(training={"generator_steps": 11, "batch_size": 8}))
    assert _changed(_evaluation(before), _evaluation(after)) == _evaluation(before).keys()


def test_a_new_engine_trains_and_evaluates_everything_anew(
    study_file: StudyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runs.plan(study_file())
    monkeypatch.setattr(specs, "ENGINE", specs.ENGINE + 1)
    after = runs.plan(study_file())
    assert _changed(_training(before), _training(after)) == _training(before).keys()
    assert _changed(_evaluation(before), _evaluation(after)) == _evaluation(before).keys()


def test_a_new_evaluation_engine_measures_runs_and_references_anew_and_trains_nothing(
    study_file: StudyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study_file(datasets=["ring8", "digits"])
    before = runs.plan(path)
    references = {label: before.reference_digest(label) for label in before.datasets}
    monkeypatch.setattr(specs, "EVALUATION_ENGINE", specs.EVALUATION_ENGINE + 1)
    after = runs.plan(path)
    assert _training(before) == _training(after)
    assert _changed(_evaluation(before), _evaluation(after)) == _evaluation(before).keys()
    assert _changed(references, {d: after.reference_digest(d) for d in after.datasets}) == {"ring8", "digits"}


def test_a_spec_is_canonical_json_without_paths_and_labels(study_file: StudyFile, tmp_path: Path) -> None:
    label = "ThisIsALabel"
    (tmp_path / "my_loss.py").write_text(LOSS)
    plan = runs.plan(
        study_file(
            study=label,
            description=label,
            plugins=["my_loss.py"],
            datasets=[{"name": "digits", "label": label}],
            architectures=[{"name": "dcgan", "label": label}],
            methods=[{"name": "wgan-gp", "label": label, "loss": "my-loss"}],
        )
    )
    for run in plan.runs:
        for spec in (run.spec, run.evaluation_spec):
            text = json.dumps(spec, allow_nan=False)
            assert json.loads(text) == spec  # nothing but JSON: no tuples, no paths, no numbers that are no numbers
            assert label not in text
            assert str(tmp_path) not in text
            assert "/" not in text
        assert re.fullmatch("[0-9a-f]{64}", run.digest)


def test_a_digest_does_not_depend_on_the_order_of_keys_and_refuses_nan() -> None:
    assert runs.digest({"a": 1, "b": [2]}) == runs.digest({"b": [2], "a": 1})
    assert runs.digest({"a": 1}) != runs.digest({"a": 1.5}) != runs.digest({"b": 1})
    with pytest.raises(ValueError, match="JSON"):
        runs.digest({"a": float("nan")})


def test_discriminator_steps_are_divided_among_the_critic_steps(study_file: StudyFile) -> None:
    methods = ["minimax", "wgan", {"name": "wgan", "label": "wgan-200", "n_critic": 200}]
    plan = runs.plan(study_file(training={"discriminator_steps": 103}, methods=methods, seeds=[0]))
    steps = {run.method: run.spec["training"]["generator_steps"] for run in plan.runs}
    assert steps == {"minimax": 103, "wgan": 20, "wgan-200": 1}
    assert all("discriminator_steps" not in run.spec["training"] for run in plan.runs)


def test_both_budgets_of_equal_size_are_one_run(study_file: StudyFile) -> None:
    by_generator = runs.plan(study_file(training={"generator_steps": 10}))
    by_discriminator = runs.plan(study_file(training={"discriminator_steps": 50}, methods=["wgan"]))
    wgan = [run.digest for run in by_generator.runs if run.method == "wgan"]
    assert [run.digest for run in by_discriminator.runs] == wgan


def test_a_penalty_per_sample_gets_a_critic_without_batch_norm(quick: Plan) -> None:
    def norm(run: Run) -> Any:
        return run.spec["architecture"]["settings"].get("discriminator_norm")

    found = {(run.architecture, run.method): norm(run) for run in quick.runs}
    expected = {("mlp", m): "none" for m in METHODS} | {("dcgan", m): "batch" for m in METHODS}
    assert found == {**expected, ("dcgan", "wgan-gp"): "layer"}
    assert len(quick.notes) == 1
    assert quick.notes[0].startswith("wgan-gp with dcgan: ")
    assert "layer instead of batch" in quick.notes[0]


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_a_norm_that_is_chosen_and_harmless_stays(study_file: StudyFile, norm: str) -> None:
    network = {"name": "dcgan", "discriminator_norm": norm}
    plan = runs.plan(study_file(datasets=["digits"], architectures=[network], methods=["wgan-gp"]))
    assert plan.runs[0].spec["architecture"]["settings"]["discriminator_norm"] == norm
    assert plan.notes == ()


def test_the_shared_optimizer_gives_every_method_a_twin_beside_it(study_file: StudyFile) -> None:
    shared = {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9]}
    plan = runs.plan(study_file(methods=["non-saturating", "wgan", "ttur"], seeds=[0], shared_optimizer=shared))
    assert [run.method for run in plan.runs] == [
        "non-saturating",
        "non-saturating-shared",
        "wgan",
        "wgan-shared",
        "ttur",
    ]
    assert [(gap.what, gap.reason) for gap in plan.gaps] == [
        ("ring8 × mlp × ttur-shared", "under the shared optimizer it is the same as non-saturating-shared")
    ]
    method = {run.method: run.spec["method"] for run in plan.runs}
    optimizer = {"name": "adam", "lr": 1e-3, "betas": [0.5, 0.9], "eps": 1e-8, "weight_decay": 0.0}
    assert method["wgan-shared"] == {
        **method["wgan"],
        "generator_optimizer": optimizer,
        "discriminator_optimizer": optimizer,
    }


@pytest.mark.parametrize(
    ("which", "labels"), [(["own"], ["wgan"]), (["shared"], ["wgan-shared"]), (["shared", "own"], None)]
)
def test_settings_choose_between_own_and_shared(
    study_file: StudyFile, which: list[str], labels: list[str] | None
) -> None:
    shared = {"name": "sgd", "lr": 1e-3}
    plan = runs.plan(study_file(methods=["wgan"], seeds=[0], settings=which, shared_optimizer=shared))
    assert [run.method for run in plan.runs] == (labels or ["wgan-shared", "wgan"])


@settings(max_examples=25)
@given(training=st.integers(1, 20), evaluation=st.integers(1, 20), seeds=st.integers(1, 4))
def test_every_run_is_in_one_training_and_one_evaluation_job(
    study_file: StudyFile, training: int, evaluation: int, seeds: int
) -> None:
    plan = runs.plan(
        study_file(
            datasets=["ring8", {"name": "digits", "training": {"runs_per_job": 3}}],
            architectures=["mlp", "dcgan"],
            seeds=list(range(seeds)),
            training={"generator_steps": 1, "runs_per_job": training},
            evaluation={"runs_per_job": evaluation},
        )
    )
    for jobs in (plan.training_jobs, plan.evaluation_jobs):
        assert sorted(run.id for job in jobs.values() for run in job.runs) == sorted(run.id for run in plan.runs)
        assert all(key == job.id and job.runs for key, job in jobs.items())
        assert all({run.dataset for run in job.runs} == {job.dataset} for job in jobs.values())
    for job in plan.training_jobs.values():
        assert len({run.architecture for run in job.runs}) == 1
        assert len(job.runs) <= (3 if job.dataset == "digits" else training)
    assert all(len(job.runs) <= evaluation for job in plan.evaluation_jobs.values())


def test_an_evaluation_job_needs_its_reference_and_the_jobs_that_train_its_runs(quick: Plan) -> None:
    for job in quick.evaluation_jobs.values():
        first, *others = quick.inputs_of_evaluation(job.id)
        assert first == Path("results/like-quick/references") / job.dataset / "reference.json"
        sources = quick.inputs_of_reference(job.dataset)
        assert others[: len(sources)] == sources
        markers = others[len(sources) :]
        trainers = [t for t in quick.training_jobs.values() if quick.marker(t) in markers]
        assert {run.id for run in job.runs} <= {run.id for t in trainers for run in t.runs}
        assert all({run.id for run in t.runs} & {run.id for run in job.runs} for t in trainers)
        assert len(markers) == len(set(markers)) == len(trainers)


def _jobs_that_change(before: Plan, after: Plan, jobs: Callable[[Plan], dict[str, Any]]) -> set[str]:
    return _changed(
        {key: job.digest for key, job in jobs(before).items()}, {k: j.digest for k, j in jobs(after).items()}
    )


def test_a_job_changes_exactly_when_one_of_its_runs_does(quick: Plan, study_file: StudyFile) -> None:
    methods = [{"name": m, "n_critic": 2} if m == "wgan" else m for m in METHODS]
    after = runs.plan(study_file(**{**QUICK, "methods": methods}))
    for jobs in (lambda plan: plan.training_jobs, lambda plan: plan.evaluation_jobs):
        touched = {key for key, job in jobs(quick).items() if any(run.method == "wgan" for run in job.runs)}
        assert 0 < len(touched) < len(jobs(quick))
        assert _jobs_that_change(quick, after, jobs) == touched


def test_a_job_promises_the_digest_of_its_step(quick: Plan) -> None:
    training, evaluation = quick.training_jobs["ring8/mlp/0"], quick.evaluation_jobs["ring8/0"]
    assert training.promises == {run.id: run.digest for run in training.runs}
    assert evaluation.promises == {run.id: run.evaluation_digest for run in evaluation.runs}
    assert training.digest == runs.digest(training.promises)


def test_datasets_and_extractors_are_shared_by_label_and_apart_by_setting(study_file: StudyFile) -> None:
    sizes = [{"name": "digits", "size": 16, "label": "a"}, {"name": "digits", "label": "b"}]
    plan = runs.plan(study_file(datasets=["ring8", *sizes, {"name": "digits", "size": 32, "label": "c"}]))
    keys = {label: dataset.key for label, dataset in plan.datasets.items()}
    assert keys["a"] == keys["b"] != keys["c"]
    assert plan.datasets["ring8"].extractors == {}
    seen = {label: plan.datasets[label].extractors["digits-cnn"].key for label in "abc"}
    assert seen["a"] == seen["b"] != seen["c"]
    assert plan.extractors.keys() == {seen["a"], seen["c"]}
    assert plan.features.keys() == {f"{keys[label]}/{seen[label]}" for label in "ac"}


def test_the_report_is_made_anew_when_what_it_shows_changes(quick: Plan, study_file: StudyFile) -> None:
    same = runs.plan(study_file(**QUICK))
    assert same.digest == quick.digest
    for changes in ({"description": "Other words."}, {"seeds": [0]}, {"datasets": ["ring8"], "architectures": ["mlp"]}):
        assert runs.plan(study_file(**{**QUICK, **changes})).digest != quick.digest


def test_an_evaluation_waits_for_every_file_that_it_opens(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(datasets=["digits"], training={"generator_steps": 1}))
    (job,) = plan.evaluation_jobs
    dataset = plan.datasets["digits"]
    (extractor,) = dataset.extractors.values()
    assert set(plan.inputs_of_evaluation(job)) == {
        layout.data(dataset.key),
        layout.extractor(extractor.key),
        layout.features(dataset.features_key(extractor)),
        layout.reference("small", "digits"),
        *(plan.marker(trainer) for trainer in plan.training_jobs.values()),
    }


def test_each_step_waits_for_what_it_is_made_from(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(datasets=["ring8", "digits"]))
    dataset = plan.datasets["digits"]
    (extractor,) = dataset.extractors.values()
    key = dataset.features_key(extractor)
    assert plan.inputs_of_extractor(extractor.key) == [layout.data(dataset.key)]
    assert plan.inputs_of_features(key) == [layout.data(dataset.key), layout.extractor(extractor.key)]
    assert set(plan.inputs_of_reference("digits")) == {layout.features(key), *plan.inputs_of_features(key)}
    assert plan.inputs_of_reference("ring8") == [layout.data(plan.datasets["ring8"].key)]


# Snapshots


def _snapshots(study_file: StudyFile, given: Any, **training: Any) -> dict[str, list[int]]:
    """The steps at which each method of a study keeps its generator."""
    plan = runs.plan(study_file(seeds=[0], training={"generator_steps": 100, **training, "snapshots": given}))
    return {run.method: run.spec["training"]["snapshots"] for run in plan.runs}


@pytest.mark.parametrize(
    ("given", "steps"),
    [(0, []), (1, []), (2, [50]), (3, [33, 67]), ([], []), ([7, 5, 7], [5, 7]), ([100], []), ([99, 100, 101], [99])],
)
def test_snapshots_are_a_number_with_the_end_or_the_steps_before_it(
    study_file: StudyFile, given: Any, steps: list[int]
) -> None:
    assert _snapshots(study_file, given)["wgan"] == steps


@given(count=st.integers(0, 10**12), steps=st.integers(1, 300))
def test_any_number_of_snapshots_is_spread_over_any_training(count: int, steps: int) -> None:
    found = Training(snapshots=count).snapshot_steps(steps)
    assert found == sorted(set(found))
    assert all(0 < step < steps for step in found)
    assert len(found) == max(0, min(count, steps) - 1)


def test_a_discriminator_budget_has_snapshots_within_each_methods_own_steps(study_file: StudyFile) -> None:
    found = _snapshots(study_file, 2, generator_steps=None, discriminator_steps=100)
    assert found == {"non-saturating": [50], "wgan": [10]}


def test_a_step_beyond_the_end_is_told(study_file: StudyFile) -> None:
    training = {"discriminator_steps": 100, "snapshots": [10, 40, 100]}
    assert runs.plan(study_file(training=training)).notes == (
        "wgan on ring8 ends at step 20: no snapshot at [40, 100]",
    )


@pytest.mark.parametrize("given", [2, [3], 0])
def test_other_snapshots_are_another_training(study_file: StudyFile, given: Any) -> None:
    before = _training(runs.plan(study_file()))
    after = _training(runs.plan(study_file(training={**SMALL["training"], "snapshots": given})))
    assert _changed(before, after) == before.keys()


def test_snapshots_at_the_same_steps_are_the_same_training(study_file: StudyFile) -> None:
    plans = [
        runs.plan(study_file(training={**SMALL["training"], "snapshots": given})) for given in (2, [5], [5, 5], [5, 10])
    ]
    assert len({tuple(_training(plan).values()) for plan in plans}) == 1


def test_a_moving_average_is_another_training_of_its_cells_only(study_file: StudyFile) -> None:
    before = runs.plan(study_file())
    after = runs.plan(study_file(methods=["non-saturating", {"name": "wgan", "ema": 0.99}]))
    assert _changed(_training(before), _training(after)) == {run.id for run in before.runs if run.method == "wgan"}


def test_a_study_of_very_many_runs_has_larger_jobs_unless_it_says_otherwise(
    study_file: StudyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    many: dict[str, Any] = {"seeds": list(range(45)), "training": {"generator_steps": 1, "engine": "single"}}  # 90 runs
    assert [len(job.runs) for job in runs.plan(study_file(**many)).training_jobs.values()] == [1] * 90
    monkeypatch.setattr(work, "MOST_JOBS", 20)
    plan = runs.plan(study_file(**many))
    assert [len(job.runs) for job in plan.training_jobs.values()] == [5] * 18
    assert {len(job.runs) for job in plan.evaluation_jobs.values()} == {8, 2}
    told = runs.plan(study_file(**{**many, "training": {**many["training"], "runs_per_job": 1}}))
    assert len(told.training_jobs) == 90
