"""The real Snakefile on a machine with four cards that only nvidia-smi knows of. The networks compute on the CPU; which
card each process was given, and when, is written down by the study's own loss."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import fake_gpus
import pytest

STUDY = """
study: tiny
datasets: [ring8]
architectures: [{name: mlp, generator_widths: [8], discriminator_widths: [8]}]
methods: [{name: non-saturating, loss: told}]
seeds: [0, 1, 2, 3]
plugins: [told.py]
training: {generator_steps: 4, log_every: 2, runs_per_job: 1}
evaluation: {samples: 100, snapshot_samples: 50, metrics: [fd]}
"""

TOLD = '''
"""Least squares that say where they are computed."""
import os, time
from dataclasses import dataclass
from pathlib import Path

def say(word):
    with Path("told").open("a") as file:
        file.write(f"{word} {os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")

@dataclass(frozen=True)
class Loss:
    """Squares."""
    def discriminator(self, real, fake):
        if not Path(str(os.getpid())).exists():
            Path(str(os.getpid())).touch()
            say("start")
            time.sleep(0.5)
        return ((real - 1) ** 2).mean(-1) + (fake ** 2).mean(-1)

    def generator(self, real, fake):
        deadline = time.monotonic() + 60
        while Path("told").read_text().count("start") < 4 and time.monotonic() < deadline:
            time.sleep(0.05)  # nobody ends before four have begun
        say("step")
        return ((fake - 1) ** 2).mean(-1)
'''


def told(folder: Path) -> dict[str, tuple[str, int, int]]:
    """By process: its card, and the places of its first and last line."""
    found: dict[str, tuple[str, int, int]] = {}
    for place, line in enumerate((folder / "told").read_text().splitlines()):
        _, pid, card = line.split()
        assert found.get(pid, (card,))[0] == card
        found[pid] = (card, found.get(pid, (card, place))[1], place)
    return found


def test_four_trainings_at_once_are_on_four_cards(tmp_path: Path) -> None:
    spans = trained(tmp_path, STUDY, "--resources", "gpu=4")
    assert {card for card, _, _ in spans} == {fake_gpus.uuid(i) for i in range(4)}
    assert max(start for _, start, _ in spans) < min(end for _, _, end in spans)


@pytest.mark.slow
def test_so_they_are_if_the_tokens_are_forgotten_and_then_others_follow(tmp_path: Path) -> None:
    spans = trained(tmp_path, STUDY.replace("seeds: [0, 1, 2, 3]", "seeds: [0, 1, 2, 3, 4, 5]"))
    assert len(spans) == 6
    first = sorted(spans, key=lambda span: span[1])[:4]
    assert {card for card, _, _ in first} == {fake_gpus.uuid(i) for i in range(4)}
    assert max(start for _, start, _ in first) < min(end for _, _, end in first)
    for card in {card for card, _, _ in spans}:
        mine = sorted((start, end) for other, start, end in spans if other == card)
        assert all(earlier[1] < later[0] for earlier, later in itertools.pairwise(mine))


def trained(tmp_path: Path, study: str, *tokens: str) -> list[tuple[str, int, int]]:
    """What the processes tell that train a study on eight cores and four cards."""
    shutil.copy(fake_gpus.ROOT / "Snakefile", tmp_path)
    (tmp_path / "tiny.yaml").write_text(study)
    (tmp_path / "told.py").write_text(TOLD)
    command = [sys.executable, "-m", "snakemake", "--cores", "8", *tokens, "--configfile", "tiny.yaml"]
    done = subprocess.run(
        [*command, "--until", "train"],
        cwd=tmp_path, env=fake_gpus.environment(tmp_path, 4), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(told(tmp_path).values())
