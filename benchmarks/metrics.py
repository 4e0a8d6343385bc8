"""The metrics of images: what a checkpoint costs, and the parts against the packages that others use.

CPU seconds of one thread, because other work may share the machine: an idle machine is at least as fast by the clock.
"""

import contextlib
import io
import resource
import statistics
import sys
import time
from collections.abc import Callable

import prdc
import torch
from torch import Tensor
from torch.nn.functional import leaky_relu
from torch_fidelity.metric_fid import fid_statistics_to_metric

from ganbench import bins, frechet, plugins
from ganbench.evidence import Evidence, Reference, Training
from ganbench.metrics import coverage, density, precision, recall
from ganbench.neighbours import spacing
from ganbench.streams import stream

GENERATED, REAL, TRAINING = 10_000, 10_000, 50_000
SECONDS_BAR, GIGABYTES_BAR, RATIO_BAR = 20.0, 2.0, 1.0


def features(count: int, dimensions: int, role: str) -> Tensor:
    """Correlated, of different spread, not symmetric: like those of a classifier."""
    mixing = torch.randn(dimensions, dimensions, generator=stream(0, "mixing"), dtype=torch.float64)
    spread = torch.logspace(0, -2, dimensions, dtype=torch.float64)
    raw = torch.randn(count, dimensions, generator=stream(0, role), dtype=torch.float64)
    return leaky_relu(raw @ (mixing * spread), 0.2)


def seconds(work: Callable[[], object], calls: int = 1) -> float:
    """CPU seconds of some calls."""
    start = time.process_time()
    for _ in range(calls):
        work()
    return time.process_time() - start


def gigabytes() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def suite(dimensions: int) -> float:
    """Print what each metric of images costs that needs no labels; return the sum."""
    training, real, fake = (
        features(n, dimensions, role) for n, role in ((TRAINING, "training"), (REAL, "real"), (GENERATED, "generated"))
    )
    start = time.process_time()
    distances = spacing(training)
    spaced = time.process_time()
    centres, counts = bins.fit(training, bins.number(TRAINING), 0)
    print(
        f"d = {dimensions}, once a dataset: spacing {spaced - start:.1f} s, bins {time.process_time() - spaced:.1f} s"
    )
    split = Training(Evidence(training), distances, centres, counts)
    shares = torch.full((10,), 0.1, dtype=torch.float64)
    truth = Reference(Evidence(real, real[:, :10]), *frechet.moments(real), mode_weights=shares, training=split)
    evidence, total = Evidence(fake, fake[:, :10]), 0.0
    for card in sorted(plugins.discover().cards["metric"].values(), key=lambda card: card.traits["order"]):
        if "images" not in card.traits["kinds"] or "labels" in card.traits["needs"]:
            continue
        metric = plugins.load(card, plugins.resolve(card, {})[0])
        spent = seconds(lambda metric=metric: metric(evidence, truth))
        total += spent
        print(f"  {card.name:30} {spent:7.3f} s")
    print(f"  {'together':30} {total:7.3f} s, bar {SECONDS_BAR:.0f}; peak {gigabytes():.2f} GB, bar {GIGABYTES_BAR}")
    return total


def ratio(name: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int, calls: int = 1) -> float:
    """Print and return the median ratio of neighbouring runs of some calls; who goes first takes turns."""
    ratios = []
    for index in range(rounds):
        if index % 2:
            b, a = seconds(theirs, calls), seconds(ours, calls)
        else:
            a, b = seconds(ours, calls), seconds(theirs, calls)
        ratios.append(a / b)
    median = statistics.median(ratios)
    print(f"{name:44} {median:.3f}  (of {rounds}: {min(ratios):.3f} to {max(ratios):.3f})", flush=True)
    return median


def neighbours(dimensions: int, count: int = 4000) -> float:
    """Precision, recall, density and coverage against prdc."""
    fake, real = features(count, dimensions, "generated"), features(count, dimensions, "real")

    def ours() -> None:
        evidence, truth = Evidence(fake), Reference(Evidence(real), real[0], real[:1])
        for metric in (precision, recall, density, coverage):
            metric.Metric()(evidence, truth)

    def theirs() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            prdc.compute_prdc(real.numpy(), fake.numpy(), 5)

    return ratio(f"four by neighbours, d = {dimensions}: ours / prdc", ours, theirs, rounds=4)


def distance(dimensions: int, rounds: int, calls: int) -> float:
    """The Fréchet distance of two pairs of moments against torch-fidelity; the real factor is kept, as in use."""
    count = max(5000, 2 * dimensions)
    one, other = (frechet.moments(features(count, dimensions, role)) for role in ("generated", "real"))
    a, b = ({"mu": mean.numpy(), "sigma": covariance.numpy()} for mean, covariance in (one, other))
    known = frechet.factor(other[1])
    return ratio(
        f"Fréchet distance, d = {dimensions}: ours / torch-fidelity",
        lambda: frechet.distance(one[0], frechet.factor(one[1]), other[0], known),
        lambda: fid_statistics_to_metric(a, b, verbose=False),
        rounds,
        calls,
    )


def main() -> int:
    """Print the figures; 1 if a bar is missed."""
    torch.set_num_threads(1)
    slowest, memory = max(suite(64), suite(128)), gigabytes()
    ratios = [neighbours(64), neighbours(128)]
    ratios += [distance(*sizes) for sizes in ((64, 21, 50), (128, 21, 20), (512, 7, 1), (2048, 3, 1))]
    missed = slowest > SECONDS_BAR or memory > GIGABYTES_BAR or max(ratios) > RATIO_BAR
    print(f"worst ratio {max(ratios):.3f}, bar {RATIO_BAR}; {'a bar is missed' if missed else 'all bars are met'}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
