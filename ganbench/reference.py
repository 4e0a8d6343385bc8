"""The reference of a dataset: what its runs are compared with, and what real data scores against it."""

import math
import time
from dataclasses import dataclass
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from ganbench import classifier, data, files, layout, plugins
from ganbench.classifier import Classifier
from ganbench.evidence import Evidence, Reference
from ganbench.mixtures import Mixture
from ganbench.runs import Dataset, Plan, reference_spec
from ganbench.streams import stream


class StaleReferenceError(Exception):
    """A reference that is missing or that is of another evaluation."""


@dataclass(frozen=True)
class Instruments:
    """All that measuring the runs of one dataset needs, loaded once."""

    dataset: Dataset
    reference: Reference
    metrics: dict[str, Any]
    extractor: Classifier | None
    protocol: dict[str, Any]

    @classmethod
    def read(cls, plan: Plan, dataset: Dataset) -> "Instruments":
        """From the files of the dataset's reference."""
        path = layout.reference(plan.study.study, dataset.label)
        record = files.read_json(path)
        if record is None or record["digest"] != plan.reference_digest(dataset.label):
            raise StaleReferenceError(f"{path}: not the reference of this evaluation; `snakemake` makes it")
        tensors = load_file(path.with_suffix(".safetensors"))
        extractor = classifier.read(dataset)[0] if dataset.classifier_key else None
        reference = Reference(tensors["features"], tensors["mean"], tensors["covariance"], _mixture(dataset))
        return cls(dataset, reference, _metrics(plan, dataset), extractor, record["protocol"])

    def measure(self, samples: Tensor) -> dict[str, float | None]:
        """All metrics of some samples; None where a metric is not defined for them."""
        evidence = see(samples, self.extractor)
        values = {name: metric(evidence, self.reference) for name, metric in self.metrics.items()}
        return {name: value if math.isfinite(value) else None for name, value in values.items()}


def see(samples: Tensor, extractor: Classifier | None) -> Evidence:
    """Samples as metrics see them."""
    if extractor is None:
        return Evidence(samples.double())
    features, logits = classifier.describe(extractor, samples)
    return Evidence(features, logits)


def make(plan: Plan, dataset: Dataset) -> None:
    """Compute the reference from the test split, and the real-data row, and write both."""
    metrics = _metrics(plan, dataset)
    cpu_start = time.process_time()
    extractor, card = classifier.read(dataset) if dataset.classifier_key else (None, None)
    test = data.read(dataset, "test").samples
    features = see(test, extractor).features
    mixture = _mixture(dataset)
    reference = Reference(
        features,
        mixture.mean() if mixture else features.mean(0),
        mixture.covariance() if mixture else features.T.cov(),
        mixture,
    )
    real = _fresh(dataset, mixture)
    protocol = {
        "generated_samples": dataset.evaluation.samples,
        "reference": "exact moments of the mixture" if mixture else "test split",
        "reference_samples": None if mixture else len(test),
        "real_row": f"{len(real):,} {'fresh samples of the mixture' if mixture else 'validation images'}",
        "real_samples": len(real),
        "extractor": {key: card[key] for key in ("name", "weights_sha256", "test_accuracy")} if card else None,
        "weights": "raw",
        "checkpoint": "final",
        "batch_normalisation": "running statistics",
    }
    instruments = Instruments(dataset, reference, metrics, extractor, protocol)
    path = layout.reference(plan.study.study, dataset.label)
    with files.replacing(path.with_suffix(".safetensors")) as temporary:
        save_file(
            {"features": features, "mean": reference.mean, "covariance": reference.covariance.contiguous()},
            temporary,
        )
    files.write_json(
        path,
        {
            "dataset": dataset.spec,
            "digest": plan.reference_digest(dataset.label),
            "protocol": protocol,
            "real": instruments.measure(real),
            "cpu_seconds": time.process_time() - cpu_start,
            "modes": None if mixture is None else {"centres": mixture.centres.tolist(), "sigma": mixture.sigma},
        },
    )


def _fresh(dataset: Dataset, mixture: Mixture | None) -> Tensor:
    """Real samples that neither the reference nor the classifier has seen: as many as a run makes, if there are."""
    if mixture is not None:
        return mixture.sample(dataset.evaluation.samples, stream(0, "real row"))
    return data.read(dataset, "validation").samples[: dataset.evaluation.samples]


def _mixture(dataset: Dataset) -> Mixture | None:
    plugin = plugins.load(dataset.card, dataset.spec["settings"])
    return plugin.mixture() if hasattr(plugin, "mixture") else None


def _metrics(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    parts = reference_spec(dataset, plan.registry)["metrics"]
    return {name: plugins.load(plan.registry.card("metric", name), part["settings"]) for name, part in parts.items()}
