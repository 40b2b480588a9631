"""Rule segments in the engine against an oracle in plain Python, over features, events, traits and values."""

import datetime as dt
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.audience.segment.by_rule import by_rule, memberships
from omnimix.audience.segment.definition import Definition
from omnimix.store.facts import EVENT, PROFILE_VALUE, TRAIT
from omnimix.store.warehouse import Warehouse

AS_OF = dt.datetime(2026, 6, 1)
PEOPLE = ("ann", "bob", "cat")
HOUR = dt.timedelta(hours=1)
NEVER = dt.datetime(1, 1, 1)


def table(schema: ibis.Schema, rows: list[dict[str, Any]], *more: str) -> ibis.Table:
    fields = {f.name: f.type for f in schema.to_pyarrow()} | dict.fromkeys(more, pa.string())
    return ibis.memtable(pa.Table.from_pylist(rows, schema=pa.schema(list(fields.items()))))


def event(profile: str | None, name: str, hours: int, device: str | None = None) -> dict[str, Any]:
    at = AS_OF - hours * HOUR
    return {"event_id": f"{profile}{name}{hours}{device}", "name": name, "occurred_at": at, "profile_id": profile}


def met(
    warehouse: Warehouse,
    feature_table: Any,
    rules: dict[str, Definition],
    *,
    events: list[dict[str, Any]] | None = None,
    traits: list[dict[str, Any]] | None = None,
    value: list[dict[str, Any]] | None = None,
    **columns: Any,
) -> dict[str, set[str]]:
    rows = feature_table(len(PEOPLE), {"profile_id": list(PEOPLE), **columns})
    flags = by_rule(
        ibis.memtable(rows),
        rules,
        events=table(EVENT, events or [], "profile_id"),
        traits=table(TRAIT, traits or [], "profile_id"),
        value=table(PROFILE_VALUE, value or []),
        as_of=AS_OF,
    )
    found = warehouse.arrow(flags)
    assert found.column_names == ["profile_id", *rules]
    assert sorted(found["profile_id"].to_pylist()) == sorted(PEOPLE)
    assert all(found[key].null_count == 0 for key in rules)
    return {key: {r["profile_id"] for r in found.to_pylist() if r[key]} for key in rules}


any_event = st.builds(
    event,
    st.sampled_from([*PEOPLE, "stranger", None]),
    st.sampled_from(["Product Added", "Order Completed", "Product Viewed"]),
    st.integers(-30, 400),
)


@given(st.lists(any_event, max_size=12))
@settings(max_examples=12)
def test_windows_and_sequences_hold_for_whom_an_oracle_says(events: list[dict[str, Any]]) -> None:
    rules = {
        "abandoned-cart": Definition(
            when=("Product Added within 14 days", "no Order Completed since Product Added")
        ),
        "no-order": Definition(when=("no Order Completed within 5 days",)),
        "twice": Definition(when=("Product Viewed >= 2",), none=("in:no-order",)),
        "ordered-after": Definition(when=("Order Completed since Product Viewed",)),
        "either": Definition(any=("in:twice", "in:ordered-after", "not Product Added < 1")),
    }
    warehouse = WAREHOUSES["one"]
    found = met(warehouse, FEATURES["table"], rules, events=events)
    for person in PEOPLE:
        own = [(e["name"], e["occurred_at"]) for e in events if e["profile_id"] == person]
        own = [(n, at) for n, at in own if at < AS_OF]

        def last(name: str, own: list[tuple[str, dt.datetime]] = own) -> dt.datetime:
            return max((at for n, at in own if n == name), default=NEVER)

        added, ordered = last("Product Added"), last("Order Completed")
        wanted = {
            "abandoned-cart": added >= AS_OF - 14 * 24 * HOUR and ordered < added,
            "no-order": ordered < AS_OF - 5 * 24 * HOUR,
            "ordered-after": last("Product Viewed") != NEVER and ordered >= last("Product Viewed"),
        }
        views = sum(n == "Product Viewed" for n, _at in own)
        wanted["twice"] = views >= 2 and not wanted["no-order"]
        wanted["either"] = wanted["twice"] or wanted["ordered-after"] or added != NEVER
        assert {k for k in rules if person in found[k]} == {k for k, held in wanted.items() if held}, person


WAREHOUSES: dict[str, Warehouse] = {}
FEATURES: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def at_hand(warehouse: Warehouse, feature_table: Any) -> None:
    """Hypothesis runs a test many times in one place: what it needs is kept beside it."""
    WAREHOUSES["one"], FEATURES["table"] = warehouse, feature_table


def test_features_shares_words_and_unknowns(warehouse: Warehouse, feature_table: Any) -> None:
    rules = {
        "candles": Definition(when=("category_share:Candles >= 0.5",)),
        "british": Definition(when=("country = GB",)),
        "not-british": Definition(when=("not country = GB",)),
        "abroad": Definition(when=("country != GB",)),
        "many": Definition(when=("orders >= 2", "recency_days <= 10")),
        "nowhere": Definition(when=("category_share:Unheard of > 0",)),
    }
    found = met(
        warehouse,
        feature_table,
        rules,
        category_share=[[("Candles", 0.5), ("Bags", 0.5)], [("Bags", 1.0)], None],
        country=["GB", "FR", None],
        orders=[2, 3, 2],
        recency_days=[10, 3, 11],
    )
    assert found == {
        "candles": {"ann"},
        "british": {"ann"},
        "not-british": {"bob", "cat"},
        "abroad": {"bob"},
        "many": {"ann", "bob"},
        "nowhere": set(),
    }


def test_the_latest_word_on_a_trait_counts_and_the_future_does_not(
    warehouse: Warehouse, feature_table: Any
) -> None:
    def told(person: str, value: str, hours: int, provider: str | None = None) -> dict[str, Any]:
        return {
            "trait_id": f"{person}{value}{hours}{provider}",
            "trait": "plan",
            "value": value,
            "profile_id": person,
            "provider": provider,
            "observed_at": AS_OF - hours * HOUR,
        }

    traits = [
        told("ann", "gold", 50),
        told("ann", "silver", 90),
        told("bob", "silver", 9),
        told("bob", "gold", 9, "bought"),
        told("cat", "gold", -5),
        {**told("cat", "70", 5), "trait": "lead_score"},
        {**told("bob", "high", 5), "trait": "lead_score"},
    ]
    rules = {
        "gold": Definition(when=("trait:plan = gold",)),
        "known": Definition(when=("trait:plan",)),
        "warm": Definition(when=("trait:lead_score >= 50",)),
    }
    found = met(warehouse, feature_table, rules, traits=traits)
    assert found == {"gold": {"ann"}, "known": {"ann", "bob"}, "warm": {"cat"}}


def test_value_is_asked_only_where_it_was_known(warehouse: Warehouse, feature_table: Any) -> None:
    value = [
        {"profile_id": "ann", "p_churn": 0.7, "clv_minor": 100, "as_of": AS_OF},
        {"profile_id": "bob", "p_churn": 0.9, "clv_minor": 900, "as_of": AS_OF + HOUR},
    ]
    rules = {"leaving": Definition(when=("p_churn >= 0.6",)), "dear": Definition(when=("clv_minor < 1000",))}
    assert met(warehouse, feature_table, rules, value=value) == {"leaving": {"ann"}, "dear": {"ann"}}


def test_memberships_list_a_profile_once_for_each_rule(warehouse: Warehouse) -> None:
    flags = ibis.memtable(pa.table({"profile_id": ["a", "b"], "vip": [True, False], "new": [True, True]}))
    rows = warehouse.arrow(memberships(flags, ["vip", "new"], as_of=AS_OF)).to_pylist()
    assert {(r["profile_id"], r["segment"]) for r in rows} == {("a", "vip"), ("a", "new"), ("b", "new")}
    assert len(rows) == 3


def test_columns_of_events_narrow_what_counts(warehouse: Warehouse, feature_table: Any) -> None:
    events = [
        {**event("ann", "Product Viewed", 5), "device": "mobile"},
        {**event("bob", "Product Viewed", 5), "device": "desktop"},
        {**event("cat", "Product Viewed", 5), "device": None},
    ]
    rules = {"mobile": Definition(when=("Product Viewed where device = mobile within 1 day",))}
    assert met(warehouse, feature_table, rules, events=events) == {"mobile": {"ann"}}
