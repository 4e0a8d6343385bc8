"""A stand-in for CUDA graphs on a CPU: a recorded step is the list of its operations.

Like a graph it repeats operations on the memory that they had, with the numbers that Python gave them when they were
recorded, and draws anew from the same random streams; and recording carries nothing out that counts twice. So a step
that a graph would freeze comes out wrong here as well.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from ganbench.capture import Streams

Left = TypeVar("Left")
Operation = tuple[Any, Sequence[Any], dict[str, Any], dict[int, Tensor]]


class Recording(TorchDispatchMode):
    """Takes operations down while they are carried out."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, operation: Any, types: Any, given: Any = (), named: Any = None) -> Any:
        seen = tree_map_only(Tensor, Tensor.detach, (given, named or {}))  # whatever becomes of their shape
        made = operation(*given, **(named or {}))
        before = {x.untyped_storage().data_ptr() for x in tree_leaves(seen) if isinstance(x, Tensor)}
        outputs = dict(enumerate(x.detach() for x in tree_leaves(made) if isinstance(x, Tensor)))
        fresh = {place: x for place, x in outputs.items() if x.untyped_storage().data_ptr() not in before}
        changes = operation._schema.is_mutable and torch.Tag.inplace_view not in operation.tags
        if fresh or changes:
            self.operations.append((operation, *seen, fresh))
        return made


class Tape:
    """A recorder, for `ganbench.capture.Recorded`."""

    def __init__(self, device: torch.device, streams: Streams) -> None:
        self.recorded = 0

    def warm_up(self, step: Callable[[], Left]) -> Left:
        """Carry out a step."""
        return step()

    def record(self, step: Callable[[], Left]) -> tuple[Callable[[], None], Left]:
        """Record a step, which carries it out: so the first repetition does nothing."""
        with Recording() as tape:
            left = step()
        self.recorded += 1
        fresh = True

        @torch.no_grad()
        def repeat() -> None:
            nonlocal fresh
            if not fresh:
                for operation, given, named, outputs in tape.operations:
                    made = [x for x in tree_leaves(operation(*given, **named)) if isinstance(x, Tensor)]
                    for place, output in outputs.items():
                        output.copy_(made[place])
            fresh = False

        return repeat, left
