"""Tallies: what the workers did, counted in shared files, so that any of them can tell of all.

in   a folder; names and labels (never ids of people or decisions)
out  counters and histograms that a worker adds to in well under a microsecond; the sums over all workers

Each worker has a file of its own: 8-byte numbers, written in place, and after them the names they stand for. A
worker that begins takes a file whose worker is gone and counts on in it, so that numbers never fall and files do
not pile up; a lock tells which files are in use. A new server begins at nought.
"""

import fcntl
import json
import mmap
import os
import shutil
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from omnimix.core.errors import Unavailable

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)  # seconds, upper bounds
_SLOTS, _NAMES = 8_192, 256 << 10  # numbers and bytes of names in a file
_MOST_FILES = 1_024
COUNTER, HISTOGRAM = "counter", "histogram"
_SIZE = {COUNTER: 1, HISTOGRAM: len(BUCKETS) + 2}  # a histogram: its buckets, those above, the sum in µs
_BOUNDS_NS = [int(b * 1e9) for b in BUCKETS]
_SUM = len(BUCKETS) + 1

Series = tuple[str, str, tuple[tuple[str, str], ...]]  # kind, name, labels


@dataclass(slots=True)
class Counter:
    """One number that grows."""

    _values: memoryview
    _at: int

    def add(self, count: int = 1) -> None:
        """Count."""
        self._values[self._at] += count


@dataclass(slots=True)
class Histogram:
    """How long something took, by BUCKETS."""

    _values: memoryview
    _at: int

    def took(self, nanoseconds: int) -> None:
        """Count one that took so long."""
        values, at = self._values, self._at
        values[at + bisect_left(_BOUNDS_NS, nanoseconds)] += 1
        values[at + _SUM] += nanoseconds // 1000


class Tally:
    """The tallies of one worker. Ask for a series once and keep it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = _own(folder)
        os.ftruncate(self._file.fileno(), _SLOTS * 8 + _NAMES)
        self._map = mmap.mmap(self._file.fileno(), _SLOTS * 8 + _NAMES)
        self._values = memoryview(self._map)[: _SLOTS * 8].cast("Q")
        names = bytes(self._map[_SLOTS * 8 :]).rstrip(b"\0")
        self._named = {series: at for series, at, _ in _read(names)}
        self._end, self._next = len(names), sum(_SIZE[kind] for kind, _, _ in self._named)

    def counter(self, name: str, **labels: str) -> Counter:
        """The counter of that name and those labels; its name ends in `_total` when it is told."""
        return Counter(self._values, self._slot(COUNTER, name, labels))

    def histogram(self, name: str, **labels: str) -> Histogram:
        """The histogram of that name and those labels; its name ends in `_seconds`."""
        return Histogram(self._values, self._slot(HISTOGRAM, name, labels))

    def _slot(self, kind: str, name: str, labels: dict[str, str]) -> int:
        series = (kind, name, tuple(sorted(labels.items())))
        if (at := self._named.get(series)) is not None:
            return at
        line = json.dumps(series).encode() + b"\n"
        if self._next + _SIZE[kind] > _SLOTS or self._end + len(line) > _NAMES:
            return _SLOTS - _SIZE[HISTOGRAM]  # too many labels: counted where nobody looks, rather than failing
        start = _SLOTS * 8 + self._end
        self._map[start : start + len(line)] = line
        at, self._named[series] = self._next, self._next
        self._next, self._end = self._next + _SIZE[kind], self._end + len(line)
        return at

    def close(self) -> None:
        """Let the file go; another worker may count on in it."""
        self._values.release()
        self._map.close()
        self._file.close()


def begin(folder: Path) -> None:
    """Begin at nought: forget what an earlier server counted."""
    shutil.rmtree(folder, ignore_errors=True)


def totals(folder: Path) -> dict[Series, list[int]]:
    """The sums over all workers, living and gone."""
    found: dict[Series, list[int]] = {}
    for path in sorted(folder.glob("*.tally")):
        data = path.read_bytes()
        if len(data) < _SLOTS * 8:
            continue  # a worker is about to begin
        values = memoryview(data)[: _SLOTS * 8].cast("Q")
        for series, at, size in _read(data[_SLOTS * 8 :].rstrip(b"\0")):
            before = found.setdefault(series, [0] * size)
            found[series] = [a + b for a, b in zip(before, values[at : at + size], strict=True)]
    return found


def _read(names: bytes) -> Iterator[tuple[Series, int, int]]:
    at = 0
    for line in names.split(b"\n")[:-1]:  # a name that is just being written is not whole
        kind, name, labels = json.loads(line)
        size = _SIZE[kind]
        yield (kind, name, tuple((k, v) for k, v in labels)), at, size
        at += size


def _own(folder: Path) -> IO[bytes]:
    """The first file that no living worker holds, locked."""
    for number in range(_MOST_FILES):
        file = (folder / f"{number:04d}.tally").open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        return file
    raise Unavailable("there are too many workers", where=str(folder), fix="stop old servers of this workspace")
