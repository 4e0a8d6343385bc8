"""What checks are made of: random numbers that are the same every time, small networks, and the error they raise."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ganbench.streams import stream


class ContractError(AssertionError):
    """A plugin does not keep its kind's contract; the message says what it did and what it should do."""


def demand(kept: bool, message: str) -> None:
    """Raise ContractError with this message unless the contract is kept."""
    if not kept:
        raise ContractError(message)


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """torch's global generator as it is after this seed; afterwards as it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def normal(*shape: int, role: str) -> Tensor:
    """Standard normal numbers, other ones for each role."""
    return torch.randn(*shape, generator=stream(0, f"testing {role}"))


def images(count: int, shape: tuple[int, ...], role: str) -> Tensor:
    """Random uint8 images (count, *shape)."""
    return torch.randint(0, 256, (count, *shape), generator=stream(0, f"testing {role}"), dtype=torch.uint8)


def judge(shape: tuple[int, ...]) -> nn.Module:
    """A small smooth discriminator of samples of this shape, the same every time."""
    with seeded():
        size = torch.Size(shape).numel()
        return nn.Sequential(nn.Flatten(), nn.Linear(size, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0))


def convolutional_judge(channels: int = 1) -> nn.Module:
    """The same for 8x8 images, with a convolution."""
    with seeded():
        first = nn.Conv2d(channels, 4, 3, stride=2, padding=1)
        return nn.Sequential(first, nn.Tanh(), nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))


def state(network: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's parameters and buffers."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    """Whether two states are equal bit by bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def close(first: Tensor, second: Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two tensors are equal up to rounding."""
    return first.shape == second.shape and torch.allclose(first, second, rtol=tolerance, atol=tolerance)
