"""Rows by day: once each, whatever the portions."""

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from omnimix.data.daily import Daily, fold
from omnimix.store.warehouse import Warehouse

START = datetime(2026, 10, 1)
hours = st.lists(st.integers(0, 72), max_size=12)


def rows(numbers: list[int], first: int) -> pa.Table:
    at = [START + timedelta(hours=n) for n in numbers]
    ids = [f"e{first + i}" for i in range(len(numbers))]
    return pa.table({"row_id": pa.array(ids, pa.string()), "occurred_at": pa.array(at, pa.timestamp("us"))})


@given(st.lists(hours, max_size=4), st.booleans())
def test_each_row_once_in_its_day(portions: list[list[int]], small: bool) -> None:
    with TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder) / "facts", threads=1)
        daily = Daily(warehouse, "web", full=1 if small else 1 << 20)
        wanted: dict[str, datetime] = {}
        for numbers in portions:
            portion = rows(numbers, len(wanted))
            daily.add("seen", portion, key="row_id")
            daily.add("seen", portion, key="row_id")  # what was cut short is done again
            wanted |= {r["row_id"]: r["occurred_at"] for r in portion.to_pylist()}
        found: list[tuple[str, datetime]] = []
        for part in warehouse.parts("seen"):
            held = warehouse.arrow(warehouse.table("seen", part)).to_pylist()
            assert {f"web/{r['occurred_at']:%Y-%m-%d}" for r in held} == {part.rpartition("/")[0]}
            found += [(r["row_id"], r["occurred_at"]) for r in held]
        assert sorted(found) == sorted(wanted.items())
        if not small:
            assert all(part.endswith("/0000") for part in warehouse.parts("seen"))
        warehouse.close()


def test_small_parts_become_one(warehouse: Warehouse) -> None:
    for number in range(5):
        warehouse.write("line", pa.table({"row_id": [f"r{number}"]}), part=f"web/{number}")
    fold(warehouse, "line", folder="web", most=4)
    assert warehouse.parts("line") == ["web/0"]
    held = warehouse.arrow(warehouse.table("line"))["row_id"].to_pylist()
    assert sorted(held) == [f"r{n}" for n in range(5)]
