"""What every reader yields.

in   nothing
out  the Batch record
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

ROWS = 65_536  # rows of one batch: memory stays flat however long the file is
LINE, EXTRA = "(line)", "(extra)"  # parts of a raw record that fit no column: an unread line, surplus fields

Lines = npt.NDArray[np.int64]
Record = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that cannot be read as a whole: its bytes, its JSON, its number of fields."""

    reason: str
    record: Record


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file: every field as text, and where each row begins.

    `lines` are 1-based file lines of text files, 1-based rows of the others. `broken` rows (by position) are all
    null in `table`. `ignored` counts lines left out because they are a report's totals.
    """

    table: pa.Table
    lines: Lines
    broken: Mapping[int, Broken] = field(default_factory=dict)
    ignored: int = 0


Batches = Iterator[Batch]


@dataclass(frozen=True, slots=True)
class Opened:
    """A file with its columns. `open_ended`: a column is named only where it has a value."""

    columns: tuple[str, ...]
    batches: Callable[[], Batches]
    open_ended: bool = False


def from_records(records: Sequence[Record], lines: Sequence[int], broken: Mapping[int, Broken]) -> Batch:
    """A batch of rows given one by one, its columns the union of theirs in order of appearance."""
    names = list(dict.fromkeys(name for record in records for name in record))
    table = pa.table({n: pa.array([r.get(n) for r in records], pa.string()) for n in names})
    if not names:
        table = pa.table({LINE: pa.nulls(len(records), pa.string())})
    return Batch(table, np.array(lines, dtype=np.int64), broken)


def cell_text(value: Any) -> str | None:
    """A typed cell of a spreadsheet or database as text, without loss."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bytes):
        return value.hex()
    return str(value)
