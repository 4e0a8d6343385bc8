"""What each metric of a dataset makes of spoilt real data, and whether it notices.

All numbers come from the instruments that measure runs: the same extractor, metrics, reference and sample counts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean, stdev
from typing import Literal

import torch
from torch import Tensor

from ganbench import data, extraction, features, layout, plugins, reference
from ganbench.evidence import Evidence, Reference
from ganbench.mixtures import Mixture
from ganbench.protocol import Dataset
from ganbench.reference import Instruments
from ganbench.runs import Plan
from ganbench.sanity.corruptions import SUITE, Corruption, Pool
from ganbench.streams import stream

REDRAWS = 10
"""How often real samples that nothing was done to are drawn anew."""

BAR = 5.0
"""From how many standard deviations of the redrawn values on a change counts."""

Values = dict[str, float | None]
"""By the name of the measure; None where it is not defined."""

Verdict = Literal["notices", "misses", "fooled", "undefined"]


class SanityError(Exception):
    """Data that the suite cannot spoil; a sentence."""


@dataclass(frozen=True, eq=False)
class Responses:
    """The values of all metrics of a dataset: of real samples, of real samples drawn anew, and of spoilt ones, one
    for each step of each corruption."""

    dataset: Dataset
    pool: Pool
    protocol: dict[str, object]
    real: Values
    redrawn: list[Values]
    spoilt: dict[str, list[Values]]

    @property
    def corruptions(self) -> list[Corruption]:
        """Those that apply."""
        return [corruption for corruption in SUITE if corruption.title in self.spoilt]

    @cached_property
    def spread(self) -> dict[str, float | None]:
        """The standard deviation of the redrawn values; None where one is not defined."""
        return {name: None if found is None else stdev(found) for name, found in self._redrawn.items()}

    @cached_property
    def centre(self) -> Values:
        """The mean of the redrawn values."""
        return {name: None if found is None else fmean(found) for name, found in self._redrawn.items()}

    @cached_property
    def _redrawn(self) -> dict[str, list[float] | None]:
        columns: dict[str, list[float] | None] = {}
        for name in self.real:
            found = [value for values in self.redrawn if (value := values[name]) is not None]
            columns[name] = found if len(found) == len(self.redrawn) else None
        return columns

    def verdicts(self, metric: str, corruption: str) -> list[Verdict]:
        """What a metric makes of each step."""
        return [self._verdict(metric, values[metric]) for values in self.spoilt[corruption]]

    def _verdict(self, metric: str, value: float | None) -> Verdict:
        """A change of more than BAR spreads is noticed, or fools a metric that calls it an improvement."""
        real, spread = self.real[metric], self.spread[metric]
        if value is None or real is None or spread is None:
            return "undefined"
        if abs(value - real) <= max(BAR * spread, 1e-9 * abs(real)):
            return "misses"
        better = {"lower": value < real, "higher": value > real, "none": False}
        return "fooled" if better[self.dataset.measures[metric].trait("direction")] else "notices"


def prepare(plan: Plan, device: torch.device) -> None:
    """Make what the instruments are read from, where it is missing: as the workflow does, but without any run."""
    for key, dataset in plan.data.items():
        if not layout.data(key).exists():
            data.prepare(dataset, layout.raw_data(plan.study.data))
    for key, of in plan.extractors.items():
        if not layout.extractor(key).exists():
            extraction.make(*of)
    for key, of in plan.features.items():
        if not layout.features(key).exists():
            features.make(*of, device)
    for label, dataset in plan.datasets.items():
        try:
            reference.read(plan, dataset, device)
        except reference.StaleReferenceError:
            reference.make(plan, plan.datasets[label], device)


def measure(instruments: Instruments, tell: Callable[[str], None]) -> Responses:
    """Spoil the dataset's real samples in all ways that apply, and measure them."""
    dataset = instruments.dataset
    measures = dataset.measures.values()
    pool = _pool(dataset)

    def values(samples: Tensor) -> Values:
        return instruments.measure(instruments.see(samples, measures), measures)

    real, spoilt = values(pool.real), {}
    for corruption in SUITE:
        if corruption.images_only and dataset.kind == "points":
            continue
        tell(f"{dataset.label}: {corruption.title}")
        spoilt[corruption.title] = [values(corruption(pool, strength)) for strength in corruption.steps]
    tell(f"{dataset.label}: real samples drawn anew")
    redrawn = list(_redrawn(instruments, pool))
    return Responses(dataset, pool, instruments.protocol, real, redrawn, spoilt)


def _pool(dataset: Dataset) -> Pool:
    """The validation split, as many samples as a run makes; of a mixture, as many points as are ever needed."""
    training = data.read(dataset, "train").samples
    if "mixture" in dataset.card.methods:
        mixture: Mixture = plugins.load(dataset.card, dataset.spec["settings"]).mixture()
        needed = dataset.samples * max(len(mixture.centres), REDRAWS + 1)
        points = mixture.sample(needed, stream(0, "sanity real"))
        return Pool(points, mixture.nearest(points)[0], training, dataset.samples)
    samples, labels, _ = data.read(dataset, "validation")
    if labels is None:
        raise SanityError(
            f"the samples of '{dataset.label}' have no labels, so none can be of a wrong or missing class"
        )
    return Pool(samples, labels, training, min(dataset.samples, len(samples)))


def _redrawn(instruments: Instruments, pool: Pool) -> Iterator[Values]:
    """Values of real samples drawn anew. A mixture has any number of them. Elsewhere the validation and the test
    samples are shuffled together and dealt out anew, as in a permutation test: nothing else is unseen, and samples
    drawn with replacement would have duplicates."""
    measures = instruments.dataset.measures.values()
    if "mixture" in instruments.dataset.card.methods:
        for samples in pool.samples.split(pool.count)[1 : REDRAWS + 1]:
            yield instruments.measure(instruments.see(samples, measures), measures)
        return
    seen = instruments.see(pool.real, measures)
    for index in range(REDRAWS):
        dealt = {
            label: _dealt(evidence, instruments.references["test"][label], index) for label, evidence in seen.items()
        }
        references = {**instruments.references, "test": {label: against for label, (_, against) in dealt.items()}}
        yield replace(instruments, references=references).measure(
            {label: fake for label, (fake, _) in dealt.items()}, measures
        )


def _dealt(fake: Evidence, real: Reference, index: int) -> tuple[Evidence, Reference]:
    """Samples of both sides, shuffled and dealt out anew."""
    order = torch.randperm(len(fake) + len(real.evidence), generator=stream(index, "sanity redraw"))
    sides = []
    for part in order.split([len(fake), len(real.evidence)]):
        logits = (
            None
            if fake.logits is None or real.evidence.logits is None
            else torch.cat([fake.logits, real.evidence.logits])[part]
        )
        sides.append(Evidence(torch.cat([fake.features, real.features])[part], logits))
    found = sides[1].features
    return sides[0], replace(real, evidence=sides[1], mean=found.mean(0), covariance=found.T.cov())
