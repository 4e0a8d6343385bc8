"""What a training is made of: all that it reads and changes, and the process's part in it."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from torch import nn

from ganbench import data, machine
from ganbench.course import Course, State
from ganbench.given import Given
from ganbench.sidecar import Sidecar, Stateful
from ganbench.streams import Streams
from ganbench.work import Run


class Trainee(Stateful, Protocol):
    """A generator or a discriminator in training: a player, or a member of a pack."""

    @property
    def network(self) -> nn.Module:
        """The network, with its present weights."""

    def weights(self) -> dict[str, State]:
        """A copy on the CPU of its weights, `raw`, and of their average, `ema`."""


Side = TypeVar("Side", bound=Trainee)


@dataclass
class Session(Generic[Side]):
    """A training as its spec begins it, or as a checkpoint left it: all that it reads and changes."""

    architecture: Any
    generator: Side
    discriminator: Side
    penalty: Any
    streams: Streams
    batches: data.Batches
    course: Course
    given: Given | None = None


@dataclass
class Undertaking(Generic[Side]):
    """The training of a run, as planned and with its settings settled, by this process: with its cost and its
    checkpoint."""

    planned: Run
    run: Run
    session: Session[Side]
    effort: machine.Effort
    sidecar: Sidecar
