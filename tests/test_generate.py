"""Samples from a generator."""

import pytest
import torch
from torch import nn

from ganbench.generate import BATCH, NotFiniteError, generate
from ganbench.streams import stream


def points() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


def images() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 48), nn.Tanh(), nn.Unflatten(1, (3, 4, 4)))


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, BATCH + 1])
def test_points_are_floats_and_images_are_bytes(count: int) -> None:
    found = generate(points(), count, 3, stream(0, "test"))
    assert (found.shape, found.dtype) == ((count, 2), torch.float32)
    found = generate(images(), count, 3, stream(0, "test"))
    assert (found.shape, found.dtype) == ((count, 3, 4, 4), torch.uint8)


def test_images_are_the_generators_output_rounded() -> None:
    network = images()
    found = generate(network, 20, 3, stream(0, "test"))
    with torch.no_grad():
        floats = network(torch.randn(20, 3, generator=stream(0, "test")))
    assert (found.float() - (floats + 1) * 127.5).abs().max() <= 0.501


def test_samples_lie_in_memory_as_files_want_them_whatever_the_generators_format() -> None:
    torch.manual_seed(0)
    layers = nn.Unflatten(1, (3, 1, 1)), nn.ConvTranspose2d(3, 8, 4), nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)
    turned = nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert generate(turned, 5, 3, stream(0, "test")).is_contiguous()


@pytest.mark.parametrize("network", [points(), images()], ids=["points", "images"])
def test_the_same_stream_gives_the_same_samples(network: nn.Module) -> None:
    first, second, other = (generate(network, 600, 3, stream(seed, "test")) for seed in (0, 0, 1))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_asking_for_more_samples_does_not_change_the_first() -> None:
    more, fewer = (generate(points(), count, 3, stream(0, "test")) for count in (3 * BATCH, BATCH))
    assert torch.equal(more[:BATCH], fewer)


def test_a_sample_does_not_depend_on_its_neighbours_under_batch_normalisation() -> None:
    network = points()
    statistics = network[1].running_mean.clone()  # type: ignore[index, operator, union-attr]
    together = generate(network, 20, 3, stream(0, "test"))
    noise = torch.randn(20, 3, generator=stream(0, "test"))
    with torch.no_grad():
        alone = torch.cat([network.eval()(one[None]) for one in noise])
    torch.testing.assert_close(together, alone)
    assert torch.equal(network[1].running_mean, statistics)  # type: ignore[index, arg-type]


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_generator_is_restored(training: bool) -> None:
    network = points().train(training)
    generate(network, 5, 3, stream(0, "test"))
    assert all(module.training == training for module in network.modules())


def test_samples_carry_no_graph() -> None:
    assert not generate(points(), 5, 3, stream(0, "test")).requires_grad


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("network", [points(), images()], ids=["points", "images"])
def test_a_generator_that_makes_no_numbers_is_told(network: nn.Module, value: float) -> None:
    broken = nn.Sequential(*network, Spoiling(value))
    with pytest.raises(NotFiniteError):
        generate(broken, BATCH + 20, 3, stream(0, "test"))


class Spoiling(nn.Module):
    """Spoils one sample, of a batch that is not the first."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        if len(samples) < BATCH:
            samples = samples.clone()
            samples[3].view(-1)[0] = self.value
        return samples
