"""Precision and memory layout: options that a spec records, and that leave what does not name them as it was."""

import functools
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from conftest import StudyFile
from torch import nn

from ganbench import devices, machine, numerics, runs, training
from ganbench.train import straight_on

CPU = torch.device("cpu")


def digests(study: Path) -> list[str]:
    return [run.digest for run in runs.plan(study).runs]


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ({}, {}),
        ({"precision": "fp32", "channels_last": True}, {}),
        ({"precision": "bf16"}, {"precision": "bf16"}),
        ({"precision": "tf32", "channels_last": False}, {"precision": "tf32", "channels_last": False}),
        ({"compile": True}, {"compile": True}),
        ({"compile": False}, {}),
    ],
)
def test_the_spec_names_what_differs_from_the_default(
    study_file: StudyFile, given: dict[str, Any], recorded: dict[str, Any]
) -> None:
    budget = {"generator_steps": 10, "batch_size": 8}
    (first, *_) = runs.plan(study_file(training={**budget, **given})).runs
    named = {
        key: first.spec["training"][key]
        for key in ("precision", "channels_last", "compile")
        if key in first.spec["training"]
    }
    assert named == recorded
    changed = digests(study_file(training={**budget, **given})) != digests(study_file(training=budget))
    assert changed == bool(recorded)


def test_one_dataset_can_have_its_own_precision(study_file: StudyFile) -> None:
    other = {"name": "grid25", "training": {"precision": "bf16"}}
    plan = runs.plan(study_file(datasets=["ring8", other]))
    assert {run.dataset: run.spec["training"].get("precision") for run in plan.runs} == {
        "ring8": None,
        "grid25": "bf16",
    }


def test_mixed_precision_is_inside_networks_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    methods = [{"name": "wgan-gp", "ema": 0.5}]
    plan = tiny.place(methods=methods, training={"precision": "bf16"}).plan
    _, generator, discriminator = training.build(plan, plan.runs[0].spec, (2,), CPU)
    inner: list[torch.dtype] = []
    for network in (generator.network, discriminator.network):
        first = next(module for module in network.modules() if isinstance(module, nn.Linear))
        first.register_forward_hook(lambda _module, _inputs, output: inner.append(output.dtype))
    fake = generator.network(torch.randn(8, 4))
    scores = discriminator.network(fake)
    assert inner == [torch.bfloat16] * 2
    assert fake.dtype == scores.dtype == torch.float32
    slope = torch.autograd.grad(scores.sum(), fake, create_graph=True)[0]
    slope.square().sum().backward()
    assert all(
        p.dtype == p.grad.dtype == torch.float32 for p in discriminator.network.parameters() if p.grad is not None
    )
    assert generator.average is not None
    assert generator.average.network(torch.randn(8, 4)).dtype == torch.float32
    weights = discriminator.network.get_parameter("0.weight")
    with torch.no_grad():
        weights.zero_()  # the network computes with the weights that are there
    assert discriminator.network(fake).std() == 0


@pytest.mark.parametrize("changes", [{"precision": "bf16"}, {"channels_last": False}, {"precision": "tf32"}])
def test_a_study_trains_and_records_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    dcgan = [{"name": "dcgan", "width": 2}]
    place = tiny.place(datasets=[{"name": "digits", "size": 16}], architectures=dcgan, training=changes)
    _, generator, _ = training.build(place.plan, place.plan.runs[0].spec, (1, 16, 16), CPU)
    convolution = [m for m in generator.network.modules() if isinstance(m, nn.ConvTranspose2d)][1]
    strides = convolution.weight.is_contiguous(memory_format=torch.channels_last)
    assert strides == changes.get("channels_last", True)
    for dataset in place.plan.data.values():
        tiny.data.prepare(dataset, Path("nowhere"))
    record = place.train().record(name="training.json")
    assert changes.items() <= record["spec"]["training"].items()
    assert record["status"] == "ok"


def trained(plan: runs.Plan, samples: torch.Tensor) -> list[torch.Tensor]:
    """The weights of both networks after the training of the first run."""
    spec = plan.runs[0].spec
    session = training.begin(plan, spec, samples, CPU)
    training.fit(plan, spec, session, lambda _: None, straight_on)
    assert (session.generator.compiled is not None) == spec["training"].get("compile", False)
    return [p.detach() for side in (session.generator, session.discriminator) for p in side.network.parameters()]


COMPILED: list[tuple[str, dict[str, Any]]] = [
    ("aot_eager", {"name": "wgan-gp", "n_critic": 2}),  # it differentiates twice, which compiled networks cannot
    ("aot_eager", {"name": "unrolled1", "ema": 0.5}),
    pytest.param("inductor", {"name": "non-saturating", "packing": 2}, marks=pytest.mark.slow),  # type: ignore[list-item]
    pytest.param("inductor", {"name": "wgan-gp"}, marks=pytest.mark.slow),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("backend", "method"), COMPILED)
def test_compiled_networks_are_trained_as_others_but_for_rounding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str, method: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    samples, found = torch.randn(100, 2), []
    for compiled in (True, False):
        budget = {"compile": compiled, "generator_steps": 6, "batch_size": 8}
        found.append(trained(tiny.place(study=f"{compiled}", methods=[method], training=budget).plan, samples))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_packs_are_not_compiled(study_file: StudyFile) -> None:
    plan = runs.plan(study_file(training={"generator_steps": 10, "compile": True, "engine": "pack"}))
    assert not any("pack" in run.spec for run in plan.runs)
    assert any("a pack is not compiled" in note for note in plan.notes)


def test_what_float32_means_on_a_gpu_is_always_said() -> None:
    try:
        numerics.set_float32(tf32=True)
        assert numerics.float32() == {"matmul": "tf32", "convolution": "tf32"}
        devices.choose("cpu", torch.get_num_threads())
        assert numerics.float32() == {"matmul": "ieee", "convolution": "ieee"}
    finally:
        numerics.set_float32(tf32=False)
    assert "float32" not in machine.provenance(CPU)
