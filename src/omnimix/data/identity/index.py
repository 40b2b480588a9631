"""The index of blocks: which records share a telling value, by marks; a few new ones find theirs among millions.

in   blocks of records: mark (uint64) and record number
out  sorted arrays on disk, one a matching run; the records that have one of some marks

A sorted array that the system maps into memory is searched by halving: a look-up reads a few pages of it, however
large it is.
"""

from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt

_ROW = np.dtype([("mark", "<u8"), ("record", "<i8")])
_MOST_PARTS = 16
Marks = npt.NDArray[np.uint64]
Records = npt.NDArray[np.int64]


class BlockIndex:
    """The index in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _parts(self) -> list[Path]:
        return sorted(self._folder.glob("*.npy"))

    def clear(self) -> None:
        """Forget everything."""
        for part in self._parts():
            part.unlink()

    def keep(self, marks: Marks, records: Records, *, part: int) -> None:
        """Add blocks. The same part kept again takes its own place."""
        rows = np.empty(len(marks), dtype=_ROW)
        rows["mark"], rows["record"] = marks, records
        self._write(rows[np.argsort(rows["mark"], kind="stable")], part)
        parts = self._parts()
        if len(parts) > _MOST_PARTS:
            every = np.concatenate([np.load(p) for p in parts])
            every = np.unique(every)  # a crash may have left a part beside the one that holds it already
            self._write(every, part)
            for old in parts[:-1]:
                old.unlink()

    def _write(self, rows: npt.NDArray[np.void], part: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{uuid4().hex}"
        with draft.open("wb") as file:
            np.save(file, rows)
        draft.replace(self._folder / f"{part:012d}.npy")

    def find(self, marks: Marks) -> tuple[Marks, Records]:
        """Every (mark, record) that has one of `marks`."""
        wanted = np.unique(marks)
        found = [np.empty(0, dtype=_ROW)]
        for part in self._parts():
            rows = np.load(part, mmap_mode="r")
            low = np.searchsorted(rows["mark"], wanted, side="left")
            high = np.searchsorted(rows["mark"], wanted, side="right")
            sizes = high - low
            offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            found.append(rows[np.repeat(low, sizes) + offsets])
        every = np.unique(np.concatenate(found))
        return every["mark"].copy(), every["record"].copy()
