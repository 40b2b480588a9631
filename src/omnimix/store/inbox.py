"""The inbox: sealed batches of events on disk before they are acknowledged, each event known by a 16-byte key.

in   Entries: the keys of a batch's events and the batch itself, sealed by the caller
out  how many of each were new, once they are on disk; closed logs, from which batches are read in order

The log is the truth: batches are appended and flushed (fdatasync) before `put` returns. Which keys are known, and
how far the log is valid, stands in an LMDB index beside it that is never flushed: it survives the end of any
process, and after the end of the whole machine (another boot) it is made anew from the logs. Its writing
transaction keeps writers of several processes apart. Keys of logs that are gone are then forgotten; whoever takes
the batches in knows them still. See docs/decisions/0006-the-log-is-the-inbox.md.

A log is a sequence of frames: length, CRC-32, number of events, number of new ones; a bit for each event, set
where it is new; the new keys; the sealed batch.
"""

import os
import shutil
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import lmdb

from omnimix.store.turns import turn

KEY_BYTES = 16
_HEAD = struct.Struct("<IIHH")  # bytes that follow, their CRC-32, events, new events
_OPEN, _LENGTH, _GENERATION, _BEGUN, _COUNT = b"open", b"length", b"generation", b"begun", b"count"
_ROTATE = 64 << 20  # a log is closed when it is this long: what is taken in at once stays bounded
_ENTRY_BYTES = 64  # of one key in the index, generously: LMDB's pages are about two thirds full
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Entry:
    """One batch: a 16-byte key for each event, in order, and the sealed batch."""

    keys: Sequence[bytes]
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One stored batch: which of its events were new (a flag for each), and the sealed batch."""

    new: tuple[bool, ...]
    sealed: bytes


class Inbox:
    """The inbox of one workspace, shared by any number of processes. Threads of one process take turns.

    `window_seconds`: a key is known for at least as long, at most twice as long. `most_keys`: when as many came
    within a window it ends early, so that index and disk stay bounded.
    """

    def __init__(self, root: Path, *, window_seconds: float = 7 * 86_400, most_keys: int = 20_000_000) -> None:
        self._root, self._window, self._most = root, window_seconds, most_keys
        root.mkdir(parents=True, exist_ok=True)
        with turn(root / "lock"):
            boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
            mark = root / "boot"
            anew = not mark.exists() or mark.read_text() != boot
            if anew:
                shutil.rmtree(root / "index", ignore_errors=True)
            self._index = lmdb.open(
                str(root / "index"),
                map_size=2 * most_keys * _ENTRY_BYTES + (64 << 20),
                max_dbs=4,
                sync=not boot,  # where a start of the machine cannot be told, the index must outlive it
                readahead=False,
            )
            self._index.reader_check()
            self._meta = self._index.open_db(b"meta")
            self._keys = (self._index.open_db(b"keys 0"), self._index.open_db(b"keys 1"))
            if anew:
                self._read_logs()
                mark.write_text(boot)
        self._file: tuple[bytes, int] | None = None  # name and descriptor of the log that is written

    def put(self, entries: Sequence[Entry]) -> list[int]:
        """Append the batches that have new events and flush them; the number of new events of each.

        On disk when it returns. Raises OSError when the disk refuses: then nothing of it is remembered.
        """
        with self._index.begin(write=True) as txn:
            self._turn(txn)
            frames, fresh = [], []
            for entry in entries:
                flags = self._claim(txn, entry.keys)
                fresh.append(sum(flags))
                if any(flags):
                    frames.append(_frame(entry, flags))
            if frames:
                self._append(txn, b"".join(frames))
        return fresh

    def _claim(self, txn: Any, keys: Sequence[bytes]) -> list[bool]:
        """Note the keys that are not known; a flag for each, set where it was new."""
        ordered = sorted(keys)  # neighbours in the index lie on one page
        now, before = self._generations(txn)
        with txn.cursor(now) as newest, txn.cursor(before) as older:
            known = {key for key, _ in newest.getmulti(ordered)}
            if txn.stat(before)["entries"]:
                known.update(key for key, _ in older.getmulti(ordered))
            flags = []
            for key in keys:
                flags.append(key not in known)
                known.add(key)
            newest.putmulti([(key, b"") for key in ordered], overwrite=False)
        return flags

    def _generations(self, txn: Any) -> tuple[Any, Any]:
        number = int(txn.get(_GENERATION, b"0", db=self._meta))
        return self._keys[number % 2], self._keys[(number + 1) % 2]

    def _turn(self, txn: Any) -> None:
        """Begin a new generation of keys, and forget the one before the last, when the window or count is full."""
        now = time.time()
        begun = float(txn.get(_BEGUN, b"0", db=self._meta))
        newest, older = self._generations(txn)
        if begun and now - begun < self._window and txn.stat(newest)["entries"] < self._most:
            return
        if begun:
            txn.drop(older, delete=False)
            txn.put(_GENERATION, str(int(txn.get(_GENERATION, b"0", db=self._meta)) + 1).encode(), db=self._meta)
        txn.put(_BEGUN, repr(now).encode(), db=self._meta)

    def _append(self, txn: Any, frames: bytes) -> None:
        name, length = self._open_log(txn)
        if length >= _ROTATE:
            self._close_log(txn)
            name, length = self._open_log(txn)
        if self._file is None or self._file[0] != name:
            if self._file is not None:
                os.close(self._file[1])
            self._file = name, os.open(self._root / name.decode(), os.O_WRONLY | os.O_CREAT, 0o600)
            _flush_folder(self._root)
        # Written where the index says the log ends: what a killed process left behind it is overwritten.
        written = 0
        while written < len(frames):
            written += os.pwrite(self._file[1], memoryview(frames)[written:], length + written)
        os.fdatasync(self._file[1])
        txn.put(_LENGTH, str(length + len(frames)).encode(), db=self._meta)

    def _open_log(self, txn: Any) -> tuple[bytes, int]:
        name = txn.get(_OPEN, db=self._meta)
        if name is None:
            # Named for its time so that logs sort; never twice the same, so that no log is taken for another.
            name = f"{time.time_ns():020d}-{uuid4().hex[:8]}.log".encode()
            txn.put(_OPEN, name, db=self._meta)
            txn.put(_LENGTH, b"0", db=self._meta)
        return name, int(txn.get(_LENGTH, b"0", db=self._meta))

    def _close_log(self, txn: Any) -> None:
        name, length = self._open_log(txn)
        path = self._root / name.decode()
        if path.exists():
            os.truncate(path, length)
        txn.delete(_OPEN, db=self._meta)

    def close_log(self) -> None:
        """Let the next batch begin a new log, so that everything put until now can be read."""
        with self._index.begin(write=True) as txn:
            if txn.get(_OPEN, db=self._meta) is not None:
                self._close_log(txn)

    def closed(self) -> list[Path]:
        """Closed logs, oldest first. They no longer change; whoever has taken one in removes it."""
        with self._index.begin() as txn:
            being_written = txn.get(_OPEN, b"", db=self._meta).decode()
        return sorted(p for p in self._root.glob("*.log") if p.name != being_written)

    def logs(self) -> list[tuple[Path, int]]:
        """Every log, oldest first, with how many of its bytes are valid: also the one that is being written."""
        with self._index.begin() as txn:
            being_written = txn.get(_OPEN, b"", db=self._meta).decode()
            length = int(txn.get(_LENGTH, b"0", db=self._meta))
        found = []
        for path in sorted(self._root.glob("*.log")):
            try:
                found.append((path, length if path.name == being_written else path.stat().st_size))
            except FileNotFoundError:  # taken in meanwhile
                continue
        return found

    def waiting(self) -> int:
        """Bytes of all logs: what was acknowledged and not yet taken in."""
        total = 0
        for path in self._root.glob("*.log"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:  # taken in meanwhile
                continue
        return total

    def remove(self, log: Path) -> None:
        """Delete a closed log for good."""
        log.unlink(missing_ok=True)
        _flush_folder(self._root)

    def close(self) -> None:
        """Let the files go."""
        if self._file is not None:
            os.close(self._file[1])
            self._file = None
        self._index.close()

    def _read_logs(self) -> None:
        """Make the index anew: every key of every whole frame; the logs as they are become closed ones."""
        for path in sorted(self._root.glob("*.log")):
            end = 0
            with self._index.begin(write=True) as txn:
                self._turn(txn)
                for _, keys, whole in _scan(path.read_bytes()):
                    self._claim(txn, keys)
                    end = whole
            os.truncate(path, end)


def frames(log: Path) -> Iterator[Frame]:
    """The batches of a closed log, in the order in which they came."""
    data = log.read_bytes()
    for frame, _, _ in _scan(data):
        yield frame


def frames_from(log: Path, start: int, end: int, *, events: int) -> tuple[list[Frame], int]:
    """The batches in bytes [start, end) of a log until that many events are new, and where the last ends."""
    found: list[Frame] = []
    with log.open("rb") as file:
        while start < end and events > 0:
            file.seek(start)
            head = file.read(_HEAD.size)
            size = _HEAD.size + _HEAD.unpack(head)[0] if len(head) == _HEAD.size else 0
            whole = next(_scan(head + file.read(size - _HEAD.size)), None) if size else None
            if whole is None or start + size > end:
                break
            found.append(whole[0])
            start += size
            events -= sum(whole[0].new)
    return found, start


def _frame(entry: Entry, flags: Sequence[bool]) -> bytes:
    bits = sum(1 << place for place, new in enumerate(flags) if new)
    fresh = [key for key, new in zip(entry.keys, flags, strict=True) if new]
    rest = b"".join((bits.to_bytes((len(flags) + 7) // 8, "little"), *fresh, entry.sealed))
    return _HEAD.pack(len(rest), zlib.crc32(rest), len(flags), len(fresh)) + rest


def _scan(data: bytes) -> Iterator[tuple[Frame, list[bytes], int]]:
    """Each whole frame, its new keys, and where it ends; a torn or spoilt one ends the log."""
    at = 0
    while at + _HEAD.size <= len(data):
        size, check, events, fresh = _HEAD.unpack_from(data, at)
        rest = data[at + _HEAD.size : at + _HEAD.size + size]
        if len(rest) < size or not events or zlib.crc32(rest) != check:
            return
        bits = int.from_bytes(rest[: (events + 7) // 8], "little")
        start = (events + 7) // 8
        body = start + fresh * KEY_BYTES
        keys = [rest[i : i + KEY_BYTES] for i in range(start, body, KEY_BYTES)]
        at += _HEAD.size + size
        yield Frame(tuple(bool(bits >> place & 1) for place in range(events)), rest[body:]), keys, at


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
