"""Weight files: where they are looked for, whether they can be had, and that a wrong one is refused."""

import hashlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch

from ganbench import cards, weights
from ganbench.cards import Card
from ganbench.weights import WeightsError

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()

PLUGIN = '''
"""Somebody's network."""
from typing import ClassVar

class Extractor:
    provides: ClassVar[tuple[str, ...]] = ()
    weights_url: ClassVar[str] = "{url}"
    weights_file: ClassVar[str] = "net.pth"
    weights_sha256: ClassVar[str] = "{sha256}"
    weights_variable: ClassVar[str] = "SOMEBODYS_NET"

    weights: str = ""

    def pretrained(self, weights):
        """The network."""
'''
NOWHERE: dict[str, Any] = {"weights": ""}


class Quiet(SimpleHTTPRequestHandler):
    """A server that does not write to the terminal."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server that has `net.pth`."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "net.pth").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as running:
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any weights, and no proxy between here and the server."""
    for name in ("TORCH_HOME", "XDG_CACHE_HOME", "SOMEBODYS_NET", *(n for n in os.environ if "proxy" in n.lower())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it knows the proxies of its first use
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def card(folder: Path, url: str = "http://127.0.0.1:9/net.pth", sha256: str = SHA256[:8]) -> Card:
    (folder / "net.py").write_text(PLUGIN.format(url=url, sha256=sha256))
    return cards.read_card(folder / "net.py", "extractor")


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return path


# where


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, "home/.cache/torch"),
        ({"XDG_CACHE_HOME": "xdg"}, "xdg/torch"),
        ({"TORCH_HOME": "torch", "XDG_CACHE_HOME": "xdg"}, "torch"),
        ({"TORCH_HOME": "~/mine"}, "home/mine"),
    ],
)
def test_the_cache_is_torch_hubs(
    variables: dict[str, str], place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value if value.startswith("~") else str(tmp_path / value))
    assert weights.cache() == tmp_path / place / "hub" / "checkpoints" == Path(torch.hub.get_dir()) / "checkpoints"


def test_the_study_goes_before_the_variable_and_the_variable_before_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = card(tmp_path)
    assert weights.located(net, NOWHERE) is None
    cached = written(weights.cache() / "net.pth")
    assert weights.located(net, NOWHERE) == cached
    named = written(tmp_path / "named" / "n.pth")
    monkeypatch.setenv("SOMEBODYS_NET", str(named))
    assert weights.located(net, NOWHERE) == named
    given = written(tmp_path / "given" / "g.pth")
    assert weights.located(net, {"weights": str(given)}) == given
    monkeypatch.setenv("SOMEBODYS_NET", "")
    assert weights.located(net, NOWHERE) == cached


def test_a_path_may_begin_at_home(tmp_path: Path, home: Path) -> None:
    path = written(home / "n.pth")
    assert weights.located(card(tmp_path), {"weights": "~/n.pth"}) == path


def test_a_named_file_that_is_missing_is_an_error_even_if_another_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = card(tmp_path)
    written(weights.cache() / "net.pth")
    with pytest.raises(WeightsError, match=r"missing\.pth, which the study's `weights` names, is not a file"):
        weights.located(net, {"weights": "missing.pth"})
    monkeypatch.setenv("SOMEBODYS_NET", str(tmp_path))
    with pytest.raises(WeightsError, match=f"{tmp_path}, which SOMEBODYS_NET names, is not a file"):
        weights.located(net, NOWHERE)


def test_planning_with_weights_needs_no_torch() -> None:
    code = "import sys, ganbench.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# whether


def test_a_file_on_a_server_can_be_reached_and_one_that_is_not_cannot(server: str) -> None:
    assert weights.reachable(f"{server}/net.pth")
    assert not weights.reachable(f"{server}/other.pth")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/net.pth", "http://nowhere.invalid/net.pth", "no url"])
def test_what_no_server_has_cannot_be_reached(url: str) -> None:
    assert not weights.reachable(url)


def test_asking_goes_through_the_proxy(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert not weights.reachable(f"{server}/net.pth")


def test_weights_that_can_be_downloaded_are_no_problem_yet(server: str, tmp_path: Path) -> None:
    net = card(tmp_path, f"{server}/net.pth")
    assert weights.find(net, NOWHERE) is None
    assert weights.fetch(net) == weights.find(net, NOWHERE)


def test_weights_that_are_nowhere_say_where_to_get_and_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        weights.find(card(tmp_path), NOWHERE)
    for part in ("net.pth", "http://127.0.0.1:9/net.pth", str(weights.cache()), "`weights:`", "SOMEBODYS_NET"):
        assert part in str(caught.value)


# right or wrong


def test_fetching_puts_the_file_into_the_cache(server: str, tmp_path: Path) -> None:
    path = weights.fetch(card(tmp_path, f"{server}/net.pth"))
    assert path == weights.cache() / "net.pth"
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_fetching_another_file_leaves_none(server: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"{SHA256}.* begins with 12345678"):
        weights.fetch(card(tmp_path, f"{server}/net.pth", sha256="12345678"))
    assert list(weights.cache().iterdir()) == []


def test_fetching_what_is_not_there_says_what_to_do(server: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"404.*Get net\.pth"):
        weights.fetch(card(tmp_path, f"{server}/other.pth"))


@pytest.mark.parametrize("expected", [SHA256, SHA256[:8]])
def test_the_right_file_has_its_hash(expected: str, tmp_path: Path) -> None:
    assert weights.verify(written(tmp_path / "a" / "net.pth"), expected) == SHA256


def test_a_wrong_file_is_named_with_both_hashes(tmp_path: Path) -> None:
    path = written(tmp_path / "a" / "net.pth")
    path.write_bytes(CONTENT + b"!")
    found = hashlib.sha256(CONTENT + b"!").hexdigest()
    with pytest.raises(WeightsError, match=rf"net\.pth.*{found}.*{SHA256}"):
        weights.verify(path, SHA256)
    with pytest.raises(WeightsError, match=r"none\.pth: cannot read"):
        weights.verify(tmp_path / "none.pth", SHA256)
