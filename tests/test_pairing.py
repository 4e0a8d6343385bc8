"""What a method changes in an architecture, and which pairs are refused with a reason."""

from typing import Any

from conftest import StudyFile

from ganbench import runs


def planned(study_file: StudyFile, **changes: Any) -> runs.Plan:
    return runs.plan(study_file(seeds=[0], **{"datasets": ["digits"], **changes}))


def norm(plan: runs.Plan) -> list[str]:
    return [run.spec["architecture"]["settings"]["discriminator_norm"] for run in plan.runs]


def test_a_penalty_on_each_sample_turns_batch_into_layer_normalisation(study_file: StudyFile) -> None:
    plan = planned(study_file, architectures=["dcgan"], methods=["wgan-gp", "wgan"])
    assert norm(plan) == ["layer", "batch"]
    assert any("gradient-penalty looks at each sample alone" in note for note in plan.notes)


def test_a_constraint_names_the_normalisation_that_it_needs(study_file: StudyFile) -> None:
    both = {"name": "sngan", "label": "sn-gp", "penalty": "gradient-penalty"}
    plan = planned(study_file, architectures=["dcgan"], methods=["sngan", both])
    assert norm(plan) == ["none", "none"]
    assert any("spectral-normalisation allows no other" in note for note in plan.notes)


def test_what_already_fits_is_not_noted(study_file: StudyFile) -> None:
    network = {"name": "dcgan", "discriminator_norm": "none"}
    plan = planned(study_file, architectures=[network], methods=["sngan", "wgan-gp"])
    assert norm(plan) == ["none", "none"]
    assert plan.notes == ()


def test_a_method_brings_settings_to_an_architecture(study_file: StudyFile) -> None:
    method = {"name": "non-saturating", "architecture": {"width": 8}}
    plan = planned(study_file, architectures=["dcgan"], methods=[method])
    assert plan.runs[0].spec["architecture"]["settings"]["width"] == 8
    assert any("the method brings width 8" in note for note in plan.notes)


def test_a_setting_that_the_architecture_lacks_leaves_the_pair_out(study_file: StudyFile) -> None:
    method = {"name": "non-saturating", "label": "odd", "architecture": {"widht": 8}}
    plan = planned(study_file, architectures=["dcgan"], methods=["wgan", method])
    assert [run.method for run in plan.runs] == ["wgan"]
    (gap,) = plan.gaps
    assert gap.what == "digits × dcgan × odd"
    assert "did you mean 'width'?" in gap.reason


def test_a_value_that_does_not_fit_leaves_the_pair_out(study_file: StudyFile) -> None:
    method = {"name": "non-saturating", "label": "odd", "architecture": {"width": -1}}
    plan = planned(study_file, architectures=["dcgan"], methods=["wgan", method])
    assert "does not fit dcgan" in plan.gaps[0].reason


def test_augmentation_is_of_images(study_file: StudyFile) -> None:
    method = {"name": "non-saturating", "label": "diffaug", "augment": ["colour"]}
    plan = planned(study_file, datasets=["ring8", "digits"], methods=["wgan", method])
    assert [(run.dataset, run.method) for run in plan.runs if run.method == "diffaug"] == [("digits", "diffaug")]
    assert "augmentation is of images" in plan.gaps[0].reason
