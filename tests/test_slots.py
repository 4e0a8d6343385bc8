"""GPU slots: real processes that are really killed, and the choice as a function."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fake_gpus
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench import slots
from ganbench.slots import Claim, SlotError

ROOT = Path(__file__).resolve().parent.parent


def claim(number: int, wanted: int = 1, share: int = 1, pool: str = "abcd", held: str = "") -> Claim:
    return Claim(number, 1000 + number, "train", wanted, share, tuple(pool), tuple(held))


@pytest.mark.parametrize(
    ("mine", "others", "chosen"),
    [
        (claim(2), [], ["a"]),
        (claim(2), [claim(1, held="a")], ["b"]),
        (claim(2, wanted=2), [claim(1, held="bc")], ["a", "d"]),
        (claim(2, wanted=2), [claim(1, held="abc")], None),  # one is free: all or nothing
        (claim(3), [claim(1, held="abc"), claim(2, wanted=2)], None),  # the big one came first, and is not starved
        (claim(2), [claim(1, held="abc"), claim(3, wanted=2)], ["d"]),
        (claim(3, pool="cd"), [claim(2, wanted=2, pool="ab")], ["c"]),  # another pool waits for other cards
        (claim(3, share=2), [claim(1, share=2, held="ab"), claim(2, share=2, held="cd")], ["a"]),
        (claim(3, share=2, pool="ab"), [claim(1, share=2, held="a")], ["b"]),  # an empty card before a shared one
        (claim(3, share=2, pool="a"), [claim(1, share=1, held="a")], None),  # who is alone stays alone
        (claim(3, share=1, pool="a"), [claim(1, share=2, held="a")], None),
        (claim(3, share=4, pool="a"), [claim(1, share=2, held="a"), claim(2, share=4, held="a")], None),
    ],
)
def test_the_choice(mine: Claim, others: list[Claim], chosen: list[str] | None) -> None:
    assert slots.chosen(mine, others) == (None if chosen is None else tuple(chosen))


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=12))
def test_no_card_ever_has_more_than_any_of_its_processes_allows(arrivals: list[tuple[int, int]]) -> None:
    living: list[Claim] = []
    for number, (wanted, share) in enumerate(arrivals):
        new = claim(number, wanted, share, pool="abc")
        living.append(claim(number, wanted, share, "abc", "".join(slots.chosen(new, living) or ())))
    for card in "abc":
        on = [c for c in living if card in c.held]
        assert all(len(on) <= c.share for c in on)
    assert all(len(c.held) in (0, c.wanted) for c in living)


FORKED = """
import fcntl, os, random, signal, sys, time
from pathlib import Path
from ganbench import slots

folder, jobs, kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
slots.POLL = 0.01
pool = ["GPU-a", "GPU-b", "GPU-c", "GPU-d"]
log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def job(wanted, seconds):
    cards = slots._wait(folder / "locks", pool, wanted, 1)
    assert len(set(cards)) == wanted
    files = [os.open(folder / key, os.O_RDWR | os.O_CREAT) for key in cards]
    for file in files:  # the kernel's word that nobody else is on the card
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # a killed process closes its files in any order
            pid = os.pread(file, 100, 0).decode()
            assert (folder / "killed" / pid).exists(), f"{pid} is on the card too"
            fcntl.flock(file, fcntl.LOCK_EX)
        os.truncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
    os.write(log, f"{' '.join(cards)}\\n".encode())
    time.sleep(seconds)
    for file in files:
        os.close(file)

(folder / "locks").mkdir()
(folder / "killed").mkdir()
draw = random.Random(0)
killed = set(draw.sample(range(jobs), kills))
running, failed, done = {}, 0, 0
for number in range(jobs):
    while len(running) >= 12:
        pid, status = os.wait()
        failed += status != (signal.SIGKILL if running.pop(pid) in killed else 0)
    seconds = 60 if number in killed else draw.uniform(0, 0.02)
    pid = os.fork()
    if pid == 0:
        try:
            job(draw.choice([1, 1, 2]), seconds)
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
        os._exit(0)
    running[pid] = number
    if number in killed:
        time.sleep(draw.uniform(0, 0.1))  # while it waits, or holds
        (folder / "killed" / str(pid)).touch()
        os.kill(pid, signal.SIGKILL)
while running:
    pid, status = os.wait()
    failed += status != (signal.SIGKILL if running.pop(pid) in killed else 0)
print(failed)
"""


def test_two_hundred_mixed_jobs_never_meet_on_a_card_though_some_are_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKED, str(tmp_path), "200", "20"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout.strip() == "0", done.stderr
    entered = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert 180 <= len(entered) <= 200  # of the killed, some had their cards
    assert {len(held) for held in entered} == {1, 2}
    assert {card for held in entered for card in held} == {"GPU-a", "GPU-b", "GPU-c", "GPU-d"}


HOLD = """
import sys, time
from ganbench import slots
slot = slots.take(int(sys.argv[1]), int(sys.argv[2]))
import os
print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
assert "torch" not in sys.modules
time.sleep(60)
"""


class Machine:
    """A machine with two fake cards, and processes that take slots on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def start(self, share: int = 1, wanted: int = 1, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(share), str(wanted)],
            env=fake_gpus.environment(self.folder, 2, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def complaint(process: subprocess.Popen[str], lines: int) -> str:
    assert process.stderr is not None
    return "".join(itertools.islice(process.stderr, lines))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    found = Machine(tmp_path)
    yield found
    for process in found.started:
        process.kill()
        process.communicate()


def test_a_killed_holder_frees_its_card_at_once_and_waiting_is_visible(machine: Machine) -> None:
    first, second = machine.start(), machine.start()
    assert {told(first), told(second)} == {"GPU-0f-0", "GPU-1f-1"}
    third = machine.start()
    said = complaint(third, 3)
    assert "waiting for 1 of 2 GPUs" in said
    assert f"pid {first.pid} " in said
    assert f"pid {second.pid} " in said
    first.send_signal(signal.SIGKILL)
    start = time.monotonic()
    assert told(third).startswith("GPU-")
    assert time.monotonic() - start < 2
    assert len(list((machine.folder / "locks").glob("*.claim"))) == 2  # the dead one's is swept away


def test_a_list_of_visible_cards_is_the_pool_and_its_words_stay(machine: Machine) -> None:
    one = machine.start(CUDA_VISIBLE_DEVICES="1")
    assert told(one) == "1"
    other = machine.start()
    assert told(other) == "GPU-0f-0"
    third = machine.start(CUDA_VISIBLE_DEVICES="1")
    assert f"GPU-1f-1 held by pid {one.pid}" in complaint(third, 2)  # the physical card, whatever it is called
    assert told(machine.start(CUDA_VISIBLE_DEVICES="")) == ""


def test_cards_are_shared_as_far_as_all_agree(machine: Machine) -> None:
    sharing = [machine.start(2, CUDA_VISIBLE_DEVICES="0") for _ in range(2)]
    assert [told(process) for process in sharing] == ["0", "0"]
    waiting = machine.start(1, CUDA_VISIBLE_DEVICES="0")
    assert "each shared by at most 1" in complaint(waiting, 1)


def test_jobs_of_a_scheduler_do_not_wait_for_each_other(machine: Machine) -> None:
    jobs = [machine.start(SLURM_JOB_ID=job, CUDA_VISIBLE_DEVICES="0") for job in ("7", "8")]
    assert [told(process) for process in jobs] == ["0", "0"]
    inside = machine.start(SLURM_JOB_ID="7", CUDA_VISIBLE_DEVICES="0")  # but the processes of one job do
    assert "slurm-7:GPU-0f-0 held" in complaint(inside, 2)


def test_more_cards_than_there_are_is_an_error_in_words(machine: Machine) -> None:
    process = machine.start(1, 3)
    _, said = process.communicate(timeout=30)
    assert "3 GPUs are wanted, and there are 2 that may be used: GPU-0f-0, GPU-1f-1" in said


def test_another_users_folder_of_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_LOCKS", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(SlotError, match="not a folder of yours"):
        slots.lock_folder()


def test_a_child_that_outlives_its_parent_keeps_the_card(tmp_path: Path) -> None:
    file = slots._place(tmp_path / "1.1.claim", claim(1, held="a"))
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    os.close(file)
    assert [c.number for c in slots._living(tmp_path)] == [1]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert slots._living(tmp_path) == []
