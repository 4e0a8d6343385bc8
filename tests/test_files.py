"""Files are replaced whole or not at all."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from ganbench import files, tensorfiles


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_and_its_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    files.write_text(path, "grüße")
    assert path.read_text("utf-8") == "grüße"
    assert _names(path.parent) == ["c.txt"]


def test_an_exception_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail_half_way() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert path.read_text() == "old"
    assert _names(tmp_path) == ["x.txt"]


def test_the_old_content_stays_until_the_new_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    with files.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent  # a rename is only atomic within one file system
    assert path.read_text() == "new"


def test_a_killed_writer_leaves_the_old_file_intact(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    script = (
        "import sys, time, pathlib; from ganbench import files\n"
        "with files.replacing(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('ne'); print('written', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(timeout=30) == -signal.SIGKILL
    assert path.read_text() == "old"
    files.write_text(path, "new")  # what the killed writer left does not disturb the next
    assert path.read_text() == "new"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_refuses_what_json_cannot_say(tmp_path: Path, number: float) -> None:
    path = tmp_path / "x.json"
    files.write_json(path, {"fid": 1.0})
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"fid": [number]})
    assert files.read_json(path) == {"fid": 1.0}
    assert _names(tmp_path) == ["x.json"]


def test_json_is_the_same_text_whatever_the_order_of_keys(tmp_path: Path) -> None:
    files.write_json(tmp_path / "1.json", {"a": 1, "b": 2})
    files.write_json(tmp_path / "2.json", {"b": 2, "a": 1})
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"3", b"null", b"\xff\xfe", b'{"a": 1} x', b"[" * 100_000])
def test_what_is_no_json_object_reads_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert files.read_json(path) is None


def test_a_missing_file_reads_as_none(tmp_path: Path) -> None:
    assert files.read_json(tmp_path / "nowhere.json") is None


def test_tensors_on_a_full_disk_are_an_error_of_the_system_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SafetensorError("Error while serializing: No space left on device (os error 28)")

    monkeypatch.setattr(tensorfiles, "save_file", refuse)
    with pytest.raises(OSError, match=r"No space left .*weights\.safetensors") as caught:
        tensorfiles.write(tmp_path / "weights.safetensors", {})
    assert caught.value.errno == errno.ENOSPC
    assert _names(tmp_path) == []


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "a.txt") as temporary:
        kept = temporary.with_name(temporary.name.removesuffix(".tmp") + "1.tmp")
        kept.touch()
        temporary.touch()
    assert _names(tmp_path) == [kept.name, "a.txt"]
    (tmp_path / ".other").touch()
    (tmp_path / "b.tmp").touch()
    files.sweep(tmp_path)
    assert _names(tmp_path) == [".other", "a.txt", "b.tmp"]
