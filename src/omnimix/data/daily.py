"""Rows kept by day of occurrence, a few files a day however often a little is added.

in   rows of a fact with an instant and an id
out  parts `<folder>/YYYY-MM-DD/<number>`: a day's newest part is written again with the new rows until it is full

Adding the same rows twice in succession adds them once, so that what a crash cut short can simply be done again.
Each part is replaced as a whole: whoever reads sees the rows before or after, never a row twice.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr.types import Table

from omnimix.store.warehouse import Warehouse

FULL = 8 << 20  # bytes of a part that gets no more rows
_WHEN = ("occurred_at", "observed_at", "decided_at")


@dataclass(frozen=True, slots=True)
class Daily:
    """Keeps rows of facts under `folder`, by day."""

    warehouse: Warehouse
    folder: str
    full: int = FULL

    def add(self, fact: str, rows: Table | pa.Table, *, key: str) -> None:
        """Add rows; `key` is the column that names each for ever."""
        arrow = rows if isinstance(rows, pa.Table) else self.warehouse.arrow(rows)
        when = next(name for name in _WHEN if name in arrow.column_names)
        days = pc.strftime(arrow[when].cast(pa.timestamp("s"), safe=False), "%Y-%m-%d")
        for day in sorted(pc.unique(days).to_pylist()):
            self._add_day(fact, arrow.filter(pc.equal(days, day)), f"{self.folder}/{day}", key)

    def _add_day(self, fact: str, rows: pa.Table, folder: str, key: str) -> None:
        there = [p for p in self.warehouse.parts(fact) if p.startswith(f"{folder}/")]
        number = len(there)
        if there:
            newest = self.warehouse.arrow(self.warehouse.table(fact, there[-1]))
            rows = rows.filter(pc.invert(pc.is_in(rows[key], value_set=newest[key].combine_chunks())))
            if not rows.num_rows:
                return
            if self._size(fact, there[-1]) < self.full:
                rows = pa.concat_tables([newest, rows.select(newest.column_names).cast(newest.schema)])
                number -= 1
        self.warehouse.write(fact, rows, part=f"{folder}/{number:04d}")

    def _size(self, fact: str, part: str) -> int:
        return (self.warehouse.root / fact / f"{part}.parquet").stat().st_size


def fold(warehouse: Warehouse, fact: str, *, folder: str, most: int = 32, full: int = FULL) -> None:
    """Put the small parts in a folder together as one, when there are more than `most`.

    For facts whose rows may stand twice: what a crash cut short leaves both.
    """
    root = warehouse.root / fact
    small = [p for p in warehouse.parts(fact) if p.startswith(f"{folder}/") and "+" not in p]
    small = [p for p in small if (root / f"{p}.parquet").stat().st_size < full]
    if len(small) > most:
        warehouse.write(fact, warehouse.arrow(warehouse.table(fact, small).distinct()), part=small[0])
        for part in small[1:]:
            warehouse.drop(fact, part=part)
