"""Progress on a terminal; silence in logs."""

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ganbench import layout

INTERVAL = 5.0
"""Seconds between two lines of one process."""


@dataclass
class Progress:
    """Says now and then how far a run is. Call it with the step."""

    run: str
    steps: int
    results: Path
    total: int
    first: int = 0
    """The step that it goes on from."""
    start: float = field(default_factory=time.perf_counter)
    shown: float = field(default_factory=time.perf_counter)
    visible: bool = field(default_factory=lambda: sys.stderr.isatty() or "GANBENCH_PROGRESS" in os.environ)

    def __call__(self, step: int) -> None:
        """Print a line, if anyone is looking and the last one is long enough ago."""
        now = time.perf_counter()
        if not self.visible or (now - self.shown < INTERVAL and step < self.steps):
            return
        self.shown = now
        speed = (step - self.first) / (now - self.start)
        rest = int((self.steps - step) / speed)
        done = min(self.total, sum(1 for _ in self.results.glob(f"runs/*/*/*/*/{layout.TRAINING}")))
        line = (
            f"{self.run}  step {step:,}/{self.steps:,}  {speed:,.0f} steps/s  ETA {rest // 60}:{rest % 60:02}"
            f"  ({done}/{self.total} runs trained)"
        )
        print(line, file=sys.stderr, flush=True)
