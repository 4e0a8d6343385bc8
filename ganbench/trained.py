"""The generators that a run left behind."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from ganbench import layout
from ganbench.generate import generate
from ganbench.given import Given
from ganbench.streams import stream
from ganbench.work import Run


@dataclass(frozen=True)
class Trained:
    """The generators that a run left behind: at the end, and at the steps where it kept a snapshot."""

    run: Run
    folder: Path
    record: dict[str, Any]
    network: nn.Module
    device: torch.device

    @property
    def spec(self) -> dict[str, Any]:
        """What was trained: the run's spec, and for a tuned run the settings that were found."""
        spec: dict[str, Any] = self.record["spec"]
        return spec

    @property
    def steps(self) -> dict[int, float]:
        """The seconds of training at each step whose weights are here, the last step included if it is finite."""
        seconds = {snapshot["step"]: snapshot["seconds"] for snapshot in self.record["snapshots"]}
        if self.record["status"] != "diverged":
            seconds[self.last] = self.record["seconds"]
        return seconds

    @property
    def last(self) -> int:
        """The last step: of the spec, or the one that was reached in time."""
        timed_out = self.record["status"] == "timeout"
        return int(self.record["step"] if timed_out else self.spec["training"]["generator_steps"])

    def samples(self, weights: str, step: int, count: int, role: str, given: Given | None = None) -> Tensor:
        """Samples after a step, with `raw` or `ema` weights, for the first conditions of a split if there are any. The
        same noise for every step. Raises NotFiniteError."""
        self.load(weights, step)
        noise_dim = self.spec["architecture"]["settings"]["noise_dim"]
        asked = given.first(count).values if given else None
        return generate(self.network, count, noise_dim, stream(self.run.seed, role, self.device), asked)

    def load(self, weights: str, step: int) -> None:
        """Give the network its weights after a step."""
        if step == self.last:
            state = load_file(self.folder / layout.GENERATORS[weights])
        else:
            prefix = f"{weights}/{step}/"
            with safe_open(self.folder / layout.SNAPSHOTS, "pt") as file:
                names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 - no mapping
                state = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
        self.network.load_state_dict(state)
