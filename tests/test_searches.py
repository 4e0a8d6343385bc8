"""The tuning section of a study: spaces from everywhere, a static chain of steps, and mistakes that are told before
anything trains."""

from typing import Any

import pytest
from conftest import StudyFile
from hypothesis import given
from hypothesis import strategies as st

from ganbench import runs
from ganbench.problems import StudyError
from ganbench.tuning import Tuning

TUNING: dict[str, Any] = {"trials": 6, "generations": 3, "seeds": [100, 101]}

UNMET = {"try": ["int", 1, 3], "when": {"loss": "hinge"}}


def _spaces(plan: runs.Plan, method: str) -> dict[str, Any]:
    search = plan.searches[f"ring8/mlp/{method}-tuned"]
    return {parameter.path: parameter.space for parameter in search.parameters}


def test_usual_ranges_are_those_of_lucic_and_plugins_bring_their_own(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(methods=["wgan-gp", "wgan", "ttur"], tuning=TUNING))
    assert _spaces(plan, "wgan-gp") == {
        "optimizer.lr": ("log", 1e-5, 1e-2),
        "optimizer.betas[0]": ("linear", 0.0, 0.99),
        "n_critic": ("choice", 1, 5),
        "penalty.weight": ("log", 0.01, 100.0),
    }
    assert set(_spaces(plan, "wgan")) == {"optimizer.lr", "n_critic", "constraint.bound"}  # RMSprop has no beta
    assert {"generator_optimizer.lr", "discriminator_optimizer.lr"} <= set(_spaces(plan, "ttur"))
    assert "optimizer.lr" not in _spaces(plan, "ttur")


def test_a_study_and_its_entries_change_and_take_away_spaces(study_file: StudyFile) -> None:
    entry = {"name": "wgan-gp", "search": {"optimizer.lr": ["log", 1e-4, 1e-3], "penalty.weight": None}}
    space = {"n_critic": None, "optimizer.lr": ["log", 1e-3, 1e-2]}
    plan = runs.plan(study_file(methods=["non-saturating", entry], tuning={**TUNING, "space": space}))
    assert _spaces(plan, "non-saturating")["optimizer.lr"] == ("log", 1e-3, 1e-2)
    assert set(_spaces(plan, "wgan-gp")) == {"optimizer.lr", "optimizer.betas[0]"}
    assert _spaces(plan, "wgan-gp")["optimizer.lr"] == ("log", 1e-4, 1e-3)


def test_a_rate_of_one_player_takes_the_place_of_the_rate_of_both(study_file: StudyFile) -> None:
    space = {"generator_optimizer.lr": ["log", 1e-4, 1e-2]}
    found = _spaces(runs.plan(study_file(tuning={**TUNING, "space": space})), "non-saturating")
    assert "optimizer.lr" not in found
    assert "generator_optimizer.lr" in found


def test_a_space_for_all_is_left_out_where_a_method_has_no_such_setting(study_file: StudyFile) -> None:
    space = {"penalty.weight": ["log", 1.0, 10.0]}
    plan = runs.plan(study_file(methods=["non-saturating", "wgan-gp"], tuning={**TUNING, "space": space}))
    assert "penalty.weight" not in _spaces(plan, "non-saturating")
    assert _spaces(plan, "wgan-gp")["penalty.weight"] == ("log", 1.0, 10.0)


def test_conditions_come_before_what_depends_on_them(study_file: StudyFile) -> None:
    space = {
        "optimizer.betas[0]": {"try": ["linear", 0.0, 0.9], "when": {"optimizer.name": "adam"}},
        "optimizer.name": ["choice", "adam", "rmsprop"],
    }
    found = list(_spaces(runs.plan(study_file(tuning={**TUNING, "space": space})), "non-saturating"))
    assert found.index("optimizer.name") < found.index("optimizer.betas[0]")


def test_the_chain_is_static_and_every_method_has_the_same_budget(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(tuning={**TUNING, "trials": 7, "trials_per_job": 2}))
    for cell in ("ring8/mlp/non-saturating", "ring8/mlp/wgan"):
        steps = [step for step in plan.tuning_steps.values() if step.search.cell == cell]
        assert sorted(n for step in steps for n in step.numbers) == list(range(7))
        assert [step.numbers for step in steps if step.kind == "trials"] == [(0, 1), (2,), (3, 4), (5, 6)]
        assert steps[-1].kind == "best"
        done: set[str] = set()
        for step in steps:
            assert set(step.needs) <= done
            done.add(step.id)


@given(trials=st.integers(2, 60), data=st.data())
def test_generations_share_all_trials_evenly(trials: int, data: st.DataObject) -> None:
    generations = data.draw(st.integers(1, trials))
    tuning = Tuning(trials=trials, generations=generations, seeds=(1,))
    parts = [tuning.numbers(generation) for generation in range(generations)]
    assert [number for part in parts for number in part] == list(range(trials))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_tuned_run_waits_for_its_search_and_no_other_run_does(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(tuning=TUNING, training={"generator_steps": 10, "runs_per_job": 9}))
    for job in plan.training_jobs.values():
        waits = [str(path) for path in plan.inputs_of_training(job.id) if "best" in path.name]
        assert len(waits) == len({run.cell for run in job.runs if run.method.endswith("-tuned")})
        assert len({run.method.endswith("-tuned") for run in job.runs}) == 1


def test_another_reporting_seed_or_label_leaves_every_search_as_it_was(study_file: StudyFile) -> None:
    def digests(**changes: Any) -> set[str]:
        plan = runs.plan(study_file(tuning=TUNING, **changes))
        return {search.digest for search in plan.searches.values()}

    assert digests() == digests(seeds=[0, 1, 2])
    assert digests() == digests(methods=[{"name": "non-saturating", "label": "gan"}, "wgan"])
    assert digests() == digests(evaluation={"samples": 120, "snapshot_samples": 2000})
    assert digests() == digests(training={"generator_steps": 10, "batch_size": 8, "snapshots": 3, "runs_per_job": 4})


@pytest.mark.parametrize(
    "change",
    [
        {"trials": 8}, {"generations": 2}, {"seeds": [100]}, {"sampler": "random"}, {"startup": 3}, {"objective": "fd"},
        {"samples": 300}, {"generator_steps": 5}, {"evaluations": 2}, {"pruning": "halving"},
        {"space": {"n_critic": None}}, {"backend": "storage"},
    ],
    ids=str,
)  # fmt: skip
def test_whatever_the_search_depends_on_tunes_and_trains_the_tuned_runs_anew_and_no_others(
    study_file: StudyFile, change: dict[str, Any]
) -> None:
    before = {run.id: run.digest for run in runs.plan(study_file(tuning=TUNING)).runs}
    after = {run.id: run.digest for run in runs.plan(study_file(tuning={**TUNING, **change})).runs}
    changed = {run for run in before if before[run] != after[run]}
    assert changed == {run for run in before if "-tuned/" in run}


def test_who_works_on_it_changes_no_search(study_file: StudyFile) -> None:
    def digests(**changes: Any) -> list[str]:
        plan = runs.plan(study_file(tuning={**TUNING, "backend": "storage", **changes}))
        return [search.digest for search in plan.searches.values()]

    assert digests() == digests(workers=5) == digests(storage="sqlite:///x.db") == digests(trials_per_job=1)


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        ({"generations": 9}, "tuning.generations", "9 generations of 6 trials"),
        ({"trials": 1}, "tuning.trials", "greater than or equal to 2"),
        ({"seeds": [1, 100]}, "tuning.seeds", "seed 1 is reported too"),
        ({"seeds": [100, 100]}, "tuning.seeds", "seed 100 appears twice"),
        ({"seeds": []}, "tuning.seeds", "at least 1"),
        ({"sampler": "tpee"}, "tuning.sampler", "'tpee'"),
        ({"triials": 3}, "tuning.triials", "did you mean 'trials'?"),
        ({"pruning": {"name": "halving", "reducton": 2}}, "tuning.pruning.reducton", "did you mean 'reduction'?"),
        ({"pruning": "wilcoxon"}, "tuning.pruning", "with fewer than 5 seeds"),
        ({"pruning": "halving", "objective": ["fd", "modes"]}, "tuning.pruning", "there are several"),
        ({"sampler": "cmaes", "objective": ["fd", "modes"]}, "tuning.sampler", "one objective"),
        ({"sampler": "cmaes", "backend": "storage"}, "tuning.sampler", "backend: generations"),
        ({"storage": "sqlite:///x.db"}, "tuning.storage", "is for `backend: storage`"),
        ({"generator_steps": 3, "discriminator_steps": 3}, "tuning", "give one of"),
        ({"objective": "fdd"}, "tuning.objective", "did you mean 'fd'?"),
        ({"objective": "is_cnn_100"}, "tuning.objective", "'ring8' is not measured by"),
        ({"objective": ["fd", "fd_2k"]}, "tuning.objective", "given twice"),
        ({"objective": "fd-inf_9"}, "tuning.samples", "needs 30 samples"),
        ({"space": {"optimizer.lr": ["log", 1e-2, 1e-5]}}, "tuning.space.optimizer.lr", "the lowest value is below"),
        ({"space": {"optimizer.lr": ["log", 0.0, 1.0]}}, "tuning.space.optimizer.lr", "above 0"),
        ({"space": {"optimizer.lr": ["uniform", 0.0, 1.0]}}, "tuning.space.optimizer.lr", "begins with one of"),
        ({"space": {"optimizer.lrr": ["log", 1e-5, 1.0]}}, "tuning.space.optimizer.lrr", "did you mean 'lr'?"),
        ({"space": {"optimizer.betas[7]": ["linear", 0.0, 0.5]}}, "tuning.space.optimizer.betas[7]", "no such setting"),
        ({"space": {"optimizer.betas[0]": ["linear", 0.0, 1.0]}}, "tuning.space.optimizer.betas[0]", "less than 1"),
        ({"space": {"penalty.weight": ["log", 0.1, 1.0]}}, "tuning.space.penalty.weight", "the method has no penalty"),
        ({"space": {"n_critik": ["int", 1, 5]}}, "tuning.space.n_critik", "did you mean 'n_critic'?"),
        ({"space": {"loss": ["choice", "hinge", "hing"]}}, "tuning.space.loss", "did you mean 'hinge'?"),
        ({"space": {"n_critic": UNMET}}, "tuning.space.n_critic", "not searched"),
        ({"space": {"architecture.noise_dmi": ["int", 1, 3]}}, "tuning.space", "did you mean 'noise_dim'?"),
    ],
    ids=str,
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(
    study_file: StudyFile, changes: dict[str, Any], where: str, said: str
) -> None:
    with pytest.raises(StudyError) as caught:
        runs.plan(study_file(methods=["non-saturating"], tuning={**TUNING, **changes}))
    assert any(said in p.message and (p.where == where or p.where.endswith(where)) for p in caught.value.problems), (
        caught.value
    )


def test_a_method_without_a_space_is_an_error(study_file: StudyFile) -> None:
    nothing = {"optimizer.lr": None, "optimizer.betas[0]": None, "n_critic": None}
    with pytest.raises(StudyError, match="nothing to tune"):
        runs.plan(study_file(methods=[{"name": "non-saturating", "search": nothing}], tuning=TUNING))


def test_tuned_settings_need_a_tuning_and_a_free_label(study_file: StudyFile) -> None:
    with pytest.raises(StudyError, match="'tuned' needs the key tuning"):
        runs.plan(study_file(settings=["own", "tuned"]))
    with pytest.raises(StudyError, match="as it is tuned"):
        runs.plan(study_file(methods=["wgan", {"name": "wgan", "label": "wgan-tuned"}], tuning=TUNING))
    with pytest.raises(StudyError, match="there is no `tuning`"):
        runs.plan(study_file(datasets=[{"name": "ring8", "tuning": {"samples": 100}}]))


def test_a_dataset_changes_the_budget_and_the_objective_of_its_trials(study_file: StudyFile) -> None:
    datasets = ["grid25", {"name": "ring8", "tuning": {"generator_steps": 3, "objective": "hq", "samples": 90}}]
    plan = runs.plan(study_file(datasets=datasets, tuning={**TUNING, "discriminator_steps": 8, "objective": "fd"}))
    ring, grid = plan.searches["ring8/mlp/wgan-tuned"], plan.searches["grid25/mlp/wgan-tuned"]
    assert [m.name for m in ring.objectives] == ["hq_validation_90"]
    assert [m.name for m in grid.objectives] == ["fd_validation_2k"]
    assert ring.spec["runs"]["training"]["generator_steps"] == 3
    assert grid.spec["runs"]["training"]["generator_steps"] == 1  # 8 over five critic steps


def test_without_tuned_among_the_settings_nothing_is_searched(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(tuning=TUNING, settings=["own"]))
    assert not plan.searches
    assert not plan.tuning_steps
