"""Online state in LMDB: microseconds a turn, shared by the processes of one machine.

in   a folder, the largest size it may grow to
out  an OnlineStore

Nothing is flushed in a turn: what it wrote is in the system's page cache, so that it survives the end of any
process. The file grows as it is filled. (A writable map would halve the time of a turn, but its file shows its
largest size from the start, and whoever copies the workspace copies all of it.) The end of the whole machine
(another boot) may leave the file torn; then it is set up anew at the next opening, and everything but what can be
rebuilt (states, aliases, the follower's position) is carried over as far as it can be read. Writers take turns
over all processes (LMDB's own lock, which the end of its holder frees).
"""

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb

from omnimix.core.errors import Unavailable
from omnimix.store.online.port import Make
from omnimix.store.turns import turn

MAP_BYTES = 16 << 30
REBUILDABLE = (b"s:", b"m:", b"c:", b"at")  # keys that a rebuild makes anew
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_CUT, _WIDTH, _STEP = b"cut", 8, 1_000  # entries up to this number are forgotten; bytes of a number; keys a look
_READERS = 1_024


@dataclass
class _Shared:
    """An environment of this process: LMDB lets a process open a file only once."""

    env: Any
    holders: int = 0


_open: dict[tuple[int, str], _Shared] = {}  # by process (a forked one opens its own) and folder
_opening = threading.Lock()


class LmdbStore:
    """The online state in a folder. `map_bytes` bounds the file; when it is full, turns raise Unavailable."""

    def __init__(self, folder: Path, *, map_bytes: int = MAP_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._name = (os.getpid(), str(folder.resolve()))
        with _opening:
            shared = _open.get(self._name)
            if shared is None:
                with turn(folder / "lock"):
                    shared = _open[self._name] = _Shared(_opened(folder, map_bytes))
            shared.holders += 1
        self._env = shared.env
        self._state = self._env.open_db(b"state")
        self._journal = self._env.open_db(b"journal")
        self._meta = self._env.open_db(b"meta")
        self._closed = False

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See OnlineStore."""
        with self._env.begin(db=self._state) as txn:
            return [txn.get(key) for key in keys]

    def change(self, keys: Sequence[bytes], make: Make) -> None:
        """See OnlineStore. `make` is called once: a writer waits for the turn before it."""
        try:
            with self._env.begin(db=self._state, write=True) as txn:
                wanted = make([txn.get(key) for key in keys])
                for key, value in wanted.values.items():
                    if value is None:
                        txn.delete(key)
                    else:
                        txn.put(key, value)
                if wanted.entries:
                    number = self._newest(txn)
                    for entry in wanted.entries:
                        number += 1
                        txn.put(number.to_bytes(_WIDTH, "big"), entry, append=True, db=self._journal)
        except lmdb.MapFullError:
            raise Unavailable(
                "the online state is full", where="storage.online", fix="give it more room: storage.online_gb"
            ) from None
        except lmdb.DiskError as error:
            raise Unavailable(
                f"the disk does not take the online state: {error}", where="storage.online", fix="free the disk"
            ) from None

    def _newest(self, txn: Any) -> int:
        """Number of the newest entry. `cut` leaves that one in place, so that no number is given twice."""
        with txn.cursor(db=self._journal) as cursor:
            return int.from_bytes(cursor.key(), "big") if cursor.last() else 0

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """See OnlineStore; in the order of keys. It reads a part at a time: a long reader would let the file
        grow."""
        at = prefix
        while True:
            found: list[tuple[bytes, bytes]] = []
            with self._env.begin(db=self._state) as txn, txn.cursor() as cursor:
                there = cursor.set_range(at)
                while there and len(found) < _STEP and cursor.key().startswith(prefix):
                    found.append(cursor.item())
                    there = cursor.next()
            yield from found
            if len(found) < _STEP:
                return
            at = found[-1][0] + b"\x00"

    def entries(self, after: int, most: int) -> list[tuple[int, bytes]]:
        """See OnlineStore."""
        found: list[tuple[int, bytes]] = []
        with self._env.begin(db=self._journal) as txn, txn.cursor() as cursor:
            after = max(after, self._cut(txn))
            there = cursor.set_range((after + 1).to_bytes(_WIDTH, "big"))
            while there and len(found) < most:
                key, value = cursor.item()
                found.append((int.from_bytes(key, "big"), value))
                there = cursor.next()
        return found

    def _cut(self, txn: Any) -> int:
        return int(txn.get(_CUT, b"0", db=self._meta))

    def cut(self, upto: int) -> None:
        """See OnlineStore. In parts, so that turns are not held up."""
        done = False
        while not done:
            with self._env.begin(db=self._journal, write=True) as txn, txn.cursor() as cursor:
                newest = self._newest(txn)
                upto = min(upto, newest)
                txn.put(_CUT, str(max(upto, self._cut(txn))).encode(), db=self._meta)
                done = True
                for step in range(_STEP + 1):
                    if not cursor.first():
                        break
                    number = int.from_bytes(cursor.key(), "big")
                    if number > upto or number == newest:
                        break
                    if step == _STEP:
                        done = False
                        break
                    cursor.delete()

    def flush(self) -> None:
        """Write everything to disk and wait for it (some milliseconds)."""
        self._env.sync(True)

    def close(self) -> None:
        """See OnlineStore."""
        with _opening:
            if self._closed:
                return
            self._closed = True
            shared = _open[self._name]
            shared.holders -= 1
            if not shared.holders:
                del _open[self._name]
                shared.env.close()


def _opened(folder: Path, map_bytes: int) -> Any:
    """The environment; after another boot made anew. The caller has the folder's lock."""
    boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
    mark, data = folder / "boot", folder / "data"
    torn = bool(boot) and data.exists() and (not mark.exists() or mark.read_text() != boot)
    if torn:
        left = folder / "torn"
        shutil.rmtree(left, ignore_errors=True)
        data.rename(left)
    # Where a start of the machine cannot be told, every turn must outlive it.
    env = _environment(data, map_bytes, sync=not boot)
    env.reader_check()
    if torn:
        _carry_over(folder / "torn", env, map_bytes)
    if boot:
        mark.write_text(boot)
    return env


def _environment(data: Path, map_bytes: int, *, sync: bool) -> Any:
    data.mkdir(exist_ok=True, mode=0o700)
    return lmdb.open(
        str(data),
        map_size=map_bytes,
        max_dbs=3,
        max_readers=_READERS,
        sync=sync,
        readahead=False,
        meminit=False,
    )


def _carry_over(left: Path, env: Any, map_bytes: int) -> None:
    """What cannot be rebuilt (counters, switches, journal), so far as the torn file can still be read."""
    try:
        old = _environment(left, map_bytes, sync=False)
    except lmdb.Error:
        return
    try:
        for name in (b"state", b"journal", b"meta"):
            theirs, ours = old.open_db(name), env.open_db(name)
            with old.begin(db=theirs) as txn, env.begin(db=ours, write=True) as new:
                for key, value in txn.cursor():
                    if name != b"state" or not key.startswith(REBUILDABLE):
                        new.put(key, value)
    except lmdb.Error:
        pass  # the rest is lost with the machine
    finally:
        old.close()
        shutil.rmtree(left, ignore_errors=True)
