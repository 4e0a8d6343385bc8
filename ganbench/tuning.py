"""The `tuning:` section of a study: how hyper-parameters are searched, the same for every method.

Search spaces are written as in plugin files (`ganbench/spaces.py`), with a path to the setting in a method's own words:

    space:
      optimizer.lr: [log, 1e-5, 1e-2]
      optimizer.betas[0]: [linear, 0.0, 0.9]
      n_critic: [choice, 1, 5]
      penalty.weight: {try: [log, 0.1, 100], when: {penalty.name: gradient-penalty}}
      loss.confidence: null                           # takes a space away that a plugin or a recipe brings
"""

from typing import Annotated, Any, Literal

from pydantic import Field as Key
from pydantic import NonNegativeInt, PositiveInt

from ganbench.method import Strict

Sampler = Literal["tpe", "gp", "cmaes", "random", "qmc"]
Count = Annotated[int, Key(ge=2)]


class Conditional(Strict):
    """A space that is searched only where other parameters have certain values."""

    try_: Annotated[list[Any], Key(alias="try")]
    """The space."""
    when: Annotated[dict[str, Any], Key(min_length=1)]
    """By path, the value that another parameter has."""


Space = list[Any] | Conditional
Spaces = dict[str, Space | None]


class Pruning(Strict):
    """How hopeless trials are ended early."""

    name: Literal["halving", "hyperband", "wilcoxon"]
    """Successive halving or Hyperband over the evaluations of a trial, or Wilcoxon's test over its seeds."""
    reduction: Annotated[int, Key(ge=2)] = 3
    """Of this many trials one goes on at each rung."""
    first: PositiveInt = 1
    """The evaluation at which the first rung is."""
    p: Annotated[float, Key(gt=0, lt=1)] = 0.1
    """Wilcoxon: the p-value below which a trial is worse than the best."""


class Tuning(Strict):
    """How every method of every cell is tuned."""

    trials: Count = 24
    """Trials of each method in each cell, the first of which is the method's own setting."""
    generations: PositiveInt = 4
    """Batches of trials; the sampler learns from one before it asks for the next."""
    seeds: Annotated[tuple[NonNegativeInt, ...], Key(min_length=1)]
    """Each trial is trained with each of these; none of them is a seed of the study."""
    sampler: Sampler = "tpe"
    """Who proposes trials: Optuna's tree-structured Parzen estimator, Gaussian process, CMA-ES, chance, or a
    quasi-random sequence."""
    startup: PositiveInt = 10
    """Trials by chance before `tpe` and `gp` learn from results."""
    objective: str | Annotated[tuple[str, ...], Key(min_length=1)] | None = None
    """A metric, or several for a Pareto front; without it, each dataset's headline."""
    samples: Count | None = None
    """Generated samples for the objective; without it, the evaluation's `snapshot_samples`."""
    generator_steps: PositiveInt | None = None
    """Steps of each training of a trial; without it and the next, as many as a run of the study."""
    discriminator_steps: PositiveInt | None = None
    """The same as steps of the discriminator."""
    evaluations: PositiveInt = 4
    """How many times, the end included, each training of a trial is measured."""
    pruning: Pruning | None = None
    """How hopeless trials are ended early; without it, not."""
    space: Annotated[Spaces, Key(default_factory=dict)]
    """Spaces that hold for every method that has the setting; `null` takes one away."""
    trials_per_job: PositiveInt | None = None
    """Trials of a generation that one process carries out, in packs or one after the other; of no interest to results.
    Without it, as many as a pack has slots, or 4 that are trained alone."""
    backend: Literal["generations", "storage"] = "generations"
    """A chain of generations whose results are files, or workers that share an Optuna storage."""
    storage: str | None = None
    """The URL of a database for `backend: storage`; without it, a journal file beside the trials."""
    workers: PositiveInt = 2
    """Processes that search one cell together, for `backend: storage`."""

    @property
    def objectives(self) -> tuple[str, ...]:
        """The metrics by which trials are judged; empty for each dataset's headline."""
        return (self.objective,) if isinstance(self.objective, str) else self.objective or ()

    def numbers(self, generation: int) -> list[int]:
        """The trials of a generation: all have the same number of them, or the first ones have one more."""
        size, more = divmod(self.trials, self.generations)
        first = generation * size + min(generation, more)
        return list(range(first, first + size + (generation < more)))


class TuningChanges(Strict):
    """What differs on one dataset."""

    objective: str | Annotated[tuple[str, ...], Key(min_length=1)] | None = None
    samples: Count | None = None
    generator_steps: PositiveInt | None = None
    discriminator_steps: PositiveInt | None = None
    evaluations: PositiveInt | None = None
