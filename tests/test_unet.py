"""The U-Net of pix2pix: its layers, its coins, its patches."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganbench.architectures import unet
from ganbench.given import Form

SOURCE = Form("image", (2, 32, 32), 0)
SHAPE = (3, 32, 32)


def networks(**settings: Any) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    architecture = unet.Architecture(**{"width": 4, "noise_dim": 16, **settings})
    return architecture.generator(SHAPE, SOURCE), architecture.discriminator(SHAPE, SOURCE)


def batch(count: int = 5) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(count, 16), torch.rand(count, 2, 32, 32) * 2 - 1


@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("skips", [True, False])
def test_images_become_images_in_range(size: int, skips: bool) -> None:
    form = Form("image", (4, size, size), 0)
    generator = unet.Architecture(width=4, skips=skips).generator((3, size, size), form)
    made = generator(torch.randn(5, 64), 100 * torch.randn(5, 4, size, size))
    assert made.shape == (5, 3, size, size)
    assert made.abs().max() <= 1


def test_the_paper_s_widths() -> None:
    """C64-C128-C256-C512-C512 and back; a skip doubles what a decoder layer sees (appendix 6.1.1)."""
    generator = unet.Architecture().generator(SHAPE, SOURCE)
    layers = [layer for layer in generator.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    shapes = [(layer.in_channels, layer.out_channels) for layer in layers]
    assert shapes[:5] == [(2, 64), (64, 128), (128, 256), (256, 512), (512, 512)]
    assert shapes[5:] == [(512, 512), (1024, 256), (512, 128), (256, 64), (128, 3)]


@pytest.mark.parametrize(("patch", "side"), [(16, 30), (34, 14)])
def test_a_score_is_of_one_patch_and_those_of_an_image_stand_together(patch: Any, side: int) -> None:
    architecture = unet.Architecture(width=4, patch=patch, discriminator_norm="none")
    discriminator = architecture.discriminator((3, 64, 64), Form("image", (2, 64, 64), 0))
    samples = torch.zeros(2, 3, 64, 64, requires_grad=True)
    scores = discriminator(samples, torch.zeros(2, 2, 64, 64))
    assert scores.shape == (2 * side * side,)
    middle = scores.view(2, side, side)[1, side // 2, side // 2]
    (slope,) = torch.autograd.grad(middle, samples)
    assert len(slope[1].abs().amax((0, 2)).nonzero()) == patch
    assert not slope[0].any()


def test_only_the_sign_of_the_noise_counts_and_each_coin_does() -> None:
    generator, _ = networks()
    generator.eval()
    noise, given = batch()
    made = generator(noise, given)
    assert torch.equal(generator(3 * noise, given), made)
    for coin in range(16):
        turned = noise.clone()
        turned[:, coin] *= -1
        assert not torch.equal(generator(turned, given), made)


def test_a_coin_keeps_and_doubles_its_channels() -> None:
    generator, _ = networks(noise_dim=3)
    generator.eval()
    kept: list[Tensor] = []
    assert isinstance(generator, unet.UNet)
    generator.decoder[1].register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))
    given = batch(1)[1]
    noise = torch.tensor([[1.0, -1.0, 0.0]])  # 0 is not positive
    generator(noise, given)
    deepest = generator.decoder[0](_bottleneck(generator, given))
    width = deepest.shape[1]
    expected = deepest * torch.tensor([2.0, 0.0, 0.0]).repeat(width)[:width, None, None]
    assert torch.equal(kept[0][:, :width], expected)


def _bottleneck(generator: unet.UNet, maps: Tensor) -> Tensor:
    for layer in generator.encoder:
        maps = layer(maps)
    return maps


def test_channels_are_counted_through_the_layers() -> None:
    generator, _ = networks()
    assert isinstance(generator, unet.UNet)
    assert generator.dropped == [(0, 32), (32, 48), (48, 56)]
    assert generator.tosses * 16 >= 56


def test_the_networks_draw_nothing_themselves() -> None:
    generator, discriminator = networks()
    noise, given = batch()
    before = torch.get_rng_state()
    first, second = generator(noise, given), generator(noise, given)
    assert torch.equal(first, second)
    discriminator(first, given)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(generator(noise, -given), first)


def test_without_skips_all_goes_through_the_bottleneck() -> None:
    """Then no detail of the source is left when the bottleneck is cut."""
    given = batch()[1]
    for skips in (True, False):
        generator, _ = networks(skips=skips)
        assert isinstance(generator, unet.UNet)
        generator.eval()
        nn.init.zeros_(generator.encoder[-1][1].weight)
        made = generator(batch()[0], given)[:, :, 8:24, 8:24]
        same = torch.equal(generator(batch()[0], given.flip(0))[:, :, 8:24, 8:24], made)
        assert same != skips
