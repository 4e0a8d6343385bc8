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


def each(draw: Callable[..., Tensor], streams: Source, *samples: Tensor) -> Tensor:
    """`draw(*samples, stream)` for samples (batch, ...) and a stream; in a pack, samples (members, batch, ...) and a
    stream per member, for each member by itself: (members, ...)."""
    if isinstance(streams, torch.Generator):
        return draw(*samples, streams)
    return torch.stack([draw(*own) for own in zip(*samples, streams, strict=True)])
