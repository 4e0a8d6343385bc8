"""Steps that are recorded and repeated are the steps as they are written: shown on a CPU, by a tape in the place of
CUDA graphs, and on a GPU where there is one."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import StudyFile
from rules import CASES, CPU, IDS, POINTS, planned, trained
from torch import Tensor

from ganbench import capture, data, files, layout, plugins, rehearsal, runs, training
from ganbench.packs import pack
from ganbench.packs import training as packs
from ganbench.sidecar import Sidecar
from ganbench.testing.tape import Tape
from ganbench.testing.trial import wants_truth

REGISTRY = plugins.discover()
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


@pytest.fixture
def tapes(monkeypatch: pytest.MonkeyPatch) -> list[Tape]:
    """Steps on a CPU are recorded: the tapes of all trainings."""
    made: list[Tape] = []

    def tape(device: torch.device, streams: capture.Streams) -> Tape:
        made.append(Tape(device, streams))
        return made[-1]

    monkeypatch.setitem(capture.RECORDERS, "cpu", tape)
    rmsprop = importlib.import_module("torch.optim.rmsprop")
    monkeypatch.setattr(rmsprop, "_get_capturable_supported_devices", lambda: ["cpu"])
    return made


def kernel_by_kernel(plan: runs.Plan) -> runs.Plan:
    """The same plan for a device whose steps are not recorded."""
    object.__setattr__(plan.study, "cuda_graphs", False)
    return plan


def steps_of(plan: runs.Plan, run: runs.Run) -> str:
    """What a run's record says of its steps."""
    record = files.read_json(plan.folder(run) / layout.TRAINING)
    assert record is not None
    return str(record["provenance"]["steps"])


@pytest.mark.parametrize(("network", "samples", "rule"), CASES, ids=IDS)
def test_every_update_rule_is_the_same_when_recorded(
    network: str,
    samples: Tensor,
    rule: dict[str, Any],
    study_file: StudyFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tapes: list[Tape],
) -> None:
    monkeypatch.chdir(tmp_path)
    plan, given = planned(study_file, network, samples, rule)
    (run,) = plan.runs
    recorded = trained(plan, run, samples, given)
    assert steps_of(plan, run) == "recorded as CUDA graphs"
    assert all(tape.recorded for tape in tapes)
    (plan.folder(run) / layout.TRAINING).unlink()
    assert trained(kernel_by_kernel(plan), run, samples, given) == recorded
    assert steps_of(plan, run) == "kernel by kernel, as `cuda_graphs: false` says"


RECIPES = [name for name in REGISTRY.names("method") if not wants_truth(name, REGISTRY)]


NETWORK = {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8]}


def budget(engine: str, steps: int = 9) -> dict[str, Any]:
    return {"generator_steps": steps, "batch_size": 8, "log_every": 4, "engine": engine}


@pytest.mark.usefixtures("tapes")
@pytest.mark.parametrize("engine", ["single", "pack"])
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_be_recorded(
    name: str, engine: str, study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rehearsal, "TOLERANCE", 0.0)
    plan = runs.plan(study_file(architectures=[NETWORK], methods=[name], seeds=[0, 1], training=budget(engine)))
    specs = [run.spec for run in plan.runs]
    if engine == "pack" and "pack" not in specs[0]:
        assert name in ("lecam", "sngan", "projection")  # they are not packed
        return
    steps = pack.steps_of(plan, specs, POINTS, 3) if engine == "pack" else training.steps_of(plan, specs[0], POINTS)
    assert steps.note == "recorded as CUDA graphs"


def packed(plan: runs.Plan) -> dict[str, bytes]:
    """All weights that a study of one job leaves."""
    (job,) = plan.training_jobs.values()
    assert packs.carry_out(plan, job, CPU)
    return {run.id: (plan.folder(run) / layout.GENERATORS["raw"]).read_bytes() for run in plan.runs}


@pytest.mark.parametrize("method", [{"name": "wgan-gp", "penalty_interval": 2}, {"name": "non-saturating", "ema": 0.9}])
def test_a_pack_is_the_same_when_recorded(
    method: dict[str, Any], study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tapes: list[Tape]
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = runs.plan(
        study_file(
            architectures=[NETWORK],
            methods=[{**method, "lr_decay": "linear"}],
            seeds=[0, 1, 2],
            training={**budget("pack", 20), "runs_per_job": 3},
        )
    )
    for dataset in plan.data.values():
        data.prepare(dataset, Path())
    recorded = packed(plan)
    assert {steps_of(plan, run) for run in plan.runs} == {"recorded as CUDA graphs"}
    assert len(tapes) == 2  # the rehearsal's, and the training's
    assert tapes[1].recorded == len(KINDS[method["name"]])
    for run in plan.runs:
        (plan.folder(run) / layout.TRAINING).unlink()
    assert packed(kernel_by_kernel(plan)) == recorded


KINDS = {"wgan-gp": ("10101", "01010"), "non-saturating": ("0",)}
"""In which of a step's turns a penalty is due: each is a kind of step."""

PENALTY = '''
"""A penalty that {what}."""
from dataclasses import dataclass
from typing import ClassVar
import torch

CALLS = []

class Memory:
    def __call__(self, discriminator, real, fake, stream):
        return discriminator(real).square().mean()

    def state_dict(self):
        return {{}}

    def load_state_dict(self, state):
        pass

@dataclass(frozen=True)
class Penalty:
    """It {what}."""

    recordable: ClassVar[bool] = {recordable}

    {body}
'''
CALL = "def __call__(self, discriminator, real, fake, stream):\n        "
UNFIT = {
    "counts": (
        CALL + "CALLS.append(1)\n        return len(CALLS) * discriminator(real).square().mean()",
        "a recorded step does something else: after 7 steps weights are",
    ),
    "reads": (
        CALL + "return float(real.mean()) * discriminator(real).mean()",
        "a step reads back from the device (_local_scalar_dense)",
    ),
    "remembers": ("def begin(self):\n        return Memory()", "does not say `recordable`"),
}


@pytest.mark.usefixtures("tapes")
@pytest.mark.parametrize("what", UNFIT)
def test_a_plugin_that_a_graph_would_freeze_is_trained_kernel_by_kernel(
    what: str, study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    body, reason = UNFIT[what]
    Path("unfit.py").write_text(PENALTY.format(what=what, body=body, recordable=what != "remembers"))
    method = {"name": "non-saturating", "penalty": "unfit"}
    study = study_file(
        architectures=[NETWORK], methods=[method], seeds=[0], plugins=["unfit.py"], training=budget("single")
    )
    plan = runs.plan(study)
    (run,) = plan.runs
    training.train_run(plan, run, POINTS, CPU)
    assert steps_of(plan, run).startswith("kernel by kernel: ")
    assert reason in steps_of(plan, run)


RESUMED: list[dict[str, Any]] = [
    {"penalty": {"name": "lecam", "start": 6}, "ema": 0.9},
    {"lr_decay": "linear", "n_critic": 2},
    {"lr_decay": "linear", "optimizer": {"name": "rmsprop", "lr": 1e-3}},
]


@pytest.mark.parametrize("rule", RESUMED)
def test_a_recorded_training_goes_on_from_its_checkpoint(
    rule: dict[str, Any], study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tapes: list[Tape]
) -> None:
    monkeypatch.chdir(tmp_path)
    plan, _ = planned(study_file, "my-dropout", POINTS, rule)
    (run,) = plan.runs
    whole = trained(plan, run, POINTS)
    (plan.folder(run) / layout.TRAINING).unlink()

    def stop(self: Sidecar) -> None:
        if self.parts["course"].step == 5:  # type: ignore[attr-defined]
            self.save()
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Sidecar, "pause", stop)
        with pytest.raises(KeyboardInterrupt):
            training.train_run(plan, run, POINTS, CPU)
    assert trained(plan, run, POINTS) == whole
    assert tapes[-1].recorded == 1


def test_on_a_cpu_nothing_is_recorded(study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan, _ = planned(study_file, "mlp", POINTS, {})
    (run,) = plan.runs
    trained(plan, run, POINTS)
    record = files.read_json(plan.folder(run) / layout.TRAINING)
    assert record is not None
    assert "steps" not in record["provenance"]


@GPU
@pytest.mark.parametrize(("network", "samples", "rule"), CASES, ids=IDS)
def test_every_update_rule_is_the_same_on_a_gpu(
    network: str,
    samples: Tensor,
    rule: dict[str, Any],
    study_file: StudyFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rehearsal says so, within its tolerance."""
    monkeypatch.chdir(tmp_path)
    plan, given = planned(study_file, network, samples, rule)
    (run,) = plan.runs
    gpu = torch.device("cuda")
    training.train_run(plan, run, samples.to(gpu), gpu, given.to(gpu) if given else None)
    assert steps_of(plan, run) == "recorded as CUDA graphs"


@GPU
def test_a_failed_recording_leaves_the_gpu_usable(
    study_file: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("unfit.py").write_text(
        PENALTY.format(
            what="copies",
            body=CALL + "return real.cpu().mean().to(real.device) * discriminator(real).mean()",
            recordable=True,
        )
    )
    plan, _ = planned(study_file, "my-dropout", POINTS, {})  # dropout draws from torch's own stream
    method = {"name": "non-saturating", "penalty": "unfit"}
    networks = [{"name": "my-dropout"}]
    path = study_file(
        architectures=networks, methods=[method], plugins=["my_dropout.py", "unfit.py"], training=budget("single")
    )
    gpu = torch.device("cuda")
    unfit = runs.plan(path)
    for plan_of, note in ((unfit, "kernel by kernel: "), (plan, "recorded as CUDA graphs")):
        training.train_run(plan_of, plan_of.runs[0], POINTS.to(gpu), gpu)
        assert steps_of(plan_of, plan_of.runs[0]).startswith(note)
