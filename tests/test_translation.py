"""Images from images, from the study to the page: what is left out, what a run leaves, what bad data says."""

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import StudyFile
from PIL import Image

from ganbench import cli, evaluate, extraction, features, files, gallery, given, layout, reference, runs, train
from ganbench.architectures import unet
from ganbench.evidence import Evidence, EvidenceError
from ganbench.losses.non_saturating import Loss
from ganbench.packs import training as packed
from ganbench.runs import Plan
from ganbench.streams import stream
from ganbench.terms import Reconstruction
from ganbench.testing.trial import BLOCKS

CPU = torch.device("cpu")
HALF: dict[str, Any] = {"name": "super-resolution", "factor": 2}
NETWORK: dict[str, Any] = {"name": "unet", "width": 4}
TRANSLATION: dict[str, Any] = {
    "plugins": ["blocks.py"],
    "datasets": [{"name": "blocks", "label": "small", "condition": HALF}],
    "architectures": [NETWORK],
    "methods": ["pix2pix", "l1"],
    "seeds": [0],
    "training": {"generator_steps": 4, "batch_size": 8, "log_every": 2, "runs_per_job": 2},
    "evaluation": {"samples": 60, "metrics": ["frechet-distance", "psnr", "ssim", "diversity"], "snapshot_samples": 60},
}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small images, as a plugin of the study's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blocks.py").write_text(BLOCKS.read_text("utf-8"), "utf-8")


def reasons(plan: Plan) -> dict[str, str]:
    return {gap.what: gap.reason for gap in plan.gaps}


def test_what_cannot_be_is_left_out_with_a_reason(study_file: StudyFile) -> None:
    plan = runs.plan(
        study_file(
            plugins=["blocks.py"],
            datasets=[
                {"name": "blocks", "label": "plain"},
                {"name": "blocks", "label": "classes", "condition": "label"},
                {"name": "blocks", "label": "images", "condition": HALF},
            ],
            architectures=["unet", "dcgan"],
            methods=["pix2pix", "hinge", "pacgan2", {"name": "hinge", "label": "moved", "augment": ["translation"]}],
        )
    )
    said = reasons(plan)
    assert said["plain × unet"] == "unet makes its samples from image, and there is none to go by"
    assert said["classes × unet"] == "unet makes its samples from image, and there is none to go by"
    assert said["images × dcgan"] == "dcgan does not take the image that super-resolution gives"
    assert said["plain × dcgan × pix2pix"].endswith("this data has no conditions")
    assert said["classes × dcgan × pix2pix"].endswith("many samples have the same class")
    assert "each has a condition of its own" in said["images × unet × pacgan2"]
    assert "augmentation would move a sample" in said["images × unet × moved"]
    cells = {run.cell for run in plan.runs}
    assert {"images/unet/pix2pix", "images/unet/hinge", "plain/dcgan/hinge", "classes/dcgan/hinge"} <= cells


def carried_out(plan: Plan) -> Path:
    """All steps, in the current folder."""
    (dataset,) = plan.datasets.values()
    given.prepare([dataset], Path("raw"))
    for extractor in dataset.extractors.values():
        extraction.make(dataset, extractor)
        features.make(dataset, extractor, CPU)
    reference.make(plan, dataset, CPU)
    for job in plan.training_jobs.values():
        assert packed.carry_out(plan, job, CPU)
    for job in plan.evaluation_jobs.values():
        assert evaluate.carry_out(plan, job, CPU)
    return layout.results(plan.study.study)


def test_a_study_of_translation_from_data_to_page(study_file: StudyFile) -> None:
    file = study_file(**TRANSLATION)
    plan = runs.plan(file)
    carried_out(plan)
    names = {stem.split("_")[0]: stem for stem in plan.datasets["small"].measures}
    record = files.read_json(layout.reference(plan.study.study, "small"))
    assert record is not None
    assert record["baseline"]["name"] == "bicubic"
    assert 10 < record["baseline"]["metrics"][names["psnr"]] < record["real"][names["psnr"]]
    assert record["real"][names["ssim"]] == pytest.approx(1)
    assert record["baseline"]["metrics"][names["diversity"]] is None
    for run in plan.runs:
        folder = plan.folder(run)
        metrics = files.read_json(folder / layout.METRICS)
        assert metrics is not None
        (final,) = [of for of in metrics["evaluations"] if of["checkpoint"] == "final"]
        assert final["metrics"][names["diversity"]] > 0
        assert 0 < final["metrics"][names["psnr"]] < 58
        with Image.open(folder / layout.CONDITIONS) as picture:
            assert picture.size == (gallery.SHOWN * 17 - 1, 3 * 17 - 1)
    assert cli.main(["report", str(file)]) == 0
    page = layout.report(plan.study.study).read_text()
    assert "samples by condition of pix2pix on small, unet, seed 0" in page
    assert "The first row are sources" in page
    assert "without learning" in page
    assert "bicubic" in page


def test_penalties_constraints_and_update_rules_take_sources_and_patches(study_file: StudyFile) -> None:
    methods = ["wgan-gp", "wgan", "sngan", "r3gan", "lecam", "unrolled1", "ttur", "ragan"]
    budget = {"generator_steps": 2, "batch_size": 4, "log_every": 1, "runs_per_job": 20}
    extra = [
        {"name": "pix2pix", "label": "deep", "architecture": {"patch": 34}, "ema": 0.9},
        {"name": "hinge", "label": "kept", "top_k": {"share": 0.5}, "conditional": {"reconstruction": 10.0}},
        {"name": "hinge", "label": "both", "simultaneous": True, "conditional": {"matching": True}},
    ]
    plan = runs.plan(study_file(**{**TRANSLATION, "methods": [*methods, *extra], "training": budget}))
    (dataset,) = plan.datasets.values()
    given.prepare([dataset], Path("raw"))
    assert len(plan.runs) == 11
    for job in plan.training_jobs.values():
        assert packed.carry_out(plan, job, CPU)
    for run in plan.runs:
        record = files.read_json(plan.folder(run) / layout.TRAINING)
        assert record is not None
        assert (run.method, record["status"], record["reason"]) == (run.method, "ok", None)


def test_triptychs_are_input_output_and_truth_in_the_samples_colours() -> None:
    grey = torch.full((2, 1, 4, 4), 7, dtype=torch.uint8)
    made, true = torch.full((2, 3, 4, 4), 8, dtype=torch.uint8), torch.full((2, 3, 4, 4), 9, dtype=torch.uint8)
    seen = Evidence(torch.zeros(2, 1).double(), images=made, truth=true, given=grey)
    assert gallery.triptychs(seen)[:, :, 0, 0].tolist() == [[7] * 3] * 2 + [[8] * 3] * 2 + [[9] * 3] * 2
    masked = torch.cat([made - 1, grey + 248], 1)
    seen = Evidence(torch.zeros(2, 1).double(), images=made, truth=true, given=masked)
    assert gallery.triptychs(seen)[:2, :, 0, 0].tolist() == [[7] * 3] * 2
    with pytest.raises(EvidenceError, match="not made from images"):
        gallery.triptychs(Evidence(torch.zeros(2, 1).double(), images=made, truth=true, given=torch.zeros(2).long()))


def test_l1_alone_does_not_listen_to_the_discriminator() -> None:
    """With `adversarial: 0` the generator's weights after training do not depend on the discriminator's."""

    def trained(seed: int, adversarial: float) -> list[torch.Tensor]:
        architecture = unet.Architecture(width=4, noise_dim=4)
        form = given.Form("image", (1, 16, 16), 0)
        torch.manual_seed(0)
        generator = architecture.generator((1, 16, 16), form)
        torch.manual_seed(seed)
        discriminator = architecture.discriminator((1, 16, 16), form)
        players = [
            train.Player(network, torch.optim.Adam(network.parameters(), 1e-3))
            for network in (generator, discriminator)
        ]
        drawn, noise = stream(0, "pairs"), stream(0, "noise")
        pairs = [tuple(torch.rand(4, 1, 16, 16, generator=drawn) for _ in range(2)) for _ in range(3)]
        train.train(
            *players,
            loss=Loss(),
            penalty=None,
            constraint=None,
            batches=iter(pairs),
            noise=lambda: torch.randn(4, 4, generator=noise),
            penalty_stream=stream(0, "penalty"),
            steps=3,
            n_critic=1,
            log_every=3,
            progress=lambda _: None,
            adversarial=adversarial,
            terms=[Reconstruction(100.0)],
        )
        return list(generator.parameters())

    def equal(adversarial: float) -> bool:
        pairs = zip(trained(1, adversarial), trained(2, adversarial), strict=True)
        return all(torch.equal(first, second) for first, second in pairs)

    assert equal(0.0)
    assert not equal(1.0)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("colourisation", "sample 0 has 1 colour channel(s); colourisation needs colour images"),
        ({"name": "inpainting", "side": 16}, "sample 0 has 16x16 pixels, and a hole of 16x16 leaves nothing of it"),
    ],
)
def test_data_that_a_task_cannot_be_made_from_is_refused_when_it_is_prepared(
    condition: Any, said: str, study_file: StudyFile, capsys: pytest.CaptureFixture[str]
) -> None:
    file = study_file(**{**TRANSLATION, "datasets": [{"name": "blocks", "label": "mine", "condition": condition}]})
    plan = runs.plan(file)
    (key,) = plan.data
    assert cli.main(["data", str(file), key]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "dataset 'mine', split 'train'" in error
    assert not layout.data(key).exists()


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"name": "super-resolution", "factor": 3}, "3 is not Literal[2, 4]"),
        ("super-resolutoin", "did you mean 'super-resolution'?"),
        ({"name": "inpainting", "size": 4}, "has no setting 'size'; did you mean 'side'?"),
    ],
)
def test_a_condition_that_is_not_there_is_refused_when_planning(
    condition: Any, said: str, study_file: StudyFile
) -> None:
    file = study_file(**{**TRANSLATION, "datasets": [{"name": "blocks", "condition": condition}]})
    with pytest.raises(runs.StudyError, match="1 problem") as error:
        runs.plan(file)
    assert said in str(error.value)
