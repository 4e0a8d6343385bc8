"""Conditions of datasets: read, checked, paired with their samples, and measured."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from conftest import StudyFile

from ganbench import data, given, layout, runs
from ganbench.given import Form, Given
from ganbench.problems import StudyError
from ganbench.streams import stream


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


FAST = {"optimizer": {"lr": 1e-3}}
HEEDLESS = {"generator": "none", "discriminator": "none"}
MISLABELLED = tiny.CORNERS.replace("return Split(", "labels[7] = LABEL\n            return Split(")


def labelled(**changes: Any) -> tiny.Place:
    return tiny.corners(datasets=[{"name": "corners", "condition": "label"}], **changes)


def test_conditions_are_the_labels_of_the_samples() -> None:
    place = labelled()
    given.prepare([place.dataset], layout.RESULTS)
    for split in data.SPLITS:
        found, real = given.read(place.dataset, split), data.read(place.dataset, split)
        assert found is not None
        assert real.labels is not None
        assert torch.equal(found.values, real.labels)
        assert torch.equal(found.truth, real.samples)
        assert found.form == Form("class", (), 4)


def test_no_condition_is_none() -> None:
    place = tiny.corners()
    data.prepare(place.dataset, layout.RESULTS)
    assert given.read(place.dataset, "test") is None


@pytest.mark.parametrize("label", [-1, 4])
def test_a_label_out_of_range_names_the_sample(label: int) -> None:
    text = MISLABELLED.replace("LABEL", str(label))
    place = tiny.place({"corners.py": text}, datasets=[{"name": "corners", "condition": "label"}])
    with pytest.raises(data.DataError, match=rf"'corners'.*sample 7 has label {label}; known are 0 to 3"):
        given.prepare([place.dataset], layout.RESULTS)
    assert not layout.data(place.dataset.key).exists()


def test_images_without_labels_cannot_be_asked_for_by_class() -> None:
    text = tiny.CORNERS.replace(", labels)", ")")
    place = tiny.place({"corners.py": text}, datasets=[{"name": "corners", "condition": "label"}])
    with pytest.raises(data.DataError, match=r"'corners', split 'train', condition 'label': .*no labels"):
        given.prepare([place.dataset], layout.RESULTS)


@pytest.mark.parametrize(
    ("dataset", "condition", "said"),
    [
        ("two-moons", "label", "the points of two-moons have no labels"),
        ("digits", "labels", "did you mean 'label'"),
        ("digits", {"name": "label", "size": 3}, "has no setting 'size'"),
        ("digits", 3, "condition"),
    ],
)
def test_a_condition_that_cannot_be_is_a_problem_of_the_study(
    study_file: StudyFile, dataset: str, condition: Any, said: str
) -> None:
    with pytest.raises(StudyError, match=r"datasets\[0\]\.condition") as error:
        runs.plan(study_file(datasets=[{"name": dataset, "condition": condition}], architectures=["mlp"]))
    assert said in str(error.value)


def test_conditions_begin_again_where_more_are_wanted() -> None:
    of = Given(Form("class", (), 3), torch.arange(3), torch.arange(3.0)[:, None])
    assert of.first(7).values.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert of.first(2).truth.flatten().tolist() == [0, 1]


def test_batches_keep_samples_and_conditions_together() -> None:
    samples = torch.arange(20.0)[:, None]
    batches = data.Batches(samples, 6, stream(0, "data"), torch.arange(20))
    for _ in range(10):
        real, labels = next(batches)
        assert torch.equal(real.flatten(), labels.float())


def test_the_condition_is_in_the_spec_and_only_then_what_a_method_does_with_it(study_file: StudyFile) -> None:
    plain = runs.plan(study_file(datasets=["digits"], architectures=["mlp"], seeds=[0], methods=["cgan"]))
    asked = study_file(
        datasets=[{"name": "digits", "condition": "label"}], architectures=["mlp"], seeds=[0], methods=["cgan"]
    )
    told = runs.plan(asked)
    assert "condition" not in plain.runs[0].spec
    assert "conditional" not in plain.runs[0].spec["method"]
    assert told.runs[0].spec["condition"]["name"] == "label"
    assert told.runs[0].spec["method"]["conditional"]["generator"] == "concatenation"
    assert told.runs[0].digest != plain.runs[0].digest


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ({"name": "pacgan2"}, "packed samples are judged as one"),
        ({"name": "cgan", "conditional": {"reconstruction": 1.0}}, "many samples have the same class"),
        ({"name": "cgan", "conditional": {"generator": "normalisation"}}, "no conditioning by normalisation"),
        ({"name": "acgan", "unrolled": 2}, "know of no classification"),
        ({"name": "acgan", "conditional": {"matching": True}}, "score depends on the condition"),
    ],
)
def test_what_cannot_condition_is_left_out_with_a_reason(
    study_file: StudyFile, method: dict[str, Any], reason: str
) -> None:
    datasets = [{"name": "digits", "condition": "label"}]
    plan = runs.plan(study_file(datasets=datasets, architectures=["mlp"], methods=["cgan", {**method, "label": "x"}]))
    assert {run.method for run in plan.runs} == {"cgan"}
    assert [gap.reason for gap in plan.gaps if reason in gap.reason]


def test_a_conditional_generator_is_measured_by_what_it_was_asked_for() -> None:
    """Real images with the labels of others score like chance; a generator that is told beats them."""
    place = labelled(
        methods=[{"name": "cgan", **FAST}, {"name": "cgan", "label": "heedless", "conditional": HEEDLESS, **FAST}],
        architectures=[{"name": "mlp", "noise_dim": 4, "generator_widths": [64], "discriminator_widths": [64]}],
        training={"generator_steps": 300, "batch_size": 32, "log_every": 50, "snapshots": 1},
        evaluation={"samples": 120, "metrics": ["label-acc", "class-fd", "class-coverage"]},
    )
    place.prepare().train().evaluate()
    (chance,) = {
        round(place.reference["baseline"]["metrics"][name]) for name in place.reference["real"] if "label-acc" in name
    }
    assert place.reference["baseline"]["name"] == "real, shuffled"
    assert 5 < chance < 45
    name = next(name for name in place.reference["real"] if "label-acc" in name)
    assert place.reference["real"][name] > 90
    told, heedless = (place.record(method)["evaluations"][0]["metrics"][name] for method in ("cgan", "heedless"))
    assert told > 90
    assert heedless < 60
    assert (place.folder("cgan") / layout.CONDITIONS).exists()
