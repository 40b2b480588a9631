"""Excel workbooks.

in   a path, the sheet's name
out  batches of text columns with row numbers
"""

import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from omnimix.core.errors import InvalidInput, NotFound
from omnimix.data.source.batch import ROWS, Batches, Opened, Record, cell_text, from_records
from omnimix.data.source.mapping import spelling

_LOOK = 40  # rows in which the header is looked for


def open_excel(path: Path, *, sheet: str | None, wanted: frozenset[str]) -> Opened:
    """Open a workbook's sheet (the first without a name). Raises InvalidInput, NotFound for the sheet."""
    rows = _rows(path, sheet)
    top = list(islice(rows, _LOOK))
    rows.close()
    if not any(any(row) for row in top):
        raise InvalidInput("the sheet is empty", where=str(path))
    found = [len({spelling(cell or "") for cell in row} & wanted) for row in top]
    header = int(np.argmax(found)) if max(found) else next(i for i, row in enumerate(top) if any(row))
    names = tuple((cell or f"column {i}").strip() for i, cell in enumerate(top[header], start=1))
    return Opened(names, lambda: _batches(path, sheet, names, header))


def _rows(path: Path, sheet: str | None):  # type: ignore[no-untyped-def]
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError, ValueError) as error:
        raise InvalidInput(
            f"it is not a readable Excel workbook: {error}", where=str(path), fix="save it as .xlsx or as CSV"
        ) from None
    try:
        if sheet and sheet not in book.sheetnames:
            names = ", ".join(map(repr, book.sheetnames))
            raise NotFound(f"there is no sheet {sheet!r}", where=str(path), fix=f"choose from {names}")
        chosen = book[sheet] if sheet else book.worksheets[0]
        for row in chosen.iter_rows(values_only=True):
            yield [cell_text(cell) for cell in row]
    finally:
        book.close()


def _batches(path: Path, sheet: str | None, names: tuple[str, ...], header: int) -> Batches:
    rows = _rows(path, sheet)
    numbered = ((n, row) for n, row in enumerate(rows, start=1) if n > header + 1 and any(row))
    while chunk := list(islice(numbered, ROWS)):
        records: list[Record] = [dict(zip(names, row, strict=False)) for _, row in chunk]
        yield from_records(records, [n for n, _ in chunk], {})
