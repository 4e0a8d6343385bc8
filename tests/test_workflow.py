"""The real Snakefile on a tiny study, in real processes: what reruns, what fails, what is left behind."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

STUDY = """
study: tiny
datasets: [ring8]
architectures: [{name: mlp, generator_widths: [8], discriminator_widths: [8]}]
methods:
  - non-saturating
  - {name: wgan, n_critic: 2, ema: 0.5}
  - {name: non-saturating, label: mine, loss: my-loss}
seeds: [0, 1]
plugins: [my_loss.py]
training: {generator_steps: 4, log_every: 2, runs_per_job: 2}
evaluation: {samples: 100}
"""

LOSS = '''
"""A loss of one's own."""
from dataclasses import dataclass

@dataclass(frozen=True)
class Loss:
    """Squares."""
    def discriminator(self, real, fake):
        return ((real - 1) ** 2).mean(-1) + (fake ** 2).mean(-1)

    def generator(self, real, fake):
        return ((fake - 1) ** 2).mean(-1)
'''

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny study has run."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "tiny.yaml").write_text(STUDY)
    (folder / "my_loss.py").write_text(LOSS)
    done = snakemake(folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, with all times and with Snakemake's memory."""
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    return copy


def snakemake(folder: Path, *options: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--configfile", "tiny.yaml", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def trained(folder: Path) -> dict[str, int]:
    """When each run was trained, by its folder."""
    base = folder / "results/tiny/runs/ring8/mlp"
    return {str(p.parent.relative_to(base)): p.stat().st_mtime_ns for p in base.glob("*/*/training.json")}


def fresh(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """The runs that were trained between two looks."""
    return {run for run, when in after.items() if before.get(run) != when}


def metrics(folder: Path) -> dict[str, object]:
    """The numbers of every run, the end and the way."""
    base = folder / "results/tiny/runs"
    records = {str(p.relative_to(base)): json.loads(p.read_text()) for p in base.glob("*/*/*/*/metrics.json")}
    return {
        run: [(e["weights"], e["checkpoint"], e["step"], e["metrics"]) for e in [*r["evaluations"], *r["curve"]]]
        for run, r in records.items()
    }


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_study_leaves_a_page_and_all_its_records(finished: Path) -> None:
    page = (finished / "reports/tiny/index.html").read_text()
    assert "6 runs" in page
    assert len(trained(finished)) == 6
    run = finished / "results/tiny/runs/ring8/mlp/wgan/seed1"
    assert {p.name for p in run.iterdir()} == {
        "training.json", "metrics.json", "history.csv", "generator.safetensors", "generator-ema.safetensors",
        "snapshots.safetensors", "samples.safetensors", "samples.png",
        "film.safetensors", "surface.safetensors",
    }  # fmt: skip
    record = json.loads((run / "metrics.json").read_text())
    assert record["status"] in ("ok", "collapsed")
    assert {(e["weights"], e["checkpoint"]) for e in record["evaluations"]} == {
        ("raw", "final"), ("raw", "best"), ("ema", "final"), ("ema", "best"),
    }  # fmt: skip
    assert record["training"]["spec"]["seed"] == 1
    assert {"seconds", "peak_memory", "provenance", "digest"} <= record["training"].keys()
    assert "wasserstein" in (run / "history.csv").read_text()


def test_the_pages_command_for_one_run_trains_that_run_alone(folder: Path) -> None:
    text = html.unescape((folder / "reports/tiny/index.html").read_text())
    command = next(c for c in re.findall(r"<pre><code>(rm -r .*?)</code></pre>", text) if "seed0 &&" in c)
    before = trained(folder)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
    subprocess.run(command, shell=True, check=True, cwd=folder, env=environment, capture_output=True, timeout=300)
    assert fresh(before, trained(folder)) == {"non-saturating/seed0"}


def test_snakemakes_own_report_holds_the_page_the_tables_and_the_figures(folder: Path) -> None:
    made = snakemake(folder, "--report", "own.html")
    assert made.returncode == 0, made.stderr
    for name in ("index.html", "runs.csv", "training_ring8_mlp.svg"):
        assert f"Adding {name}" in made.stderr
    assert (folder / "own.html").stat().st_size > 100_000


def test_a_second_call_does_nothing(folder: Path) -> None:
    again = snakemake(folder)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stderr + again.stdout


def test_one_core_and_two_give_identical_metrics(folder: Path) -> None:
    before = metrics(folder)
    shutil.rmtree(folder / "results")
    assert snakemake(folder, cores=1).returncode == 0
    assert metrics(folder) == before
    assert len(before) == 6


def test_a_seed_more_trains_only_that_seed(folder: Path) -> None:
    before = trained(folder)
    edit(folder / "tiny.yaml", "seeds: [0, 1]", "seeds: [0, 1, 2]")
    assert snakemake(folder).returncode == 0
    assert fresh(before, trained(folder)) == {f"{m}/seed2" for m in ("non-saturating", "wgan", "mine")}
    assert "9 runs" in (folder / "reports/tiny/index.html").read_text()
    edit(folder / "tiny.yaml", "seeds: [0, 1, 2]", "seeds: [0, 1]")  # and back: nothing is lost or shown in excess
    middle = trained(folder)
    assert snakemake(folder).returncode == 0
    assert fresh(middle, trained(folder)) == set()
    assert "6 runs" in (folder / "reports/tiny/index.html").read_text()


def test_a_changed_setting_retrains_only_its_cells(folder: Path) -> None:
    before = trained(folder)
    edit(
        folder / "tiny.yaml",
        "{name: wgan, n_critic: 2, ema: 0.5}",
        "{name: wgan, n_critic: 2, ema: 0.5, optimizer: {lr: 3e-4}}",
    )
    assert snakemake(folder).returncode == 0
    assert fresh(before, trained(folder)) == {"wgan/seed0", "wgan/seed1"}


def test_an_edited_plugin_retrains_exactly_its_cells(folder: Path) -> None:
    before = trained(folder)
    edit(folder / "my_loss.py", "(fake ** 2)", "(2 * fake ** 2)")
    assert snakemake(folder).returncode == 0
    assert fresh(before, trained(folder)) == {"mine/seed0", "mine/seed1"}


def test_another_sample_count_or_threshold_trains_nothing(folder: Path) -> None:
    before, old = trained(folder), metrics(folder)
    edit(folder / "tiny.yaml", "samples: 100", "samples: 150, threshold: 3.0")
    assert snakemake(folder).returncode == 0
    assert fresh(before, trained(folder)) == set()
    assert metrics(folder) != old
    assert "set by the study" in (folder / "reports/tiny/index.html").read_text()


def test_a_deleted_run_is_made_again_and_only_it(folder: Path) -> None:
    before, old = trained(folder), metrics(folder)
    shutil.rmtree(folder / "results/tiny/runs/ring8/mlp/wgan/seed0")
    assert snakemake(folder).returncode == 0
    assert fresh(before, trained(folder)) == {"wgan/seed0"}
    assert metrics(folder) == old


def test_copied_results_without_snakemakes_memory_are_believed_only_as_far_as_they_are_true(folder: Path) -> None:
    before = trained(folder)
    shutil.rmtree(folder / ".snakemake")
    edit(folder / "tiny.yaml", "{name: wgan, n_critic: 2, ema: 0.5}", "{name: wgan, n_critic: 3, ema: 0.5}")
    assert snakemake(folder).returncode == 0
    assert fresh(before, trained(folder)) == {"wgan/seed0", "wgan/seed1"}


def test_a_plugin_that_raises_fails_its_job_alone_and_no_stale_report_counts_as_done(folder: Path) -> None:
    before = trained(folder)
    edit(folder / "my_loss.py", "return ((fake - 1) ** 2).mean(-1)", "raise ValueError('a bug of mine')")
    edit(folder / "tiny.yaml", "{name: wgan, n_critic: 2, ema: 0.5}", "{name: wgan, n_critic: 3, ema: 0.5}")
    failed = snakemake(folder, "--keep-going")
    assert failed.returncode != 0
    assert "a bug of mine" in (folder / "results/tiny/runs/ring8/mlp/mine/seed0/train.log").read_text()
    assert "a bug of mine" in failed.stderr
    assert fresh(before, trained(folder)) == {"wgan/seed0", "wgan/seed1"}
    again = snakemake(folder)  # the old page is still there; it must not make this call content
    assert again.returncode != 0
    edit(folder / "my_loss.py", "raise ValueError('a bug of mine')", "return ((fake - 1) ** 2).mean(-1)")
    middle = trained(folder)
    assert snakemake(folder).returncode == 0
    assert not (folder / "results/tiny/runs/ring8/mlp/mine/seed0/train.log").exists()
    assert fresh(middle, trained(folder)) == set()  # mended to what it was: those weights are still true


def test_a_run_that_diverges_is_a_result(folder: Path) -> None:
    edit(folder / "my_loss.py", "return ((fake - 1) ** 2).mean(-1)", "return (fake / 0 - fake / 0).mean(-1)")
    assert snakemake(folder).returncode == 0
    record = json.loads((folder / "results/tiny/runs/ring8/mlp/mine/seed0/metrics.json").read_text())
    assert (record["status"], record["training"]["diverged_at"]) == ("diverged", 1)
    assert record["evaluations"] == record["curve"] == []
    page = (folder / "reports/tiny/index.html").read_text()
    assert "2 diverged" in page
    row = next(line for line in page.splitlines() if "ring8/mlp/mine/seed0" in line and "diverged" in line)
    assert '<td data-value="1">1</td>' in row
    assert "the loss is not finite" in row


IMAGES = """
study: images
datasets: [digits]
architectures: [{name: mlp, generator_widths: [8], discriminator_widths: [8]}]
methods: [wgan]
seeds: [0]
training: {generator_steps: 2}
evaluation: {samples: 100, metrics: [fd], snapshot_samples: 50}
"""


def test_images_are_seen_through_an_extractor_that_is_made_once_for_all_studies(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Snakefile", tmp_path)
    (tmp_path / "tiny.yaml").write_text(IMAGES)
    assert snakemake(tmp_path, "--until", "reference").returncode == 0
    (card,) = (tmp_path / "results/extractors").glob("digits-cnn-*/extractor.json")
    assert len(list((tmp_path / "results/features").glob(f"digits-*/{card.parent.name}/features.json"))) == 1
    reference = json.loads((tmp_path / "results/images/references/digits/reference.json").read_text())
    assert reference["real"]["fd_digits-cnn_100"] > 0
    edit(tmp_path / "tiny.yaml", "study: images", "study: others")
    others = snakemake(tmp_path, "--dry-run")
    assert others.returncode == 0
    assert "rule reference:" in others.stdout
    assert not any(f"rule {made}:" in others.stdout for made in ("data", "extractor", "features"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wgan, n_critic", "wgann, n_critic", "did you mean 'wgan'?"),
        ("seeds: [0, 1]", "seeds: []", "seeds"),
        ("architectures: [{name: mlp", "architectures: [{name: mlpp", "did you mean 'mlp'?"),
    ],
)
def test_a_wrong_study_says_so_and_leaves_nothing(tmp_path: Path, old: str, new: str, said: str) -> None:
    shutil.copy(ROOT / "Snakefile", tmp_path)
    (tmp_path / "my_loss.py").write_text(LOSS)
    (tmp_path / "tiny.yaml").write_text(STUDY.replace(old, new))
    wrong = snakemake(tmp_path)
    assert wrong.returncode != 0
    assert said in wrong.stderr
    assert "tiny.yaml" in wrong.stderr
    assert not (tmp_path / "results").exists()
    assert not (tmp_path / "reports").exists()


def test_the_snakefile_is_wiring_only() -> None:
    text = (ROOT / "Snakefile").read_text()
    assert len(text.splitlines()) < 150
    assert "torch" not in text
    assert "run:" not in text
