"""Metrics of generated images beside the true ones of their conditions, and beside each other."""

import math

import numpy as np
import pytest
import torch
from features import measured
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ganbench.evidence import Evidence, EvidenceError, Reference, TooFewError
from ganbench.metrics import psnr
from ganbench.metrics.diversity import Metric as Diversity
from ganbench.metrics.psnr import Metric as Psnr
from ganbench.metrics.ssim import Metric as Ssim
from ganbench.streams import stream

REAL: Reference = measured(torch.randn(20, 2, generator=stream(0, "real")).double())


def pictures(count: int = 4, channels: int = 3, size: int = 16, role: str = "pictures") -> Tensor:
    return torch.randint(0, 256, (count, channels, size, size), generator=stream(0, role), dtype=torch.uint8)


def evidence(images: Tensor, truth: Tensor | None = None, again: Tensor | None = None) -> Evidence:
    features = torch.zeros(len(images), 2, dtype=torch.float64)
    return Evidence(features, images=images, truth=truth, again=again)


def test_psnr_of_a_known_error() -> None:
    truth = torch.full((2, 1, 8, 8), 100, dtype=torch.uint8)
    images = truth.clone()
    images[0] += 10
    images[1, :, :4] += 10  # half of the pixels: 3 dB less error
    expected = [20 * math.log10(255 / 10), 20 * math.log10(255 / 10) + 10 * math.log10(2)]
    assert Psnr()(evidence(images, truth), REAL) == pytest.approx(sum(expected) / 2, abs=1e-5)


def test_psnr_of_copies_is_finite_and_the_best_there_is() -> None:
    truth = pictures()
    assert Psnr()(evidence(truth.clone(), truth), REAL) == pytest.approx(psnr.CEILING)
    off = truth.clone()
    off[0, 0, 0, 0] = (int(off[0, 0, 0, 0]) + 1) % 256
    assert Psnr()(evidence(off, truth), REAL) <= psnr.CEILING + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 3]), st.integers(6, 20))
def test_psnr_and_ssim_are_symmetric_in_range_and_best_for_copies(seed: int, channels: int, size: int) -> None:
    random = stream(seed, "pairs")
    first, second = (
        torch.randint(0, 256, (3, channels, size, size), generator=random, dtype=torch.uint8) for _ in range(2)
    )
    for metric, low, high in ((Psnr(), 0.0, psnr.CEILING), (Ssim(), -1.0, 1.0)):
        value = metric(evidence(first, second), REAL)
        assert value == pytest.approx(metric(evidence(second, first), REAL), abs=1e-4)
        assert low <= value < high
        assert metric(evidence(first, first), REAL) == pytest.approx(high, abs=1e-6)


def by_hand(first: Tensor, second: Tensor) -> float:
    """Wang et al. 2004, equation 13, in numpy; scipy's `mirror` is the border of torchmetrics."""
    x, y = first.double().numpy(), second.double().numpy()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def blurred(image: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.asarray(gaussian_filter(image, (0, 0, 1.5, 1.5), mode="mirror", truncate=5 / 1.5))

    mx, my = blurred(x), blurred(y)
    vx, vy, cov = blurred(x * x) - mx**2, blurred(y * y) - my**2, blurred(x * y) - mx * my
    ratio = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(ratio.mean())


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_that_of_the_paper(channels: int) -> None:
    truth = pictures(channels=channels)
    images = (0.7 * truth.double() + 0.3 * pictures(channels=channels, role="others").double()).to(torch.uint8)
    value = Ssim()(evidence(images, truth), REAL)
    assert value == pytest.approx(by_hand(images, truth), abs=1e-5)
    assert 0.3 < value < 0.95


def test_ssim_does_not_depend_on_the_parts_that_are_measured_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = evidence(pictures(7), pictures(7, role="others"))
    whole = Ssim()(pair, REAL)
    monkeypatch.setattr("ganbench.metrics.ssim.AT_ONCE", 3)
    assert Ssim()(pair, REAL) == pytest.approx(whole, abs=1e-6)


def test_ssim_of_tiny_images_is_refused() -> None:
    tiny = pictures(size=5)
    with pytest.raises(EvidenceError, match="6 pixels a side; these have 5"):
        Ssim()(evidence(tiny, tiny), REAL)


def test_diversity_of_a_known_difference_and_of_none() -> None:
    images = torch.full((3, 1, 4, 4), 50, dtype=torch.uint8)
    again = images[:2].clone()
    assert Diversity()(evidence(images, again=again), REAL) == 0
    again[0] += 30
    again[1, :, :2] -= 20
    assert Diversity()(evidence(images, again=again), REAL) == pytest.approx((30 + 20 / 2**0.5) / 2)


def test_what_is_missing_is_said() -> None:
    images = pictures()
    for metric in (Psnr(), Ssim()):
        with pytest.raises(EvidenceError, match="a true image for each sample"):
            metric(evidence(images), REAL)
    with pytest.raises(TooFewError, match="two samples for each condition"):
        Diversity()(evidence(images), REAL)
    nothing = evidence(images[:0], images[:0], images[:0])
    for metric in (Psnr(), Ssim(), Diversity()):
        with pytest.raises(TooFewError):
            metric(nothing, REAL)
