"""Which files a source means, and opening them by their format.

in   a Shape, the workspace folder
out  paths with digests; columns and batches of each
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from omnimix.core.errors import InvalidInput, NotFound
from omnimix.data.source.batch import Opened
from omnimix.data.source.csv_file import open_csv
from omnimix.data.source.excel_file import open_excel
from omnimix.data.source.json_file import open_jsonl
from omnimix.data.source.mapping import Shape, spelling
from omnimix.data.source.parquet_file import open_parquet
from omnimix.data.source.spec import Holds
from omnimix.data.source.sql_query import spool

_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".xlsx": "excel",
    ".xlsm": "excel",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file of a source: where it is, what it is called in reports, and the SHA-256 of its bytes."""

    path: Path
    name: str
    digest: str


def files(form: Shape, *, root: Path, staging: Path) -> list[File]:
    """The files of a source, by name. A query's rows are spooled to `staging` first.

    Raises NotFound when a path leads to nothing, InvalidInput without a path or url.
    """
    where, source = f"sources.{form.key}", form.source
    if source.url:
        path = spool(source, staging, where=where)
        return [File(path, f"{form.key}:{source.table or 'query'}", path.stem)]
    if not source.path:
        raise InvalidInput("it has neither a path nor a url", where=where, fix='add path = "folder/file.csv"')
    pattern = source.path
    if not any(c in pattern for c in "*?["):
        path = root / pattern
        if not path.is_file():
            raise NotFound(
                f"there is no file {pattern!r}", where=where, fix=f"put it into {root} or change {where}.path"
            )
        return [File(path, pattern, _digest(path))]
    base = Path(pattern).anchor
    found = sorted(
        p
        for p in (Path(base) if base else root).glob(str(Path(pattern).relative_to(base) if base else pattern))
        if p.is_file()
    )
    if not found:
        raise NotFound(f"no file fits {pattern!r}", where=where, fix=f"look in {root} or change {where}.path")
    return [
        File(p, p.relative_to(root).as_posix() if p.is_relative_to(root) else str(p), _digest(p)) for p in found
    ]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_file(form: Shape, file: File) -> Opened:
    """Open one file by its format. Raises InvalidInput when it is not what it should be."""
    source = form.source
    kind = source.format or ("parquet" if source.url else _FORMATS.get(file.path.suffix.lower(), ""))
    wanted = frozenset(spelling(t) for theirs in form.columns.values() for t in theirs)
    if kind == "csv":
        return open_csv(
            file.path,
            encoding=source.encoding,
            delimiter=source.delimiter,
            wanted=wanted,
            totals=form.holds is Holds.SPEND,
        )
    if kind == "jsonl":
        return open_jsonl(file.path)
    if kind == "parquet":
        return open_parquet(file.path)
    if kind == "excel":
        return open_excel(file.path, sheet=source.sheet, wanted=wanted)
    raise InvalidInput(
        f"the format of {file.name!r} is not known",
        where=f"sources.{form.key}",
        fix='add format = "csv", "parquet", "jsonl" or "excel"',
    )
