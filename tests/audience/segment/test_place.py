"""Placing in the engine: equal to numpy row for row, and equal whether done from scratch or step by step."""

import datetime as dt

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis import _

from omnimix.audience.segment.cluster import fit_segments, members
from omnimix.audience.segment.count import counted, tally
from omnimix.audience.segment.definition import Definition
from omnimix.audience.segment.place import clusters_of, placed, unchanged
from omnimix.audience.segment.rules import SegmentRules
from omnimix.audience.segment.segment import REST, Origin
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.store.warehouse import Warehouse

AS_OF = dt.datetime(2026, 6, 1)
RULES = SegmentRules(
    most=5,
    resamples=2,
    starts=1,
    bootstraps=2,
    min_size=20,
    features=("recency_days", "orders", "average_order_minor", "units_per_line", "category_share"),
)


@pytest.fixture
def found(shop_like) -> Segmentation:
    return fit_segments(shop_like(240, 1), RULES, seed=1, currency="GBP")


def in_engine(warehouse: Warehouse, table: pa.Table, found: Segmentation) -> dict[str, str]:
    rows = placed(clusters_of(ibis.memtable(table), found), None, found, as_of=AS_OF)
    arrow = warehouse.arrow(rows)
    assert set(arrow["as_of"].to_pylist()) <= {AS_OF}
    return dict(zip(arrow["profile_id"].to_pylist(), arrow["segment"].to_pylist(), strict=True))


@given(st.integers(0, 10_000), st.floats(0, 3))
@settings(max_examples=10)
def test_the_engine_places_as_numpy_does(seed: int, noise: float) -> None:
    shop_like, feature_table, warehouse, found = HAND["all"]
    rng = np.random.default_rng(seed)
    table = shop_like(40, seed % 7)
    shaken = table["average_order_minor"].to_numpy() * np.exp(rng.normal(0, noise, 40))
    table = table.set_column(table.column_names.index("average_order_minor"), "average_order_minor", [shaken])
    odd = feature_table(4, {"profile_id": list("wxyz"), "visits": [0, 3, 1, 0], "returns": [0, 0, 1, 2]})
    table = pa.concat_tables([table, odd])
    expected = members(table, found, as_of=AS_OF)
    wanted = dict(zip(expected["profile_id"].to_pylist(), expected["segment"].to_pylist(), strict=True))
    assert in_engine(warehouse, table, found) == wanted


HAND: dict[str, tuple] = {}


@pytest.fixture(autouse=True)
def at_hand(shop_like, feature_table, warehouse: Warehouse, found: Segmentation) -> None:
    """What the properties need, kept beside them."""
    HAND["all"] = (shop_like, feature_table, warehouse, found)


@given(st.sets(st.integers(0, 39), max_size=12), st.sets(st.integers(40, 49), max_size=5), st.integers(0, 5))
@settings(max_examples=10)
def test_placing_only_who_changed_equals_placing_everybody(changed: set[int], new: set[int], seed: int) -> None:
    shop_like, _feature_table, warehouse, found = HAND["all"]
    whole = shop_like(50, seed)
    earlier = whole.slice(0, 40)
    now = whole.take([*range(40), *sorted(new)])
    orders = now["orders"].to_numpy().copy()
    orders[sorted(changed)] = (orders[sorted(changed)] + 7) % 20
    now = now.set_column(now.column_names.index("orders"), "orders", [pa.array(orders)])
    before = warehouse.materialise(clusters_of(ibis.memtable(earlier), found))
    rows = ibis.memtable(now)
    kept = warehouse.materialise(before.semi_join(unchanged(rows, ibis.memtable(earlier), found), "profile_id"))
    assert warehouse.arrow(kept).num_rows == 40 - len(changed)
    fresh = clusters_of(rows.anti_join(kept, "profile_id"), found)
    step_by_step = warehouse.arrow(kept).to_pylist() + warehouse.arrow(fresh).to_pylist()
    from_scratch = warehouse.arrow(clusters_of(rows, found)).to_pylist()
    assert sorted(map(str, step_by_step)) == sorted(map(str, from_scratch))


def test_rules_that_claim_come_first_in_their_order(shop_like, warehouse: Warehouse) -> None:
    table = shop_like(240, 1)
    ids = table["profile_id"].to_pylist()
    orders = table["orders"].to_numpy()
    flags = pa.table(
        {
            "profile_id": ids,
            "second": [int(i[1:]) % 4 == 0 for i in ids],
            "few": [i in ids[:5] for i in ids],
            "beside": [True] * len(ids),
            "first": [int(i[1:]) % 8 == 0 for i in ids],
        }
    )
    anyone = ("orders >= 1",)
    rules = SegmentRules(
        most=5,
        resamples=2,
        starts=1,
        bootstraps=2,
        min_size=20,
        rules={
            "first": Definition(when=anyone),
            "few": Definition(when=anyone),
            "second": Definition(when=anyone, name="The second"),
            "beside": Definition(when=anyone, claims=False),
        },
    )
    found = fit_segments(table, rules, seed=1, flags=flags)
    assert found.claims == ("first", "second")
    assert {s.key: s.size for s in found.segments if s.origin is Origin.RULE} == {"first": 30, "second": 30}
    assert found.segment("second").name == "The second"
    engine = placed(clusters_of(ibis.memtable(table), found), ibis.memtable(flags), found, as_of=AS_OF)
    rows = {r["profile_id"]: r["segment"] for r in warehouse.arrow(engine).to_pylist()}
    assert {i for i, s in rows.items() if s == "first"} == {i for i in ids if int(i[1:]) % 8 == 0}
    assert {i for i, s in rows.items() if s == "second"} == {i for i in ids if int(i[1:]) % 8 == 4}
    numpy = members(table, found, as_of=AS_OF, flags=flags)
    assert rows == dict(zip(numpy["profile_id"].to_pylist(), numpy["segment"].to_pylist(), strict=True))
    assert sum(s.size for s in found.segments) == len(orders)


def test_counts_are_those_of_an_oracle(shop_like, warehouse: Warehouse, found: Segmentation) -> None:
    table = shop_like(120, 9)
    rows = warehouse.materialise(ibis.memtable(table))
    member = placed(clusters_of(rows, found), None, found, as_of=AS_OF)
    now = counted(found, warehouse.arrow(tally(rows, member, found)))
    segment_of = in_engine(warehouse, table, found)
    assert sum(s.size for s in now.segments) == 120 == now.people
    assert sum(s.share for s in now.segments) == pytest.approx(1)
    for segment in now.segments:
        assert segment.size == sum(s == segment.key for s in segment_of.values())
        if not segment.conditions:
            continue
        picked = np.ones(120, dtype=bool)
        for condition in segment.conditions:
            name, _sep, key = condition.column.partition(":")
            values = table[name].to_pylist()
            got = np.array([dict(v).get(key, 0.0) if key else v for v in values])
            picked &= got >= condition.threshold if condition.at_least else got <= condition.threshold
        inside = np.array([segment_of[p] == segment.key for p in table["profile_id"].to_pylist()])
        assert segment.precision == pytest.approx((picked & inside).sum() / max(1, picked.sum()))
        assert segment.recall == pytest.approx((picked & inside).sum() / inside.sum())


def test_an_empty_segment_is_left_out_and_the_rest_appears(
    shop_like, feature_table, warehouse: Warehouse, found: Segmentation
) -> None:
    lone = pa.concat_tables([shop_like(4, 3).slice(1, 1), feature_table(1, {"profile_id": ["z"]})])
    rows = warehouse.materialise(ibis.memtable(lone))
    member = placed(clusters_of(rows, found), None, found, as_of=AS_OF)
    now = counted(found, warehouse.arrow(tally(rows, member, found)))
    assert [s.size for s in now.segments] == [1, 1]
    assert now.segments[-1].key == REST
    assert warehouse.arrow(member.filter(_.profile_id == "z"))["segment"].to_pylist() == [REST]
