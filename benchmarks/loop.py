"""The training loop against the shortest hand-written loop of the same networks, steps and thread.

Both run the same number of steps on the same data, turn by turn; the median of the ratios of neighbours counts.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ganbench import data, optimizers, plugins, runs
from ganbench.streams import stream
from ganbench.train import train
from ganbench.training import build
from ganbench.work import Run

BAR = 1.05
STUDY = """
study: loop
datasets: [ring8, digits]
architectures: [mlp, {name: dcgan, width: 16}]
methods: [non-saturating, wgan-gp]
seeds: [0]
training: {generator_steps: 1, batch_size: 64, log_every: 50}
"""


def by_hand(run: Run, plan: runs.Plan, samples: Tensor, steps: int) -> None:
    """What a researcher would write for this one case."""
    architecture, g, d = build(plan, run.spec, tuple(samples.shape[1:]), torch.device("cpu"))
    generator, discriminator = g.network, d.network
    critic, points = run.spec["method"]["n_critic"], samples.dim() == 2

    def noise() -> Tensor:
        return torch.randn(64, architecture.noise_dim)

    for _ in range(steps):
        for _ in range(critic):
            real = samples[torch.randint(len(samples), (64,))]
            real = real if points else real.float() / 127.5 - 1
            with torch.no_grad():
                fake = generator(noise())
            if run.method == "wgan-gp":
                loss = discriminator(fake).mean() - discriminator(real).mean()
                share = torch.rand(64, *[1] * (real.dim() - 1))
                between = (share * real + (1 - share) * fake).requires_grad_(True)
                (slope,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
                loss = loss + (0.1 if points else 10) * (slope.flatten(1).norm(2, 1) - 1).square().mean()
            else:
                loss = softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()
            d.optimizer.zero_grad()
            loss.backward()
            d.optimizer.step()
        discriminator.requires_grad_(False)
        scores = discriminator(generator(noise()))
        loss = -scores.mean() if run.method == "wgan-gp" else softplus(-scores).mean()
        g.optimizer.zero_grad()
        loss.backward()
        g.optimizer.step()
        discriminator.requires_grad_(True)


def by_ganbench(run: Run, plan: runs.Plan, samples: Tensor, steps: int) -> None:
    """The same through `train`, with its streams, its epochs and its history."""
    architecture, g, d = build(plan, run.spec, tuple(samples.shape[1:]), torch.device("cpu"))
    method, noise = run.spec["method"], stream(0, "noise")
    parts = {
        kind: plugins.load(plan.registry.card(kind, method[kind]["name"]), method[kind]["settings"])
        if method[kind]
        else None
        for kind in ("loss", "penalty", "constraint")
    }
    train(
        g,
        d,
        loss=parts["loss"],
        penalty=parts["penalty"],
        constraint=parts["constraint"],
        batches=data.Batches(samples, 64, stream(0, "data")),
        noise=lambda: torch.randn(64, architecture.noise_dim, generator=noise),
        penalty_stream=stream(0, "penalty"),
        steps=steps,
        n_critic=method["n_critic"],
        log_every=50,
        progress=lambda _: None,
    )


def seconds(loop: Callable[..., None], *arguments: object) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    loop(*arguments)
    return time.process_time() - start


def main(rounds: int = 25) -> int:
    """Print a ratio per case; 1 if a median is above the bar."""
    torch.set_num_threads(1)
    optimizers.warm_up()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "loop.yaml"
        file.write_text(STUDY)
        plan = runs.plan(file)
    worst = 0.0
    for run in plan.runs:
        dataset = plan.datasets[run.dataset]
        samples = plugins.load(dataset.card, dataset.spec["settings"]).splits(Path())["train"].samples
        steps = 25 if run.method == "wgan-gp" else 100
        ratios = []
        for index in range(rounds + 1):
            ours, theirs = by_ganbench, by_hand
            if index % 2:  # who goes first takes turns as well
                b, a = seconds(theirs, run, plan, samples, steps), seconds(ours, run, plan, samples, steps)
            else:
                a, b = seconds(ours, run, plan, samples, steps), seconds(theirs, run, plan, samples, steps)
            ratios.append(a / b)
        ratios = ratios[1:]  # the first round warms up
        median = statistics.median(ratios)
        worst = max(worst, median)
        print(f"{run.cell:32} ganbench / by hand: {median:.3f}  (of {rounds}: {min(ratios):.3f} to {max(ratios):.3f})")
    print(f"worst median {worst:.3f}, bar {BAR}")
    return int(worst > BAR)


if __name__ == "__main__":
    sys.exit(main())
