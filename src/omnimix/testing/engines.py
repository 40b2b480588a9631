"""Two engines over the same facts: whatever a stage asks for, both must answer the same, row by row.

in   a stage run twice, each time with a recording warehouse
out  where the answers differ; none where the engines agree
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from ibis.expr.types import Table

from omnimix.store.warehouse import Warehouse

# Settings of Spark for a handful of rows, which are computed faster than code for them is compiled.
FEW_ROWS = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
}
_RELATIVE = 1e-9  # engines add floats in orders of their own


class Recording:
    """A warehouse that keeps every answer it gives, in the order of the questions."""

    def __init__(self, inner: Warehouse) -> None:
        self._inner = inner
        self.answers: list[pa.Table] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def arrow(self, expression: Table) -> pa.Table:
        """As Warehouse.arrow, kept."""
        rows = self._inner.arrow(expression)
        self.answers.append(rows)
        return rows

    def materialise(self, expression: Table, words: Mapping[str, str] = MappingProxyType({})) -> Table:
        """As Warehouse.materialise; the rows are kept too."""
        table = self._inner.materialise(expression, words)
        self.answers.append(self._inner.arrow(table))
        return table


def differences(one: Sequence[pa.Table], other: Sequence[pa.Table]) -> Iterator[str]:
    """Each place where two recordings differ: another number of answers, columns, types, rows."""
    if len(one) != len(other):
        yield f"{len(one)} answers and {len(other)}"
    for place, (a, b) in enumerate(zip(one, other, strict=False)):
        if a.schema.names != b.schema.names or a.schema.types != b.schema.types:
            yield f"answer {place}: {_types(a)} and {_types(b)}"
        elif a.num_rows != b.num_rows:
            yield f"answer {place} ({', '.join(a.column_names)}): {a.num_rows} rows and {b.num_rows}"
        else:
            yield from _rows(place, a, b)


def _types(table: pa.Table) -> str:
    return ", ".join(f"{f.name} {f.type}" for f in table.schema)


def _rows(place: int, a: pa.Table, b: pa.Table) -> Iterator[str]:
    """The first pair of rows that differ, rows taken in an order of their own content."""
    pairs = zip(_ordered(a), _ordered(b), strict=True)
    wrong = [(x, y) for x, y in pairs if not _same(x, y)]
    if wrong:
        x, y = wrong[0]
        columns = ", ".join(a.column_names)
        yield f"answer {place} ({columns}): {len(wrong)} of {a.num_rows} rows differ, as {x} and {y}"


def _ordered(table: pa.Table) -> list[tuple[Any, ...]]:
    rows = [tuple(_plain(v) for v in row.values()) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: [_key(v) for v in row])


def _plain(value: Any) -> Any:
    """Maps come as lists of pairs in any order."""
    return tuple(sorted(value, key=repr)) if isinstance(value, list) and value and _pair(value[0]) else value


def _pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2


def _key(value: Any) -> tuple[bool, str]:
    """Floats by their first digits only, lest the last bits change the order."""
    return (value is None, f"{value:.6g}" if isinstance(value, float) else repr(value))


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, float) and isinstance(y, float):
        return math.isclose(x, y, rel_tol=_RELATIVE, abs_tol=1e-12) or (math.isnan(x) and math.isnan(y))
    if isinstance(x, tuple | list) and isinstance(y, tuple | list):
        return len(x) == len(y) and all(_same(a, b) for a, b in zip(x, y, strict=True))
    return bool(x == y)
