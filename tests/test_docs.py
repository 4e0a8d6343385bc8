"""The docs say what is true: their code runs, and their generated pages name everything."""

import ast
import re
import subprocess
import sys
import unittest
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, SMALL

from ganbench import cards, catalogue, plugins, runs, testing
from ganbench.cards import KINDS
from ganbench.plugins import KINDS_AND_METHOD

DOCS = ROOT / "docs"
TUTORIALS = DOCS / "tutorials"
BLOCK = re.compile(r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$", re.M | re.S)


def _blocks(page: Path) -> list[tuple[str, str | None, str]]:
    """The code blocks of a page: language, title, text."""
    return [(m["language"], m["title"], m["text"]) for m in BLOCK.finditer(page.read_text("utf-8"))]


def _plugin(page: Path, folder: Path) -> Path:
    """The file that a tutorial writes."""
    ((title, text),) = [(title, text) for _, title, text in _blocks(page) if title]
    path = folder / title
    path.write_text(text, "utf-8")
    return path


def test_every_kind_has_a_tutorial() -> None:
    assert {page.stem for page in TUTORIALS.glob("*.md")} == set(KINDS_AND_METHOD)


@pytest.mark.parametrize("kind", KINDS_AND_METHOD)
def test_the_plugin_of_a_tutorial_keeps_its_contract(kind: str, tmp_path: Path) -> None:
    path = _plugin(TUTORIALS / f"{kind}.md", tmp_path)
    assert plugins.knowing(path)[1] == kind
    for check in testing.checks(path):
        try:
            check()
        except unittest.SkipTest:
            continue


@pytest.mark.parametrize("kind", KINDS_AND_METHOD)
def test_the_study_of_a_tutorial_is_valid(kind: str, tmp_path: Path) -> None:
    page = TUTORIALS / f"{kind}.md"
    path = _plugin(page, tmp_path)
    ((text),) = [text for language, title, text in _blocks(page) if language == "yaml" and not title]
    images: dict[str, Any] = {"datasets": ["digits"]} if kind == "extractor" else {}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**SMALL, **images, **yaml.safe_load(text)}))
    plan = runs.plan(tmp_path / "study.yaml")
    assert plan.runs
    named = yaml.safe_load(text)
    assert named["plugins"] == [path.name]
    assert cards.name_of(path) in text.replace(f"[{path.name}]", "")


def test_the_first_study_is_valid_and_has_six_runs(tmp_path: Path) -> None:
    ((title, text),) = [(title, text) for _, title, text in _blocks(DOCS / "index.md") if title]
    (tmp_path / str(title)).write_text(text)
    assert len(runs.plan(tmp_path / str(title)).runs) == 6


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_python_in_the_docs_is_python(page: Path) -> None:
    for language, _, text in _blocks(page):
        if language == "python":
            ast.parse(text)


@pytest.mark.parametrize(
    ("page", "sections"), [("study", catalogue.SECTIONS), ("paper", catalogue.OF_A_PAPER)], ids=["study", "paper"]
)
def test_the_reference_explains_every_key(page: str, sections: dict[str, Any]) -> None:
    text = catalogue.pages()[f"reference/{page}.md"]
    for title, model in sections.items():
        section = text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
        for name in model.model_fields:
            assert f"| `{name}` |" in section
    for title in [title for title in sections if title != "A method" and not title.startswith("Optimizer")]:
        section = text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
        assert "|  |\n" not in section  # a meaning for each
    if page == "study":
        assert "| `seeds` | list of (whole number at least 0) | required |" in text


def test_the_table_of_the_docs_can_be_planned(tmp_path: Path) -> None:
    ((_, _, text),) = [block for block in _blocks(DOCS / "papers.md") if block[0] == "yaml"]
    (tmp_path / "my-table.yaml").write_text(text, "utf-8")
    plan = runs.plan(tmp_path / "my-table.yaml")
    assert plan.study.paper is not None
    assert len(plan.runs) == 6


def test_the_galleries_name_every_built_in_plugin() -> None:
    registry, pages = plugins.discover(), catalogue.pages()
    for kind in KINDS_AND_METHOD:
        folder = "methods" if kind == "method" else KINDS[kind][0]
        for name in registry.names(kind):
            assert f"\n## {name}\n" in pages[f"reference/{folder}.md"]
    assert "| Setting | On points | On images |" in pages["reference/methods.md"]
    assert "penalty weight of 0.1" in pages["reference/methods.md"]


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    own = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    missing = [page for page in sorted(own | catalogue.pages().keys()) if f" {page}\n" not in navigation]
    assert not missing, f"add them to nav in mkdocs.yml: {missing}"


def test_the_generated_pages_need_no_torch() -> None:
    script = "import sys; from ganbench import catalogue; catalogue.pages(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="mkdocs is not installed")
def test_the_site_is_built_strictly(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "reference" / "losses" / "index.html").read_text("utf-8")
    assert "non-saturating" in page
    outside = re.findall(r"(?:src|href)=\"(https?://[^\"]+\.(?:js|css|woff2?))\"", page)
    assert not outside
