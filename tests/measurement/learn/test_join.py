"""Decisions joined with what became of them, against the rules in plain Python; the same under Spark."""

from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.decide.feedback import CLICKED, FeedbackRules
from omnimix.measurement.learn.join import credited, rewarded, touches
from omnimix.store.warehouse import Warehouse

START = datetime(2026, 10, 1)
NOW = START + timedelta(days=40)
RULES = FeedbackRules(click_days=7, view_days=1)
HOURS = st.integers(0, 24 * 12)
_AT = pa.timestamp("us")
Rows = list[dict[str, Any]]


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


decided = st.lists(
    st.fixed_dictionaries({"profile_id": st.sampled_from(["p", "q"]), "decided_at": HOURS.map(at)}),
    min_size=1,
    max_size=6,
)
happened = st.lists(
    st.tuples(
        st.sampled_from(["Ad Viewed", "Ad Clicked", "Email Opened", "Product Viewed"]),
        st.integers(0, 7),  # of which decision; some there is none of
        HOURS,
        st.booleans(),  # a robot
    ),
    max_size=10,
)
bought = st.lists(
    st.fixed_dictionaries(
        {
            "order_id": st.sampled_from(["o1", "o2", "o3", None]),
            "profile_id": st.sampled_from(["p", "q", None]),
            "occurred_at": HOURS.map(at),
            "margin_minor": st.integers(1, 900),
            "refund": st.booleans(),
            "decision_id": st.sampled_from([None, None, None, "d0", "d9"]),
        }
    ),
    max_size=8,
)


def tables(decisions: Rows, events: list[tuple[str, int, int, bool]], orders: Rows) -> tuple[pa.Table, ...]:
    """Decisions, events, marks of robots and orders as they stand in facts."""
    for place, row in enumerate(decisions):
        row["decision_id"] = f"d{place}"
    for place, row in enumerate(orders):
        row["order_key"] = f"k{place}"
        row["margin_minor"] = -abs(row["margin_minor"]) if row["refund"] else row["margin_minor"]
    seen = [
        {
            "event_id": f"e{n}",
            "name": name,
            "occurred_at": at(hours),
            "properties": f'{{"campaign":"c","decision_id":"d{which}"}}',
        }
        for n, (name, which, hours, _) in enumerate(events)
    ]
    marks = [{"event_id": f"e{n}", "reason": "agent"} for n, (*_, robot) in enumerate(events) if robot]
    text, number = pa.string(), pa.int64()
    return (
        pa.Table.from_pylist(decisions, pa.schema({"decision_id": text, "profile_id": text, "decided_at": _AT})),
        pa.Table.from_pylist(
            seen, pa.schema({"event_id": text, "name": text, "occurred_at": _AT, "properties": text})
        ),
        pa.Table.from_pylist(marks, pa.schema({"event_id": text, "reason": text})),
        pa.Table.from_pylist(
            orders,
            pa.schema(
                {
                    "order_key": text,
                    "order_id": text,
                    "profile_id": text,
                    "occurred_at": _AT,
                    "margin_minor": number,
                    "refund": pa.bool_(),
                    "decision_id": text,
                }
            ),
        ),
    )


def credit_slowly(kept: dict[str, Any], human: list[Any], orders: Rows) -> dict[str, str]:
    """Order → decision."""
    credit: dict[str, str] = {}
    for order in (o for o in orders if not o["refund"]):
        if order["decision_id"] in kept:
            credit[order["order_key"]] = order["decision_id"]
            continue
        near = [
            (clicked, when, which["decision_id"])
            for which, when, clicked in human
            if which["profile_id"] == order["profile_id"]
            and when <= order["occurred_at"] <= when + timedelta(days=7 if clicked else 1)
        ]
        if near:
            best = max(n[:2] for n in near)
            credit[order["order_key"]] = min(n[2] for n in near if n[:2] == best)
    for order in (o for o in orders if o["refund"]):
        if order["decision_id"] in kept:
            credit[order["order_key"]] = order["decision_id"]
            continue
        before = [
            o
            for o in orders
            if not o["refund"]
            and o["profile_id"] == order["profile_id"] is not None
            and o["occurred_at"] <= order["occurred_at"]
        ]
        same = [o for o in before if o["order_id"] == order["order_id"] is not None] or before
        if same:
            latest = max(o["occurred_at"] for o in same)
            key = min(o["order_key"] for o in same if o["occurred_at"] == latest)
            if key in credit:
                credit[order["order_key"]] = credit[key]
    return credit


def slowly(decisions: Rows, events: Rows, robots: set[str], orders: Rows) -> dict[str, dict[str, Any]]:
    """The same by the rules, one at a time."""
    by_id = {d["decision_id"]: d for d in decisions}
    touched = []
    for event in events:
        which = by_id.get(event["properties"].split('"decision_id":"')[1][:2])
        if which and event["name"] != "Product Viewed" and event["occurred_at"] >= which["decided_at"]:
            touched.append((which, event["occurred_at"], event["name"] in CLICKED, event["event_id"] in robots))
    human = [t[:3] for t in touched if not t[3]]
    only_robots = {t[0]["decision_id"] for t in touched} - {t[0]["decision_id"] for t in human}
    kept = {k: d for k, d in by_id.items() if k not in only_robots}
    credit = credit_slowly(kept, human, orders)
    found = {}
    for key in kept:
        mine = [o for o in orders if credit.get(o["order_key"]) == key]
        found[key] = {
            "shown": any(t[0]["decision_id"] == key for t in human),
            "clicked": any(t[0]["decision_id"] == key and t[2] for t in human),
            "orders": sum(1 for o in mine if not o["refund"]),
            "margin_minor": sum(o["margin_minor"] for o in mine),
            "age_seconds": int((NOW - kept[key]["decided_at"]).total_seconds()),
        }
    return found


def joined(warehouse: Warehouse, made: tuple[pa.Table, ...]) -> dict[str, dict[str, Any]]:
    decisions, events, marks, orders = map(ibis.memtable, made)
    rows = warehouse.arrow(rewarded(decisions, events, marks, orders, rules=RULES, now=NOW)).to_pylist()
    kept = ("shown", "clicked", "orders", "margin_minor", "age_seconds")
    assert len({r["decision_id"] for r in rows}) == len(rows)
    return {r["decision_id"]: {k: r[k] for k in kept} for r in rows}


@settings(max_examples=15)
@given(decisions=decided, events=happened, orders=bought)
def test_as_the_rules_say(
    warehouse: Warehouse, decisions: Rows, events: list[tuple[str, int, int, bool]], orders: Rows
) -> None:
    made = tables(decisions, events, orders)
    rows = [t.to_pylist() for t in made]
    robots = {m["event_id"] for m in rows[2]}
    assert joined(warehouse, made) == slowly(rows[0], rows[1], robots, rows[3])


@settings(max_examples=8)
@given(decisions=decided, events=happened, orders=bought)
def test_nothing_is_credited_twice_and_no_order_before_its_decision(
    warehouse: Warehouse, decisions: Rows, events: list[tuple[str, int, int, bool]], orders: Rows
) -> None:
    named, seen, _marks, sold = map(ibis.memtable, tables(decisions, events, orders))
    rows = warehouse.arrow(credited(named, touches(named, seen), sold, RULES)).to_pylist()
    keys = [r["order_key"] for r in rows]
    assert len(set(keys)) == len(keys)
    told = {o["order_key"]: o["decision_id"] for o in orders}
    assert all(r["delay_seconds"] >= 0 or told[r["order_key"]] or r["refund"] for r in rows)


def example() -> tuple[pa.Table, ...]:
    """Every rule once."""
    decisions = [{"profile_id": p, "decided_at": at(h)} for p, h in (("p", 0), ("p", 24), ("q", 0), ("q", 5))]
    events = [
        ("Ad Viewed", 0, 1, False),
        ("Ad Clicked", 0, 2, False),
        ("Ad Viewed", 1, 25, False),
        ("Ad Clicked", 2, 1, True),
        ("Email Opened", 3, 6, False),
        ("Ad Clicked", 9, 6, False),
    ]
    orders = [
        ("o1", "p", 30, 500, False, None),  # the click of d0 comes before the later view of d1
        ("o1", "p", 300, -500, True, None),
        ("o2", "q", 29, 700, False, None),  # within a day of the open
        ("o3", "q", 31, 900, False, None),  # too late
        ("o4", None, 31, 40, False, "d1"),  # names its decision
    ]
    names = ("order_id", "profile_id", "occurred_at", "margin_minor", "refund", "decision_id")
    rows = [dict(zip(names, (o[0], o[1], at(o[2]), *o[3:]), strict=True)) for o in orders]
    return tables(decisions, events, rows)


def test_every_rule_once(warehouse: Warehouse) -> None:
    found = joined(warehouse, example())
    short = {k: (r["shown"], r["clicked"], r["orders"], r["margin_minor"]) for k, r in found.items()}
    assert short == {"d0": (True, True, 1, 0), "d1": (True, False, 1, 40), "d3": (True, False, 1, 700)}


@pytest.mark.xdist_group("spark")
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_spark_says_the_same(spark: Warehouse) -> None:
    assert joined(spark, example()) == joined(spark.local, example())
