"""Random streams: one per seed and role, so that no role can shift another's numbers."""

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Source = torch.Generator | Sequence[torch.Generator]
"""The stream of a run, or of each member of a pack."""


def derive(seed: int, role: str) -> int:
    """A seed for one role, e.g. "noise": the first 63 bits of sha256."""
    digest = hashlib.sha256(f"{seed} {role}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, role: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A random generator on a device for one role of one run."""
    return torch.Generator(device).manual_seed(derive(seed, role))


def uniform(streams: Source, size: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers in [0, 1) from a stream (*size), or each member's from its own (members, *size)."""
    return _filled(torch.Tensor.uniform_, streams, size, dtype)


def normal(streams: Source, size: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
    """Standard normal numbers from a stream (*size), or each member's from its own (members, *size)."""
    return _filled(torch.Tensor.normal_, streams, size, dtype)


def own_shape(streams: Source, samples: Tensor) -> torch.Size:
    """The shape (batch, ...) of one run's samples; those of a pack are (members, batch, ...)."""
    return samples.shape if isinstance(streams, torch.Generator) else samples.shape[1:]


def _filled(fill: Callable[..., Tensor], streams: Source, size: Sequence[int], dtype: torch.dtype) -> Tensor:
    if isinstance(streams, torch.Generator):
        return fill(torch.empty(size, dtype=dtype, device=streams.device), generator=streams)
    drawn = torch.empty((len(streams), *size), dtype=dtype, device=streams[0].device)
    for slot, stream in enumerate(streams):
        fill(drawn[slot], generator=stream)
    return drawn


class Streams:
    """The random streams of one training on a device by role; and torch's own, which layers such as dropout draw from
    and which `training.build` seeds."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.seed, self.device = seed, device
        self._made: dict[str, torch.Generator] = {}

    def __getitem__(self, role: str) -> torch.Generator:
        if role not in self._made:
            self._made[role] = stream(self.seed, role, self.device)
        return self._made[role]

    @property
    def made(self) -> list[torch.Generator]:
        """Those that were asked for so far."""
        return list(self._made.values())

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """The state of every stream (bytes), on the CPU."""
        own = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            own["cuda"] = torch.cuda.get_rng_state(self.device)
        return {"roles": {role: made.get_state() for role, made in self._made.items()}, "torch": own}

    def load_state_dict(self, state: dict[str, dict[str, Tensor]]) -> None:
        """Set every stream; torch's own too, which is the whole process's."""
        for role, of in state["roles"].items():
            self[role].set_state(of)
        torch.set_rng_state(state["torch"]["cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["torch"]["cuda"], self.device)
