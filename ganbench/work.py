"""Runs, and the jobs that they are dealt out to: what one process does."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ganbench.packs import grouping
from ganbench.plugins import Registry
from ganbench.specs import Spec, digest

USUAL_RUNS = {"train": 1, "evaluate": 8}
"""Runs of a job where the study does not say."""

MOST_JOBS = 4_000
"""About as many jobs of a step as a study is cut into where it does not say: Snakemake takes 2 ms to plan one, and a
job's process 3 s to start."""


@dataclass(frozen=True)
class Run:
    """One training: a cell and a seed."""

    dataset: str
    architecture: str
    method: str
    seed: int
    spec: Spec
    evaluation_spec: Spec
    time_limit: float | None
    """Seconds. No part of the spec: a run that ended within it is the same under any other."""

    @property
    def cell(self) -> str:
        """dataset/architecture/method."""
        return f"{self.dataset}/{self.architecture}/{self.method}"

    @property
    def id(self) -> str:
        """The cell and the seed; also its folder."""
        return f"{self.cell}/seed{self.seed}"

    @cached_property
    def digest(self) -> str:
        """The cache key of the training."""
        return digest(self.spec)

    @cached_property
    def evaluation_digest(self) -> str:
        """The cache key of the evaluation."""
        return digest(self.evaluation_spec)


@dataclass(frozen=True)
class Job:
    """Runs that one process handles, one after the other or in packs; of no interest to results."""

    id: str
    step: str
    dataset: str
    runs: tuple[Run, ...]

    @cached_property
    def promises(self) -> dict[str, str]:
        """What its marker says when it is done: the digest of each run, and its time limit if it has one."""
        return {run.id: self._promise(run) for run in self.runs}

    def _promise(self, run: Run) -> str:
        if self.step != "train":
            return run.evaluation_digest
        return run.digest if run.time_limit is None else f"{run.digest} in {run.time_limit:g} s"

    @cached_property
    def digest(self) -> str:
        """Changes when any of its runs changes."""
        return digest(self.promises)


def deal(step: str, runs: Sequence[Run], runs_per_job: dict[str, int | None], registry: Registry) -> dict[str, Job]:
    """Training jobs hold runs of one dataset and architecture, at least those of a pack; evaluation jobs runs of one
    dataset."""
    usual = max(USUAL_RUNS[step], math.ceil(len(runs) / MOST_JOBS))
    groups: dict[str, list[Run]] = {}
    for run in runs:
        waits = "/tuned" if "tuning" in run.spec else ""  # and no other run with it
        group = f"{run.dataset}/{run.architecture}{waits}" if step == "train" else run.dataset
        groups.setdefault(group, []).append(run)
    jobs = {}
    for group, members in groups.items():
        wanted = runs_per_job[members[0].dataset]
        together = grouping.packs(members, registry, wanted) if step == "train" else [[run] for run in members]
        for number, share in enumerate(_shares(together, wanted or usual)):
            job = Job(f"{group}/{number}", step, members[0].dataset, tuple(share))
            jobs[job.id] = job
    return jobs


def _shares(packs: Iterable[list[Run]], size: int) -> list[list[Run]]:
    """As many packs together as make no more than `size` runs, but at least one."""
    shares: list[list[Run]] = []
    for pack in packs:
        if shares and len(shares[-1]) + len(pack) <= size:
            shares[-1] += pack
        else:
            shares.append(list(pack))
    return shares
