"""Feature rows: a slow oracle in plain Python, conservation, and the odd customers."""

import datetime as dt
import math
import statistics
from collections import Counter, defaultdict
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from omnimix.audience.segment.features import FEATURE, OTHER, features
from omnimix.store.facts import EVENT, ORDER_LINE, PRODUCT
from omnimix.store.warehouse import Warehouse

# A failing table of a dozen rows is read faster than it is shrunk.
tables = settings(max_examples=6, phases=(Phase.explicit, Phase.generate))

AS_OF = dt.datetime(2026, 6, 1)
CATEGORY = {"mug": "Kitchen", "bowl": "Kitchen", "lamp": "Lighting"}
MARGIN = {"mug": 0.4, "bowl": None, "lamp": 0.6}


def facts(schema: ibis.Schema, rows: list[dict[str, Any]]) -> ibis.Table:
    wanted = schema.to_pyarrow()
    fields = [*(pa.field(f.name, f.type) for f in wanted), pa.field("profile_id", pa.string())]
    return ibis.memtable(pa.Table.from_pylist(rows, schema=pa.schema(fields)))


def products() -> ibis.Table:
    rows = [
        {"product_id": p, "name": p, "category": c, "margin_share": MARGIN[p], "in_stock": True, "source": "s"}
        for p, c in CATEGORY.items()
    ]
    wanted = PRODUCT.to_pyarrow()
    # Two sources list the mug: its sales must not count twice.
    rows.append(rows[0])
    return ibis.memtable(pa.Table.from_pylist(rows, schema=pa.schema([pa.field(f.name, f.type) for f in wanted])))


def line(
    profile: str | None, order: str, product: str, quantity: int, price: int, day: int, *, kind: str = ""
) -> dict[str, Any]:
    return {
        "line_id": f"{order}-{product}-{quantity}-{price}-{day}-{kind}",
        "source": "shop",
        "order_id": order,
        "occurred_at": AS_OF - dt.timedelta(days=day, hours=3),
        "product_id": product,
        "quantity": quantity,
        "amount_minor": quantity * price,
        "currency": "GBP",
        "country": "GB",
        "kind": kind or ("sale" if quantity > 0 else "return"),
        "profile_id": profile,
    }


def event(profile: str | None, name: str, day: int, *, medium: str | None = None) -> dict[str, Any]:
    at = AS_OF - dt.timedelta(days=day, hours=1)
    return {
        "event_id": f"{profile}{name}{day}{medium}",
        "source": "web",
        "name": name,
        "occurred_at": at,
        "medium": medium,
        "profile_id": profile,
    }


def run(
    warehouse: Warehouse, lines: list[dict[str, Any]], events: list[dict[str, Any]], **options: Any
) -> dict[str, dict[str, Any]]:
    table = features(facts(ORDER_LINE, lines), facts(EVENT, events), products(), as_of=AS_OF, **options)
    rows = warehouse.arrow(table)
    assert rows.column_names == list(FEATURE.names)
    assert rows.schema.types == FEATURE.to_pyarrow().types
    return {row["profile_id"]: row for row in rows.to_pylist(maps_as_pydicts="strict")}


any_line = st.builds(
    line,
    st.sampled_from(["ann", "bob", None]),
    st.sampled_from(["o1", "o2", "o3"]),
    st.sampled_from(["mug", "bowl", "lamp", "unlisted"]),
    st.sampled_from([-3, -1, 1, 2, 12]),
    st.sampled_from([0, 100, 199, 350]),
    st.integers(-2, 400),
)


def oracle(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    seen = [x for x in lines if x["profile_id"] and x["occurred_at"] < AS_OF]
    prices: dict[str, list[float]] = defaultdict(list)
    for x in seen:
        if x["kind"] == "sale":
            prices[x["product_id"]].append(x["amount_minor"] / x["quantity"])
    found = {}
    for profile in sorted({x["profile_id"] for x in seen}):
        own = [x for x in seen if x["profile_id"] == profile]
        sales = [x for x in own if x["kind"] == "sale"]
        sold = sum(x["amount_minor"] for x in sales)
        returned = -sum(x["amount_minor"] for x in own if x["kind"] == "return")
        categories: Counter[str] = Counter()
        for x in sales:
            categories[CATEGORY.get(x["product_id"], OTHER)] += x["amount_minor"]
        last = max(x["occurred_at"] for x in sales or own)
        cheap = [
            x
            for x in sales
            if x["amount_minor"] / x["quantity"] <= 0.9 * statistics.median(prices[x["product_id"]])
        ]
        share = min(returned / sold, 1.0) if sold else float(returned >= 0 and len(sales) < len(own))
        found[profile] = {
            "recency_days": (AS_OF - last) // dt.timedelta(days=1),
            "orders": len({x["order_id"] for x in sales}),
            "sales_minor": sold,
            "revenue_minor": sold - returned,
            "items": sum(x["quantity"] for x in sales),
            "products": len({x["product_id"] for x in sales}),
            "breadth": len({CATEGORY[x["product_id"]] for x in sales if x["product_id"] in CATEGORY}),
            "units_per_line": sum(x["quantity"] for x in sales) / len(sales) if sales else 0.0,
            "discount_share": len(cheap) / len(sales) if sales else 0.0,
            "return_share": share,
            "category_share": {c: v / sold for c, v in sorted(categories.items()) if v > 0} or None,
        }
    return found


def assert_numbers(found: dict[str, dict[str, Any]]) -> None:
    """Every number is finite, shares are shares, and those of a family sum to one."""
    for row in found.values():
        for name, kind in FEATURE.items():
            if kind.is_numeric():
                assert math.isfinite(row[name]), name
            elif kind.is_map() and row[name]:
                assert sum(row[name].values()) == pytest.approx(1), name
        for share in ("discount_share", "return_share"):
            assert 0 <= row[share] <= 1


@tables
@given(lines=st.lists(any_line, max_size=12))
def test_features_are_what_a_slow_reading_says(warehouse: Warehouse, lines: list[dict[str, Any]]) -> None:
    found, expected = run(warehouse, lines, []), oracle(lines)
    assert_numbers(found)
    assert found.keys() == expected.keys()
    for profile, wanted in expected.items():
        assert found[profile]["category_share"] == pytest.approx(wanted.pop("category_share"))
        assert {k: found[profile][k] for k in wanted} == pytest.approx(wanted)


@settings(tables, max_examples=3)
@given(lines=st.lists(any_line, max_size=10), data=st.data())
def test_the_order_of_the_rows_does_not_matter(
    warehouse: Warehouse, lines: list[dict[str, Any]], data: st.DataObject
) -> None:
    assert run(warehouse, lines, []) == run(warehouse, data.draw(st.permutations(lines)), [])


def test_a_customer_with_nothing_but_returns(warehouse: Warehouse) -> None:
    row = run(warehouse, [line("ann", "c1", "mug", -2, 300, 10)], [])["ann"]
    assert (row["orders"], row["returns"], row["sales_minor"], row["revenue_minor"]) == (0, 1, 0, -600)
    assert row["return_share"] == 1
    assert row["recency_days"] == 10
    assert row["margin_minor"] == -240


def test_a_customer_who_only_looked(warehouse: Warehouse) -> None:
    events = [
        event("eve", "Product Viewed", 5, medium="email"),
        event("eve", "Product Viewed", 5, medium="email"),
        event("eve", "Product Added", 2, medium="cpc"),
        event("eve", "Email Opened", 1, medium="email"),
        event(None, "Product Viewed", 1),
        event("later", "Product Viewed", -1),
    ]
    found = run(warehouse, [], events)
    assert_numbers(found)
    assert found.keys() == {"eve"}
    row = found["eve"]
    assert (row["visits"], row["views"], row["carts"], row["emails_opened"]) == (2, 2, 1, 1)
    assert (row["recency_days"], row["tenure_days"], row["orders"]) == (1, 5, 0)
    assert row["medium_share"] == {"cpc": pytest.approx(1 / 3), "email": pytest.approx(2 / 3)}


def test_fees_count_in_nothing_but_nobody_is_lost(warehouse: Warehouse) -> None:
    lines = [line("ann", "o1", "POST", 1, 1_800, 4, kind="fee"), line("bob", "o2", "mug", 1, 200, 4)]
    lines.append(line("bob", "o2", "POST", 1, 1_800, 4, kind="fee"))
    found = run(warehouse, lines, [])
    assert (found["ann"]["orders"], found["ann"]["revenue_minor"], found["ann"]["recency_days"]) == (0, 0, 4)
    assert (found["bob"]["revenue_minor"], found["bob"]["items"]) == (200, 1)


def test_margins_fall_back_where_the_product_has_none(warehouse: Warehouse) -> None:
    lines = [line("ann", "o1", p, 1, 1_000, 4) for p in ("mug", "bowl", "lamp", "unlisted")]
    row = run(warehouse, lines, [], margin_share=0.25)["ann"]
    assert row["margin_minor"] == 400 + 250 + 600 + 250


def test_hours_and_weekdays_are_the_shops_own(warehouse: Warehouse) -> None:
    sold = line("ann", "o1", "mug", 1, 200, 0)
    sold["occurred_at"] = dt.datetime(
        2026, 4, 30, 22, 30
    )  # a Thursday in UTC, Friday 00:30 in Helsinki + 1 h summer
    here = run(warehouse, [sold], [])["ann"]
    there = run(warehouse, [sold], [], timezone="Europe/Helsinki")["ann"]
    assert (list(here["weekday_share"]), list(here["hour_share"])) == (["Thursday"], ["evening"])
    assert (list(there["weekday_share"]), list(there["hour_share"])) == (["Friday"], ["night"])


def test_stages_are_carried_along(warehouse: Warehouse) -> None:
    stages = ibis.memtable(pa.table({"profile_id": ["ann"], "stage": ["loyal"]}))
    found = run(warehouse, [line(p, "o1", "mug", 1, 200, 3) for p in ("ann", "bob")], [], stages=stages)
    assert {p: row["stage"] for p, row in found.items()} == {"ann": "loyal", "bob": None}
