"""Databases: any SQLAlchemy URL, or `adbc:<driver>:<uri>` where the extra is installed.

in   a URL with a query or a table
out  a Parquet file of the rows as text, so that a query is taken in like a file
"""

import hashlib
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import MetaData, Table, create_engine, make_url, select, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from omnimix.core.errors import InvalidInput, NotFound, Unavailable
from omnimix.data.source.batch import cell_text
from omnimix.data.source.spec import Source

_ROWS = 20_000


def spool(source: Source, folder: Path, *, where: str) -> Path:
    """Run the source's query and keep its rows as `<digest>.parquet` in `folder`.

    Raises InvalidInput (URL, query), NotFound (table), Unavailable (driver, server).
    """
    url = source.url or ""
    if not source.query and not source.table:
        raise InvalidInput(
            "a url needs a query or a table", where=where, fix='add table = "…" or query = "SELECT …"'
        )
    rows = _adbc(url, source, where=where) if url.startswith("adbc:") else _sqlalchemy(url, source, where=where)
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{where}.draft"
    names, first = next(rows)
    schema = pa.schema([(name, pa.string()) for name in names])
    mark = hashlib.sha256("\x1f".join(names).encode())
    count = 0
    with pq.ParquetWriter(draft, schema) as writer:
        chunk: Sequence[Sequence[Any]] = first
        while chunk:
            cells = [[cell_text(v) for v in row] for row in chunk]
            mark.update("\x1e".join("\x1f".join(c or "\x00" for c in row) for row in cells).encode())
            columns = [pa.array(c, pa.string()) for c in zip(*cells, strict=True)]
            writer.write_table(pa.table(columns, schema=schema))
            count += len(cells)
            chunk = next(rows, (names, []))[1]
    if not count:
        draft.unlink()
        raise InvalidInput("the query gives no rows", where=where)
    return draft.replace(folder / f"{mark.hexdigest()}.parquet")


_Chunks = Iterator[tuple[tuple[str, ...], Sequence[Sequence[Any]]]]


def _sqlalchemy(url: str, source: Source, *, where: str) -> _Chunks:
    try:
        engine = create_engine(make_url(url))
    except (ArgumentError, ValueError):
        raise InvalidInput(
            "this is no database URL", where=f"{where}.url", fix="dialect://user@host/database"
        ) from None
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise Unavailable(
            f"the database driver is not installed: {error}", where=where, fix="pip install it"
        ) from None
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            query = text(source.query) if source.query else select(_table(source, engine, where=where))
            result = connection.execute(query)
            names = tuple(result.keys())
            yield names, result.fetchmany(_ROWS)
            while rows := result.fetchmany(_ROWS):
                yield names, rows
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Unavailable(
            f"the database does not answer the query: {reason}", where=where, fix="check url, query and the server"
        ) from None
    finally:
        engine.dispose()


def _table(source: Source, engine: Any, *, where: str) -> Table:
    schema, _, name = (source.table or "").rpartition(".")
    try:
        return Table(name, MetaData(), autoload_with=engine, schema=schema or None)
    except NoSuchTableError:
        raise NotFound(f"there is no table {source.table!r} in the database", where=where) from None


def _adbc(url: str, source: Source, *, where: str) -> _Chunks:
    _, driver, uri = [*url.split(":", 2), "", ""][:3]
    try:
        dbapi = importlib.import_module(f"{driver}.dbapi")
    except ModuleNotFoundError:
        raise Unavailable(
            f"the ADBC driver {driver!r} is not installed",
            where=where,
            fix=f"pip install 'omnimix[adbc]' {driver.replace('_', '-')}",
        ) from None
    try:
        with dbapi.connect(uri) as connection, connection.cursor() as cursor:
            cursor.execute(source.query or f"SELECT * FROM {source.table}")
            names = tuple(column[0] for column in cursor.description)
            yield names, cursor.fetchmany(_ROWS)
            while rows := cursor.fetchmany(_ROWS):
                yield names, rows
    except dbapi.Error as error:
        raise Unavailable(f"the database does not answer the query: {error}", where=where) from None
