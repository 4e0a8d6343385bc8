"""The same features through other people's packages: those of the extra `parity`, and torch-fidelity."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch_fidelity
from features import measured, normal, two_feature_sets
from torch import Tensor, nn
from torch_fidelity.metric_isc import isc_features_to_metric

from ganbench.evidence import Evidence
from ganbench.metrics.classifier_score import Metric as ClassifierScore
from ganbench.metrics.coverage import Metric as Coverage
from ganbench.metrics.density import Metric as Density
from ganbench.metrics.frechet_distance import Metric as FrechetDistance
from ganbench.metrics.kernel_distance import Metric as KernelDistance
from ganbench.metrics.precision import Metric as Precision
from ganbench.metrics.recall import Metric as Recall

K = 5
FOUR = {"precision": Precision(K), "recall": Recall(K), "density": Density(K), "coverage": Coverage(K)}


def distance() -> float:
    fake, real = two_feature_sets()
    return FrechetDistance()(Evidence(fake), measured(real))


class Identity(torch_fidelity.FeatureExtractorBase):  # type: ignore[misc]
    """Samples are their own features and logits."""

    def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
        super().__init__(name, features_list)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("features",)

    @staticmethod
    def get_default_feature_layer_for_metric(_: str) -> str:
        return "features"

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    @staticmethod
    def get_dummy_input_for_compile() -> Tensor:
        return torch.zeros(1, 16)

    def forward(self, samples: Tensor) -> tuple[Tensor, ...]:
        return tuple(samples for _ in self.features_list)


class Samples(torch.utils.data.Dataset[Tensor]):
    def __init__(self, samples: Tensor) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Tensor:
        return self.samples[index]


def test_torch_fidelity_as_its_users_call_it() -> None:
    fake, real = two_feature_sets()
    torch_fidelity.register_feature_extractor("ganbench-identity", Identity)
    theirs = torch_fidelity.calculate_metrics(
        input1=Samples(fake),
        input2=Samples(real),
        feature_extractor="ganbench-identity",
        isc=True,
        isc_splits=1,
        fid=True,
        kid=True,
        kid_subsets=20,
        kid_subset_size=100,
        prc=True,
        prc_neighborhood=K,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    evidence, truth = Evidence(fake, fake), measured(real)
    assert FrechetDistance()(evidence, truth) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-9)
    ours = KernelDistance(subsets=20, subset_size=100)(evidence, truth)
    assert ours == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-12)
    assert ClassifierScore()(evidence, truth) == pytest.approx(theirs["inception_score_mean"], rel=1e-12)
    for name in ("precision", "recall"):
        assert FOUR[name](evidence, truth) == pytest.approx(theirs[name], rel=1e-6)  # theirs is float32


def test_classifier_score_of_splits_is_that_of_torch_fidelity() -> None:
    logits = 3 * normal(203, 10)
    theirs = isc_features_to_metric(logits, splits=10, shuffle=False)["inception_score_mean"]
    assert ClassifierScore(10)(Evidence(logits, logits), measured(logits)) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("dimensions", [2, 16, 64])
def test_prdc(dimensions: int) -> None:
    """Without ties, so that its `<` and our `<=` are the same."""
    prdc = pytest.importorskip("prdc")
    fake, real = 1.1 * normal(250, dimensions, seed=1) + 0.2, normal(300, dimensions, seed=2)
    theirs = prdc.compute_prdc(real.numpy(), fake.numpy(), K)
    evidence, truth = Evidence(fake), measured(real)
    assert {name: metric(evidence, truth) for name, metric in FOUR.items()} == pytest.approx(theirs, rel=1e-12)


def test_pytorch_fid() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip("pytorch_fid.fid_score", exc_type=ImportError)
        (m1, s1), (m2, s2) = ((x.mean(0).numpy(), np.cov(x.numpy(), rowvar=False)) for x in two_feature_sets())
        theirs = package.calculate_frechet_distance(m1, s1, m2, s2)
    assert distance() == pytest.approx(theirs, rel=1e-9)


class Pass(nn.Module):
    num_features = 16

    def forward(self, samples: Tensor) -> Tensor:
        return samples


def test_torchmetrics() -> None:
    package = pytest.importorskip("torchmetrics.image")
    fake, real = two_feature_sets()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fid = package.fid.FrechetInceptionDistance(feature=Pass()).set_dtype(torch.float64)
        kid = package.kid.KernelInceptionDistance(feature=Pass(), subsets=100, subset_size=150)
        score = package.inception.InceptionScore(feature=Pass(), splits=1)
    for metric in (fid, kid):
        metric.update(real, real=True)
        metric.update(fake, real=False)
    score.update(fake)
    assert distance() == pytest.approx(fid.compute().item(), rel=1e-9)
    evidence, truth = Evidence(fake, fake), measured(real)
    torch.manual_seed(0)
    mean, spread = (value.item() for value in kid.compute())
    ours = KernelDistance(subset_size=150)(evidence, truth)
    assert ours == pytest.approx(mean, abs=4 * spread / 10 * 2**0.5)  # other random subsets
    assert ours > 10 * spread / 10
    assert ClassifierScore()(evidence, truth) == pytest.approx(score.compute()[0].item(), rel=1e-6)
