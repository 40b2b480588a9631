"""[prove spark] The whole audience stage under DuckDB and under Spark, answer by answer, row by row.

in   the orders of 300 of the demo shop's customers, and generated visits of theirs, on devices and by media
out  how many answers the stage asked of each engine, their rows, and how many differ

Every question that stages 1 and 2 ask of the warehouse is recorded under both engines: counts of journeys, paths,
comparisons, pain, value, features, segments, personas. Rows are compared in an order of their own; whole numbers,
texts and instants exactly, floats to nine digits, since engines add them in orders of their own.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omnimix.app import KEY_FILE, machine_of, settings_of
from omnimix.flow.campaign import understand_steps
from omnimix.flow.step import run_steps
from omnimix.governance.keys import create_key
from omnimix.store.engine import open_warehouse
from omnimix.store.spark import stop
from omnimix.store.warehouse import Warehouse
from omnimix.testing.engines import FEW_ROWS, Recording, differences
from omnimix.testing.events import make_events
from omnimix.testing.evidence import Figure
from omnimix.testing.shop import open_shop

LAST = datetime(2011, 12, 8)  # of the generated visits: a day before the orders end
PEOPLE, VISITS = 300, 12_000


def figures() -> Iterator[Figure]:
    """How many answers and rows were compared, and how many differ."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = Path(folder) / "here", Path(folder) / "there"
        for root in (here, there):
            _lay_out(root)
        one, counted = _understand(here, None)
        spark = open_warehouse(
            there / ".omnimix" / "facts", engine="spark", memory="2GB", threads=2, spark=FEW_ROWS
        )
        other, also = _understand(there, spark)
        stop()
    wrong = list(differences(one.answers, other.answers))
    rows = sum(a.num_rows for a in one.answers)
    yield Figure("spark: answers compared", f"{len(one.answers)}, {rows:,} rows", "(no goal)", bool(rows))
    yield Figure("spark: answers that differ", f"{len(wrong)}", "0", not wrong)
    for difference in wrong[:20]:
        yield Figure("spark: differs", difference[:300], "(no goal)", True)
    unlike = sum(a != b for a, b in zip(counted, also, strict=True))
    yield Figure("spark: steps with other counts", f"{unlike} of {len(counted)}", "0", not unlike)


def _lay_out(root: Path) -> None:
    """The demo's shop with PEOPLE of its customers, who also visited: generated events, on devices, by media."""
    root.mkdir()
    open_shop(root)
    file = root / "online_retail.parquet"
    lines = pq.read_table(file)
    customers = sorted({c for c in lines["CustomerID"].to_pylist() if c is not None})[:PEOPLE]
    pq.write_table(lines.filter(pc.is_in(lines["CustomerID"], pa.array(customers))), file)
    create_key(root / KEY_FILE, secret=bytes(range(32)))  # the same pseudonyms in both


def _understand(root: Path, spark: Warehouse | None) -> tuple[Recording, list[tuple[str, int, int]]]:
    settings = settings_of(root, os.environ)
    with machine_of(settings, os.environ) as machine:
        steps = understand_steps(machine)
        list(run_steps("spark", steps[:1], ledger=machine.ledger, clock=machine.clock))  # take in, by DuckDB
        _visit(machine.warehouse)
        recording = Recording(spark or machine.warehouse)
        same = replace(machine, warehouse=cast(Any, recording))
        results = run_steps("spark", understand_steps(same)[1:], ledger=machine.ledger, clock=machine.clock)
        return recording, [(r.name, r.rows_in, r.rows_out) for r in results]


def _visit(warehouse: Warehouse) -> None:
    """Generated visits of the shop's customers, put beside their orders."""
    keys = sorted(warehouse.arrow(warehouse.table("link").select("key"))["key"].to_pylist())
    made = make_events(VISITS, seed=11)
    people = made["profile_id"].dictionary_encode().combine_chunks()
    theirs = pa.array([None if i is None else keys[i % len(keys)] for i in people.indices.to_pylist()])
    place = made.schema.get_field_index("person_key")
    named = made.set_column(place, "person_key", theirs).drop_columns(["profile_id"])
    moved = pc.subtract(named["occurred_at"], pc.subtract(pc.max(named["occurred_at"]), pa.scalar(LAST)))
    place = named.schema.get_field_index("occurred_at")
    warehouse.write("event", named.set_column(place, "occurred_at", moved), part="visits/all")
