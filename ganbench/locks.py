"""One writer at a time: locks that the kernel releases when their holder dies, however it dies.

After `kill -9` of Snakemake its jobs go on as orphans, and the next call starts the same jobs again. Whoever works on a
run holds its lock; the other one waits, and then finds the work done.
"""

import contextlib
import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

POLL = 0.2
"""Seconds between two tries of a process that waits."""
PATIENCE = 60.0
"""Seconds between two lines that say so."""


@contextlib.contextmanager
def held(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file, which is there only while someone holds it. Says on stderr whom it waits for."""
    said = -PATIENCE
    while (file := _taken(path)) is None:
        if time.monotonic() - said >= PATIENCE:
            said = time.monotonic()
            print(f"{what}: waits for {_holder(path)}, which works on it", file=sys.stderr, flush=True)
        time.sleep(POLL)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        file.close()


def _taken(path: Path) -> IO[str] | None:
    """The locked file, or None if another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise BlockingIOError  # its holder removed it meanwhile
    except OSError as error:
        file.close()
        if isinstance(error, (BlockingIOError, FileNotFoundError)):
            return None
        raise
    with contextlib.suppress(OSError):  # a full disk does not keep anyone from working
        os.truncate(file.fileno(), 0)
        os.write(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}".encode())
    return file


def _holder(path: Path) -> str:
    try:
        return path.read_text("utf-8") or "another process"
    except OSError:
        return "another process"
