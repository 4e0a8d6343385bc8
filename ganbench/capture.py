"""How a training loop carries out its steps: as they are written, or, on a GPU, each as one recorded CUDA graph.

Small networks keep a GPU waiting for Python, which launches kernels of some microseconds one by one. A graph repeats
all kernels of the step that it was recorded from, at the same addresses and with the same numbers, in one launch. So
whatever changes from step to step must lie in tensors that are changed in place, and what differs otherwise, such as a
penalty that is not due in every step, is another *kind* of step, with a graph of its own.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode

Left = TypeVar("Left")
"""What a step leaves: tensors, in any nest."""

WARM_UP = 3
"""Steps of a kind before it is recorded: the first ones make the optimizers' state, and libraries choose kernels."""


class Way(Protocol):
    """Carries out a step of a kind, and returns what it leaves: good until the next step."""

    def __call__(self, kind: Hashable, step: Callable[[], Left], /) -> Left:
        """Carry out one step."""


def eagerly(_: Hashable, step: Callable[[], Left]) -> Left:
    """The step as it is written, kernel by kernel."""
    return step()


READING = frozenset(
    {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim", "repeat_interleave"}
)
"""Operations whose result the CPU must see: values, and shapes that depend on values."""


class ReadError(RuntimeError):
    """A step reads something back from the device."""


class Unread(TorchDispatchMode):
    """Within, what reads from the device raises ReadError. A GPU would wait there, and a recording would fail, which
    torch does not survive unharmed."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Carry out an operation that reads nothing."""
        name = func.overloadpacket.__name__
        by_mask = name in ("index", "index_put", "index_put_") and any(
            i is not None and i.dtype == torch.bool for i in args[1]
        )
        if by_mask or name in READING:
            raise ReadError(f"a step reads back from the device ({name})")
        return func(*args, **(kwargs or {}))


class Recorder(Protocol):
    """Records steps of one training on a device."""

    def warm_up(self, step: Callable[[], Left], /) -> Left:
        """Carry out a step that is to be recorded later."""

    def record(self, step: Callable[[], Left], /) -> tuple[Callable[[], None], Left]:
        """Record a step without carrying it out: what carries it out, and the tensors in which it then leaves what it
        leaves."""


Streams = Callable[[], Sequence[torch.Generator]]
"""The random streams that a step draws from, as far as they are made."""

Recording = Callable[[torch.device, Streams], Recorder]
"""Makes the recorder of one training."""


@dataclass
class Recorded:
    """The way of steps that are recorded once and repeated. `feed()` comes before each: it puts what is new in this
    step where the recorded one reads it. Raises ReadError for a step that reads from the device."""

    recorder: Recorder
    feed: Callable[[], None]
    _met: dict[Hashable, int] = field(default_factory=dict)
    _kept: dict[Hashable, tuple[Callable[[], None], Any]] = field(default_factory=dict)

    def __call__(self, kind: Hashable, step: Callable[[], Left]) -> Left:
        """Carry out a step: the first few of a kind as they are written."""
        self.feed()
        if kind not in self._kept:
            self._met[kind] = self._met.get(kind, 0) + 1
            if self._met[kind] == 1:
                with Unread():  # type: ignore[no-untyped-call]
                    return self.recorder.warm_up(step)
            if self._met[kind] <= WARM_UP:
                return self.recorder.warm_up(step)
            self._kept[kind] = self.recorder.record(step)
        repeat, left = self._kept[kind]
        repeat()
        return left  # type: ignore[no-any-return]


FAILED: list[torch.cuda.CUDAGraph] = []
"""Graphs of failed recordings: torch's allocator goes on asking them whose memory it is."""


class CudaRecorder:
    """Records CUDA graphs that share their memory, and go on drawing from the random streams, as the step would."""

    def __init__(self, device: torch.device, streams: Streams) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()
        self._streams = streams
        self._drawn_from: set[torch.Generator] = set()

    def warm_up(self, step: Callable[[], Left]) -> Left:
        """Carry out a step on the stream that it will be recorded on."""
        before = {stream: stream.get_offset() for stream in self._streams()}
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            left = step()
        torch.cuda.current_stream().wait_stream(self._stream)
        self._drawn_from |= {stream for stream in self._streams() if stream.get_offset() != before.get(stream, 0)}
        return left

    def record(self, step: Callable[[], Left]) -> tuple[Callable[[], None], Left]:
        """A graph of the step. Raises RuntimeError where the step does what a graph cannot, such as to wait for a
        number."""
        graph, before = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        for stream in self._drawn_from:  # each costs two launches a step
            graph.register_generator_state(stream)
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                left = step()
        except RuntimeError:  # torch leaves its stream, and its random generator waits for the end of the recording
            torch.cuda.set_stream(before)
            own = torch.cuda.default_generators[self._stream.device_index]
            own.graphsafe_set_state(own.clone_state())
            FAILED.append(graph)
            raise
        return graph.replay, left


RECORDERS: dict[str, Recording] = {"cuda": CudaRecorder}
"""What records the steps of trainings, by kind of device."""
