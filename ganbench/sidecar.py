"""The checkpoint beside a run's results while it is in training: saved now and then, and when the process must end."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ganbench import checkpoint
from ganbench.checkpoint import Identity
from ganbench.interruptions import Interruption


class Stateful(Protocol):
    """A part of a training that changes: players, streams, the course. torch's optimizers and modules are such too."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that changes."""

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Be as then."""


@dataclass
class Sidecar:
    """The checkpoint of what is called `name`: its `parts` are saved every `every` seconds (None: never), and when
    `interruption` says that the process must end."""

    name: str
    path: Path
    identity: Identity
    parts: dict[str, Stateful]
    every: float | None
    interruption: Interruption
    last: float = field(default_factory=time.monotonic)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one. Raises checkpoint.RefusedError; the parts are then of no use."""
        if not self.path.exists():
            return
        state = checkpoint.read(self.path, self.identity)
        try:
            for name, part in self.parts.items():
                part.load_state_dict(state[name])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise checkpoint.RefusedError(f"{self.path}: does not fit: {error!r}") from error

    @property
    def due(self) -> bool:
        """Whether it is time to save, or the process was asked to end."""
        return bool(self.interruption.number) or (self.every is not None and time.monotonic() - self.last >= self.every)

    def pause(self) -> None:
        """Between two steps: save what is due, and end the process if it was asked to."""
        pause([self])

    def save(self) -> bool:
        """Write the checkpoint. A full disk costs the checkpoint, not the training: then False, and a word on it."""
        try:
            checkpoint.write(self.path, {name: part.state_dict() for name, part in self.parts.items()}, self.identity)
        except OSError as error:
            print(f"{self.name}: no checkpoint: {error}", file=sys.stderr, flush=True)
            return False
        finally:
            self.last = time.monotonic()
        return True

    def remove(self) -> None:
        """The training is finished."""
        self.path.unlink(missing_ok=True)


def pause(together: Sequence[Sidecar]) -> None:
    """`Sidecar.pause` of trainings that take their steps together: all are saved when one is due, so that they can go
    on together."""
    if any(sidecar.due for sidecar in together):
        for sidecar in together:
            saved = sidecar.save()
            if sidecar.interruption.number:
                after = "saved: the next call goes on from here" if saved else "not saved"
                print(f"{sidecar.name}: ended by {sidecar.interruption.name}, {after}", file=sys.stderr, flush=True)
    for sidecar in together:
        sidecar.interruption.obey()
