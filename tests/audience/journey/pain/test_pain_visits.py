"""What was tried and what went wrong, against plain Python; counts that add up."""

from collections import Counter
from datetime import datetime, timedelta

import ibis
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_days import fact_of

from omnimix.audience.journey.journey import EXIT, START
from omnimix.audience.journey.pain.counts import Struck, clusters, daily_hurts, daily_tries, stratify
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.pain.visits import DIMENSIONS, MISSED, hurts, pain_rows, tries, visits
from omnimix.store.warehouse import Warehouse

NAMES = ("home", "cart", "purchase", "payment_error", "support_chat")
Visit = list[tuple[str, datetime]]


@st.composite
def events(draw: st.DrawFn) -> pa.Table:
    count = draw(st.integers(1, 12))
    at = datetime(2026, 1, 1)
    drawn: list[tuple[str, datetime, str, str]] = []
    for _ in range(count):
        at += timedelta(minutes=draw(st.sampled_from([0, 1, 5, 31, 1440])))
        person = draw(st.sampled_from("ab"))
        drawn.append((draw(st.sampled_from(NAMES)), at, person, draw(st.sampled_from(["mobile", "desktop"]))))
    table = fact_of(
        [d[0] for d in drawn], [d[1] for d in drawn], [d[2] for d in drawn], device=[d[3] for d in drawn]
    )
    return table.take(draw(st.permutations(range(count))))


def in_visits(table: pa.Table) -> dict[tuple[str, int], list[dict[str, object]]]:
    found: dict[tuple[str, int], list[dict[str, object]]] = {}
    for person in "ab":
        rows = [r for r in table.to_pylist() if r["profile_id"] == person]
        session, before = 0, None
        for row in sorted(rows, key=lambda r: (r["occurred_at"], r["event_id"])):
            if before is None or row["occurred_at"] - before > timedelta(minutes=30):
                session += 1
            before = row["occurred_at"]
            found.setdefault((person, session), []).append(row)
    return found


def slow_hurts(steps: list[str]) -> set[tuple[str, str, str]]:
    """Kind, base, next step, but for slow moves."""
    bad = {("drop-off", steps[-1], EXIT)}
    for place, step in enumerate(steps[:-1]):
        if steps[place + 1] in steps[: place + 1]:
            bad.add(("loop", step, steps[place + 1]))
    for kind, name in (("error", "payment_error"), ("support", "support_chat")):
        if name in steps:
            last = len(steps) - 1 - steps[::-1].index(name)
            bad |= {(kind, START, name)} | {(kind, s, name) for s in steps[:last] if s != name}
    if "purchase" not in steps and set(steps) - {"support_chat"}:
        bad |= {("drop-off", base, MISSED) for base in {START, *steps}}
    return bad


def tables(warehouse: Warehouse, table: pa.Table) -> dict[str, ibis.Table]:
    clicks = pain_rows(ibis.memtable(table), rules=PainRules(), gap_minutes=30)["clicks"]
    clicks = warehouse.materialise(clicks)
    seen = warehouse.materialise(visits(clicks, recover_days=7))
    tried = warehouse.materialise(tries(clicks))
    return {"seen": seen, "tried": tried, "hurt": warehouse.materialise(hurts(clicks, tried, seen))}


@settings(max_examples=4)
@given(table=events())
def test_tries_and_hurts_are_those_of_each_visit(warehouse: Warehouse, table: pa.Table) -> None:
    rows = {name: warehouse.arrow(t).to_pylist() for name, t in tables(warehouse, table).items()}
    truth = {key: [str(r["name"]) for r in line] for key, line in in_visits(table).items()}
    assert sorted((r["profile_id"], r["session"]) for r in rows["seen"]) == sorted(truth)
    assert {(r["profile_id"], r["session"]) for r in rows["seen"] if r["bought"]} == {
        key for key, steps in truth.items() if "purchase" in steps
    }
    made = Counter((r["profile_id"], r["session"], r["base"]) for r in rows["tried"] if not r["to"])
    assert made == Counter((*key, base) for key, steps in truth.items() for base in {START, *steps})
    bad = Counter(
        (r["profile_id"], r["session"], r["kind"], r["base"], r["next_step"])
        for r in rows["hurt"]
        if r["kind"] != "slow step"
    )
    assert bad == Counter((*key, *what) for key, steps in truth.items() for what in slow_hurts(steps))
    # Whatever went wrong had been tried.
    tried = {(r["profile_id"], r["session"], r["base"], r["to"]) for r in rows["tried"]}
    assert all((r["profile_id"], r["session"], r["base"], r["to"]) in tried for r in rows["hurt"])


@settings(max_examples=4)
@given(table=events())
def test_daily_counts_add_up(warehouse: Warehouse, table: pa.Table) -> None:
    made = tables(warehouse, table)
    seen = stratify(made["seen"], made["tried"], made["hurt"], [])
    for count, rows in (("tried", daily_tries), ("hurt", daily_hurts)):
        counted = warehouse.arrow(rows(seen, made[count], DIMENSIONS)).to_pylist()
        everybody = sum(r[count] for r in counted if not r["dimension"])
        assert everybody == warehouse.arrow(made[count]).num_rows
        # Every visit has a device, so devices add up to everybody.
        assert sum(r[count] for r in counted if r["dimension"] == "device") == everybody
    alike = warehouse.arrow(clusters(made["tried"], made["hurt"])).to_pylist()
    assert sum(r["hurts"] for r in alike) == warehouse.arrow(made["hurt"]).num_rows
    assert all(r["hurts"] <= r["hurts_squared"] <= r["crossed"] for r in alike)


@settings(max_examples=4)
@given(table=events(), base=st.sampled_from([START, "cart"]), who=st.sampled_from([(), (("device", "mobile"),)]))
def test_only_struck_visits_are_set_aside(
    warehouse: Warehouse, table: pa.Table, base: str, who: tuple[tuple[str, str], ...]
) -> None:
    made = tables(warehouse, table)
    days = sorted(r["occurred_at"].date() for r in table.to_pylist())
    struck = Struck(base, "error", "payment_error", who, days[0], days[len(days) // 2])
    left = warehouse.arrow(stratify(made["seen"], made["tried"], made["hurt"], [struck])).to_pylist()
    kept = {(r["profile_id"], r["session"]): r["stratum"] for r in left}
    assert len(kept) == len(left)
    for key, line in in_visits(table).items():
        steps = {str(r["name"]) for r in line}
        first = line[0]
        group = not who or first["device"] == "mobile"
        during = struck.first_on <= first["occurred_at"].date() <= struck.last_on  # type: ignore[attr-defined]
        came = base == START or base in steps
        touched = group and during and (came or "payment_error" in steps)
        assert (key not in kept) == touched
        if key in kept:
            assert kept[key] == ("0" if came else "")


def test_a_visitor_of_the_first_weeks_is_neither_new_nor_returning(warehouse: Warehouse) -> None:
    at = [datetime(2026, 1, 1), datetime(2026, 1, 2), datetime(2026, 3, 1), datetime(2026, 3, 5)]
    table = fact_of(["home"] * 4, at, ["a", "b", "c", "c"])
    seen = warehouse.arrow(tables(warehouse, table)["seen"]).to_pylist()
    found = {(r["profile_id"], r["session"]): r["visitor"] for r in seen}
    assert found == {("a", 1): None, ("b", 1): None, ("c", 1): "new", ("c", 2): "returning"}


def kinds_of(warehouse: Warehouse, names: list[str], properties: list[str | None]) -> list[set[str]]:
    """What each event alone in a visit of its own means."""
    people = [f"p{i:02}" for i in range(len(names))]
    table = fact_of(names, [datetime(2026, 1, 1)] * len(names), people, properties=properties)
    found: dict[str, set[str]] = {p: set() for p in people}
    for row in warehouse.arrow(tables(warehouse, table)["hurt"]).to_pylist():
        found[row["profile_id"]].add(row["kind"])
    return [found[p] & {"error", "support"} for p in people]


def test_names_that_mean_an_error_or_help(warehouse: Warehouse) -> None:
    meant = {
        "Payment Declined": "error",
        "checkout_bug": "error",
        "page_404": "error",
        "Rage Click": "error",
        "Product Returned": "support",
        "Order Refunded": "support",
        "Live Chat Started": "support",
        "Debug Panel Opened": "",
        "Returning Customer Greeted": "",
        "Order 14045 Viewed": "",
        "Product Viewed": "",
    }
    found = kinds_of(warehouse, list(meant), [None] * len(meant))
    assert found == [{kind} - {""} for kind in meant.values()]


def test_properties_that_mean_an_error(warehouse: Warehouse) -> None:
    meant: dict[str | None, bool] = {
        '{"error_message": "card refused"}': True,
        '{"status": "declined"}': True,
        '{"http_status": 500}': True,
        '{"error": null}': False,
        '{"status": "ok", "errors": 0}': False,
        None: False,
    }
    found = kinds_of(warehouse, ["Form Sent"] * len(meant), list(meant))
    assert [k == {"error"} for k in found] == list(meant.values())
