"""End hopeless trials early, by Optuna's pruners, against the trials of earlier generations alone: those of the same
generation may run at the same time, and what is not known for certain must not decide.

Successive halving and Hyperband (Li et al. 2017; the asynchronous rule of Li et al. 2020) look at each evaluation of a
trial, Wilcoxon's signed-rank test at each seed that is finished, paired with the best trial's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.pruners import BasePruner
from optuna.trial import Trial, TrialState, create_trial

from ganbench.searches import Search
from ganbench.tune import asking
from ganbench.tune.records import Record
from ganbench.tuning import Pruning

RUNG = "completed_rung_"
"""Optuna's name for what successive halving remembers of a trial."""


@dataclass
class Referee:
    """Says of one trial whether it is hopeless. Without pruning none ever is."""

    trial: Trial | None
    search: Search

    def at_evaluation(self, place: int, value: float) -> bool:
        """After an evaluation; `place` counts those of all seeds of the trial, from 1."""
        tuning = self.search.tuning
        last = len(tuning.seeds) * tuning.evaluations
        return bool(tuning.pruning and tuning.pruning.name != "wilcoxon") and self._hopeless(place, value, last)

    def at_seed(self, place: int, value: float) -> bool:
        """After a seed; `place` counts the seeds of the trial, from 1."""
        tuning = self.search.tuning
        by_seed = bool(tuning.pruning and tuning.pruning.name == "wilcoxon")
        return by_seed and self._hopeless(place, value, len(tuning.seeds))

    def _hopeless(self, place: int, value: float, last: int) -> bool:
        """A trial that has come to its last place is finished, however it stands there."""
        assert self.trial is not None
        self.trial.report(value, place)
        return self.trial.should_prune() and place < last

    @property
    def reported(self) -> dict[str, float]:
        """What was reported, by place."""
        if self.trial is None:
            return {}
        frozen = self.trial.study.get_trials()[self.trial.number]
        return {str(place): value for place, value in sorted(frozen.intermediate_values.items())}

    @property
    def rungs(self) -> dict[str, float]:
        """The rungs that it reached, with its value there."""
        if self.trial is None:
            return {}
        attributes = self.trial.study.get_trials()[self.trial.number].system_attrs
        return {key: value for key, value in attributes.items() if key.startswith(RUNG)}


def referee(search: Search, number: int, earlier: Sequence[Record]) -> Referee:
    """The referee of a trial, who knows the trials of earlier generations."""
    pruning = search.tuning.pruning
    if pruning is None:
        return Referee(None, search)
    study = asking.new_study(search, optuna.samplers.RandomSampler(seed=0))
    study.pruner = pruner(pruning, len(search.tuning.seeds) * search.tuning.evaluations)
    unknown = create_trial(state=TrialState.FAIL)
    known = {record["number"]: asking.as_trial(search, record, earlier) for record in earlier}
    study.add_trials([known.get(n) or unknown for n in range(number)])  # Hyperband deals by number
    return Referee(study.ask(), search)


def pruner(pruning: Pruning, evaluations: int) -> BasePruner:
    """Optuna's pruner for trials of so many evaluations."""
    match pruning.name:
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner(pruning.first, pruning.reduction)
        case "hyperband":
            return optuna.pruners.HyperbandPruner(pruning.first, evaluations, pruning.reduction)
        case "wilcoxon":
            return optuna.pruners.WilcoxonPruner(p_threshold=pruning.p)
