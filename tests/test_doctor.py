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
    assert "torch is a '+cpu' build and torchvision is not" in said
    assert "torch 2.12.1 goes with torchvision 0.27" in said
    assert said.endswith("pip install --force-reinstall torch==2.12.1 torchvision==0.27.*")


def test_a_plain_torch_beside_a_cpu_torchvision_is_explained() -> None:
    said = doctor.mismatch("2.12.1", "0.27.1+cpu", "undefined symbol")
    assert "torchvision is a '+cpu' build and torch is not" in said
    assert "'+'" not in said


def test_two_releases_of_one_build_are_not_called_builds() -> None:
    said = doctor.mismatch("2.11.0", "0.27.1", "undefined symbol")
    assert "build" not in said
    assert "torch 2.11.0 goes with torchvision 0.26" in said


def test_a_release_that_ganbench_does_not_know_is_replaced_by_the_newest_that_it_does() -> None:
    said = doctor.mismatch("9.9.0+cpu", "0.27.1", "undefined symbol")
    assert "ganbench works with torch 2.11 and 2.12" in said
    assert said.endswith("'torch==2.12.*' torchvision==0.27.*")
