"""`ganbench new`: a working plugin to start from, and its test."""

import keyword
import re
from pathlib import Path

from ganbench import cards, files, plugins

TEMPLATES = Path(__file__).parent / "templates"
NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


class ScaffoldError(Exception):
    """A name that cannot be a plugin's, or a file that is in the way."""


def write(kind: str, name: str, folder: Path) -> list[Path]:
    """Write the plugin and its test; returns the two files. Raises ScaffoldError, and then writes nothing."""
    stem, suffix = _stem(kind, name), ".yaml" if kind == "method" else ".py"
    plugin, test = folder / f"{stem}{suffix}", folder / f"test_{stem}.py"
    for path in (plugin, test):
        if path.exists():
            raise ScaffoldError(f"{path}: exists already; choose another name or folder, or remove it")
    test_text = (TEMPLATES / "test_plugin.py").read_text("utf-8").replace("my_plugin.py", plugin.name)
    text = (TEMPLATES / f"{kind}{suffix}").read_text("utf-8").replace(f"my-{kind}", cards.name_of(plugin))
    files.write_text(plugin, text)
    files.write_text(test, test_text)
    return [plugin, test]


def _stem(kind: str, name: str) -> str:
    """The name of the file without its ending. Raises ScaffoldError."""
    if not NAME.fullmatch(name):
        fixed = re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()).strip("_0123456789")
        hint = f"; '{fixed}' would do" if NAME.fullmatch(fixed) else ""
        raise ScaffoldError(
            f"'{name}' cannot be a plugin's name: lower-case words joined by _ or -, such as my_loss{hint}"
        )
    stem = name.replace("-", "_")
    if keyword.iskeyword(stem) or keyword.issoftkeyword(stem):
        raise ScaffoldError(f"'{name}' is a word of Python's own; call it my_{stem}, for instance")
    registry = plugins.discover()
    known = cards.name_of(Path(stem))
    if known in registry.names(kind):
        source = registry.source(kind, known)
        raise ScaffoldError(f"{kind} '{known}' exists already ({source}); choose another name")
    return stem
