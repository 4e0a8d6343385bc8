"""A study is validated as a whole before anything runs: every problem, where it is, and what would be right."""

import copy
import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import SMALL, StudyFile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ganbench import method, plugins, runs, sections, study
from ganbench.study import Study, StudyError


def _problems(path: Path) -> list[tuple[str, str]]:
    """Where and what; an empty list for a good study."""
    try:
        runs.plan(path)
    except StudyError as error:
        said, problems = str(error), error.problems
    else:
        return []
    assert said.startswith(f"{path}: {len(problems)} problem")
    assert all(f"{problem.where}: {problem.message}" in said for problem in problems)
    return [(problem.where, problem.message) for problem in problems]


def test_the_small_study_is_fine_so_that_the_others_fail_for_their_own_reason(study_file: StudyFile) -> None:
    assert _problems(study_file()) == []


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        ({"seed": [0]}, "seed", "did you mean 'seeds'?"),
        ({"training": {"generator_steps": 1, "batchsize": 2}}, "training.batchsize", "did you mean 'batch_size'?"),
        ({"evaluation": {"sample": 5}}, "evaluation.sample", "did you mean 'samples'?"),
        ({"methods": [{"name": "wgan", "n_citric": 5}]}, "methods[0].n_citric", "did you mean 'n_critic'?"),
        (
            {"methods": [{"name": "wgan", "on_points": {"n_citric": 5}}]},
            "methods[0].on_points.n_citric",
            "did you mean 'n_critic'?",
        ),
        ({"shared_optimizer": {"name": "adam", "lr": 1e-3, "beta": 1}}, "shared_optimizer.beta", "mean 'betas'?"),
        ({"shared_optimizer": {"name": "rmsprop", "lr": 1e-3, "alfa": 1}}, "shared_optimizer.alfa", "mean 'alpha'?"),
        (
            {"methods": ["minimax", {"name": "wgan", "generator_optimizer": {"alfa": 0.9}}]},
            "methods[1].generator_optimizer.alfa",
            "did you mean 'alpha'?",
        ),
        (
            {"methods": [{"name": "wgan-gp", "penalty": {"wieght": 1.0}}]},
            "methods[0].penalty.wieght",
            "did you mean 'weight'?",
        ),
        ({"architectures": [{"name": "mlp", "noise": 3}]}, "architectures[0].noise", "did you mean 'noise_dim'?"),
        ({"datasets": [{"name": "ring8", "sigmo": 3}]}, "datasets[0].sigmo", "did you mean 'sigma'?"),
        (
            {"datasets": [{"name": "ring8", "training": {"batchsize": 3}}]},
            "datasets[0].training.batchsize",
            "did you mean 'batch_size'?",
        ),
    ],
)
def test_an_unknown_key_comes_with_its_path_and_the_closest(
    study_file: StudyFile, changes: dict[str, Any], where: str, said: str
) -> None:
    found = _problems(study_file(**changes))
    assert [place for place, _ in found] == [where]
    assert said in found[0][1]


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        ({"datasets": ["rng8"]}, "datasets[0]", "unknown dataset 'rng8'; did you mean 'ring8'?"),
        ({"architectures": ["mpl"]}, "architectures[0]", "unknown architecture 'mpl'; did you mean 'mlp'?"),
        (
            {"datasets": [{"name": "ring8", "architectures": ["mpl"]}]},
            "datasets[0].architectures[0]",
            "unknown architecture 'mpl'; did you mean 'mlp'?",
        ),
        ({"methods": ["wgan_gp"]}, "methods[0]", "unknown method 'wgan_gp'; did you mean 'wgan-gp'?"),
        ({"methods": [{"name": "ttur", "base": "wgn"}]}, "methods[0]", "unknown method 'wgn'; did you mean 'wgan'?"),
        (
            {"methods": [{"name": "wgan", "loss": "waserstein"}]},
            "methods[0].loss",
            "unknown loss 'waserstein'; did you mean 'wasserstein'?",
        ),
        (
            {"methods": [{"name": "wgan", "penalty": "gradient_penalty"}]},
            "methods[0].penalty",
            "unknown penalty 'gradient_penalty'; did you mean 'gradient-penalty'?",
        ),
        (
            {"methods": [{"name": "wgan", "constraint": {"name": "clipping"}}]},
            "methods[0].constraint",
            "unknown constraint 'clipping'; did you mean 'weight-clipping'?",
        ),
        (
            {"evaluation": {"metrics": ["modes-captured", "mode-captured"]}},
            "evaluation.metrics[1]",
            "unknown metric 'mode-captured'; did you mean 'modes-captured'?",
        ),
        (
            {"datasets": [{"name": "ring8", "evaluation": {"metrics": ["mode-captured"]}}]},
            "datasets[0].evaluation.metrics[0]",
            "unknown metric 'mode-captured'; did you mean 'modes-captured'?",
        ),
    ],
)
def test_an_unknown_plugin_comes_with_the_closest_name(
    study_file: StudyFile, changes: dict[str, Any], where: str, said: str
) -> None:
    found = _problems(study_file(**changes))
    assert [place for place, _ in found] == [where]
    assert said in found[0][1]


def test_an_unknown_optimizer_comes_with_the_known_ones(study_file: StudyFile) -> None:
    found = _problems(study_file(shared_optimizer={"name": "adamm", "lr": 1e-3}))
    assert [where for where, _ in found] == ["shared_optimizer"]
    assert all(word in found[0][1] for word in ("'adamm'", "'adam'", "'rmsprop'", "'sgd'"))


def _method(**keys: Any) -> dict[str, Any]:
    return {"methods": ["minimax", {"name": "wgan", **keys}]}


def _snapshots(given: Any) -> dict[str, Any]:
    return {"training": {**SMALL["training"], "snapshots": given}}


@pytest.mark.parametrize(
    ("changes", "where", "value"),
    [
        ({"seeds": "three"}, "seeds", "'three'"),
        ({"seeds": [0, True]}, "seeds[1]", "True"),
        ({"seeds": [-1]}, "seeds[0]", "-1"),
        ({"seeds": [1.5]}, "seeds[0]", "1.5"),
        ({"training": {"generator_steps": "100"}}, "training.generator_steps", "'100'"),
        ({"training": {"generator_steps": 0}}, "training.generator_steps", "0"),
        ({"training": [1]}, "training", "[1]"),
        ({"evaluation": {"samples": 1}}, "evaluation.samples", "1"),
        ({"device": "gpu"}, "device", "'gpu'"),
        ({"datasets": "ring8"}, "datasets", "'ring8'"),
        ({"datasets": [{"name": "ring8", "training": {"batch_size": -3}}]}, "datasets[0].training.batch_size", "-3"),
        ({"datasets": [{"name": "ring8", "evaluation": {"samples": 1}}]}, "datasets[0].evaluation.samples", "1"),
        ({"datasets": [{"name": "ring8", "training": None}]}, "datasets[0].training", "None"),
        ({"datasets": [{"name": "ring8", "sigma": -1.0}]}, "datasets[0].sigma", "-1.0"),
        ({"datasets": [{"name": "ring8", "sigma": float("inf")}]}, "datasets[0].sigma", "inf"),
        ({"architectures": [{"name": "mlp", "noise_dim": "64"}]}, "architectures[0].noise_dim", "'64'"),
        ({"architectures": [{"name": "mlp", "label": 3}]}, "architectures[0].label", "3"),
        (_method(generator_optimizer={"lr": -1}), "methods[1].generator_optimizer.lr", "-1"),
        (_method(generator_optimizer={"lr": True}), "methods[1].generator_optimizer.lr", "True"),
        (_method(generator_optimizer={"lr": "high"}), "methods[1].generator_optimizer.lr", "'high'"),
        (_method(generator_optimizer={"lr": float("inf")}), "methods[1].generator_optimizer.lr", "inf"),
        (_method(n_critic=True), "methods[1].n_critic", "True"),
        (_method(constraint={"bound": 0}), "methods[1].constraint.bound", "0"),
        (_method(loss=5), "methods[1].loss", "5"),
        (_method(on_points=5), "methods[1].on_points", "5"),
        ({"shared_optimizer": {"name": "adam", "lr": 1e-3, "betas": [0.5, 1]}}, "shared_optimizer.betas[1]", "1"),
        ({"evaluation": {"metrics": [["modes-captured"]]}}, "evaluation.metrics[0]", "['modes-captured']"),
        ({"evaluation": {"metrics": [{"name": 5}]}}, "evaluation.metrics[0].name", "5"),
        ({"evaluation": {"metrics": [{"name": [1]}]}}, "evaluation.metrics[0].name", "[1]"),
        ({"evaluation": {"metrics": [{"name": "fd", "samples": True}]}}, "evaluation.metrics[0].samples", "True"),
        ({"evaluation": {"metrics": [{"name": "fd", "samples": 1}]}}, "evaluation.metrics[0].samples", "1"),
        ({"evaluation": {"metrics": [{"name": "fd", "extractor": 5}]}}, "evaluation.metrics[0].extractor", "5"),
        ({"evaluation": {"metrics": "fd"}}, "evaluation.metrics", "'fd'"),
        ({"evaluation": {"extractor": [1]}}, "evaluation.extractor", "[1]"),
        ({"evaluation": {"threshold": float("nan")}}, "evaluation.threshold", "nan"),
        ({"evaluation": {"threshold": "low"}}, "evaluation.threshold", "'low'"),
        ({"evaluation": {"snapshot_samples": 1}}, "evaluation.snapshot_samples", "1"),
        ({"evaluation": {"snapshot_samples": None}}, "evaluation.snapshot_samples", "None"),
        ({"extractors": "cnn"}, "extractors", "'cnn'"),
        ({"extractors": [5]}, "extractors[0]", "5"),
        ({"extractors": [{"name": "cnn", "label": "a b"}]}, "extractors[0].label", "'a b'"),
        ({"extractors": [{"name": "cnn", "label": 5}]}, "extractors[0].label", "5"),
        (_snapshots(-1), "training.snapshots", "-1"),
        (_snapshots("all"), "training.snapshots", "'all'"),
        (_snapshots(True), "training.snapshots", "True"),
        (_snapshots(1.5), "training.snapshots", "1.5"),
        (_snapshots(None), "training.snapshots", "None"),
        (_snapshots({"a": 1}), "training.snapshots", "{'a': 1}"),
        (_snapshots([5, 5, 0]), "training.snapshots[2]", "0"),
        (_snapshots([True]), "training.snapshots[0]", "True"),
        (
            {"datasets": [{"name": "ring8", "training": {"snapshots": [0]}}]},
            "datasets[0].training.snapshots[0]",
            "0",
        ),
        (_method(ema=1), "methods[1].ema", "1"),
        (_method(ema="slow"), "methods[1].ema", "'slow'"),
    ],
)
def test_a_wrong_value_is_one_problem_with_its_path_and_the_value(
    study_file: StudyFile, changes: dict[str, Any], where: str, value: str
) -> None:
    found = _problems(study_file(**changes))
    assert [place for place, _ in found] == [where]
    assert value in found[0][1]


@pytest.mark.parametrize("key", ["datasets", "architectures", "methods", "seeds", "settings"])
def test_an_empty_list_is_a_problem(study_file: StudyFile, key: str) -> None:
    found = _problems(study_file(**{key: [], "shared_optimizer": {"name": "adam", "lr": 1e-3}}))
    assert [where for where, _ in found] == [key]


def test_an_empty_list_of_a_dataset_or_of_metrics_is_a_problem(study_file: StudyFile) -> None:
    found = _problems(study_file(datasets=[{"name": "ring8", "architectures": []}]))
    assert [where for where, _ in found] == ["datasets[0].architectures"]
    found = _problems(study_file(evaluation={"metrics": []}))
    assert [where for where, _ in found] == ["evaluation.metrics"]


@pytest.mark.parametrize("key", ["study", "datasets", "architectures", "methods", "seeds", "training"])
def test_what_every_study_needs_is_asked_for(study_file: StudyFile, key: str) -> None:
    found = _problems(study_file(**{key: ...}))
    assert (key, "this key is required") in found


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        ({"seeds": [0, 7, 7]}, "seeds", "seed 7 appears 2 times"),
        ({"methods": ["wgan", {"name": "wgan", "n_critic": 1}]}, "methods", "'wgan' appears 2 times"),
        ({"datasets": ["ring8", {"name": "grid25", "label": "ring8"}]}, "datasets", "'ring8' appears 2 times"),
        ({"architectures": ["mlp", {"name": "mlp", "noise_dim": 2}]}, "architectures", "'mlp' appears 2 times"),
        (
            {"datasets": [{"name": "ring8", "architectures": ["mlp", {"name": "mlp", "noise_dim": 2}]}]},
            "datasets[0].architectures",
            "'mlp' appears 2 times",
        ),
        (
            {"settings": ["own", "own"], "shared_optimizer": {"name": "adam", "lr": 1e-3}},
            "settings",
            "'own' appears 2 times",
        ),
        (
            {"methods": ["wgan", {"name": "minimax", "label": "wgan-shared"}]}
            | {"shared_optimizer": {"name": "adam", "lr": 1e-3}},
            "methods[1].label",
            "wgan-shared",
        ),
        ({"study": "datasets"}, "study", "choose another name"),
        ({"study": "extractors"}, "study", "choose another name"),
        ({"study": "features"}, "study", "choose another name"),
        ({"extractors": ["cnn", "cnn"]}, "extractors", "'cnn' appears 2 times"),
    ],
)
def test_two_things_of_one_name_are_a_problem(
    study_file: StudyFile, changes: dict[str, Any], where: str, said: str
) -> None:
    found = _problems(study_file(**changes))
    assert [place for place, _ in found] == [where]
    assert said in found[0][1]


def test_the_same_plugin_twice_is_fine_with_labels(study_file: StudyFile) -> None:
    twins = [{"name": "wgan"}, {"name": "wgan", "label": "wgan-1", "n_critic": 1}]
    assert _problems(study_file(methods=twins)) == []


def test_a_pair_that_is_asked_for_and_cannot_be_is_a_problem(study_file: StudyFile) -> None:
    datasets = [{"name": "digits", "architectures": ["dcgan"]}, {"name": "ring8", "architectures": ["mlp", "dcgan"]}]
    found = _problems(study_file(datasets=datasets))
    assert found == [("datasets[1].architectures[1]", "'dcgan': dcgan makes images, ring8 holds points")]


def test_a_dataset_can_have_architectures_of_its_own(study_file: StudyFile) -> None:
    path = study_file(datasets=["ring8", {"name": "digits", "architectures": [{"name": "dcgan", "width": 8}]}])
    assert {run.cell.rsplit("/", 1)[0] for run in runs.plan(path).runs} == {"ring8/mlp", "digits/dcgan"}


def test_an_architecture_that_fits_no_dataset_is_a_problem(study_file: StudyFile) -> None:
    found = _problems(study_file(architectures=["mlp", "dcgan"]))
    assert found == [("architectures[1]", "'dcgan' fits none of the datasets that use this list")]


def test_a_dataset_that_no_architecture_fits_is_a_problem(study_file: StudyFile) -> None:
    found = _problems(study_file(architectures=["dcgan"]))
    assert [where for where, _ in found] == ["datasets[0]"]
    assert "no architecture fits 'ring8'" in found[0][1]


def test_metrics_of_which_none_applies_are_a_problem(study_file: StudyFile) -> None:
    found = _problems(study_file(evaluation={"metrics": ["classifier-score"]}))
    assert found == [("evaluation.metrics[0]", "classifier-score measures images, ring8 holds points")]


def test_five_problems_are_reported_at_once(study_file: StudyFile) -> None:
    path = study_file(
        sed=[0],
        datasets=["rng8"],
        architectures=[{"name": "mlp", "noise_dim": -1}],
        methods=["minimax", {"name": "wgan", "generator_optimizer": {"lr": -1}}],
        training={"generator_steps": "many"},
    )
    assert {where for where, _ in _problems(path)} == {
        "sed",
        "datasets[0]",
        "architectures[0].noise_dim",
        "methods[1].generator_optimizer.lr",
        "training.generator_steps",
    }


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"seeds": [0, 0]}, "seeds"),
        ({"methods": ["wgan", "wgan"]}, "methods"),
        ({"study": "datasets"}, "study"),
        ({"training": {"batch_size": 3}}, "training"),
        ({"settings": ["shared"]}, "settings"),
        ({"datasets": [{"name": "ring8", "architectures": ["dcgan"]}]}, "datasets[0].architectures[0]"),
    ],
)
def test_what_contradicts_itself_is_reported_beside_a_mistyped_key(
    study_file: StudyFile, changes: dict[str, Any], where: str
) -> None:
    assert {where for where, _ in _problems(study_file(**changes, devise="cpu"))} == {where, "devise"}


def test_two_kinds_of_contradictions_are_reported_at_once(study_file: StudyFile) -> None:
    found = _problems(study_file(seeds=[0, 0], datasets=[{"name": "ring8", "architectures": ["dcgan"]}]))
    assert {where for where, _ in found} == {"seeds", "datasets[0].architectures[0]"}


def test_a_broken_plugin_file_does_not_make_the_others_unknown(study_file: StudyFile, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("class Loss: ...\n")
    (tmp_path / "bad.py").write_text("class Loss:\n    x: int = = 1\n")
    path = study_file(plugins=["good.py", "bad.py"], methods=[{"name": "wgan", "loss": "good"}])
    assert [where for where, _ in _problems(path)] == ["plugins[1]"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Architecture:\n    noise_dim: PositiveInt = 3\n", "kinds"),
        ("class Metric: ...\n", "kinds"),
    ],
)
def test_a_plugin_without_a_trait_that_planning_needs_is_a_problem(
    study_file: StudyFile, tmp_path: Path, source: str, said: str
) -> None:
    (tmp_path / "mine.py").write_text(source)
    found = _problems(study_file(plugins=["mine.py"], datasets=["ring8"], architectures=["mlp"]))
    assert [where for where, _ in found] == ["plugins[0]"]
    assert said in found[0][1]


def test_a_missing_plugin_file_is_a_problem(study_file: StudyFile) -> None:
    found = _problems(study_file(plugins=["nowhere.py"]))
    assert [where for where, _ in found] == ["plugins[0]"]
    assert "cannot read this plugin file" in found[0][1]


@pytest.mark.parametrize("steps", [{}, {"generator_steps": 5, "discriminator_steps": 5}])
def test_exactly_one_kind_of_step_is_given(study_file: StudyFile, steps: dict[str, int]) -> None:
    found = _problems(study_file(training=steps))
    assert found == [("training", "give exactly one of generator_steps and discriminator_steps")]
    found = _problems(study_file(datasets=["grid25", {"name": "ring8", "training": {**steps, "log_every": 1}}]))
    assert [where for where, _ in found] == (["datasets[1].training"] if steps else [])


def test_a_dataset_overrides_training_and_evaluation(study_file: StudyFile) -> None:
    other = {
        "name": "grid25",
        "training": {"discriminator_steps": 70, "log_every": 7, "snapshots": 2},
        "evaluation": {"samples": 33, "metrics": ["reverse-kl"]},
    }
    plan = runs.plan(study_file(datasets=["ring8", other], methods=["minimax"], seeds=[0]))
    budgets = {run.dataset: run.spec["training"] for run in plan.runs}
    assert budgets == {
        "ring8": {"generator_steps": 10, "batch_size": 8, "log_every": 50, "snapshots": list(range(1, 10))},
        "grid25": {"generator_steps": 70, "batch_size": 8, "log_every": 7, "snapshots": [35]},
    }
    assert {key: dataset.evaluation.samples for key, dataset in plan.datasets.items()} == {"ring8": 100, "grid25": 33}
    assert list(plan.datasets["grid25"].measures) == ["rkl_33"]
    assert len(plan.datasets["ring8"].measures) > 1


def test_shared_settings_need_a_shared_optimizer(study_file: StudyFile) -> None:
    found = _problems(study_file(settings=["shared"]))
    assert [where for where, _ in found] == ["settings"]
    assert "shared_optimizer" in found[0][1]


@pytest.mark.parametrize(
    "evil",
    [
        *("../x", "a/b", "/etc", "$(rm)", "<script>", "a b", "", ".", "..", ".hidden", "-rf"),
        *("a\n", "a\\b", "é", "x" * 65, "{x}", "*", "a;b", "a'b", 'a"b', "\ud800"),
    ],
)
@pytest.mark.parametrize("where", ["study", "datasets", "architectures", "methods"])
def test_labels_that_could_do_harm_are_refused(study_file: StudyFile, where: str, evil: str) -> None:
    name = SMALL[where][0] if where != "study" else None
    path = study_file(**{where: evil if where == "study" else [{"name": name, "label": evil}]})
    assert _problems(path)


@pytest.mark.parametrize("label", ["a", "7", "wgan-gp_2.0+x", "x" * 64])
def test_labels_of_letters_digits_and_a_few_signs_are_fine(study_file: StudyFile, label: str) -> None:
    plan = runs.plan(study_file(study=label, methods=[{"name": "wgan", "label": label}]))
    assert (plan.study.study, plan.runs[0].method) == (label, label)


@pytest.mark.parametrize("section", ["datasets", "architectures", "methods"])
def test_settings_are_written_inline_and_not_smuggled_past_the_checks(study_file: StudyFile, section: str) -> None:
    entry = {"name": SMALL[section][0], "label": "x", "settings": {"sigma": "a", "noise_dim": "a", "n_critic": "a"}}
    assert _problems(study_file(**{section: [entry]}))


@pytest.mark.parametrize(
    "changes", [{"sed": 3}, {"datasets": ["rng8"]}, {"seeds": [0, 0]}, {"architectures": ["dcgan"]}]
)
def test_a_bad_study_writes_nothing(
    study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    path = study_file(**changes)
    monkeypatch.chdir(tmp_path)
    before = path.stat().st_mtime_ns
    assert _problems(path)
    assert list(tmp_path.rglob("*")) == [path]
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["", "- 1", "a: 1\na: 2", "a: [", "\ta: 1"])
def test_a_file_that_is_no_mapping_is_one_problem_of_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    assert [where for where, _ in _problems(path)] == ["file"]
    assert [where for where, _ in _problems(tmp_path / "nowhere.yaml")] == ["file"]


RICH: dict[str, Any] = {
    **SMALL,
    "datasets": ["ring8", {"name": "digits", "size": 16, "training": {"generator_steps": 5}}],
    "architectures": ["mlp", {"name": "dcgan", "label": "conv", "width": 8}],
    "methods": [
        "ttur",
        {"name": "wgan-gp", "label": "gp", "penalty": {"weight": 1.0}, "on_points": {"n_critic": 2}},
        {"name": "wgan", "optimizer": {"lr": 1e-3, "alpha": 0.9}, "loss": {"name": "wasserstein"}, "ema": 0.9},
    ],
    "training": {**SMALL["training"], "snapshots": [2, 5]},
    "evaluation": {
        "samples": 100,
        "metrics": ["modes-captured", "hq_rule=box_50", {"name": "classifier-score", "extractor": "mine"}, "fd_cnn"],
        "snapshot_samples": 50,
        "threshold": 0.5,
    },
    "extractors": ["cnn", {"name": "cnn", "label": "mine"}],
    "shared_optimizer": {"name": "adam", "lr": 2e-4, "betas": [0.5, 0.9]},
    "settings": ["own", "shared"],
}
WORDS = sorted(
    {
        *Study.model_fields,
        *study.DatasetEntry.model_fields,
        *sections.Training.model_fields,
        *sections.Evaluation.model_fields,
        *sections.MetricEntry.model_fields,
    }
    | {"fd", "fd_cnn_10k", "hq_rule=box", "is_digits-cnn_splits=3"}
    | {*method.KEYS, *method.Adam.model_fields, *plugins.discover().recipes}
    | {name for cards in plugins.discover().cards.values() for name in cards}
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 100),
    st.sampled_from([1e-3, -1.0, float("nan"), float("inf"), 10**30, datetime.date(2024, 1, 1), b"x"]),
    st.sampled_from(WORDS),
    st.text("ab/.<$ é\n\0", max_size=4),
)
KEYS = st.one_of(
    st.sampled_from(WORDS), st.none(), st.integers(0, 2), st.text("ab.", max_size=2), st.just(datetime.date(2024, 1, 1))
)
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2), max_leaves=4
)


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) within a nest of dicts and lists."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    return [(node, key) for key in keys] + [place for key in keys for place in _places(node[key])]


@st.composite
def _mutated(draw: st.DrawFn) -> dict[str, Any]:
    content = copy.deepcopy(RICH)
    for _ in range(draw(st.integers(1, 3))):
        places = _places(content)
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["drop", "replace", "add"]))
        if how == "replace":
            container[key] = draw(JUNK)
        elif how == "drop":
            del container[key]
        elif isinstance(container, dict):
            container[draw(KEYS)] = draw(JUNK)
        else:
            container.append(draw(JUNK))
    return content


def test_the_rich_study_is_fine(study_file: StudyFile) -> None:
    assert _problems(study_file(**RICH)) == []


@settings(max_examples=200)
@given(_mutated())
@example({**RICH, "training": {datetime.date(2024, 1, 1): 3}})
@example({**RICH, "evaluation": {"metrics": [{}]}})
@example({**RICH, "datasets": [{"name": "ring8", "sigma": float("inf")}]})
@example({**RICH, "datasets": [{"name": "ring8", "evaluation": {"metrics": ["typo"]}}]})
@example({**RICH, "methods": [{"name": "wgan", "label": "w", "settings": {"n_critic": -3}}]})
@example({**RICH, "methods": [{"name": "wgan", "on_images": 5}]})
@example({**RICH, "evaluation": {"metrics": [{"name": [1]}]}})
@example({**RICH, "evaluation": {"metrics": ["fd_x=["]}})
@example({**RICH, "evaluation": {"metrics": ["fd_x=" + "[" * 100_000]}})
@example({**RICH, "training": {"generator_steps": 10, "snapshots": 10**12}})
def test_any_study_is_a_plan_or_a_study_error(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    try:
        plan = runs.plan(path)
    except StudyError:
        return
    assert len({run.id for run in plan.runs}) == len(plan.runs) > 0
    assert all(run.digest and run.evaluation_digest for run in plan.runs)


def test_one_mistake_in_a_method_hides_no_other_and_keys_are_named_as_written(study_file: StudyFile) -> None:
    entry = {"name": "wgan-gp", "penalty": {"weigth": 3}, "optimizer": {"lr": "fast"}, "n_citric": 2}
    places = [place for place, _ in _problems(study_file(methods=[entry]))]
    assert sorted(places) == ["methods[0].n_citric", "methods[0].optimizer.lr", "methods[0].penalty.weigth"]


def test_a_metric_named_twice_is_a_problem(study_file: StudyFile) -> None:
    found = _problems(study_file(evaluation={"metrics": ["reverse-kl", "reverse-kl"]}))
    assert found == [("evaluation.metrics[1]", "the same as metrics[0]: both are rkl_10k")]
