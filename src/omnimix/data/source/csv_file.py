"""CSV as people export it: any usual encoding and delimiter, lines of preamble, rows of totals.

in   a path; encoding and delimiter where the source gives them; the column names that are looked for
out  the file's columns, and batches of text with file lines
"""

import _csv
import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from omnimix.core.errors import InvalidInput
from omnimix.data.source.batch import EXTRA, ROWS, Batch, Batches, Broken, Opened, Record
from omnimix.data.source.mapping import spelling

_SAMPLE = 1 << 18
_LOOK = 40  # lines in which the header is looked for
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_TOTAL = re.compile(r"(grand )?totals?(\s*[:–-].*)?", re.IGNORECASE)
_MOST_BROKEN = 0.2  # share of undecodable sample lines above which the whole encoding is wrong, not some lines
csv.field_size_limit(1 << 20)


@dataclass(frozen=True, slots=True)
class _Layout:
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_row: int  # 0-based record of the header


def open_csv(
    path: Path, *, encoding: str | None, delimiter: str | None, wanted: frozenset[str], totals: bool
) -> Opened:
    """Find out how the file is laid out. `wanted` are compared spellings of the columns looked for; with `totals`
    rows of totals are left out and counted. Raises InvalidInput for an empty file or a wrong encoding.
    """
    layout = _layout(path, encoding=encoding, delimiter=delimiter, wanted=wanted)
    return Opened(layout.header, lambda: _batches(path, layout, totals=totals))


def _layout(path: Path, *, encoding: str | None, delimiter: str | None, wanted: frozenset[str]) -> _Layout:
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    if not sample.strip():
        raise InvalidInput("the file is empty", where=str(path))
    name = _encoding(sample, encoding, where=str(path))
    whole = len(sample) < _SAMPLE
    text = _decoded(sample if whole else sample[: len(sample) // 4 * 4], name, path)
    lines = io.StringIO(text, newline="").readlines()
    lines = lines if whole or len(lines) < 2 else lines[:-1]
    _mostly_readable(lines, name, path)
    options = [delimiter] if delimiter else [",", ";", "\t", "|"]
    looks = [_header(lines, option, wanted) for option in options]
    best = max(range(len(options)), key=lambda i: (looks[i][0], len(looks[i][2])))
    _, row, header = looks[best]
    return _Layout(name, options[best], _distinct(header), row)


def _encoding(sample: bytes, declared: str | None, *, where: str) -> str:
    for bom, name in _BOMS:
        if sample.startswith(bom) and (declared is None or declared.lower().startswith("utf")):
            return name
    if declared:
        try:
            codecs.lookup(declared)
        except LookupError:
            raise InvalidInput(
                f"there is no encoding {declared!r}", where=where, fix="utf-8, utf-16, cp1252, latin-1 are usual"
            ) from None
        if "16" in declared and b"\0" not in sample:
            raise InvalidInput(f"it is not {declared}", where=where, fix="leave encoding out, or set utf-8")
        return declared
    if sample[1:200:2].count(0) > 40 or (len(sample) < 200 and sample[1::2].count(0) * 3 > len(sample)):
        return "utf-16-le"
    return "utf-8"


def _decoded(sample: bytes, name: str, path: Path) -> str:
    try:
        decoder = codecs.getincrementaldecoder(name)("surrogateescape" if "16" not in name else "strict")
        return decoder.decode(sample)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"it is not {name}: {error.reason} at byte {error.start}", where=str(path)) from None


def _mostly_readable(lines: Sequence[str], name: str, path: Path) -> None:
    broken = [i for i, line in enumerate(lines) if _has_surrogate(line)]
    if broken and (broken[0] == 0 or len(broken) > max(1, _MOST_BROKEN * len(lines))):
        raise InvalidInput(
            f"it is not {name}: line {broken[0] + 1} has bytes that are none of its letters",
            where=str(path),
            fix='set encoding in the source, for example encoding = "cp1252"',
        )


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)


def _header(lines: Sequence[str], delimiter: str, wanted: frozenset[str]) -> tuple[int, int, list[str]]:
    """The record with most of the wanted columns, else the first: (columns found, its number, its fields)."""
    rows = list(islice(csv.reader(lines, delimiter=delimiter), _LOOK))
    found = [len({spelling(cell) for cell in row} & wanted) for row in rows]
    best = int(np.argmax(found))
    if not found[best]:
        best = next((i for i, row in enumerate(rows) if any(row)), 0)
    return found[best], best, [cell.strip().lstrip("\ufeff") for cell in rows[best]]


def _distinct(header: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for position, cell in enumerate(header, start=1):
        name = cell or f"column {position}"
        names.append(name if name not in names else f"{name} ({position})")
    return tuple(names)


def _batches(path: Path, layout: _Layout, *, totals: bool) -> Batches:
    errors = "strict" if "16" in layout.encoding else "surrogateescape"
    with path.open(encoding=layout.encoding, errors=errors, newline="") as file:
        reader = csv.reader(file, delimiter=layout.delimiter)
        try:
            for _ in range(layout.header_row + 1):
                next(reader)
            while True:
                rows, lines, ignored, ended = _some(reader, totals=totals)
                if rows or ignored:
                    yield _batch(rows, lines, layout.header, ignored)
                if ended:
                    return
        except csv.Error as error:
            raise InvalidInput(
                f"{error}: most often a quotation mark that is opened and never closed",
                where=f"{path} line {reader.line_num}",
                fix="close or double the quotation mark",
            ) from None
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"it is not {layout.encoding}: {error.reason}", where=f"{path} after line {reader.line_num}"
            ) from None


def _some(reader: "_csv.Reader", *, totals: bool) -> tuple[list[list[str]], list[int], int, bool]:
    rows: list[list[str]] = []
    lines: list[int] = []
    ignored = 0
    start = reader.line_num + 1
    for row in reader:
        if not row or not any(row):
            pass  # an empty line is no record
        elif totals and _is_total(row):
            ignored += 1
        else:
            rows.append(row)
            lines.append(start)
            if len(rows) == ROWS:
                return rows, lines, ignored, False
        start = reader.line_num + 1
    return rows, lines, ignored, True


def _is_total(row: Sequence[str]) -> bool:
    return bool(_TOTAL.fullmatch(next((cell.strip() for cell in row if cell.strip()), "")))


def _batch(rows: list[list[str]], lines: list[int], header: tuple[str, ...], ignored: int) -> Batch:
    width = len(header)
    broken: dict[int, Broken] = {}
    for position, row in enumerate(rows):
        if len(row) != width:
            reason = f"has {len(row)} fields, the header has {width}"
            broken[position] = Broken(reason, _record(row, header))
            rows[position] = [""] * width
    try:
        table = _table(rows, header)
    except UnicodeEncodeError:
        for position, row in _unreadable(rows):
            record = {EXTRA: "", **_record(row, header)}  # marks it as never read whole
            broken[position] = Broken("has bytes that are not in the file's encoding", record)
            rows[position] = [""] * width
        table = _table(rows, header)
    return Batch(table, np.array(lines, dtype=np.int64), broken, ignored)


def _table(rows: list[list[str]], header: tuple[str, ...]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    return pa.table({n: pa.array(c, pa.string()) for n, c in zip(header, columns, strict=True)})


def _unreadable(rows: list[list[str]]) -> Iterator[tuple[int, list[str]]]:
    for position, row in enumerate(rows):
        if any(_has_surrogate(cell) for cell in row):
            yield position, [c.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for c in row]


def _record(row: Sequence[str], header: Sequence[str]) -> Record:
    record: Record = dict(zip(header, row, strict=False))
    if len(row) > len(header):
        record[EXTRA] = "\x1f".join(row[len(header) :])
    elif len(row) < len(header):
        record[EXTRA] = ""
    return record
