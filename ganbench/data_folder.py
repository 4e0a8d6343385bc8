"""Where raw datasets lie."""

import os
from pathlib import Path


def root(configured: str | None) -> Path:
    """The study's `data` key, else the environment's GANBENCH_DATA, else ./data."""
    return Path(configured or os.environ.get("GANBENCH_DATA") or "data").expanduser()
