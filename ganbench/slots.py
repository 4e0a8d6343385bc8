"""GPU slots: which card a process computes on.

Snakemake counts `gpu` tokens and leaves the rest to the job. Here, processes of one user on one machine agree among
themselves. Each writes one file, its claim: first what it waits for, then what it holds. It keeps the file locked
(flock) while it lives, so the kernel ends the claim of whoever dies, however it dies. Claims are read and changed
only under the queue's lock, so a job gets all of its cards or none, and nobody sees half a claim.
"""

import contextlib
import fcntl
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ganbench import gpus
from ganbench.gpus import Gpu

POLL = 0.2
"""Seconds between two looks of a waiting process."""

PATIENCE = 60.0
"""Seconds between two lines of a waiting process."""


class SlotError(Exception):
    """A slot that can never be had."""


@dataclass(frozen=True)
class Claim:
    """What a process waits for or holds. `wanted` cards of the `pool` (keys of GPUs), each shared by at most `share`
    processes; `held`: those it has. Of two that wait for the same card, the smaller `number` comes first."""

    number: int
    pid: int
    what: str
    wanted: int
    share: int
    pool: tuple[str, ...]
    held: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slot:
    """The cards of this process."""

    gpus: tuple[Gpu, ...]
    share: int


_mine: Slot | None = None


def mine() -> Slot | None:
    """What this process holds."""
    return _mine


def take(share: int, wanted: int = 1) -> Slot | None:
    """Wait for `wanted` GPUs, each shared by at most `share` processes, and make them the only ones that CUDA will see;
    None where there are no GPUs. To be called once, before torch looks. Held until the process ends.

    Says on stderr what it waits for. Raises SlotError if there are not as many, GpuError.
    """
    global _mine
    pool = gpus.pool(os.environ, gpus.present())
    if not pool:
        return None
    if wanted > len(pool):
        names = ", ".join(gpu.visible for gpu in pool)
        raise SlotError(f"{wanted} GPUs are wanted, and there are {len(pool)} that may be used: {names}")
    keys = _wait(lock_folder(), [gpu.key for gpu in pool], wanted, share)
    chosen = tuple(gpu for gpu in pool if gpu.key in keys)
    os.environ[gpus.VISIBLE] = ",".join(gpu.visible for gpu in chosen)
    _mine = Slot(chosen, share)
    return _mine


def lock_folder() -> Path:
    """The user's folder of claims, on a disk of this machine: GANBENCH_LOCKS, or in the folder of temporary files.
    Raises SlotError if it is another user's."""
    named = os.environ.get("GANBENCH_LOCKS")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / f"ganbench-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=bool(named), exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise SlotError(f"{folder}: not a folder of yours; name another one of this machine in GANBENCH_LOCKS")
    return folder


def chosen(claim: Claim, others: Sequence[Claim]) -> tuple[str, ...] | None:
    """The cards that a waiting claim gets beside the others, those with the fewest processes first; None if it has to
    wait. It waits for all who came before it and want one of the same cards, so that nobody starves."""
    if any(not o.held and o.number < claim.number and set(o.pool) & set(claim.pool) for o in others):
        return None
    on = {card: [other for other in others if card in other.held] for card in claim.pool}
    free = [card for card in claim.pool if len(on[card]) < min(o.share for o in (claim, *on[card]))]
    best = sorted(free, key=lambda card: len(on[card]))[: claim.wanted]
    return tuple(best) if len(best) == claim.wanted else None


def _wait(folder: Path, pool: Sequence[str], wanted: int, share: int) -> tuple[str, ...]:
    """Queue up, and return with the cards. The claim stays locked by an open file that is never closed."""
    with _queue(folder):
        others = _living(folder)
        number = 1 + max((other.number for other in others), default=0)
        what = " ".join(sys.argv[1:4])
        claim = Claim(number, os.getpid(), what, wanted, share, tuple(pool))
        file = _place(folder / f"{claim.pid}.{number}.claim", claim)
    told = -PATIENCE
    while True:
        with _queue(folder):
            others = [other for other in _living(folder) if other.number != claim.number]
            cards = chosen(claim, others)
            if cards is not None:
                os.pwrite(file, _text(replace(claim, held=cards)), 0)  # longer than before, so it covers it
                return cards
        if time.monotonic() - told >= PATIENCE:
            told = time.monotonic()
            print(_sentence(claim, others), file=sys.stderr, flush=True)
        time.sleep(POLL * random.uniform(0.5, 1.5))


@contextlib.contextmanager
def _queue(folder: Path) -> Iterator[None]:
    """Nobody else reads or writes claims meanwhile."""
    file = os.open(folder / "queue", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _living(folder: Path) -> list[Claim]:
    """The claims of living processes; those of dead ones are removed. Only under the queue's lock."""
    found = []
    for path in sorted(folder.glob("*.claim")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # its process lives, or one that it forked
                content = json.loads(file.read())
                found.append(Claim(**{**content, "pool": tuple(content["pool"]), "held": tuple(content["held"])}))
            else:
                path.unlink()
    return found


def _place(path: Path, claim: Claim) -> int:
    """Put a claim into the folder, whole and locked by the file that is returned."""
    temporary = path.with_suffix(".new")
    file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    os.write(file, _text(claim))
    temporary.replace(path)
    return file


def _text(claim: Claim) -> bytes:
    return json.dumps(asdict(claim)).encode()


def _sentence(claim: Claim, others: Sequence[Claim]) -> str:
    """What a process waits for."""
    holders = [o for o in others if set(o.held) & set(claim.pool)]
    before = [o for o in others if not o.held and o.number < claim.number and set(o.pool) & set(claim.pool)]
    lines = [f"ganbench: waiting for {claim.wanted} of {len(claim.pool)} GPUs, each shared by at most {claim.share}:"]
    lines += [f"  {', '.join(o.held)} held by pid {o.pid} ({o.what})" for o in holders]
    if before:
        lines.append(f"  before this one: pid {', '.join(str(o.pid) for o in before)}")
    return "\n".join(lines)
