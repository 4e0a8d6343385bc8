"""What generated samples are compared with, and what real data and a perfect generator score."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor, nn

from ganbench import data, extraction, files, layout, reference
from ganbench.datasets.ring8 import Dataset as Ring8
from ganbench.evidence import Evidence, EvidenceError
from ganbench.features import StaleFeaturesError
from ganbench.measures import Measure
from ganbench.problems import StudyError
from ganbench.reference import Instruments, StaleReferenceError
from ganbench.streams import stream


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def instruments(place: tiny.Place) -> Instruments:
    return reference.read(place.plan, place.dataset, tiny.CPU)


def measured(place: tiny.Place, samples: Tensor, measures: list[Measure] | None = None) -> dict[str, float | None]:
    found, wanted = instruments(place), measures or list(place.dataset.measures.values())
    return found.measure(found.see(samples, wanted), wanted)


# Points


@pytest.mark.parametrize("split", ["test", "validation"])
def test_points_of_a_mixture_are_compared_with_its_exact_moments_and_modes(split: str) -> None:
    place = tiny.place().prepare()
    real = instruments(place).references[split][None]
    exact = (0.5 + 0.01**2) * torch.eye(2, dtype=torch.float64)
    torch.testing.assert_close(real.covariance, exact, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(real.mean, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-14)
    assert real.true_mode_weights().tolist() == [1 / 8] * 8
    assert real.mixture is not None
    assert torch.equal(real.mixture.centres, Ring8().mixture().centres)
    assert torch.equal(real.features, data.read(place.dataset, split).samples.double())


@pytest.mark.parametrize("split", ["test", "validation"])
def test_points_without_a_mixture_are_compared_with_the_split(split: str) -> None:
    place = tiny.dots().prepare()
    real = instruments(place).references[split][None]
    points = data.read(place.dataset, split).samples.double()
    assert torch.equal(real.features, points)
    torch.testing.assert_close(real.mean, points.mean(0))
    torch.testing.assert_close(real.covariance, points.T.cov())
    assert real.mixture is None
    with pytest.raises(EvidenceError, match="modes are known"):
        real.true_mode_weights()


def test_the_real_row_of_a_mixture_is_fresh_samples_of_it() -> None:
    place = tiny.place(evaluation={"samples": 2000, "metrics": ["modes", "hq", "fd"]}).prepare()
    found = place.reference
    fresh = Ring8().mixture().sample(2000, stream(0, "real row"))
    assert found["real"] == measured(place, fresh)
    assert found["real"]["modes_2k"] == 8
    assert found["real"]["hq_2k"] == pytest.approx(98.889, abs=400 * (0.9889 * 0.0111 / 2000) ** 0.5)
    assert 0 <= found["real"]["fd_2k"] < 0.02


def test_the_real_row_without_a_mixture_is_the_validation_split_against_the_test_split() -> None:
    place = tiny.dots().prepare()
    points = {split: data.read(place.dataset, split).samples.double()[:, 0] for split in ("validation", "test")}
    expected = float((points["validation"][:100].mean() - points["test"].mean()).abs())
    assert place.reference["real"] == {"gap_100": pytest.approx(expected)}
    assert expected > 9  # nothing else is this far apart


def test_the_perfect_row_is_what_theory_knows() -> None:
    place = tiny.place(evaluation={"metrics": ["hq", "fd"]}).prepare()
    perfect = place.reference["perfect"]
    assert perfect["hq_100"] == pytest.approx(100 * (1 - math.exp(-4.5)))
    assert perfect["fd_100"] is None


def test_numbers_that_are_no_numbers_are_none_and_the_file_is_json() -> None:
    text = (
        tiny.GAP.replace("gap < 1000", "False") + "\n    def perfect(self, real, samples):\n        return math.inf\n"
    )
    place = tiny.dots(text.replace("import dataclass", "import dataclass\nimport math", 1)).prepare()
    assert place.reference["real"] == place.reference["perfect"] == {"gap_100": None}


# Images


def test_images_are_compared_with_the_features_of_the_split() -> None:
    place = tiny.corners().prepare()
    found = instruments(place)
    for split in ("test", "validation"):
        real = found.references[split]["corners-cnn"]
        seen, _ = extraction.describe(found.networks["corners-cnn"], data.read(place.dataset, split).samples)
        assert torch.equal(real.features, seen)
        torch.testing.assert_close(real.mean, seen.mean(0))
        torch.testing.assert_close(real.covariance, seen.T.cov())
        assert real.mode_weights is None
        assert len(real.training_split().evidence) == 200


def test_both_splits_share_one_training_split() -> None:
    found = instruments(tiny.corners().prepare())
    training = [found.references[split]["corners-cnn"].training for split in ("test", "validation")]
    assert training[0] is training[1]


def test_where_classes_are_modes_they_have_equal_weights() -> None:
    place = tiny.corners(evaluation={"extractor": "channel-cnn"}).prepare()
    real = instruments(place).references["test"]["corners-channel-cnn"]
    assert real.true_mode_weights().tolist() == [1 / 4] * 4


def test_the_real_row_of_images_is_the_validation_split() -> None:
    place = tiny.corners().prepare()
    assert place.reference["real"] == measured(place, data.read(place.dataset, "validation").samples[:100])


def test_a_validation_split_that_is_too_small_is_measured_whole() -> None:
    place = tiny.corners(evaluation={"samples": 1000}).prepare()
    assert place.reference["protocol"]["real_samples"] == 120
    assert place.reference["real"] == measured(place, data.read(place.dataset, "validation").samples)


def test_too_few_samples_for_so_many_features_leave_a_metric_undefined_and_the_others_as_they_are() -> None:
    place = tiny.corners(
        evaluation={"samples": 300, "metrics": ["fd", "fd-inf"]}
    ).prepare()  # 256 at least; 120 are real
    assert place.reference["real"]["fd-inf_corners-cnn_300"] is None
    assert place.reference["real"]["fd_corners-cnn_300"] > 0
    assert measured(place, data.read(place.dataset, "train").samples)["fd-inf_corners-cnn_300"] is None
    many = data.read(place.dataset, "train").samples.repeat(2, 1, 1, 1)
    assert measured(place, many)["fd-inf_corners-cnn_300"] is not None


def test_a_first_metric_that_the_smaller_sample_cannot_serve_is_a_problem_of_the_study() -> None:
    evaluation = {"metrics": ["ndb", "fd"], "samples": 200, "snapshot_samples": 50}
    with pytest.raises(StudyError, match="bins-different, the first metric, needs 100 samples over training"):
        tiny.corners(evaluation=evaluation)
    assert tiny.corners(evaluation=evaluation, training={"snapshots": 0}).plan.runs
    assert tiny.corners(evaluation={**evaluation, "metrics": ["fd", "ndb"]}).plan.runs


# The protocol


def test_the_protocol_says_what_a_number_was_made_with() -> None:
    place = tiny.corners(evaluation={"metrics": ["fd", "kd_60"]}).prepare()
    said = place.reference["protocol"]
    assert list(said["measures"]) == ["fd_corners-cnn_100", "kd_corners-cnn_60"]
    assert said["measures"]["kd_corners-cnn_60"]["samples"] == 60
    assert said["measures"]["kd_corners-cnn_60"]["metric"]["sha256"]
    assert {(m["samples"], m["split"]) for m in said["watched"].values()} == {(50, "validation")}
    assert (said["reference"], said["real_row"]) == ("test split", "validation split")
    counts = [said[f"{name}_samples"] for name in ("reference", "training", "real")]
    assert counts == [130, 200, 100]
    card = json.loads(layout.extractor(place.extractor.key).read_text())
    assert said["extractors"]["corners-cnn"]["weights_sha256"] == card["weights_sha256"]
    assert said["extractors"]["corners-cnn"]["test_accuracy"] == card["test_accuracy"]


def test_the_protocol_of_a_mixture_names_the_exact_distribution() -> None:
    said = tiny.place().prepare().reference["protocol"]
    assert said["reference"] == "exact modes and moments of the mixture"
    assert said["real_row"] == "fresh samples of the mixture"
    assert said["extractors"] == {}


# Stale


def test_a_missing_reference_is_an_error() -> None:
    place = tiny.place().prepare()
    layout.reference("tiny", "ring8").unlink()
    with pytest.raises(StaleReferenceError, match="not the reference of this evaluation"):
        instruments(place)


def test_a_record_of_nothing_is_stale() -> None:
    place = tiny.corners().prepare()
    files.write_json(layout.reference("tiny", "corners"), {})
    with pytest.raises(StaleReferenceError):
        instruments(place)
    place.prepare()
    files.write_json(layout.features(place.dataset.features_key(place.extractor)), {})
    with pytest.raises(StaleFeaturesError):
        instruments(place)
    place.prepare()
    files.write_json(layout.extractor(place.extractor.key), {})
    with pytest.raises(extraction.ExtractorError):
        instruments(place)


@pytest.mark.parametrize(
    "changes", [{"samples": 90}, {"snapshot_samples": 40}, {"metrics": ["fd", "sw2"]}, {"metrics": ["sw2"]}]
)
def test_the_reference_of_another_evaluation_is_an_error(changes: dict[str, Any]) -> None:
    tiny.place().prepare()
    with pytest.raises(StaleReferenceError, match="not the reference of this evaluation"):
        instruments(tiny.place(evaluation=changes))


def test_the_reference_by_a_metric_that_was_edited_is_an_error() -> None:
    tiny.dots().prepare()
    with pytest.raises(StaleReferenceError, match="not the reference of this evaluation"):
        instruments(tiny.dots(tiny.GAP + "\n# edited\n"))


def test_a_threshold_is_no_part_of_the_reference() -> None:
    before = tiny.place().prepare()
    after = tiny.place(evaluation={"threshold": 0.5})
    assert instruments(after).protocol == instruments(before).protocol


def test_a_reference_that_another_extractor_made_is_an_error() -> None:
    place = tiny.corners().prepare()
    path = layout.reference("tiny", "corners")
    record = place.reference
    record["protocol"]["extractors"]["corners-cnn"]["weights_sha256"] = "00"
    files.write_json(path, record)
    with pytest.raises(StaleReferenceError, match="the protocol there is another"):
        instruments(place)


def test_features_that_another_extractor_made_are_an_error() -> None:
    place = tiny.corners().prepare()
    path = layout.features(place.dataset.features_key(place.extractor))
    files.write_json(path, {**json.loads(path.read_text()), "weights_sha256": "00"})
    with pytest.raises(StaleFeaturesError):
        instruments(place)


# Seeing and measuring


def test_images_go_through_an_extractor_once_however_many_metrics_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    place = tiny.corners(evaluation={"metrics": ["fd", "kd", "is", "precision", "recall_60", "ndb"]}).prepare()
    found, seen = instruments(place), 0
    describe = extraction.describe

    def counted(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor | None]:
        nonlocal seen
        seen += len(images)
        return describe(network, images)

    monkeypatch.setattr(extraction, "describe", counted)
    measures = place.dataset.measures.values()
    values = found.measure(found.see(data.read(place.dataset, "test").samples[:100], measures), measures)
    assert len(values) == 6
    assert seen == 100


def test_a_metric_of_fewer_samples_has_the_first_ones() -> None:
    place = tiny.dots(evaluation={"metrics": ["gap", "gap_40"]}).prepare()
    heights = torch.arange(100.0)[:, None].repeat(1, 2)
    (whole, part), test = place.dataset.measures, data.read(place.dataset, "test").samples[:, 0].double().mean()
    found = measured(place, heights)
    assert found[whole] == pytest.approx(49.5 - float(test))
    assert found[part] == pytest.approx(19.5 - float(test))


def test_settings_reach_the_metric() -> None:
    place = tiny.dots(evaluation={"metrics": ["gap", "gap_power=2.0"]}).prepare()
    found = measured(place, torch.zeros(100, 2))
    assert list(found) == ["gap_100", "gap_power=2.0_100"]
    plain, squared = found.values()
    assert plain is not None
    assert squared == pytest.approx(plain**2)


def test_metrics_of_as_many_samples_share_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    place = tiny.corners(evaluation={"metrics": ["precision", "recall", "density", "coverage"]}).prepare()
    found = instruments(place)
    asked: list[object] = []
    once = Evidence.once

    def counted(self: Evidence, key: Any, make: Any) -> Any:
        def noted() -> Any:
            if key[0] == "overlap":
                asked.append(key)
            return make()

        return once(self, key, noted)

    monkeypatch.setattr(Evidence, "once", counted)
    measures = place.dataset.measures.values()
    found.measure(found.see(data.read(place.dataset, "validation").samples[:100], measures), measures)
    assert len({key[1:] for key in asked}) == len(asked) > 0  # type: ignore[index]
