"""The doctor finds nothing here, and says in words what to do elsewhere."""

from pathlib import Path

import pytest

from ganbench import doctor


def test_every_check_passes_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctor.examine() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(doctor.CHECKS)
    assert all(line.startswith("ok ") for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_a_trouble_is_printed_and_the_other_checks_still_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise doctor.Trouble("it is broken; mend it")

    monkeypatch.setattr(doctor, "CHECKS", (broken, lambda: "still looked at"))
    assert doctor.examine() == 1
    assert capsys.readouterr().out == "PROBLEM  it is broken; mend it\nok       still looked at\n"


def test_a_cpu_torch_beside_a_plain_torchvision_is_explained() -> None:
    said = doctor.mismatch("2.12.1+cpu", "0.27.1", "operator torchvision::nms does not exist")
    assert "torchvision 0.27.1 does not work with torch 2.12.1+cpu" in said
    assert "operator torchvision::nms does not exist" in said
    assert "a '+cpu' build and torchvision is not" in said
    assert "torch 2.12.1 goes with torchvision 0.27" in said
    assert said.endswith("pip install --force-reinstall torch==2.12.1 torchvision")


def test_a_plain_torch_beside_a_cpu_torchvision_is_explained() -> None:
    said = doctor.mismatch("2.12.1", "0.27.1+cpu", "undefined symbol")
    assert "'+cpu'" in said
    assert "'+'" not in said


@pytest.mark.parametrize(
    ("torch", "belongs"),
    [("2.11.0", "torchvision 0.26"), ("2.12.1", "torchvision 0.27"), ("9.9.0", "the torchvision of its release")],
)
def test_the_torchvision_that_belongs_to_a_release_is_named(torch: str, belongs: str) -> None:
    said = doctor.mismatch(torch, "0.1.0", "undefined symbol")
    assert f"torch {torch} goes with {belongs}" in said
    assert f"torch=={torch} torchvision" in said
