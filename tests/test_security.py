"""A study from a stranger: reading runs nothing, names stay in results/, and code is run only where it is allowed."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, StudyFile
from hypothesis import given
from hypothesis import strategies as st

from ganbench import cards, cli, layout, runs, trust
from ganbench.problems import StudyError

LOSS = '''
"""A loss that leaves a trace."""
from dataclasses import dataclass
from pathlib import Path
Path("{trace}").touch()

@dataclass(frozen=True)
class Loss:
    """Squares."""
    {setting}

    def discriminator(self, real, fake):
        return ((real - 1) ** 2).mean(-1) + (fake ** 2).mean(-1)

    def generator(self, real, fake):
        return ((fake - 1) ** 2).mean(-1)
'''
METHOD = {"name": "non-saturating", "label": "mine", "loss": "my-loss"}
ESCAPE = "().__class__.__base__.__subclasses__()[0].__init__.__globals__"


@pytest.fixture
def stranger(tmp_path: Path, study_file: StudyFile, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study with a plugin beside it, in another folder than the current one."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    study = study_file("there/study.yaml", methods=[METHOD], plugins=["my_loss.py"])
    (tmp_path / "there/my_loss.py").write_text(LOSS.format(trace=tmp_path / "trace", setting=""))
    return study


def train(study: Path) -> int:
    (dataset,) = runs.plan(study).data
    return cli.main(["data", str(study), dataset])


def test_a_strangers_study_can_be_read_and_its_code_is_named_and_not_run(
    stranger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["check", str(stranger)]) == 0
    line = f"code that will be run: {tmp_path / 'there/my_loss.py'}"
    assert f"{line}; refused from this folder" in capsys.readouterr().out
    with monkeypatch.context() as allowing:
        allowing.setenv(trust.VARIABLE, str(tmp_path / "there"))
        assert cli.main(["check", str(stranger)]) == 0
        assert f"{line}\n" in capsys.readouterr().out
    assert train(stranger) == 1
    said = capsys.readouterr().err
    assert "a plugin is code" in said
    assert f"{trust.VARIABLE}={tmp_path / 'there'}" in said
    assert not (tmp_path / "trace").exists()


def test_snakemake_refuses_it_before_anything_runs(stranger: Path, tmp_path: Path) -> None:
    (tmp_path / "here/Snakefile").write_text((ROOT / "Snakefile").read_text())
    command = [sys.executable, "-m", "snakemake", "-n", "--configfile", str(stranger)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert "a plugin is code" in done.stdout + done.stderr
    environment[trust.VARIABLE] = str(tmp_path / "there")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "trace").exists()  # planning never runs it


def test_the_user_may_allow_a_folder(stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trust.VARIABLE, os.pathsep.join(["/nowhere", str(tmp_path / "there")]))
    assert train(stranger) == 0


@pytest.mark.usefixtures("stranger")
def test_what_lies_in_the_current_folder_is_trusted_and_links_out_of_it_are_not(
    tmp_path: Path, study_file: StudyFile
) -> None:
    own = study_file("here/configs/study.yaml", methods=[METHOD], plugins=["my_loss.py"])
    (tmp_path / "here/configs/my_loss.py").symlink_to(tmp_path / "there/my_loss.py")
    assert train(own) == 1
    (tmp_path / "here/configs/my_loss.py").unlink()
    (tmp_path / "there/my_loss.py").rename(tmp_path / "here/configs/my_loss.py")
    assert train(own) == 0
    for way in ("../configs/my_loss.py", str(tmp_path / "here/configs/my_loss.py")):
        assert train(study_file("here/configs/study.yaml", methods=[METHOD], plugins=[way])) == 0
    (tmp_path / "here/configs/my_loss.py").rename(tmp_path / "my_loss.py")
    for way in ("../../my_loss.py", str(tmp_path / "my_loss.py")):
        assert train(study_file("here/configs/study.yaml", methods=[METHOD], plugins=[way])) == 1


@pytest.mark.parametrize(
    "setting",
    [
        f"x: {ESCAPE} = 1",
        f"x: Literal[{ESCAPE}] = 1",
        "x: int.__class__ = 1",
        "x: tuple(Literal) = 1",
        "x: (lambda: int)() = 1",
        "x: [t for t in (int,)][0] = 1",
        "x: int = __import__('os').system('true')",
        "x: ClassVar[int] = open('trace', 'w')",
    ],
)
def test_reading_a_plugin_file_evaluates_nothing_of_it(tmp_path: Path, setting: str) -> None:
    path = tmp_path / "my_loss.py"
    path.write_text(LOSS.format(trace=tmp_path / "trace", setting=setting))
    with pytest.raises(cards.PluginError, match=r"my_loss\.py: line 10"):
        cards.read_card(path)
    assert not (tmp_path / "trace").exists()


@given(name=st.text(max_size=20))
def test_no_label_leaves_results_or_means_anything_to_a_shell(study_file: StudyFile, name: str) -> None:
    labelled = {"name": "mlp", "label": name}
    try:
        plan = runs.plan(study_file(study=name, architectures=[labelled], methods=[{**METHOD, "loss": "hinge"}]))
    except StudyError:
        return
    for path in (plan.folder(plan.runs[0]), layout.report(name), *plan.evaluation_markers):
        assert ".." not in path.parts
        assert not path.is_absolute()
    assert not set(name) & set(" \t\n'\"$`\\;&|<>(){}[]*?!#~/")


@pytest.mark.parametrize("name", ["..", ".", "../x", "a/b", "/etc", "$(reboot)", "a b", "-rf", "a\nb", ""])
def test_odd_labels_are_refused(study_file: StudyFile, name: str) -> None:
    for changes in ({"study": name}, {"architectures": [{"name": "mlp", "label": name}]}):
        with pytest.raises(StudyError):
            runs.plan(study_file(**changes))


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['touch trace']", "!!python/name:os.system ''"])
def test_yaml_makes_no_objects(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(f"study: {text}\n")
    with pytest.raises(StudyError, match="not readable as YAML"):
        runs.plan(Path("study.yaml"))
    assert not Path("trace").exists()


def test_nothing_is_unpickled_and_no_shell_is_asked() -> None:
    """The one torch.load is of weights alone; shells are Snakemake's, and all that they get is quoted."""
    forbidden = {"pickle.load", "pickle.loads", "os.system", "os.popen", "np.load", "yaml.unsafe_load", "exec"}
    calls: dict[str, list[str]] = {}
    for path in (ROOT / "ganbench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                calls.setdefault(ast.unparse(node.func), []).append(ast.unparse(node))
    assert not forbidden & calls.keys()
    assert all("weights_only=True" in call for call in calls["torch.load"])
    assert not any("shell=True" in call for of in calls.values() for call in of)
    assert calls["yaml.load"] == ["yaml.load(path.read_text('utf-8'), _Loader)"]
    wiring = (ROOT / "Snakefile").read_text("utf-8")
    for line in wiring.splitlines():
        if '"{GANBENCH' in line:
            unquoted = {part.split("}")[0] for part in line.split("{")[1:]} - {"threads", "params.digest"}
            assert all(name.endswith(":q") for name in unquoted), line
