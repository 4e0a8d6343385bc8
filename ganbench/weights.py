"""Weight files of pretrained extractors: where they lie, whether they can be had, whether they are the right ones.

Planning asks this, so nothing here needs torch. The card of such an extractor has a setting `weights`, and the traits
`weights_url`, `weights_file`, `weights_sha256` (a prefix will do) and `weights_variable`.
"""

import os
import shutil
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ganbench import files
from ganbench.cards import Card

TIMEOUT = 5.0  # seconds without an answer


class WeightsError(Exception):
    """Weights that are missing or are others; the message says what to get from where and where to put it."""


def find(card: Card, settings: dict[str, Any]) -> Path | None:
    """The file, or None if it lies nowhere yet and can be downloaded. Raises WeightsError if it cannot."""
    path = located(card, settings)
    if path is None and not reachable(card.traits["weights_url"]):
        raise WeightsError(
            f"{card.name}: its weights are not on this machine and cannot be downloaded. {_advice(card)}"
        )
    return path


def located(card: Card, settings: dict[str, Any]) -> Path | None:
    """The file that the study names, else the environment variable, else the one in torch-hub's cache, else None.

    Raises WeightsError if the study or the variable names a file that does not exist.
    """
    variable = card.traits["weights_variable"]
    for given, source in ((settings["weights"], "the study's `weights`"), (os.environ.get(variable), variable)):
        if given:
            path = Path(given).expanduser()
            if not path.is_file():
                raise WeightsError(f"{card.name}: {path}, which {source} names, is not a file. {_advice(card)}")
            return path
    return cached if (cached := _cached(card)).is_file() else None


def reachable(url: str) -> bool:
    """Whether a server answers that the file is there. Waits for some seconds at most."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT):
            return True
    except (OSError, HTTPException, ValueError):  # no network, a broken answer, no URL
        return False


def fetch(card: Card) -> Path:
    """Download the file to torch-hub's cache, whole and verified or not at all. Raises WeightsError."""
    path = _cached(card)
    try:
        with files.replacing(path) as temporary:
            with (
                urllib.request.urlopen(card.traits["weights_url"], timeout=60) as source,
                temporary.open("wb") as target,
            ):
                shutil.copyfileobj(source, target)
            verify(temporary, card.traits["weights_sha256"])
    except (WeightsError, OSError, HTTPException, ValueError) as error:
        raise WeightsError(f"{card.name}: its weights cannot be downloaded ({error!r}). {_advice(card)}") from error
    return path


def verify(path: Path, expected: str) -> str:
    """The sha256 of a file, which begins with `expected`. Raises WeightsError if not, or if there is no such file."""
    try:
        found = files.sha256(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot read these weights: {error.strerror}") from error
    if not found.startswith(expected):
        raise WeightsError(
            f"{path}: these are other weights: their sha256 is {found}, and one that begins with {expected} is wanted; "
            f"remove or replace the file"
        )
    return found


def cache() -> Path:
    """The folder in which torch-hub keeps weights: below $TORCH_HOME, $XDG_CACHE_HOME/torch or ~/.cache/torch."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "torch"
    return Path(home).expanduser() / "hub" / "checkpoints"


def _cached(card: Card) -> Path:
    return cache() / str(card.traits["weights_file"])


def _advice(card: Card) -> str:
    return (
        f"Get {card.traits['weights_file']} from {card.traits['weights_url']} and put it into {cache()}, or name its "
        f"path in the study (`weights:`) or in {card.traits['weights_variable']}"
    )
