"""SIGTERM and SIGINT: a process that is asked to end does so in order, and a training saves first."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
Handler = Callable[[int, FrameType | None], None]


@dataclass
class Interruption:
    """The signal that asked this process to end, if one did."""

    number: int | None = None

    @property
    def name(self) -> str:
        """`SIGTERM` or `SIGINT`."""
        return signal.Signals(self.number).name if self.number else ""

    def obey(self) -> None:
        """End the process, if it was asked to, with the exit code that shells know: 143 or 130."""
        if self.number:
            raise SystemExit(128 + self.number)


@contextlib.contextmanager
def obeyed() -> Iterator[None]:
    """Within, a signal raises SystemExit, so that temporary files go and locks are released."""

    def end(number: int, _: FrameType | None) -> None:
        Interruption(number).obey()

    with _handling(end):
        yield


@contextlib.contextmanager
def deferred() -> Iterator[Interruption]:
    """Within, a signal is noted, and obeyed at the end; a second one ends the process at once."""
    interruption = Interruption()

    def note(number: int, _: FrameType | None) -> None:
        if interruption.number:
            interruption.obey()
        interruption.number = number

    with _handling(note):
        yield interruption
    interruption.obey()


@contextlib.contextmanager
def _handling(handler: Handler) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
