"""The warehouse: facts as Parquet files, read by DuckDB through Ibis.

in   Arrow tables or table expressions, to be kept under a fact's name
out  Ibis tables over everything kept

DuckDB is the engine, not the store: it runs in memory and the Parquet files are the truth, so that the command
line, a server and another engine can read at the same time. A part is replaced as a whole by an atomic rename:
a crash leaves the old part or the new one.
"""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.expr.operations import DatabaseTable, Namespace
from ibis.expr.types import Table

from omnimix.core.errors import InvalidInput
from omnimix.store.facts import SCHEMAS, widened

# Merging neighbouring SELECTs is a third of the time it takes to write a query, and engines do it by themselves.
ibis.options.sql.fuse_selects = False

_ROW_GROUP = 122_880  # DuckDB's own vector-group size: one group is one unit of parallel work
MOST_WORDS = 4_000_000  # of one dictionary: about half a gigabyte, which the engine's own limit does not see


class Warehouse:
    """Facts of one workspace under `root`, one folder a fact, one file a part."""

    def __init__(self, root: Path, *, memory: str = "1GB", threads: int = 2) -> None:
        self.root = root
        spill = root.parent / "spill"
        self.connection = ibis.duckdb.connect(memory_limit=memory, threads=threads, temp_directory=str(spill))
        # The order of rows without ORDER BY is not part of any result, and keeping it costs memory.
        self.connection.raw_sql("SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
        # The engine would draw its bar on standard output, amid what a command prints for another program.
        self.connection.raw_sql("SET enable_progress_bar = false")
        self._once: dict[str, tuple[list[dict[str, int]], Table]] = {}

    @property
    def local(self) -> "Warehouse":
        """This workspace's files under DuckDB: itself, where no other engine computes."""
        return self

    def parts(self, fact: str) -> list[str]:
        """Names of the parts kept under a fact, sorted."""
        folder = self.root / fact
        return sorted(str(p.relative_to(folder).with_suffix("")) for p in folder.rglob("*.parquet"))

    def stamps(self, fact: str) -> dict[str, int]:
        """When each part was last written, in nanoseconds: changes whenever its rows may have changed."""
        folder = self.root / fact
        return {part: (folder / f"{part}.parquet").stat().st_mtime_ns for part in self.parts(fact)}

    def table(self, fact: str, part: str | Collection[str] | None = None) -> Table:
        """All rows of a fact, or of one or some of its parts. A known fact with no parts is an empty table.

        Nullable columns that a fact got later are null in the rows of older parts. Raises InvalidInput for a name
        that is no fact and has no files.
        """
        files = self.files(fact, part)
        if not files:
            return ibis.memtable(SCHEMAS[fact].to_pyarrow().empty_table(), schema=SCHEMAS[fact])
        rows = self.read(files)
        return widened(rows, SCHEMAS[fact]) if fact in SCHEMAS else rows

    def read(self, files: list[Path]) -> Table:
        """The rows of Parquet files; a column that some of them lack is null there."""
        return self.connection.read_parquet([str(f) for f in files], union_by_name=True)

    def files(self, fact: str, part: str | Collection[str] | None = None) -> list[Path]:
        """The files of a fact, or of one or some of its parts; none for a known fact that has none.

        Raises InvalidInput for a name that is no fact and has no files.
        """
        folder = self.root / fact
        chosen = [part] if isinstance(part, str) else part
        found = sorted(folder.rglob("*.parquet")) if not chosen else [folder / f"{p}.parquet" for p in chosen]
        if found and found[0].exists():
            return found
        if fact not in SCHEMAS:
            raise InvalidInput(f"there is no table {fact!r} in the warehouse")
        return []

    def write(self, fact: str, rows: Table | pa.Table, *, part: str = "all") -> int:
        """Replace one part of a fact with `rows` atomically. Returns the number of rows written."""
        arrow = rows if isinstance(rows, pa.Table) else self.arrow(rows)
        if fact in SCHEMAS:
            arrow = _cast(arrow, SCHEMAS[fact])
        target = self.root / fact / f"{part}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.stem}.{uuid4().hex}.tmp")
        pq.write_table(arrow, draft, compression="zstd", row_group_size=_ROW_GROUP)
        _sync(draft)
        draft.replace(target)
        _sync(target.parent)
        return int(arrow.num_rows)

    def drop(self, fact: str, *, part: str) -> None:
        """Remove one part, if it is there."""
        (self.root / fact / f"{part}.parquet").unlink(missing_ok=True)

    def arrow(self, expression: Table) -> pa.Table:
        """Run a table expression and return its rows."""
        return self.connection.to_pyarrow(expression)

    def materialise(self, expression: Table, words: Mapping[str, str] = MappingProxyType({})) -> Table:
        """Run a table expression once and return a table in the engine's memory that stands for it.

        `words`: column → dictionary of `learn`. The column is held as places in the dictionary: it takes a tenth
        of the memory, is sorted and counted twice as fast, and reads as text all the same.
        """
        name, known = f"m_{uuid4().hex}", {c: w for c, w in words.items() if w and c in expression.columns}
        if not known:
            return self.connection.create_table(name, expression, temp=True)
        mapper = self.connection.compiler.type_mapper
        schema = expression.schema()
        kinds = {c: known.get(c) or mapper.to_string(kind) for c, kind in schema.items()}
        columns = ", ".join(f'"{c}"::{kind} AS "{c}"' for c, kind in kinds.items())
        self.connection.raw_sql(f"CREATE TEMP TABLE {name} AS SELECT {columns} FROM ({self._query(expression)})")
        # The engine is not asked for the types: it would name every word of a dictionary.
        held = ibis.schema({c: kind.copy(nullable=True) for c, kind in schema.items()})
        where = Namespace("temp", "main")
        return DatabaseTable(name, schema=held, source=self.connection, namespace=where).to_expr()

    def _query(self, expression: Table) -> str:
        """The text of an expression's query; its tables in memory are known to the engine."""
        self.connection._run_pre_execute_hooks(expression)
        return str(self.connection.compile(expression))

    def learn(self, texts: Table, *, most: int = MOST_WORDS) -> str:
        """Keep every text of a table of one column as a dictionary for `materialise`; its name, "" for none.

        There is none where there are more than `most` texts. A table that is held by a dictionary may contain
        no other texts.
        """
        (column,) = texts.columns
        distinct = texts.filter(texts[column].notnull()).distinct()
        known = self.connection.create_table(f"m_{uuid4().hex}", distinct, temp=True)
        name, held = f"w_{uuid4().hex}", known.get_name()
        many = self.connection.raw_sql(f"SELECT count(*) > {most} FROM {held}").fetchall()[0][0]
        if not many:
            self.connection.raw_sql(f'CREATE TYPE {name} AS ENUM (SELECT "{column}" FROM {held} ORDER BY ALL)')
        self.connection.raw_sql(f"DROP TABLE {held}")
        return "" if many else name

    def once(self, name: str, make: Callable[[], Table], *, of: Collection[str]) -> Table:
        """What `make` says, run once and kept under `name` until one of the facts `of` is written anew.

        For tables that many questions begin with: each question that holds the whole way from the files is a plan
        to be written, read and run again.
        """
        stamp = [self.stamps(fact) for fact in of]
        known = self._once.get(name)
        if known is None or known[0] != stamp:
            known = self._once[name] = (stamp, self.materialise(make()))
        return known[1]

    def sql(self, query: str, **tables: Table) -> duckdb.DuckDBPyConnection:
        """Run SQL in which the named tables stand for expressions. For the few hot spots Ibis cannot say."""
        for name, table in tables.items():
            self.connection.create_view(name, table, overwrite=True)
        result: duckdb.DuckDBPyConnection = self.connection.raw_sql(query)
        return result

    def close(self) -> None:
        """Let the engine go; the files stay."""
        self.connection.disconnect()


def _cast(arrow: pa.Table, schema: ibis.Schema) -> pa.Table:
    wanted = schema.to_pyarrow()
    missing = set(wanted.names) - set(arrow.column_names)
    if missing:
        raise InvalidInput(f"rows lack the columns {sorted(missing)}")
    return arrow.select(wanted.names).cast(wanted)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
