"""Turns: of processes that would change the same facts one at a time does.

in   the path of a lock file
out  a context in which nobody else has it; the lock goes when its holder ends, however it ends
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(lock: Path) -> Iterator[None]:
    """Wait for the lock at `lock` and hold it (flock)."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
