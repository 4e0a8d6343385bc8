"""The real features of a dataset by one extractor: computed once, shared by every run and every study."""

import time
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ganbench import bins, data, extraction, files, layout, neighbours, tensorfiles
from ganbench.evidence import Evidence, Training
from ganbench.protocol import Dataset, Extractor

TRAINING = 50_000
"""Training samples, the first ones, that generated ones are compared with: all of MNIST's, and no more of a larger
split, as their nearest neighbours among each other take time that grows with the square."""


class StaleFeaturesError(Exception):
    """Features that are missing or that another extractor made."""


def make(dataset: Dataset, extractor: Extractor, device: torch.device) -> None:
    """Compute the features and logits of all splits, and what metrics need to know of the training split."""
    network, card = extraction.read(dataset, extractor)
    network.to(device)
    cpu_start = time.process_time()
    tensors: dict[str, Tensor] = {}
    counts = {}
    for split in data.SPLITS:
        samples = data.read(dataset, split).samples
        samples = samples[:TRAINING] if split == "train" else samples
        seen = Evidence(*extraction.describe(network, samples))
        counts[split] = len(seen)
        tensors[f"{split}_features"] = seen.features.float()
        if seen.logits is not None and split != "train":  # no metric asks, and for 1,000 modes they are large
            tensors[f"{split}_logits"] = seen.logits.float()
    train = tensors["train_features"].double()
    if not train.var(0).any():
        raise extraction.ExtractorError(f"{extractor.label} sees no difference between the images of '{dataset.label}'")
    tensors["train_spacing"] = neighbours.spacing(train)
    tensors["bin_centres"], tensors["bin_counts"] = bins.fit(train, bins.number(len(train)), seed=0)
    path = layout.features(dataset.features_key(extractor))
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    tensorfiles.write(path.with_suffix(".safetensors"), contiguous)
    files.write_json(
        path,
        {
            "dataset": dataset.spec,
            "extractor": extractor.spec,
            "weights_sha256": card["weights_sha256"],
            "samples": counts,
            "dimensions": train.shape[1],
            "cpu_seconds": time.process_time() - cpu_start,
        },
    )


def read(dataset: Dataset, extractor: Extractor, card: dict[str, Any]) -> dict[str, Tensor]:
    """All tensors, by the extractor of this card. Raises StaleFeaturesError."""
    path = layout.features(dataset.features_key(extractor))
    record, stored = files.read_json(path), path.with_suffix(".safetensors")
    if record is None or record.get("weights_sha256", "") != card["weights_sha256"]:
        raise StaleFeaturesError(f"{path}: not the features by these weights; `snakemake` makes them")
    if not stored.exists():
        raise StaleFeaturesError(f"{stored} is missing; remove {path.parent} and run again")
    return load_file(stored)


def evidence(tensors: dict[str, Tensor], split: str) -> Evidence:
    """One split."""
    logits = tensors.get(f"{split}_logits")
    return Evidence(tensors[f"{split}_features"].double(), None if logits is None else logits.double())


def training(tensors: dict[str, Tensor]) -> Training:
    """The training split, with its spacing and bins."""
    centres, counts = tensors["bin_centres"].double(), tensors["bin_counts"]
    return Training(evidence(tensors, "train"), tensors["train_spacing"].double(), centres, counts)
