"""Movement conserves people: rows add up to the earlier sizes, columns to the later."""

import datetime as dt
from collections import Counter

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.audience.segment.movement import GONE, NEW, moves, read_movement
from omnimix.store.warehouse import Warehouse

DAYS = {"before": dt.datetime(2026, 1, 1), "after": dt.datetime(2026, 4, 1)}
placements = st.dictionaries(st.sampled_from("abcdefghijkl"), st.sampled_from(["x", "y", "(rest)"]), max_size=12)
WAREHOUSE: dict[str, Warehouse] = {}


@pytest.fixture(autouse=True)
def at_hand(warehouse: Warehouse) -> None:
    """What the property needs, kept beside it."""
    WAREHOUSE["one"] = warehouse


def member(rows: dict[str, str]) -> ibis.Table:
    columns = {
        "profile_id": pa.array(list(rows), pa.string()),
        "segment": pa.array(list(rows.values()), pa.string()),
    }
    return ibis.memtable(pa.table(columns))


@given(placements, placements)
@settings(max_examples=20)
def test_nobody_is_lost(was: dict[str, str], now: dict[str, str]) -> None:
    rows = WAREHOUSE["one"].arrow(moves(member(was), member(now)))
    found = read_movement(rows, ["x", "y", "(rest)"], **DAYS)
    assert found.profiles == len(was.keys() | now.keys())
    for segment in ("x", "y", "(rest)"):
        assert found.were(segment) == sum(s == segment for s in was.values())
        assert found.came(segment) == sum(s == segment for s in now.values())
    assert found.were(NEW) == len(now.keys() - was.keys())
    assert found.came(GONE) == len(was.keys() - now.keys())
    oracle = Counter((was.get(p, NEW), now.get(p, GONE)) for p in was.keys() | now.keys())
    assert {(m.segment, m.next_segment): m.profiles for m in found.moves} == oracle
    for segment in {m.segment for m in found.moves}:
        assert sum(m.share for m in found.moves if m.segment == segment) == pytest.approx(1)
    both = was.keys() & now.keys()
    stayed = sum(was[p] == now[p] for p in both) / len(both) if both else 1
    assert found.stayed == pytest.approx(stayed)
