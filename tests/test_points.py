"""The datasets of points that are not ring8 or grid25: what their code or paper says, exactly or in moments."""

import collections
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ganbench import plugins
from ganbench.data import DataError, Split
from ganbench.datasets.veegan_mixture import MEANS
from ganbench.mixtures import SPLIT_SIZES, Mixture
from ganbench.streams import stream

REGISTRY = plugins.discover()
NAMES = ("ring7", "random-mixture", "swiss-roll", "two-moons", "veegan-mixture")


def dataset(name: str, **given: Any) -> Any:
    card = REGISTRY.card("dataset", name)
    settings, problems = plugins.resolve(card, given)
    assert not problems
    return plugins.load(card, settings)


def mixture(name: str, **given: Any) -> Mixture:
    found: Mixture = dataset(name, **given).mixture()
    return found


def splits(name: str, **given: Any) -> dict[str, Split]:
    found: dict[str, Split] = dataset(name, **given).splits(Path("nowhere"))
    return found


# The contract


@pytest.mark.parametrize("name", NAMES)
def test_the_splits_are_fixed_finite_and_differ_from_each_other(name: str) -> None:
    given = {"points": 10_000} if name == "veegan-mixture" else {}
    first, second = splits(name, **given), splits(name, **given)
    sizes = {split: len(first[split].samples) for split in first}
    assert sizes == ({**SPLIT_SIZES, "train": 10_000} if given else SPLIT_SIZES)
    for split in first:
        assert first[split].samples.dtype == torch.float32
        assert first[split].samples.isfinite().all()
        assert torch.equal(first[split].samples, second[split].samples)
    assert not torch.equal(first["validation"].samples, first["test"].samples)
    assert not torch.equal(first["train"].samples[:10_000], first["test"].samples)


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_provides_modes_exactly_if_it_has_a_mixture(name: str) -> None:
    provides = REGISTRY.card("dataset", name).traits.get("provides", ())
    assert ("modes" in provides) == hasattr(dataset(name), "mixture")


def test_the_training_split_of_veegans_mixture_can_be_made_smaller() -> None:
    assert len(splits("veegan-mixture", points=11)["train"].samples) == 11


# ring7


def test_ring7_is_the_notebooks_ring_with_its_double_mode() -> None:
    angles = np.linspace(0, 2 * np.pi, 8)
    notebook = collections.Counter((round(math.sin(a), 9) + 0.0, round(math.cos(a), 9) + 0.0) for a in angles)
    truth = mixture("ring7")
    found = {
        (round(x, 9) + 0.0, round(y, 9) + 0.0): weight
        for (x, y), weight in zip(truth.centres.tolist(), (8 * truth.weights).tolist(), strict=True)
    }
    assert found == pytest.approx(dict(notebook))
    assert (len(truth.centres), truth.sigma) == (7, 0.01)


def test_ring7_has_the_moments_of_its_weights() -> None:
    truth = mixture("ring7", radius=2.0, sigma=0.1)
    # eight equal modes of which two coincide at (0, 2): the other seven sum to (0, 0)
    torch.testing.assert_close(truth.mean(), torch.tensor([0.0, 2 / 8], dtype=torch.float64), rtol=0, atol=1e-14)
    variance = torch.tensor([14 / 8 + 0.01, (14 + 4) / 8 - 1 / 16 + 0.01], dtype=torch.float64)
    torch.testing.assert_close(truth.covariance(), variance.diag(), rtol=1e-14, atol=1e-14)
    count = 200_000
    samples = truth.sample(count, stream(0, "test")).double()
    assert ((samples.mean(0) - truth.mean()).abs() < 4 * (variance / count).sqrt()).all()
    assert ((samples.var(0) - variance).abs() < 0.02).all()
    mode, _ = truth.nearest(samples)
    share = torch.bincount(mode).double() / count
    assert ((share - truth.weights).abs() < 4 * (truth.weights * (1 - truth.weights) / count).sqrt()).all()


# random-mixture


@pytest.mark.parametrize(("modes", "dimension"), [(1, 1), (2, 2), (10, 2), (25, 2), (50, 3), (100, 20)])
def test_random_modes_are_apart_and_in_the_cube(modes: int, dimension: int) -> None:
    truth = mixture("random-mixture", modes=modes, dimension=dimension, extent=2.0, sigma=0.03)
    assert truth.centres.shape == (modes, dimension)
    assert truth.centres.abs().max() <= 2
    assert (torch.pdist(truth.centres) >= 6 * 0.03).all()
    assert torch.equal(truth.weights, torch.full((modes,), 1 / modes, dtype=torch.float64))


def test_a_crowd_of_random_modes_still_keeps_its_distance() -> None:
    truth = mixture("random-mixture", modes=40, extent=1.0, sigma=0.03)
    assert torch.pdist(truth.centres).min() >= 0.18


def test_random_centres_are_uniform_in_the_cube() -> None:
    centres = torch.cat(
        [mixture("random-mixture", modes=1, dimension=3, extent=4.0, seed=s).centres for s in range(500)]
    )
    count = centres.numel()
    assert centres.mean().item() == pytest.approx(0, abs=4 * math.sqrt(16 / 3 / count))
    assert centres.square().mean().item() == pytest.approx(16 / 3, rel=0.1)
    assert centres.min() < -3.9
    assert centres.max() > 3.9


def test_another_seed_is_another_distribution_and_the_weights_move_no_centre() -> None:
    first, again, other = (mixture("random-mixture", seed=seed) for seed in (0, 0, 1))
    weighted = mixture("random-mixture", weights="random")
    assert torch.equal(first.centres, again.centres)
    assert not torch.equal(first.centres, other.centres)
    assert torch.equal(first.centres, weighted.centres)
    assert not torch.equal(first.weights, weighted.weights)


def test_random_weights_are_a_flat_dirichlet_draw() -> None:
    modes, count = 5, 600
    weights = torch.stack(
        [mixture("random-mixture", modes=modes, weights="random", seed=seed).weights for seed in range(count)]
    )
    torch.testing.assert_close(weights.sum(1), torch.ones(count, dtype=torch.float64))
    assert weights.min() > 0
    variance = (modes - 1) / (modes**2 * (modes + 1))
    assert weights.mean(0).tolist() == pytest.approx([1 / modes] * modes, abs=4.5 * math.sqrt(variance / count))
    assert weights.var(0).mean().item() == pytest.approx(variance, rel=0.15)


def test_random_weights_know_nothing_of_the_centres() -> None:
    drawn = [mixture("random-mixture", modes=2, weights="random", seed=seed) for seed in range(400)]
    pairs = torch.stack([torch.stack([truth.weights[0], *truth.centres.flatten()]) for truth in drawn])
    assert torch.corrcoef(pairs.T)[0, 1:].abs().max() < 4 / math.sqrt(400)


def test_too_many_modes_for_the_cube_are_an_error_that_says_what_to_change() -> None:
    with pytest.raises(DataError, match=r"no room for 100 modes 6 sigma apart; .*smaller sigma \(0\.5\).*extent"):
        mixture("random-mixture", modes=100, sigma=0.5)


# swiss-roll and two-moons


def test_without_noise_the_swiss_roll_is_a_spiral() -> None:
    points = splits("swiss-roll", noise=0.0)["train"].samples.double() * 7.5
    turned = points.norm(dim=1)  # x = t cos t, y = t sin t
    spiral = torch.stack([turned * turned.cos(), turned * turned.sin()], 1)
    torch.testing.assert_close(points, spiral, rtol=0, atol=1e-4)
    assert turned.min().item() == pytest.approx(1.5 * math.pi, abs=1e-3)
    assert turned.max().item() == pytest.approx(4.5 * math.pi, abs=1e-3)
    assert turned.mean().item() == pytest.approx(3 * math.pi, abs=4 * 3 * math.pi / math.sqrt(12 * len(turned)))


def test_the_noise_of_the_swiss_roll_is_added_before_the_division() -> None:
    variance = {
        noise: splits("swiss-roll", noise=noise, scale=2.0)["train"].samples.double().var(0) for noise in (0.0, 3.0)
    }
    torch.testing.assert_close(
        variance[3.0] - variance[0.0], torch.full((2,), 9 / 4, dtype=torch.float64), rtol=0.1, atol=0
    )


def test_the_defaults_of_the_swiss_roll_are_those_of_gan_toy() -> None:
    roll = dataset("swiss-roll")
    assert (roll.noise, roll.scale) == (0.25, 7.5)


def moons(points: Tensor) -> Tensor:
    """The distance of each point from the nearer half circle."""
    upper = (points - torch.tensor([-0.5, -0.25])).norm(dim=1) - 1
    lower = (points - torch.tensor([0.5, 0.25])).norm(dim=1) - 1
    on_upper, on_lower = points[:, 1] >= -0.25, points[:, 1] <= 0.25
    far = torch.full_like(upper, math.inf)
    return torch.minimum(upper.abs().where(on_upper, far), lower.abs().where(on_lower, far))


def test_without_noise_the_moons_are_half_circles_around_the_origin() -> None:
    points = splits("two-moons", noise=0.0)["train"].samples
    assert moons(points).max() < 1e-5
    assert points.mean(0).abs().max() < 1e-3
    assert points.amin(0).tolist() == pytest.approx([-1.5, -0.75], abs=1e-3)
    assert points.amax(0).tolist() == pytest.approx([1.5, 0.75], abs=1e-3)


def test_the_moons_are_as_noisy_as_asked() -> None:
    sharp, noisy = (splits("two-moons", noise=noise)["train"].samples.double() for noise in (0.0, 0.5))
    difference = noisy.var(0) - sharp.var(0)
    torch.testing.assert_close(difference, torch.full((2,), 0.25, dtype=torch.float64), rtol=0.05, atol=0)


# veegan-mixture


def test_veegans_mixture_has_ten_means_and_noise_in_700_of_1200_coordinates() -> None:
    points = splits("veegan-mixture", points=10)["test"].samples
    means = points[:, 700]
    assert (points[:, 700:] == means[:, None]).all()
    assert set(means.tolist()) == set(MEANS)
    assert len(MEANS) == len(set(MEANS)) == 10
    counts = torch.tensor([(means == mean).sum() for mean in MEANS])
    assert ((counts - 1000).abs() < 4.5 * math.sqrt(900)).all()
    assert (points[:, 699] != means).any()
    noise = points[:, :700] - means[:, None]
    assert noise.mean().item() == pytest.approx(0, abs=4 / math.sqrt(noise.numel()))
    assert noise.var().item() == pytest.approx(1, abs=4 * math.sqrt(2 / noise.numel()))
    neighbours = (noise[:, 1:] * noise[:, :-1]).mean().item()
    assert neighbours == pytest.approx(0, abs=4 / math.sqrt(noise.numel()))


def test_the_published_ten_sigma_rule_would_refuse_veegans_own_data() -> None:
    points = splits("veegan-mixture", points=10)["test"].samples
    centres = torch.tensor(MEANS)[:, None].expand(-1, 1200)
    assert torch.cdist(points, centres.contiguous()).amin(1).min() > 10
