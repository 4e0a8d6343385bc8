"""One step of a search, whatever it is; torch is imported only for trials that are not finished."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ganbench.runs import Plan
from ganbench.searches import Step
from ganbench.tune import best, records

if TYPE_CHECKING:
    import torch


def carry_out(plan: Plan, step: Step, device: "Callable[[], torch.device]") -> bool:
    """Carry out a step; False if a trial raised."""
    match step.kind:
        case "ask":
            from ganbench.tune import asking

            asking.ask(plan, step)
        case "best":
            best.write(plan, step)
        case "trials":
            if all(records.is_finished(plan, step.search, number) for number in step.numbers):
                records.finish(plan, step)
                return True
            from ganbench.tune import trials

            return trials.carry_out(plan, step, device())
        case "open":
            from ganbench.tune import storage

            storage.open_study(plan, step)
        case "work":
            from ganbench.tune import storage, trials

            bench = trials.Bench(plan, step.search, device())
            storage.work(plan, step, lambda asked, referee: bench.try_out([trials.Trial(asked, referee)])[0])
    return True
