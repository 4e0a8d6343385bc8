"""Training and evaluation jobs on a tiny study, from prepared data to metrics, in this process."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ganbench import data, evaluate, extraction, features, layout, markers, reference, runs, training
from ganbench.generate import generate
from ganbench.losses.wasserstein import Loss as Wasserstein
from ganbench.packs import training as packed
from ganbench.penalties.gradient_penalty import Penalty as GradientPenalty
from ganbench.runs import Plan
from ganbench.streams import stream
from ganbench.train import train
from ganbench.work import Run

CPU = torch.device("cpu")
GENERATOR = layout.GENERATORS["raw"]

STUDY = """
study: tiny
datasets: [{{name: ring8, label: ring}}]
architectures: [{{name: mlp, generator_widths: [8], discriminator_widths: [8]}}]
methods: [{methods}]
seeds: [0, 1]
plugins: [{plugins}]
training: {{generator_steps: 5, log_every: 5, engine: single, runs_per_job: 8}}
evaluation: {{samples: {samples}}}
"""
METHODS = "non-saturating, wgan"
BAD = METHODS + ", {name: non-saturating, label: bad, loss: my-loss}"

LOSS = '''
"""A loss that fails."""
import itertools
from dataclasses import dataclass
from torch.nn.functional import softplus

CALLS = itertools.count(1)

@dataclass(frozen=True)
class Loss:
    """Fails in its third step."""
    def discriminator(self, real, fake):
        return softplus(-real).mean(-1) + softplus(fake).mean(-1)

    def generator(self, real, fake):
        loss = softplus(-fake).mean(-1)
        if next(CALLS) >= 3:
            FAIL
        return loss
'''
NAN = LOSS.replace("FAIL", "loss = loss * float('nan')")
RAISING = LOSS.replace("FAIL", "raise ZeroDivisionError('a bug of mine')")


@dataclass
class Place:
    """A folder with a study, which is the current one."""

    plan: Plan

    def train(self) -> bool:
        (job,) = self.plan.training_jobs.values()
        return packed.carry_out(self.plan, job, CPU)

    def evaluate(self) -> bool:
        (job,) = self.plan.evaluation_jobs.values()
        return evaluate.carry_out(self.plan, job, CPU)

    def marker(self, step: str) -> Path:
        jobs = self.plan.training_jobs if step == "train" else self.plan.evaluation_jobs
        (job,) = jobs.values()
        return self.plan.marker(job)

    def run(self, method: str, seed: int = 0) -> Run:
        return next(run for run in self.plan.runs if (run.method, run.seed) == (method, seed))

    def folder(self, method: str, seed: int = 0) -> Path:
        return self.plan.folder(self.run(method, seed))

    def record(self, method: str, seed: int = 0, name: str = layout.TRAINING) -> Any:
        return json.loads((self.folder(method, seed) / name).read_text())

    def metrics(self, method: str, seed: int = 0, checkpoint: str = "final", weights: str = "raw") -> Any:
        """The numbers of one checkpoint."""
        (found,) = (
            evaluation["metrics"]
            for evaluation in self.record(method, seed, layout.METRICS)["evaluations"]
            if (evaluation["checkpoint"], evaluation["weights"]) == (checkpoint, weights)
        )
        return found

    def history(self, method: str) -> list[dict[str, str]]:
        with (self.folder(method) / layout.HISTORY).open() as lines:
            return list(csv.DictReader(lines))


Make = Callable[..., Place]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared data of the ring, made once."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "study.yaml").write_text(STUDY.format(methods=METHODS, plugins="", samples=200))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        dataset = runs.plan(Path("study.yaml")).datasets["ring"]
        data.prepare(dataset, Path("nowhere"))
        return layout.data(dataset.key).resolve()


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: Path) -> Make:
    """Write a study into a folder, go there, prepare what training and evaluation need."""

    def go(folder: str = "here", methods: str = METHODS, plugin: str = "", samples: int = 200) -> Place:
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        if plugin:
            Path("my_loss.py").write_text(plugin)
        text = STUDY.format(methods=methods, plugins="my_loss.py" if plugin else "", samples=samples)
        Path("study.yaml").write_text(text)
        plan = runs.plan(Path("study.yaml"))
        target = layout.data(plan.datasets["ring"].key)
        if not target.exists():
            target.parent.mkdir(parents=True)
            target.symlink_to(prepared)
        reference.make(plan, plan.datasets["ring"], CPU)
        return Place(plan)

    return go


def times(place: Place, name: str) -> dict[str, int]:
    return {run.id: (place.plan.folder(run) / name).stat().st_mtime_ns for run in place.plan.runs}


# The reference


def test_the_reference_knows_the_exact_moments_and_measures_real_data(make: Make) -> None:
    place = make(samples=2000)
    dataset = place.plan.datasets["ring"]
    record = json.loads(layout.reference("tiny", "ring").read_text())
    exact = (0.5 + 0.01**2) * torch.eye(2, dtype=torch.float64)
    for of in reference.read(place.plan, dataset, CPU).references.values():
        torch.testing.assert_close(of[None].covariance, exact, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(of[None].mean, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-14)
    assert record["digest"] == place.plan.reference_digest("ring")
    assert record["protocol"]["measures"] == {name: m.spec for name, m in dataset.measures.items()}
    assert record["protocol"]["real_samples"] == 2000
    assert record["protocol"]["extractors"] == {}
    assert record["real"]["modes_2k"] == 8
    assert record["real"]["hq_2k"] == pytest.approx(98.889, abs=100 * 4 * (0.9889 * 0.0111 / 2000) ** 0.5)
    assert 0 <= record["real"]["rkl_2k"] < 0.02
    assert 0 <= record["real"]["fd_2k"] < 0.02
    assert record["perfect"]["hq_2k"] == pytest.approx(98.889, abs=1e-3)
    assert len(record["modes"]["centres"]) == 8


# Training


def test_a_job_trains_all_its_runs_and_says_so(make: Make) -> None:
    place = make()
    assert len(place.plan.runs) == 4
    assert place.train()
    for run in place.plan.runs:
        record = place.record(run.method, run.seed)
        folder = place.plan.folder(run)
        assert record["status"] == "ok"
        assert record["digest"] == run.digest
        assert record["spec"] == run.spec
        assert record["diverged_at"] is None
        assert {*record["files"], layout.TRAINING} == {path.name for path in folder.iterdir()}
        assert load_file(folder / layout.SAMPLES)["samples"].shape == (2000, 2)
        assert Image.open(folder / layout.SHEET).size == (256, 256)
        assert record["parameters"] == {"generator": 64 * 8 + 8 + 8 * 2 + 2, "discriminator": 2 * 8 + 8 + 8 + 1}
    assert markers.is_true(place.plan, next(iter(place.plan.training_jobs.values())))


def test_a_critics_history_estimates_the_distance(make: Make) -> None:
    place = make()
    assert place.train()
    (row,) = place.history("wgan")
    assert row["step"] == "5"
    assert float(row["wasserstein"]) == pytest.approx(float(row["real_score"]) - float(row["fake_score"]))
    assert "wasserstein" not in place.history("non-saturating")[0]


def test_a_run_is_a_function_of_its_spec_wherever_it_is_made(make: Make) -> None:
    results = []
    for folder in ("one", "two"):
        place = make(folder)
        assert place.train()
        assert place.evaluate()
        cells = [("non-saturating", 0), ("wgan", 0), ("non-saturating", 1), ("wgan", 1)]
        results.append([(place.record(*c)["weights_sha256"], numbers(place, *c)) for c in cells])
    assert results[0] == results[1]
    assert len({weights[GENERATOR] for weights, _ in results[0]}) == 4


def numbers(place: Place, method: str, seed: int) -> list[Any]:
    """All that was measured of a run, the end and the way."""
    record = place.record(method, seed, layout.METRICS)
    found = [*record["evaluations"], *record["curve"]]
    return [(e["weights"], e["checkpoint"], e["step"], e["metrics"]) for e in found]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_draws_its_numbers_from_the_streams_of_its_seed(make: Make, seed: int) -> None:
    place = make(methods="wgan-gp")
    assert place.train()
    assert place.evaluate()
    spec = place.run("wgan-gp", seed).spec
    points = data.read(place.plan.datasets["ring"], "train").samples
    _, generator, discriminator = training.build(place.plan, spec, (2,), CPU)
    noise = stream(seed, "noise")
    train(
        generator,
        discriminator,
        loss=Wasserstein(),
        penalty=GradientPenalty(spec["method"]["penalty"]["settings"]["weight"]),
        constraint=None,
        batches=data.Batches(points, 64, stream(seed, "data")),
        noise=lambda: torch.randn(64, 64, generator=noise),
        penalty_stream=stream(seed, "penalty"),
        steps=5,
        n_critic=5,
        log_every=5,
        snapshots=(),
        progress=lambda _: None,
    )
    found = load_file(place.folder("wgan-gp", seed) / GENERATOR)
    assert all(torch.equal(found[name], tensor) for name, tensor in generator.network.state_dict().items())

    shown = load_file(place.folder("wgan-gp", seed) / layout.SAMPLES)["samples"]
    assert torch.equal(shown, generate(generator.network, 2000, 64, stream(seed, "sheet")))
    samples = generate(generator.network, 200, 64, stream(seed, "evaluation"))
    instruments = reference.read(place.plan, place.plan.datasets["ring"], CPU)
    measures = instruments.dataset.measures.values()
    assert place.metrics("wgan-gp", seed) == instruments.measure(instruments.see(samples, measures), measures)


def test_a_run_does_not_depend_on_its_neighbours_in_the_job(make: Make) -> None:
    together = make("one")
    assert together.train()
    expected = together.record("wgan", 1)["weights_sha256"]
    alone = make("two", methods="wgan")
    assert alone.train()
    assert alone.record("wgan", 1)["weights_sha256"] == expected


def test_methods_are_paired_the_same_seed_starts_from_the_same_weights(make: Make) -> None:
    place = make()

    def start(method: str, seed: int) -> torch.Tensor:
        _, generator, discriminator = training.build(place.plan, place.run(method, seed).spec, (2,), CPU)
        parts = [*generator.network.parameters(), *discriminator.network.parameters()]
        return torch.cat([p.detach().flatten() for p in parts])

    assert torch.equal(start("non-saturating", 0), start("wgan", 0))
    assert torch.equal(start("non-saturating", 1), start("wgan", 1))
    assert not torch.equal(start("wgan", 0), start("wgan", 1))


def test_a_method_gets_the_optimizers_of_its_recipe(make: Make) -> None:
    place = make(methods=METHODS + ", ttur")
    _, generator, discriminator = training.build(place.plan, place.run("wgan").spec, (2,), CPU)
    for player in (generator, discriminator):
        assert isinstance(player.optimizer, torch.optim.RMSprop)
        assert player.optimizer.defaults["lr"] == 5e-5
    _, generator, discriminator = training.build(place.plan, place.run("ttur").spec, (2,), CPU)
    assert isinstance(generator.optimizer, torch.optim.Adam)
    assert generator.optimizer.defaults["betas"] == (0.5, 0.999)
    assert (generator.optimizer.defaults["lr"], discriminator.optimizer.defaults["lr"]) == (5e-4, 1e-4)
    held = {id(p) for group in generator.optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in generator.network.parameters()}


def test_what_is_trained_is_not_trained_again(make: Make) -> None:
    place = make()
    assert place.train()
    before = times(place, layout.TRAINING)
    place.marker("train").unlink()
    assert place.train()
    assert times(place, layout.TRAINING) == before
    assert place.marker("train").exists()


def test_a_run_that_lost_a_file_is_trained_again_and_only_that_one(make: Make) -> None:
    place = make()
    assert place.train()
    before = times(place, layout.TRAINING)
    weights = place.record("wgan", 1)["weights_sha256"]
    (place.folder("wgan", 1) / GENERATOR).unlink()
    assert place.train()
    after = times(place, layout.TRAINING)
    assert {run for run in before if before[run] != after[run]} == {place.run("wgan", 1).id}
    assert place.record("wgan", 1)["weights_sha256"] == weights


# Divergence


def test_a_diverging_run_is_a_result(make: Make) -> None:
    place = make(methods=BAD, plugin=NAN)
    assert place.train()
    assert place.evaluate()
    for seed in (0, 1):
        record = place.record("bad", seed)
        assert (record["status"], record["diverged_at"]) == ("diverged", 3)
        assert record["files"] == [layout.HISTORY, *record["weights_sha256"]]
        assert record["weights_sha256"].keys() == {layout.SNAPSHOTS}
        measured = place.record("bad", seed, layout.METRICS)
        assert measured["status"] == "diverged"
        assert measured["reason"] == record["reason"] == "the loss is not finite"
        assert {e["checkpoint"] for e in measured["evaluations"]} == {"best"}
        assert all(e["step"] < 3 for e in [*measured["evaluations"], *measured["curve"]])
        assert place.record("wgan", seed, layout.METRICS)["status"] != "diverged"
    assert place.history("bad") == []
    assert place.marker("train").exists()
    assert place.marker("evaluate").exists()


def test_a_run_that_diverges_now_leaves_nothing_of_the_one_that_did_not(make: Make) -> None:
    good = LOSS.replace("FAIL", "pass")
    place = make(methods=BAD, plugin=good)
    assert place.train()
    assert (place.folder("bad") / GENERATOR).exists()
    place = make(methods=BAD, plugin=NAN)
    assert place.train()
    names = {path.name for path in place.folder("bad").iterdir()}
    assert names == {layout.TRAINING, layout.HISTORY, layout.SNAPSHOTS}


def test_a_diverged_run_is_not_trained_again(make: Make) -> None:
    place = make(methods=BAD, plugin=NAN)
    assert place.train()
    before = times(place, layout.TRAINING)
    assert place.train()
    assert times(place, layout.TRAINING) == before


# A bug


def test_a_plugin_that_raises_fails_its_runs_and_no_others(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    place = make(methods="{name: non-saturating, label: bad, loss: my-loss}, wgan", plugin=RAISING)
    assert not place.train()
    log = (place.folder("bad") / layout.TRAINING_LOG).read_text()
    assert "ZeroDivisionError: a bug of mine" in log
    assert "my_loss.py" in log
    assert not (place.folder("bad") / layout.TRAINING).exists()
    assert place.record("wgan")["status"] == place.record("wgan", 1)["status"] == "ok"
    assert not (place.folder("wgan") / layout.TRAINING_LOG).exists()
    assert not place.marker("train").exists()
    shown = capsys.readouterr().err
    assert place.run("bad").id in shown
    assert "a bug of mine" in shown


def test_a_plugin_that_was_repaired_is_trained_and_its_log_goes(make: Make) -> None:
    methods = "{name: non-saturating, label: bad, loss: my-loss}, wgan"
    place = make(methods=methods, plugin=RAISING)
    assert not place.train()
    before = times_of(place, "wgan")
    place = make(methods=methods, plugin=LOSS.replace("FAIL", "pass"))
    assert place.train()
    assert place.record("bad")["status"] == "ok"
    assert not (place.folder("bad") / layout.TRAINING_LOG).exists()
    assert times_of(place, "wgan") == before


def times_of(place: Place, method: str) -> list[int]:
    return [(place.folder(method, seed) / layout.TRAINING).stat().st_mtime_ns for seed in (0, 1)]


# Evaluation


def test_an_evaluation_measures_every_run_by_every_metric(make: Make) -> None:
    place = make()
    assert place.train()
    assert place.evaluate()
    for run in place.plan.runs:
        record = place.record(run.method, run.seed, layout.METRICS)
        trained = place.record(run.method, run.seed)
        assert record["status"] in ("ok", "collapsed")
        final = place.metrics(run.method, run.seed)
        assert list(final) == sorted(place.plan.datasets["ring"].measures)
        assert place.metrics(run.method, run.seed, "best").keys() == final.keys()
        assert [point["step"] for point in record["curve"]] == [1, 2, 3, 4, 5]
        assert final["fd_200"] > 0
        assert (final["rkl_200"] is None) == (final["hq_200"] == 0)
        assert record["weights_sha256"] == trained["weights_sha256"]
        assert record["evaluation_digest"] == run.evaluation_digest
        assert record["protocol"]["measures"].keys() == final.keys()
        assert record["training"]["seconds"] == trained["seconds"]
        assert not (place.plan.folder(run) / layout.EVALUATION_LOG).exists()


def test_what_is_measured_is_not_measured_again_unless_the_evaluation_changes(make: Make) -> None:
    place = make()
    assert place.train()
    assert place.evaluate()
    before = times(place, layout.METRICS)
    assert place.evaluate()
    assert times(place, layout.METRICS) == before
    trained = times(place, layout.TRAINING)
    place = make(samples=300)
    assert place.train()
    assert place.evaluate()
    assert times(place, layout.TRAINING) == trained
    assert "fd_300" in place.metrics("wgan")


def test_a_generator_whose_samples_are_no_numbers_has_diverged(make: Make) -> None:
    place = make()
    assert place.train()
    path = place.folder("wgan") / GENERATOR
    save_file({name: torch.full_like(tensor, torch.nan) for name, tensor in load_file(path).items()}, path)
    assert place.evaluate()
    record = place.record("wgan", name=layout.METRICS)
    assert record["status"] == "diverged"
    assert "not finite" in record["reason"]
    assert {e["checkpoint"] for e in record["evaluations"]} == {"best"}
    assert 5 not in [point["step"] for point in record["curve"]]


def test_an_evaluation_without_training_fails_and_says_what_is_missing(make: Make) -> None:
    place = make()
    assert not place.evaluate()
    assert "snakemake" in (place.folder("wgan") / layout.EVALUATION_LOG).read_text()
    assert not place.marker("evaluate").exists()


def test_a_reference_of_another_evaluation_is_refused(make: Make) -> None:
    make(samples=300)
    stale = layout.reference("tiny", "ring").read_bytes()
    place = make(samples=200)
    layout.reference("tiny", "ring").write_bytes(stale)
    with pytest.raises(reference.StaleReferenceError, match="not the reference of this evaluation"):
        reference.read(place.plan, place.plan.datasets["ring"], CPU)


# Images

IMAGES = """
study: tiny
datasets: [{name: noise, channels: CHANNELS}]
architectures: [{name: dcgan, width: 4, noise_dim: 8}]
methods: [non-saturating, wgan-gp]
seeds: [0]
plugins: [noise.py]
training: {generator_steps: 2, batch_size: 10, runs_per_job: 2}
evaluation: {samples: 60}
"""

NOISE = '''
from dataclasses import dataclass
from typing import ClassVar
import torch
from ganbench.data import Split
from ganbench.streams import stream

@dataclass(frozen=True)
class Dataset:
    """Noise."""
    kind: ClassVar[str] = "images"
    size: ClassVar[int] = 16
    classes: ClassVar[int] = 4
    classifier_epochs: ClassVar[int] = 1
    accuracy_gate: ClassVar[float] = 0.0
    channels: int = 1

    def splits(self, raw):
        source = stream(0, "noise images")
        def split():
            images = torch.randint(256, (100, self.channels, 16, 16), generator=source, dtype=torch.uint8)
            return Split(images, torch.randint(4, (100,), generator=source))
        return {"train": split(), "validation": split(), "test": split()}
'''


@pytest.mark.parametrize("channels", [1, 3])
def test_images_go_the_same_way_and_are_measured_through_their_extractor(
    channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("noise.py").write_text(NOISE)
    Path("study.yaml").write_text(IMAGES.replace("CHANNELS", str(channels)))
    place = Place(runs.plan(Path("study.yaml")))
    dataset = place.plan.datasets["noise"]
    data.prepare(dataset, Path("nowhere"))
    (extractor,) = dataset.extractors.values()
    extraction.make(dataset, extractor)
    features.make(dataset, extractor, CPU)
    reference.make(place.plan, dataset, CPU)
    assert place.train()
    assert place.evaluate()
    _, card = extraction.read(dataset, extractor)
    for method in ("non-saturating", "wgan-gp"):
        folder = place.folder(method)
        samples = load_file(folder / layout.SAMPLES)["samples"]
        assert (samples.shape, samples.dtype) == ((64, channels, 16, 16), torch.uint8)
        assert Image.open(folder / layout.SHEET).size == (8 * 17 - 1, 8 * 17 - 1)
        assert Image.open(folder / layout.INTERPOLATION).size == (10 * 17 - 1, 4 * 17 - 1)
        assert Image.open(folder / layout.NEIGHBOURS).size == (12 * 17 - 1, 4 * 17 - 1)
        record = place.record(method, name=layout.METRICS)
        assert record["status"] in ("ok", "collapsed")
        final = place.metrics(method)
        assert {"fd_noise-cnn_60", "kd_noise-cnn_60", "is_noise-cnn_60"} <= set(final)
        undefined = {name for name, value in final.items() if value is None}
        assert undefined == {"fd-inf_noise-cnn_60"}  # it needs four samples for each of the features
        assert record["protocol"]["extractors"]["noise-cnn"]["weights_sha256"] == card["weights_sha256"]
        assert (record["protocol"]["reference_samples"], record["protocol"]["real_samples"]) == (100, 60)
    norms = {run.method: run.spec["architecture"]["settings"]["discriminator_norm"] for run in place.plan.runs}
    assert norms == {"non-saturating": "batch", "wgan-gp": "layer"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_job_trains_and_is_measured_on_a_gpu(make: Make) -> None:
    place, gpu = make(methods="non-saturating, wgan, wgan-gp"), torch.device("cuda")
    (trainer,), (evaluator,) = place.plan.training_jobs.values(), place.plan.evaluation_jobs.values()
    assert packed.carry_out(place.plan, trainer, gpu)
    assert evaluate.carry_out(place.plan, evaluator, gpu)
    for run in place.plan.runs:
        record = place.record(run.method, run.seed, layout.METRICS)
        assert record["status"] in ("ok", "collapsed")
        assert record["training"]["peak_memory"]["gpu"] > 0
        assert record["training"]["provenance"]["device"] == torch.cuda.get_device_name(gpu)


COLUMN = '''
"""Scores of the wrong shape."""
from dataclasses import dataclass
from typing import ClassVar
from pydantic import PositiveInt
from torch import nn

@dataclass(frozen=True)
class Architecture:
    """Forgets to flatten."""
    kinds: ClassVar[tuple[str, ...]] = ("points",)
    noise_dim: PositiveInt = 2

    def generator(self, shape):
        return nn.Linear(2, 2)

    def discriminator(self, shape):
        return nn.Linear(2, 1)
'''


def test_scores_of_the_wrong_shape_are_an_error_that_says_so(make: Make) -> None:
    place = make()
    Path("column.py").write_text(COLUMN)
    text = Path("study.yaml").read_text().replace("plugins: []", "plugins: [column.py]")
    Path("study.yaml").write_text(
        text.replace("name: mlp, generator_widths: [8], discriminator_widths: [8]", "name: column")
    )
    place = Place(runs.plan(Path("study.yaml")))
    assert not place.train()
    assert "a discriminator returns scores (batch,)" in (place.folder("wgan") / layout.TRAINING_LOG).read_text()
