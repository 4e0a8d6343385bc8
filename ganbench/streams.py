"""Random streams: one per seed and role, so that no role can shift another's numbers."""

import hashlib

import torch


def derive(seed: int, role: str) -> int:
    """A seed for one role, e.g. "noise": the first 63 bits of sha256."""
    digest = hashlib.sha256(f"{seed} {role}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, role: str, device: torch.device | str = "cpu") -> torch.Generator:
    """A random generator on a device for one role of one run."""
    return torch.Generator(device).manual_seed(derive(seed, role))
