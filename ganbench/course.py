"""How far a training is, and what it leaves behind: history, snapshots, and how it ended."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Row = dict[str, float]
State = dict[str, Tensor]


def copied(tensor: Tensor) -> Tensor:
    """A copy on the CPU, contiguous."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


@dataclass(frozen=True)
class Snapshot:
    """The generator's weights after a step, and the seconds of training until then."""

    step: int
    seconds: float
    weights: dict[str, State]


@dataclass
class Course:
    """How far a training is and what it leaves behind; with the players and the random streams, all of its state.

    `history` has the rows so far, `snapshots` the generators kept so far. `diverged_at`: the step at which it
    diverged, if it did; the snapshots are from before. `timed_out`: it ended after `step` for lack of time.
    """

    step: int = 0
    seconds: float = 0.0
    turns: int = 0
    """Discriminator steps."""
    penalty: Tensor = field(default_factory=lambda: torch.zeros(()))
    """The penalty when it was last due, times its interval."""
    losses: list[Tensor] = field(default_factory=list)
    """Both losses (2,) of every step since the last row, so that a divergence has its exact step."""
    history: list[Row] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    diverged_at: int | None = None
    timed_out: bool = False
    reason: str | None = None
    resumed_at: list[int] = field(default_factory=list)
    """The steps after which it was interrupted and went on."""

    def diverges(self, sound: bool) -> bool:
        """Whether a loss since the last row is not finite, or the weights are not `sound`; it then says so."""
        if self.losses and not (finite := torch.stack(self.losses).isfinite().all(1)).all():
            self.diverged_at = self.step - len(finite) + 1 + int(finite.int().argmin())
            self.reason = "the loss is not finite"
            self.snapshots = [kept for kept in self.snapshots if kept.step < self.diverged_at]
        elif not sound:
            self.diverged_at, self.reason = self.step, "a weight is not finite"
        return self.diverged_at is not None

    def state_dict(self) -> dict[str, Any]:
        """The state of a training that has not ended, for `load_state_dict`."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "turns": self.turns,
            "penalty": self.penalty.detach(),
            "losses": torch.stack(self.losses) if self.losses else None,
            "columns": list(self.history[0]) if self.history else [],
            "history": torch.tensor([list(row.values()) for row in self.history], dtype=torch.float64),
            "snapshots": [vars(snapshot) for snapshot in self.snapshots],
            "resumed_at": self.resumed_at,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.step, self.seconds, self.turns = state["step"], state["seconds"], state["turns"]
        self.penalty = state["penalty"]
        self.losses = [] if state["losses"] is None else list(state["losses"])
        rows = (dict(zip(state["columns"], row, strict=True)) for row in state["history"].tolist())
        self.history = [{**row, "step": int(row["step"])} for row in rows]
        self.snapshots = [Snapshot(**of) for of in state["snapshots"]]
        self.resumed_at = [*state["resumed_at"], self.step]


def finite_rows(history: list[Row]) -> list[Row]:
    """The rows that can be plotted: without those of a diverged end."""
    return [row for row in history if all(math.isfinite(value) for value in row.values())]
