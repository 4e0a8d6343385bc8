"""How a dataset is measured: by which metrics, through which extractors; and what planning refuses."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SMALL, StudyFile

from ganbench import plugins, runs, traits, weights
from ganbench.problems import StudyError
from ganbench.runs import Plan

IMAGES: dict[str, Any] = {"datasets": ["digits"]}
INCEPTION = "inception-v3-compat"

FIXED = '''
"""Pixels as they are."""
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Extractor:
    """Pixels."""
    provides: ClassVar[tuple[str, ...]] = ()
    scale: float = 1.0
    weights: tuple[float, ...] = (1.0,)

    def fixed(self, shape): ...
'''

METRIC = '''
"""A metric of one's own."""
from dataclasses import dataclass
from typing import ClassVar

@dataclass(frozen=True)
class Metric:
    """Nothing."""
    kinds: ClassVar[tuple[str, ...]] = ("points", "images")
    needs: ClassVar[tuple[str, ...]] = ()
    short: ClassVar[str] = "mine"
    title: ClassVar[str] = "Mine"
    direction: ClassVar[str] = "lower"
    unit: ClassVar[str] = ""
    range: ClassVar[str] = "0 to 1"
    floor: ClassVar[str] = "0"
    minimum: ClassVar[int] = 50
    citation: ClassVar[str] = "me"
    order: ClassVar[int] = 1000

    def __call__(self, fake, real): ...
'''


@pytest.fixture(autouse=True)
def _no_network_and_no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "reachable", lambda _: False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("GANBENCH_INCEPTION", raising=False)


def problems(path: Path) -> list[tuple[str, str]]:
    with pytest.raises(StudyError) as error:
        runs.plan(path)
    return [(problem.where, problem.message) for problem in error.value.problems]


def names(path: Path, dataset: str = "ring8") -> list[str]:
    return list(runs.plan(path).datasets[dataset].measures)


def evaluation(**keys: Any) -> dict[str, Any]:
    return {**SMALL, "evaluation": {"samples": 100, **keys}}


# Which metrics


def test_points_of_a_mixture_are_measured_by_all_that_knows_modes(study_file: StudyFile) -> None:
    found = {name.rpartition("_")[0] for name in names(study_file())}
    assert found == {"modes", "covered", "fd", "fd-inf", "hq", "sw2", "rkl", "jsd", "tv", "dup"}


def test_images_are_measured_through_the_classifier_of_the_dataset(study_file: StudyFile) -> None:
    found = names(study_file(**IMAGES), "digits")
    assert all(name.split("_")[1:] == ["digits-cnn", "100"] for name in found)
    shorts = {name.split("_")[0] for name in found}
    assert {"fd", "kd", "is", "precision", "recall", "density", "coverage", "class-tv", "ndb", "copying"} <= shorts
    assert not shorts & {"modes", "hq", "sw2", "cas", "label-acc"}


def test_classes_are_modes_only_where_the_extractor_says_so(study_file: StudyFile) -> None:
    assert names(study_file(datasets=["stacked-digits"]), "stacked-digits")[0] == (
        "modes_stacked-digits-channel-cnn_100"
    )


def test_by_default_metrics_are_in_their_own_order_and_the_first_is_the_headline(study_file: StudyFile) -> None:
    dataset = runs.plan(study_file()).datasets["ring8"]
    orders = [measure.trait("order") for measure in dataset.measures.values()]
    assert orders == sorted(orders)
    assert dataset.headline.name == "modes_100"


def test_a_study_chooses_metrics_their_order_and_with_it_the_headline(study_file: StudyFile) -> None:
    dataset = runs.plan(study_file(evaluation={"metrics": ["rkl", "fd_50", "modes"]})).datasets["ring8"]
    assert list(dataset.measures) == ["rkl_10k", "fd_50", "modes_10k"]
    assert list(dataset.watched) == ["rkl_validation_2k", "modes_validation_2k"]


def test_a_metric_can_come_in_several_forms(study_file: StudyFile) -> None:
    box = {"name": "high-quality-share", "rule": "box", "samples": 70}
    assert names(study_file(evaluation={"metrics": ["hq", "hq_500", box, "hq_rule=box"]})) == [
        "hq_10k", "hq_500", "hq_rule=box_70", "hq_rule=box_10k",
    ]  # fmt: skip


def test_a_mapping_says_more_than_the_name_in_it(study_file: StudyFile) -> None:
    entry = {"name": "hq_rule=box_500", "samples": 70}
    assert names(study_file(evaluation={"metrics": [entry]})) == ["hq_rule=box_70"]


def test_metrics_of_a_mixed_study_go_where_they_apply(study_file: StudyFile) -> None:
    path = study_file(datasets=["ring8", "digits"], evaluation={"samples": 100, "metrics": ["modes", "kd", "fd"]})
    assert names(path, "ring8") == ["modes_100", "fd_100"]
    assert names(path, "digits") == ["kd_digits-cnn_100", "fd_digits-cnn_100"]


@pytest.mark.parametrize(
    ("changes", "where", "said"),
    [
        ({"metrics": ["fd", "kd"]}, "evaluation.metrics[1]", "kernel-distance measures images, ring8 holds points"),
        ({"metrics": ["kd"]}, "evaluation.metrics[0]", "kernel-distance measures images"),
        ({"metrics": ["fd", "fd_cnn"]}, "evaluation.metrics[1]", "unknown extractor 'cnn' (known: none)"),
        ({"metrics": ["fd", "modes_validation_2k"]}, "evaluation.metrics[1]", "unknown extractor 'validation'"),
        ({"metrics": ["fd", "fd-inf_29"]}, "evaluation.metrics[1]", "needs 30 samples; there are 29"),
        ({"metrics": ["modes", "fd-inf"], "samples": 29}, "evaluation.metrics[1]", "needs 30 samples; there are 29"),
        ({"metrics": ["fd", "frechet-distance"]}, "evaluation.metrics[1]", "the same as metrics[0]: both are fd_10k"),
        ({"metrics": ["hq", "hq_rule=ball"]}, "evaluation.metrics[1]", "the same as metrics[0]: both are hq_10k"),
        ({"metrics": ["fd", {"name": "fd", "samples": 10_000}]}, "evaluation.metrics[1]", "both are fd_10k"),
        (
            {"metrics": ["fd-inf"], "snapshot_samples": 9},
            "evaluation.snapshot_samples",
            "watched over training, needs 30 samples; there are 9",
        ),
        ({"metrics": ["hq_rule=bx"]}, "evaluation.metrics[0].rule", "'bx' is not Literal['ball', 'box']"),
        ({"metrics": ["hq_rle=box"]}, "evaluation.metrics[0].rle", "did you mean 'rule'?"),
        ({"metrics": [{"name": "hq", "rules": "box"}]}, "evaluation.metrics[0].rules", "did you mean 'rule'?"),
        ({"metrics": [{"name": "hq", "settings": {"rule": "box"}}]}, "evaluation.metrics[0].settings", "no setting"),
        ({"metrics": ["covered_share=-1"]}, "evaluation.metrics[0].share", "-1 is not PositiveFloat"),
    ],
)
def test_a_metric_that_cannot_be_is_a_problem_with_its_place(
    study_file: StudyFile, changes: dict[str, Any], where: str, said: str
) -> None:
    found = problems(study_file(evaluation=changes))
    assert [place for place, _ in found] == [where]
    assert said in found[0][1]


def test_a_metric_that_applies_to_one_dataset_is_no_problem_on_another_that_shares_the_list(
    study_file: StudyFile,
) -> None:
    path = study_file(datasets=["ring8", "digits"], evaluation={"metrics": ["fd", "cas"]})
    (problem,) = problems(path)
    assert problem[0] == "evaluation.metrics[1]"
    assert "ring8 holds points" in problem[1]
    assert "needs labels, which digits seen through cnn does not have" in problem[1]


def test_a_dataset_that_none_of_the_shared_metrics_fits_is_a_problem(study_file: StudyFile) -> None:
    path = study_file(datasets=["ring8", "digits"], evaluation={"metrics": ["kd"]})
    assert problems(path) == [
        ("evaluation.metrics", "none applies to 'ring8': kernel-distance measures images, ring8 holds points")
    ]


def test_in_a_list_of_its_own_a_dataset_has_no_use_for_what_does_not_apply(study_file: StudyFile) -> None:
    own = {"name": "ring8", "evaluation": {"metrics": ["fd", "kd"]}}
    assert problems(study_file(datasets=["digits", own])) == [
        ("datasets[1].evaluation.metrics[1]", "kernel-distance measures images, ring8 holds points")
    ]


def test_null_gives_a_dataset_all_metrics_again(study_file: StudyFile) -> None:
    again = {"name": "grid25", "evaluation": {"metrics": None}}
    path = study_file(datasets=["ring8", again], evaluation={"metrics": ["fd"]})
    assert names(path, "ring8") == ["fd_10k"]
    assert len(names(path, "grid25")) == 10


def test_few_samples_leave_out_what_needs_more(study_file: StudyFile) -> None:
    assert "fd-inf_29" not in names(study_file(evaluation={"samples": 29}))
    assert "fd-inf_30" in names(study_file(evaluation={"samples": 30}))


def test_a_dataset_of_few_samples_is_no_problem_of_the_others(study_file: StudyFile) -> None:
    few = {"name": "grid25", "evaluation": {"samples": 100}}
    path = study_file(datasets=[few], evaluation={"samples": 5, "metrics": ["fd-inf"]})
    assert names(path, "grid25") == ["fd-inf_100"]


# Through which extractors


@pytest.mark.parametrize("label", ["cnn", "digits-cnn"])
def test_a_trained_extractor_can_be_named_with_its_dataset_or_without(study_file: StudyFile, label: str) -> None:
    by_metric = names(study_file(**IMAGES, evaluation={"metrics": [f"fd_{label}"]}), "digits")
    by_key = names(study_file(**IMAGES, evaluation={"metrics": ["fd"], "extractor": label}), "digits")
    assert by_metric == by_key == ["fd_digits-cnn_10k"]


def test_two_names_of_one_extractor_are_one_metric(study_file: StudyFile) -> None:
    found = problems(study_file(**IMAGES, evaluation={"metrics": ["fd_cnn", "fd_digits-cnn"]}))
    assert found == [("evaluation.metrics[1]", "the same as metrics[0]: both are fd_digits-cnn_10k")]


def test_an_unknown_extractor_comes_with_the_closest(study_file: StudyFile) -> None:
    found = problems(study_file(**IMAGES, evaluation={"extractor": "digits-cn", "metrics": ["fd", "is"]}))
    assert [where for where, _ in found] == ["evaluation.extractor"]
    assert "unknown extractor 'digits-cn'; did you mean 'digits-cnn'?" in found[0][1]


def test_the_unknown_extractor_of_a_dataset_has_the_path_of_its_own_key(study_file: StudyFile) -> None:
    own = {"name": "digits", "evaluation": {"extractor": "digits-cn"}}
    assert [where for where, _ in problems(study_file(datasets=["mnist", own]))] == ["datasets[1].evaluation.extractor"]


def _with_fixed(study_file: StudyFile, tmp_path: Path, **changes: Any) -> Path:
    (tmp_path / "pixels.py").write_text(FIXED)
    return study_file(plugins=["pixels.py"], **{**IMAGES, **changes})


def test_a_fixed_extractor_keeps_its_name_on_every_dataset(study_file: StudyFile, tmp_path: Path) -> None:
    path = _with_fixed(study_file, tmp_path, evaluation={"metrics": ["fd_pixels", "fd"]})
    assert names(path, "digits") == ["fd_pixels_10k", "fd_digits-cnn_10k"]
    path = _with_fixed(study_file, tmp_path, evaluation={"extractor": "pixels", "samples": 100})
    assert "fd_pixels_100" in names(path, "digits")
    assert "is_pixels_100" not in names(path, "digits")  # it has no logits


def test_extractors_of_the_study_have_settings_and_labels(study_file: StudyFile, tmp_path: Path) -> None:
    half = {"name": "pixels", "label": "half", "scale": 0.5}
    path = _with_fixed(study_file, tmp_path, extractors=[half], evaluation={"metrics": ["fd_half", "fd_pixels"]})
    extractors = runs.plan(path).datasets["digits"].extractors
    assert {label: extractor.settings["scale"] for label, extractor in extractors.items()} == {
        "pixels": 1.0,
        "half": 0.5,
    }
    assert extractors["half"].key != extractors["pixels"].key


def test_a_setting_called_weights_counts_unless_it_is_the_path_of_a_file(study_file: StudyFile, tmp_path: Path) -> None:
    def spec(**settings: Any) -> Any:
        entry = {"name": "pixels", **settings}
        path = _with_fixed(study_file, tmp_path, extractors=[entry], evaluation={"metrics": ["fd_pixels"]})
        return runs.plan(path).datasets["digits"].extractors["pixels"].spec

    assert spec(weights=[2.0]) != spec()


@pytest.mark.parametrize(
    ("extractors", "where", "said"),
    [
        (["cn"], "extractors[0]", "unknown extractor 'cn'; did you mean 'cnn'?"),
        ([{"name": "cnn", "depth": 3}], "extractors[0].depth", "extractor 'cnn' has no setting 'depth'"),
        ([{"name": "pixels", "scale": "big"}], "extractors[0].scale", "'big' is not float"),
        ([{"name": "pixels", "label": "a_b"}], "extractors[0].label", "cannot be a part of a metric's name"),
        ([{"name": "pixels", "label": "10k"}], "extractors[0].label", "cannot be a part of a metric's name"),
        ([{"name": "pixels", "label": "validation"}], "extractors[0].label", "cannot be a part of a metric's name"),
        ([{"name": "pixels", "label": "cnn"}], "extractors[0].label", "'cnn' is another extractor"),
        ([{"name": "pixels", "label": "digits-cnn"}], "extractors", "two extractors are called 'digits-cnn'"),
    ],
)
def test_an_extractor_that_cannot_be_is_a_problem(
    study_file: StudyFile, tmp_path: Path, extractors: Any, where: str, said: str
) -> None:
    found = problems(_with_fixed(study_file, tmp_path, extractors=extractors))
    assert [place for place, _ in found] == [where]
    assert said in found[0][1]


NOISE = """
class Dataset:
    kind: ClassVar[str] = "images"
    classes: ClassVar[int] = 4
    size: ClassVar[int] = 16
    classifier_epochs: ClassVar[int] = 1
    accuracy_gate: ClassVar[float] = 0.0
    extractor: ClassVar[str] = "pixels"
"""


def _noise(study_file: StudyFile, tmp_path: Path, source: str) -> Path:
    (tmp_path / "pixels.py").write_text(FIXED)
    (tmp_path / "noise.py").write_text(source)
    return study_file(plugins=["pixels.py", "noise.py"], datasets=["noise"])


def test_a_dataset_names_the_extractor_that_suits_it(study_file: StudyFile, tmp_path: Path) -> None:
    assert "fd_pixels_100" in names(_noise(study_file, tmp_path, NOISE), "noise")


def test_a_dataset_whose_own_extractor_is_not_there_says_so(study_file: StudyFile, tmp_path: Path) -> None:
    found = problems(_noise(study_file, tmp_path, NOISE.replace("pixels", "pixls")))
    assert [where for where, _ in found] == ["evaluation.extractor"]
    assert "unknown extractor 'pixls'; did you mean 'pixels'?" in found[0][1]


# Weights


def test_inception_without_weights_says_where_to_get_and_put_them(study_file: StudyFile, tmp_path: Path) -> None:
    (problem,) = problems(study_file(**IMAGES, evaluation={"metrics": [f"fd_{INCEPTION}"]}))
    assert problem[0] == f"extractor '{INCEPTION}'"
    assert "https://github.com/toshas/torch-fidelity/releases" in problem[1]
    assert str(tmp_path / "torch" / "hub" / "checkpoints") in problem[1]
    assert "GANBENCH_INCEPTION" in problem[1]


def test_inception_that_no_metric_uses_needs_no_weights(study_file: StudyFile) -> None:
    entry = {"name": INCEPTION, "weights": "/nowhere.pth"}
    assert runs.plan(study_file(**IMAGES, extractors=[entry])).datasets["digits"].extractors.keys() == {"digits-cnn"}


def test_weights_that_can_be_fetched_are_fetched_later(study_file: StudyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "reachable", lambda _: True)
    assert names(study_file(**IMAGES, evaluation={"metrics": [f"fd_{INCEPTION}"]}), "digits") == [f"fd_{INCEPTION}_10k"]


def test_where_weights_lie_changes_no_digest(study_file: StudyFile, tmp_path: Path) -> None:
    plans = []
    for name in ("here.pth", "there.pth"):
        (tmp_path / name).write_text("weights")
        entry = {"name": INCEPTION, "weights": str(tmp_path / name)}
        path = study_file(**IMAGES, extractors=[entry], evaluation={"metrics": [f"fd_{INCEPTION}"]})
        plans.append(runs.plan(path))
    here, there = (plan.datasets["digits"].extractors[INCEPTION] for plan in plans)
    assert here.settings != there.settings
    assert here.key == there.key
    assert _digests(plans[0]) == _digests(plans[1])


def test_a_path_of_weights_that_leads_nowhere_is_a_problem(study_file: StudyFile) -> None:
    entry = {"name": INCEPTION, "weights": "/nowhere.pth"}
    path = study_file(**IMAGES, extractors=[entry], evaluation={"metrics": [f"fd_{INCEPTION}"]})
    (problem,) = problems(path)
    assert "/nowhere.pth, which the study's `weights` names, is not a file" in problem[1]


# Digests


def _digests(plan: Plan) -> list[tuple[str, str]]:
    return [(run.digest, run.evaluation_digest) for run in plan.runs]


def _trained(plan: Plan) -> list[str]:
    return [run.digest for run in plan.runs]


def _evaluated(plan: Plan) -> list[str]:
    return [run.evaluation_digest for run in plan.runs]


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": ["modes", "fd", "hq"]},
        {"metrics": ["modes"]},
        {"metrics": ["modes", "fd_50"]},
        {"metrics": ["fd", "modes"]},
        {"metrics": ["modes", "fd"], "snapshot_samples": 50},
        {"metrics": ["modes", "fd"], "samples": 50},
    ],
)
def test_another_evaluation_is_measured_anew_and_never_trained_anew(
    study_file: StudyFile, changes: dict[str, Any]
) -> None:
    before = runs.plan(study_file(evaluation={"metrics": ["modes", "fd"]}))
    after = runs.plan(study_file(evaluation=changes))
    assert _trained(before) == _trained(after)
    assert not set(_evaluated(before)) & set(_evaluated(after))
    assert before.reference_digest("ring8") != after.reference_digest("ring8")
    assert before.digest != after.digest


def test_the_headline_decides_the_best_checkpoint_and_so_is_part_of_the_evaluation(study_file: StudyFile) -> None:
    plans = [
        runs.plan(study_file(evaluation={"metrics": listed}))
        for listed in (["modes", "modes_rule=box"], ["modes_rule=box", "modes"])
    ]
    assert not set(_evaluated(plans[0])) & set(_evaluated(plans[1]))


def test_a_threshold_is_only_shown(study_file: StudyFile) -> None:
    before, after = runs.plan(study_file()), runs.plan(study_file(**evaluation(threshold=0.5)))
    assert _digests(before) == _digests(after)
    assert before.reference_digest("ring8") == after.reference_digest("ring8")
    assert before.digest != after.digest


def test_a_default_that_is_spelled_out_changes_no_digest(study_file: StudyFile) -> None:
    before = runs.plan(study_file(evaluation={"metrics": ["hq", "fd"]}))
    after = runs.plan(study_file(evaluation={"metrics": [{"name": "high-quality-share", "rule": "ball"}, "fd_10k"]}))
    assert _digests(before) == _digests(after)


def test_an_edited_metric_is_measured_anew_where_it_is_used(study_file: StudyFile, tmp_path: Path) -> None:
    def plan(source: str) -> Plan:
        (tmp_path / "my_metric.py").write_text(source)
        own = {"name": "grid25", "evaluation": {"metrics": ["fd"]}}
        return runs.plan(study_file(plugins=["my_metric.py"], datasets=["ring8", own]))

    before, after = plan(METRIC), plan(METRIC + "\n")
    assert _trained(before) == _trained(after)
    pairs = zip(before.runs, after.runs, strict=True)
    assert {a.dataset for a, b in pairs if a.evaluation_digest != b.evaluation_digest} == {"ring8"}


def test_an_edited_extractor_is_another_extractor_with_other_features(study_file: StudyFile, tmp_path: Path) -> None:
    def plan(source: str) -> Plan:
        path = _with_fixed(study_file, tmp_path, evaluation={"metrics": ["fd_pixels"]})
        (tmp_path / "pixels.py").write_text(source)
        return runs.plan(path)

    before, after = plan(FIXED), plan(FIXED + "\n")
    assert _trained(before) == _trained(after)
    assert not set(_evaluated(before)) & set(_evaluated(after))
    assert not before.extractors.keys() & after.extractors.keys()
    assert not before.features.keys() & after.features.keys()


# Plugin files of one's own


def test_a_metric_of_ones_own_is_measured_like_any_other(study_file: StudyFile, tmp_path: Path) -> None:
    (tmp_path / "my_metric.py").write_text(METRIC)
    assert names(study_file(plugins=["my_metric.py"]))[-1] == "mine_100"
    found = problems(study_file(plugins=["my_metric.py"], evaluation={"metrics": ["mine_49"]}))
    assert found == [("evaluation.metrics[0]", "my-metric needs 50 samples; there are 49")]


def _changed(old: str, new: str) -> Callable[[str], str]:
    def change(source: str) -> str:
        assert old in source
        return source.replace(old, new)

    return change


@pytest.mark.parametrize(
    ("source", "change", "said"),
    [
        (METRIC, _changed('    short: ClassVar[str] = "mine"\n', ""), "a metric declares `short: ClassVar[str] = ...`"),
        (METRIC, _changed('= "mine"', '= "my_metric"'), "letters, digits and hyphens only"),
        (METRIC, _changed('= "mine"', '= ""'), "letters, digits and hyphens only"),
        (METRIC, _changed('= "mine"', '= "fd"'), "the name 'fd' belongs to 'frechet-distance'"),
        (METRIC, _changed('("points", "images")', '("sounds",)'), "declares `kinds"),
        (METRIC, _changed('("points", "images")', '"points"'), "declares `kinds"),
        (METRIC, _changed("= ()", '= ("luck",)'), "declares `needs"),
        (METRIC, _changed('"lower"', '"up"'), "declares `direction"),
        (METRIC, _changed("= 50", "= True"), "declares `minimum"),
        (METRIC, _changed(": ClassVar[int]", ": int"), "`minimum: ClassVar[int] = ...`, `order: ClassVar[int] = ...`"),
        (METRIC, _changed("= 50", "= 25 * 2"), "must be a plain literal"),
        (METRIC, _changed("    def", "    samples: int = 3\n\n    def"), "'samples' means something else in a study"),
        (METRIC, _changed("    def", "    extractor: str = ''\n\n    def"), "'extractor' means something else"),
        (FIXED, _changed("def fixed", "def fix"), "exactly one of the methods fixed, pretrained, trained"),
        (FIXED, _changed("def fixed", "def trained(self): ...\n    def fixed"), "exactly one of the methods"),
        (FIXED, _changed("def fixed", "def pretrained"), "declares `weights_url"),
        (FIXED, _changed("= ()", '= ("magic",)'), "declares `provides"),
        (FIXED, _changed("provides", "offers"), "declares `provides"),
    ],
)
def test_every_mistake_in_a_plugin_file_is_a_problem_that_names_it(
    study_file: StudyFile, tmp_path: Path, source: str, change: Callable[[str], str], said: str
) -> None:
    (tmp_path / "my_plugin.py").write_text(change(source))
    found = problems(study_file(plugins=["my_plugin.py"]))
    assert [where for where, _ in found] == ["plugins[0]"]
    assert found[0][1].startswith(str(tmp_path / "my_plugin.py"))
    assert said in found[0][1]


def test_an_extractor_of_ones_own_cannot_take_the_name_of_a_shipped_one(study_file: StudyFile, tmp_path: Path) -> None:
    (tmp_path / "cnn.py").write_text(FIXED)
    ((where, message),) = problems(study_file(plugins=["cnn.py"]))
    assert where == "plugins[0]"
    assert "extractor 'cnn' exists already" in message


def test_planning_extractors_and_metrics_imports_no_torch(study_file: StudyFile) -> None:
    path = study_file(datasets=["ring8", "digits", "stacked-digits"], architectures=["mlp"])
    modules = "measures, protocol, specs, weights, checks, study, runs, markers"
    heavy = "{'torch', 'numpy', 'pandas', 'sklearn', 'torch_fidelity', 'torchvision'}"
    script = (
        f"import sys; from pathlib import Path; from ganbench import {modules}; "
        f"plan = runs.plan(Path(sys.argv[1])); markers.discard_false(plan); plan.digest; "
        f"[plan.inputs_of_evaluation(job) for job in plan.evaluation_jobs]; plan.extractors; plan.features; "
        f"assert not {heavy} & sys.modules.keys(), sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_shipped_extractor_has_one_form_and_says_what_it_provides() -> None:
    registry = plugins.discover()
    for name in registry.names("extractor"):
        card = registry.card("extractor", name)
        assert len(card.methods & traits.EXTRACTOR_FORMS) == 1
        assert card.traits["provides"]
