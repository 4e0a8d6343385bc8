"""A search from end to end in this process: what is asked, what is found, and what becomes of it."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml

from ganbench import files, markers, runs, specs
from ganbench.parameters import Values
from ganbench.runs import Plan
from ganbench.searches import Search
from ganbench.tune import asking, best, command, pruning, records, storage
from ganbench.tune.records import Record

TUNING: dict[str, Any] = {"trials": 6, "generations": 3, "seeds": [100, 101], "startup": 2, "samples": 50}
SAMPLERS = ("tpe", "gp", "cmaes", "random", "qmc")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _place(**changes: Any) -> tiny.Place:
    tuning = {**TUNING, **changes.pop("tuning", {})}
    return tiny.place(tuning=tuning, **changes)


def _search(**tuning: Any) -> Search:
    (search,) = _place(tuning=tuning, evaluation={"metrics": ["fd", "modes"]}).plan.searches.values()
    return search


def _record(search: Search, number: int, values: Values, result: list[float] | None, status: str = "ok") -> Record:
    names = [measure.name for measure in search.objectives]
    found: list[float] | list[None] = result or [None] * len(names)
    return {
        "number": number, "values": values, "status": status, "objectives": dict(zip(names, found, strict=True)),
        "reported": {}, "rungs": {},
    }  # fmt: skip


def _simulated(search: Search) -> list[Record]:
    """A whole search of a made-up objective: the rate is best at 1e-3; trial 1 diverges."""
    history: list[Record] = []
    for generation in range(search.tuning.generations):
        for number, values in asking.proposals(search, generation, history[:]).items():
            score = [abs(math.log10(values["optimizer.lr"]) + 3)] * len(search.objectives)
            history.append(
                _record(search, number, values, None, "diverged")
                if number == 1
                else _record(search, number, values, score)
            )
    return history


def _files(folder: Path) -> dict[str, Any]:
    """All that a search wrote, but for the cost of its trials."""
    found = {}
    for path in sorted((folder / "results/tiny/tuning").rglob("*.json")):
        found[path.name] = {k: v for k, v in json.loads(path.read_text()).items() if k != "cost"}
    return found


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_is_a_function_of_its_seed_and_its_results(sampler: str) -> None:
    search = _search(sampler=sampler, trials=8, generations=4)
    first, again = _simulated(search), _simulated(search)
    assert first == again
    assert [record["number"] for record in first] == list(range(8))
    other = _simulated(_search(sampler=sampler, trials=8, generations=4, seeds=[7]))
    assert [r["values"] for r in other[1:]] != [r["values"] for r in first[1:]]
    for record in first[1:]:
        for parameter in search.parameters:
            assert parameter.path in record["values"]
    distinct = {json.dumps(record["values"], sort_keys=True) for record in first}
    assert len(distinct) >= 7


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "qmc"])
def test_more_generations_of_the_same_size_begin_with_the_same_trials(sampler: str) -> None:
    few, many = (_simulated(_search(sampler=sampler, trials=n, generations=n // 2)) for n in (4, 8))
    assert many[:4] == few


def test_the_first_trial_is_the_methods_own_setting_even_outside_the_spaces() -> None:
    search = _search(space={"optimizer.lr": ["log", 1e-2, 1e-1]})
    assert asking.proposals(search, 0, [])[0] == search.own
    assert search.own["optimizer.lr"] == 2e-4
    assert not asking.own_is_inside(search)
    assert asking.as_trial(search, _record(search, 0, search.own, [1.0]), []) is None


def test_a_failed_trial_is_told_as_the_worst_so_far() -> None:
    search = _search(objective=["fd", "modes"])
    done = [_record(search, n, search.own, found) for n, found in enumerate([[3.0, 5.0], [9.0, 8.0], [1.0, 2.0]])]
    failed = _record(search, 3, search.own, None, "diverged")
    assert asking.worst(search, [*done, failed]) == [9.0, 2.0]  # of modes less is worse
    told = asking.as_trial(search, failed, done)
    assert told is not None
    assert told.values == [9.0, 2.0]
    assert asking.as_trial(search, failed, []) is None


def test_a_conditional_parameter_is_asked_only_where_it_exists() -> None:
    space = {
        "optimizer.name": ["choice", "adam", "sgd"],
        "optimizer.betas[0]": {"try": ["linear", 0.0, 0.9], "when": {"optimizer.name": "adam"}},
    }
    search = _search(space=space, trials=16, generations=2, sampler="random")
    names = set()
    for record in _simulated(search)[1:]:
        name = record["values"]["optimizer.name"]
        names.add(name)
        assert ("optimizer.betas[0]" in record["values"]) == (name == "adam")
        plan = runs.plan(Path("study.yaml"))
        spec, reason = search.run_spec(record["values"], search.training, plan.registry)
        assert spec is not None, reason
        assert spec["method"]["generator_optimizer"]["name"] == name
    assert names == {"adam", "sgd"}


def test_a_choice_of_lists_comes_back_as_lists() -> None:
    search = _search(space={"optimizer.betas": ["choice", [0.0, 0.9], [0.5, 0.999]], "optimizer.betas[0]": None})
    assert {tuple(r["values"]["optimizer.betas"]) for r in _simulated(search)} <= {(0.0, 0.9), (0.5, 0.999)}


def test_tuned_runs_are_trained_with_what_was_found_on_the_reporting_seeds() -> None:
    place = _place(seeds=[0, 1]).prepare().tune()
    plan = place.plan
    (search,) = plan.searches.values()
    found = json.loads(plan.best(search).read_text())
    trials = records.everything(plan, search)
    assert found["number"] == min(trials, key=lambda t: (t["objectives"]["fd_validation_50"], t["number"]))["number"]
    assert trials[0]["values"] == search.own
    place.train().evaluate()
    record = place.record("non-saturating-tuned", seed=1)
    assert record["training"]["spec"]["method"] == found["method"]
    assert record["training"]["spec"]["seed"] == 1
    assert markers.is_trained(plan, place.run("non-saturating-tuned"))
    assert place.record("non-saturating")["training"]["spec"]["method"] != found["method"] or found["number"] == 0


def test_every_trial_has_the_same_steps_on_the_tuning_seeds_and_the_validation_split() -> None:
    place = _place().prepare().tune()
    (search,) = place.plan.searches.values()
    for trial in records.everything(place.plan, search):
        assert [seed["seed"] for seed in trial["seeds"]] == [100, 101]
        assert {seed["steps"] for seed in trial["seeds"]} == {4}
        assert [point["step"] for point in trial["seeds"][0]["curve"]] == [1, 2, 3, 4]
        assert set(trial["objectives"]) == {"fd_validation_50"}
        assert trial["objectives"]["fd_validation_50"] == pytest.approx(
            sum(s["curve"][-1]["metrics"]["fd_validation_50"] for s in trial["seeds"]) / 2
        )


def test_the_own_trial_is_the_run_of_the_method_on_another_seed() -> None:
    place = _place().prepare().tune()
    run = place.run("non-saturating")
    (search,) = place.plan.searches.values()
    asked = records.asked(place.plan, search, 0)
    changed = {"training": {**run.spec["training"], "snapshots": [1, 2, 3]}}
    assert {**asked["spec"], "seed": 0} == {**run.spec, **changed}


def test_deleted_trials_are_made_again_bit_for_bit_and_only_they(tmp_path: Path) -> None:
    place = _place(tuning={"pruning": {"name": "halving", "reduction": 2}}).prepare().tune()
    plan = place.plan
    (search,) = plan.searches.values()
    before = _files(tmp_path)
    times = {n: records.trial_file(plan, search, n).stat().st_mtime_ns for n in range(6)}
    for number in (0, 3):
        records.trial_file(plan, search, number).unlink()
    gone = [plan.output_of_tuning(step) for step in plan.tuning_steps.values() if not records.is_true(plan, step)]
    assert len(gone) == 2  # the markers of the two that held them
    assert set(markers.discard_false(plan)) == set(gone)
    place.tune()
    assert _files(tmp_path) == before
    again = {n: records.trial_file(plan, search, n).stat().st_mtime_ns for n in range(6)}
    assert {n for n in times if times[n] != again[n]} == {0, 3}


def test_a_run_tuned_with_other_settings_than_are_best_now_is_not_trained() -> None:
    place = _place().prepare().tune().train()
    plan, run = place.plan, place.run("non-saturating-tuned")
    assert markers.is_trained(plan, run)
    (search,) = plan.searches.values()
    path = plan.best(search)
    content = json.loads(path.read_text())
    files.write_json(path, {**content, "number": 5})
    assert not markers.is_trained(plan, run)
    path.unlink()
    assert not markers.is_trained(plan, run)
    with pytest.raises(best.NotTunedError, match=r"best\.json: not what this search found"):
        best.settled(plan, run)


def test_a_trial_that_diverges_is_a_result_and_the_worst() -> None:
    space = {"optimizer": None, "optimizer.lr": ["choice", 1e-3, 1e30], "optimizer.name": ["choice", "sgd", "rmsprop"]}
    space |= {"optimizer.betas[0]": None, "n_critic": None}
    place = _place(tuning={"space": {k: v for k, v in space.items() if k != "optimizer"}, "sampler": "random"})
    place.prepare().tune()
    (search,) = place.plan.searches.values()
    trials = records.everything(place.plan, search)
    broken = [trial for trial in trials if trial["values"]["optimizer.lr"] == 1e30]
    assert broken
    assert {trial["status"] for trial in broken} == {"diverged"}
    assert all(trial["reason"] and trial["objectives"] == {"fd_validation_50": None} for trial in broken)
    assert json.loads(place.plan.best(search).read_text())["number"] not in [t["number"] for t in broken]


@pytest.mark.parametrize("engine", ["single", "auto"])
def test_a_bug_fails_those_it_meets_leaves_their_logs_and_no_marker(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    from ganbench.tune import trials

    place = _place(training={"engine": engine}, tuning={"space": {"n_critic": None}}).prepare()
    plan = place.plan
    steps = list(plan.tuning_steps.values())
    assert command.carry_out(plan, steps[0], lambda: tiny.CPU)
    (search,) = plan.searches.values()
    whole = trials.Bench._goes_on

    def broken(self: trials.Bench, attempt: trials.Attempt, session: Any) -> bool:
        if attempt.trial.asked["number"] == 1:
            raise ValueError("a bug of mine")
        return whole(self, attempt, session)

    with monkeypatch.context() as patch:
        patch.setattr(trials.Bench, "_goes_on", broken)
        assert not command.carry_out(plan, steps[1], lambda: tiny.CPU)
    logs = [records.trial_file(plan, search, number).with_suffix(".log") for number in (0, 1)]
    assert "a bug of mine" in logs[1].read_text()
    assert records.is_finished(plan, search, 0) == (engine == "single") != logs[0].exists()  # a pack fails as a whole
    assert not plan.output_of_tuning(steps[1]).exists()
    assert command.carry_out(plan, steps[1], lambda: tiny.CPU)
    assert not any(log.exists() for log in logs)


def test_the_best_setting_can_be_pasted_into_a_study() -> None:
    methods = [{"name": "wgan-gp", "on_points": {"optimizer": {"lr": 3e-4}}, "n_critic": 2}]
    place = _place(methods=methods).prepare().tune()
    plan = place.plan
    (search,) = plan.searches.values()
    found = json.loads(plan.best(search).read_text())
    pasted = yaml.safe_load(plan.best(search).with_suffix(".yaml").read_text())
    fixed = tiny.place(methods=pasted).plan
    assert [run.method for run in fixed.runs] == ["wgan-gp-tuned"]
    assert fixed.runs[0].spec["method"] == found["method"]
    assert fixed.runs[0].spec["architecture"] == found["architecture"]


def test_of_several_objectives_the_front_is_kept_and_the_winner_has_the_best_ranks() -> None:
    search = _search(objective=["fd", "modes"])
    found = [[1.0, 2.0], [2.0, 4.0], [3.0, 8.0], [3.5, 7.0], [9.0, 8.0], None]
    trials = [_record(search, n, search.own, of, "ok" if of else "diverged") for n, of in enumerate(found)]
    assert best.front(search, trials) == [0, 1, 2]
    assert best.winner(search, trials) == 2  # ranks (0, 5), (1, 4), (2, 0): counts of better trials
    assert best.winner(search, [_record(search, 0, {}, None, "diverged")]) == 0
    even = [_record(search, n, search.own, [1.0, 1.0]) for n in range(3)]
    assert best.winner(search, even) == 0


def test_halving_ends_what_is_worse_than_earlier_generations_at_the_same_evaluation() -> None:
    search = _search(pruning={"name": "halving", "reduction": 2}, seeds=[100])

    def referee(earlier: list[Record], number: int) -> pruning.Referee:
        return pruning.referee(search, number, earlier)

    earlier = []
    for number, value in enumerate((1.0, 2.0)):
        judge = referee([], number)  # the first generation is never pruned: it knows nobody
        assert [judge.at_evaluation(place, value) for place in (1, 2, 3, 4)] == [False] * 4
        record = _record(search, number, search.own, [value])
        earlier.append({**record, "reported": judge.reported, "rungs": judge.rungs})
    assert earlier[0]["rungs"] == {"completed_rung_0": 1.0, "completed_rung_1": 1.0, "completed_rung_2": 1.0}
    assert referee(earlier, 2).at_evaluation(1, 3.0)
    good = referee(earlier, 2)
    assert [good.at_evaluation(place, 0.5) for place in (1, 2, 3, 4)] == [False] * 4
    late = referee(earlier, 3)
    assert not late.at_evaluation(1, 0.5)
    assert late.at_evaluation(2, 3.0)
    last = referee(earlier, 3)
    assert [last.at_evaluation(place, value) for place, value in ((1, 0.5), (2, 0.5), (3, 0.5), (4, 9.0))][-1] is False


def test_wilcoxon_ends_what_is_worse_on_four_seeds_of_five() -> None:
    search = _search(pruning="wilcoxon", seeds=[100, 101, 102, 103, 104])
    record = _record(search, 0, search.own, [1.0])
    known = [{**record, "reported": {str(place): 1.0 + place / 100 for place in range(1, 6)}}]
    worse, equal = pruning.referee(search, 2, known), pruning.referee(search, 2, known)
    assert [worse.at_seed(place, 2.0 + place / 50) for place in range(1, 5)] == [False, False, False, True]
    assert not any(equal.at_seed(place, 1.0 + place / 100) for place in range(1, 6))


def test_hyperband_deals_trials_to_brackets_by_their_number() -> None:
    search = _search(pruning={"name": "hyperband", "reduction": 2}, trials=12, generations=2, seeds=[100])
    rungs = set()
    for number in range(6):
        judge = pruning.referee(search, number, [])
        for place in (1, 2, 3, 4):
            judge.at_evaluation(place, 1.0)
        rungs.add(len(judge.rungs))
    assert len(rungs) > 1


def test_pruning_saves_steps_and_the_record_says_so() -> None:
    place = _place(tuning={"pruning": {"name": "halving", "reduction": 2}, "trials": 9, "sampler": "random"})
    place.prepare().tune()
    (search,) = place.plan.searches.values()
    pruned = [t for t in records.everything(place.plan, search) if t["status"] == "pruned"]
    assert pruned
    assert all(t["number"] >= 3 and "hopeless at evaluation" in t["reason"] for t in pruned)
    assert all(sum(s["steps"] for s in t["seeds"]) < 8 for t in pruned)


def _workers(place: tiny.Place) -> None:
    for step in place.plan.tuning_steps.values():
        assert command.carry_out(place.plan, step, lambda: tiny.CPU)


@pytest.mark.parametrize("url", [None, "sqlite:///trials.db"])
def test_workers_with_a_storage_do_exactly_the_budget(url: str | None) -> None:
    extra = {} if url is None else {"storage": url}
    place = _place(tuning={"backend": "storage", **extra}).prepare()
    _workers(place)
    (search,) = place.plan.searches.values()
    trials = records.everything(place.plan, search)
    assert [t["number"] for t in trials] == list(range(6))
    assert trials[0]["values"] == search.own
    assert all(records.is_true(place.plan, step) for step in place.plan.tuning_steps.values())
    place.train()
    assert markers.is_trained(place.plan, place.run("non-saturating-tuned"))


@pytest.mark.parametrize("url", [None, "sqlite:///trials.db"])
def test_a_storage_is_mended_when_it_is_opened_again(url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import optuna

    extra = {} if url is None else {"storage": url}
    place = _place(tuning={"backend": "storage", "workers": 1, **extra}).prepare()
    plan = place.plan
    opening, working, choosing = plan.tuning_steps.values()
    (search,) = plan.searches.values()
    command.carry_out(plan, opening, lambda: tiny.CPU)
    study = storage._load(plan, search, 0)
    for _ in range(2):  # two workers take a slot and are killed
        asking.fill(study.ask(), search)
    journal = storage._journal(plan, search)
    if url is None:
        journal.write_bytes(journal.read_bytes() + b'{"op_code": 4, "wor')  # in the middle of a line
        journal.with_name(f"{journal.name}.lock").symlink_to(journal.name)
    monkeypatch.setattr(storage, "HEARTBEAT", 1)
    monkeypatch.setattr(storage, "GRACE", 1)
    command.carry_out(plan, opening, lambda: tiny.CPU)
    states = [trial.state.name for trial in storage._load(plan, search, 0).get_trials()]
    if url is None:
        assert states == ["FAIL", "FAIL", "WAITING", "WAITING", "WAITING", "WAITING", "WAITING", "WAITING"]
        command.carry_out(plan, working, lambda: tiny.CPU)
        command.carry_out(plan, choosing, lambda: tiny.CPU)
        assert [t["number"] for t in records.everything(plan, search)] == list(range(6))
        assert optuna.trial.TrialState.RUNNING.name not in [
            trial.state.name for trial in storage._load(plan, search, 0).get_trials()
        ]


def test_a_journal_for_the_dashboard_holds_every_trial(capsys: pytest.CaptureFixture[str]) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    from ganbench import cli

    place = _place(tuning={"space": {"optimizer.lr": ["choice", 1e-3, 1e30]}, "sampler": "random"}).prepare().tune()
    assert cli.main(["journal", "study.yaml", "trials.journal"]) == 0
    assert "optuna-dashboard trials.journal" in capsys.readouterr().out
    kept = JournalStorage(JournalFileBackend("trials.journal"))
    (name,) = optuna.get_all_study_names(kept)
    study = optuna.load_study(study_name=name, storage=kept)
    assert len(study.trials) == 6
    (search,) = place.plan.searches.values()
    assert study.best_trial.number == json.loads(place.plan.best(search).read_text())["number"]
    assert cli.main(["journal", "study.yaml", "trials.journal"]) == 1
    assert "is there already" in capsys.readouterr().err


def test_a_step_of_another_study_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from ganbench import cli

    plan: Plan = _place().plan
    step = next(iter(plan.tuning_steps.values()))
    assert cli.main(["tune", "study.yaml", step.id, "--digest", "0" * 64]) == 1
    assert "changed since this workflow was planned" in capsys.readouterr().err
    assert cli.main(["tune", "study.yaml", "ring8/mlp/nothing"]) == 1
    assert specs.digest(step.digest) != step.digest
