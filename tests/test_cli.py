"""The command: 0 for fine, 1 for what went wrong while working, 2 for bad input; our own errors are sentences."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import StudyFile

from ganbench import __version__, cards, cli, devices, files, layout, markers, plugins, runs

JOB = "ring8/mlp/0"


@pytest.fixture(autouse=True)
def _own_folder_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs write below the working directory and limit this process to its threads."""
    monkeypatch.chdir(tmp_path)
    for variable in devices.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")


def _exit_code(*arguments: str | Path) -> int:
    try:
        return cli.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)


def test_check_says_what_a_study_would_run(study_file: StudyFile, capsys: pytest.CaptureFixture[str]) -> None:
    path = study_file(datasets=["ring8", "digits"], architectures=["mlp", "dcgan"], methods=["minimax", "wgan-gp"])
    assert _exit_code("check", path) == 0
    said = capsys.readouterr().out
    assert f"{path}: fine. 12 runs, 0 of them trained." in said
    assert "  ring8/mlp/minimax\n" in said
    assert "left out: ring8 × dcgan: dcgan makes images, ring8 holds points" in said
    assert "note: wgan-gp with dcgan: " in said


def test_a_reader_who_has_seen_enough_ends_the_command_quietly(study_file: StudyFile) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ganbench", "check", str(study_file())]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_check_writes_nothing(study_file: StudyFile, tmp_path: Path) -> None:
    path = study_file()
    assert _exit_code("check", path) == 0
    assert list(tmp_path.rglob("*")) == [path]


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["train", JOB],
        ["evaluate", "ring8/0"],
        ["data", "ring8"],
        ["extractor", "x"],
        ["features", "x/x"],
        ["reference", "ring8"],
    ],
)
def test_a_bad_study_is_2_with_every_problem_and_nothing_written(
    study_file: StudyFile, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    path = study_file(sed=3, methods=["wgn"])
    verb, *rest = arguments
    assert _exit_code(verb, path, *rest) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{path}: 2 problems\n")
    assert "did you mean 'seeds'?" in said.err
    assert "did you mean 'wgan'?" in said.err
    assert list(tmp_path.rglob("*")) == [path]


def test_a_missing_study_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("check", "nowhere.yaml") == 2
    assert "nowhere.yaml: 1 problem\n  file: cannot read this file: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["trian"], ["list", "loses"], ["check"], ["check", "a", "b"], ["train", "a", "b", "--dig", "c"]]
)
def test_a_wrong_call_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(*arguments) == 2
    assert capsys.readouterr().err.startswith("usage: ganbench")


@pytest.mark.parametrize(("verb", "job"), [("train", JOB), ("evaluate", "ring8/0")])
def test_a_job_of_a_changed_study_is_1_and_says_so(
    study_file: StudyFile, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, job: str
) -> None:
    path = study_file()
    assert _exit_code(verb, path, job, "--digest", "wrong") == 1
    assert (
        capsys.readouterr().err == f"ganbench: {path}: changed since this workflow was planned; run snakemake again\n"
    )
    assert list(tmp_path.rglob("*")) == [path]


def test_an_unknown_job_is_1_with_the_closest(study_file: StudyFile, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("train", study_file(), "ring8/mpl/0") == 1
    assert "has no job 'ring8/mpl/0'; did you mean 'ring8/mlp/0'?" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["data", "reference", "extractor", "features"])
def test_an_unknown_key_is_a_sentence(study_file: StudyFile, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    path = study_file(datasets=["ring8", "digits"])
    assert _exit_code(verb, path, "rng8") == 1
    assert capsys.readouterr().err.startswith(f"ganbench: {path} has nothing called 'rng8'")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOTDIR])
def test_a_disk_that_refuses_is_a_sentence_and_other_errors_are_bugs(
    study_file: StudyFile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), "results/x")

    path = study_file()
    (key,) = runs.plan(path).data
    monkeypatch.setattr("ganbench.data.prepare", refuse)
    if number in cli.DISK:
        assert cli.main(["data", str(path), key]) == 1
        assert f"ganbench: [Errno {number}] {os.strerror(number)}: 'results/x'\n" == capsys.readouterr().err
    else:
        with pytest.raises(OSError, match="results/x"):
            cli.main(["data", str(path), key])


def test_a_job_whose_runs_are_all_trained_only_gets_its_marker(study_file: StudyFile) -> None:
    path = study_file()
    plan = runs.plan(path)
    job = plan.training_jobs[JOB]
    for run in job.runs:
        files.write_json(plan.folder(run) / layout.TRAINING, {"digest": run.digest, "files": []})
    assert not markers.is_true(plan, job)
    assert _exit_code("train", path, JOB, "--digest", job.digest) == 0
    assert markers.is_true(plan, job)


def test_a_job_whose_runs_are_all_evaluated_only_gets_its_marker(study_file: StudyFile) -> None:
    path = study_file()
    plan = runs.plan(path)
    job = plan.evaluation_jobs["ring8/0"]
    files.write_json(layout.reference("small", "ring8"), {"protocol": {}})
    for run in job.runs:
        files.write_json(plan.folder(run) / layout.TRAINING, {"digest": run.digest, "weights_sha256": {}})
        record = {"evaluation_digest": run.evaluation_digest, "weights_sha256": {}, "protocol": {}}
        files.write_json(plan.folder(run) / layout.METRICS, record)
    assert _exit_code("evaluate", path, job.id, "--digest", job.digest) == 0
    assert markers.is_true(plan, job)


def test_check_counts_what_is_trained(study_file: StudyFile, capsys: pytest.CaptureFixture[str]) -> None:
    path = study_file()
    plan = runs.plan(path)
    for run in plan.runs[:3]:
        files.write_json(plan.folder(run) / layout.TRAINING, {"digest": run.digest, "files": []})
    assert _exit_code("check", path) == 0
    assert "4 runs, 3 of them trained." in capsys.readouterr().out


def test_list_names_every_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("list") == 0
    said = capsys.readouterr().out
    registry = plugins.discover()
    for kind in [*cards.KINDS, "method"]:
        assert f"{kind}:\n" in said
        for name in registry.names(kind):
            assert f"  {name} " in said


def test_list_of_one_kind_names_that_kind_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("list", "method") == 0
    said = capsys.readouterr().out
    assert "  wgan-gp                  WGAN with gradient penalty\n" in said
    assert "sndcgan" not in said


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code("--version") == 0
    assert capsys.readouterr().out == f"ganbench {__version__}\n"


def test_the_module_runs_as_a_command_with_its_exit_code(study_file: StudyFile) -> None:
    argv = [sys.executable, "-m", "ganbench", "check", str(study_file(sed=1))]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "did you mean 'seeds'?" in done.stderr


def test_a_step_is_limited_to_its_threads(study_file: StudyFile) -> None:
    path = study_file(threads=3)
    for arguments, threads in ((["--threads", "2"], "2"), ([], "3")):
        _exit_code("train", path, "no-such-job", *arguments)
        assert {os.environ[variable] for variable in devices.THREAD_VARIABLES} == {threads}
