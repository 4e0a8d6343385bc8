"""Helpers that the tests share. Each process of tests has one thread: more of them would spin against each other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings

from ganbench import devices

devices.limit_threads(1)  # before torch is imported

ROOT = Path(__file__).parent.parent
CONFIGS = ROOT / "configs"

# Derandomised: a red test is the fault of the change at hand. Some tests share one tmp_path over all examples.
settings.register_profile(
    "ganbench",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("ganbench")

SMALL: dict[str, Any] = {
    "study": "small",
    "datasets": ["ring8"],
    "architectures": ["mlp"],
    "methods": ["non-saturating", "wgan"],
    "seeds": [0, 1],
    "training": {"generator_steps": 10, "batch_size": 8},
    "evaluation": {"samples": 100},
}
"""A valid study: 4 runs."""

StudyFile = Callable[..., Path]

LONGEST = ("test_workflow", "test_contract", "test_report", "test_resuming", "test_installed", "test_capture")
"""Files of tests that take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: no process is left with one of them when the others have nothing more to do."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


@pytest.fixture
def study_file(tmp_path: Path) -> StudyFile:
    """A function that writes SMALL, with the given keys changed, to a file; `...` as a value drops the key."""

    def write(name: str = "study.yaml", **changes: Any) -> Path:
        content = {key: value for key, value in {**SMALL, **changes}.items() if value is not ...}
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
        return path

    return write
