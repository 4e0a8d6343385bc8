"""Trainings in packs that are judged on the way, and end early or go on: the trials of a search."""

from collections.abc import Callable, Sequence

from torch import Tensor

from ganbench.packs.member import Member
from ganbench.packs.pack import Pack, steps_of
from ganbench.packs.training import seated
from ganbench.runs import Plan
from ganbench.session import Session
from ganbench.specs import Spec

Judge = Callable[[int, Session[Member]], bool]
"""Whether a training, by its number and as it is after a stage, goes on."""


def train(
    plan: Plan,
    specs: Sequence[Spec],
    samples: Tensor,
    stages: Sequence[int],
    judge: Judge,
    progress: Callable[[int], None],
) -> None:
    """Train members of one shape on the training split (on the device), up to each of the steps `stages` in turn.

    Whoever does not go on leaves the pack, so that nothing is computed for it any more. The others are what they would
    be with it, to the bit.
    """
    for members, slots in seated(plan, specs, samples):
        pack = Pack.of(plan, [specs[member] for member in members], samples, slots)
        _train(pack, members, samples, stages, judge, progress)


def _train(
    pack: Pack,
    members: Sequence[int],
    samples: Tensor,
    stages: Sequence[int],
    judge: Judge,
    progress: Callable[[int], None],
) -> None:
    """The same of a pack whose slots hold these members."""
    recorder = steps_of(pack.plan, pack.specs[: len(members)], samples, len(pack.specs)).recorder
    for place, stage in enumerate(stages):
        pack.train(progress, until=stage, recorder=recorder)
        staying = [slot for slot, member in enumerate(members) if judge(member, pack.sessions[slot])]
        later = stages[place + 1 :]
        if len(staying) < len(members):
            if staying and later:
                for some, slots in seated(pack.plan, [pack.specs[slot] for slot in staying], samples):
                    kept = [staying[number] for number in some]
                    _train(pack.only(kept, samples, slots), [members[s] for s in kept], samples, later, judge, progress)
            return
