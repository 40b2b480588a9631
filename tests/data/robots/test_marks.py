"""Which events no person did: each sign by itself, and planted robots among planted people."""

import random
from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.data.robots.marks import BURST, HIDDEN_LINK, INSTANT, NEAR_HIDDEN, PACE, automated, robot_profiles
from omnimix.data.robots.rules import RobotRules
from omnimix.data.robots.words import AGENT
from omnimix.store.facts import EVENT
from omnimix.store.warehouse import Warehouse
from omnimix.testing.robots import PEOPLE, ROBOTS, traffic

SCHEMA = ibis.schema({n: t.copy(nullable=True) for n, t in EVENT.items()} | {"profile_id": "string"})
NOON = datetime(2026, 11, 1, 12)
RULES = RobotRules(burst_people=5, pace_events=10)
Row = dict[str, Any]


def event(name: str = "Page Viewed", seconds: float = 0, *, who: str | None = "p", **more: Any) -> Row:
    at = NOON + timedelta(seconds=seconds)
    return {"source": "web", "name": name, "occurred_at": at, "person_key": who, "profile_id": who, **more}


def table(rows: list[Row]) -> ibis.Table:
    filled = [{n: row.get(n) for n in SCHEMA.names} for row in rows]
    for place, row in enumerate(filled):
        row["event_id"] = row["event_id"] or f"e{place:05d}"
    return ibis.memtable(pa.Table.from_pylist(filled, schema=SCHEMA.to_pyarrow()), schema=SCHEMA)


def marks(warehouse: Warehouse, rows: list[Row], rules: RobotRules = RULES) -> dict[str, str]:
    found = warehouse.arrow(automated(table(rows), rules)).to_pylist()
    assert len({r["event_id"] for r in found}) == len(found)
    return {r["event_id"]: r["reason"] for r in found}


def test_a_known_agent_but_never_an_order(warehouse: Warehouse) -> None:
    rows = [
        event(robot=AGENT),
        event("Order Completed", robot=AGENT),
        event("Paid", robot=AGENT, revenue_minor=100),
    ]
    assert marks(warehouse, [*rows, event()]) == {"e00000": AGENT}


@pytest.mark.parametrize(("seconds", "marked"), [(0, True), (1, True), (2, False), (300, False)])
@pytest.mark.parametrize("name", ["Email Opened", "Email Link Clicked"])
def test_too_soon_after_delivery(warehouse: Warehouse, name: str, seconds: int, marked: bool) -> None:
    rows = [
        event("Email Delivered", -900),
        event(name, seconds),
        event("Email Delivered", 0),
        event(name, 1, who="q"),
    ]
    assert marks(warehouse, rows) == ({"e00001": INSTANT} if marked else {})


def test_around_a_hidden_link(warehouse: Warehouse) -> None:
    rows = [
        event(HIDDEN_LINK, 0, network="n"),
        event(seconds=200),
        event(seconds=-299, who="q", network="n"),
        event(seconds=299, who=None, network="n"),
        event(seconds=301),
        event(seconds=10, who="q", network="other"),
        event("Order Completed", 5, network="n"),
    ]
    assert marks(warehouse, rows) == dict.fromkeys(["e00000", "e00001", "e00002", "e00003"], NEAR_HIDDEN)


@pytest.mark.parametrize("count", [4, 5, 9])
def test_a_burst_of_passers_by(warehouse: Warehouse, count: int) -> None:
    rows = [event(seconds=n, who=f"p{n}", network="n") for n in range(count)]
    rows += [event(seconds=n, who=f"q{n}", network="m") for n in range(4)]
    assert marks(warehouse, rows) == ({f"e{n:05d}": BURST for n in range(count)} if count >= 5 else {})


def test_people_who_look_around_are_no_burst(warehouse: Warehouse) -> None:
    rows = [event(seconds=60 * n + step, who=f"p{n}", network="n") for n in range(9) for step in range(4)]
    assert marks(warehouse, rows) == {}


def test_faster_than_a_person(warehouse: Warehouse) -> None:
    fast = [event(seconds=n / 10, network="n") for n in range(11)] + [event(seconds=900, network="n")]
    slow = [event(seconds=6.1 * n, who="q", network="n") for n in range(30)]
    unplaced = [event(seconds=0, who="r") for _ in range(30)]  # an export with a whole day at midnight
    found = marks(warehouse, fast + slow + unplaced)
    assert found == {f"e{n:05d}": PACE for n in range(12)}


@settings(max_examples=4)  # each compiles its queries anew
@given(st.permutations(range(12)), st.integers(0, 5))
def test_order_of_rows_and_repetition_change_nothing(warehouse: Warehouse, order: list[int], seed: int) -> None:
    rng = random.Random(seed)
    names = ("Page Viewed", HIDDEN_LINK, "Email Delivered", "Email Opened")
    rows = [
        event(
            rng.choice(names),
            rng.randint(0, 400),
            who=rng.choice(["p", "q", None]),
            network=rng.choice(["n", None]),
        )
        | {"event_id": f"x{n}"}
        for n in range(12)
    ]
    assert marks(warehouse, rows) == marks(warehouse, [rows[i] for i in order])


def test_profiles_of_robots_alone(warehouse: Warehouse) -> None:
    rows = [
        event(who="bot", robot=AGENT),
        event(who="both", robot=AGENT),
        event(who="both"),
        event(who="buyer", robot=AGENT),
    ]
    events = table(rows)
    bought = ibis.memtable(pa.table({"profile_id": ["buyer"]}))
    found = warehouse.arrow(robot_profiles(events, automated(events, RULES), bought))["profile_id"].to_pylist()
    assert found == ["bot"]


@pytest.mark.parametrize("seed", range(3))
def test_planted_robots_are_found_and_people_left_alone(warehouse: Warehouse, seed: int) -> None:
    made = traffic(people=400, seed=seed)
    events = ibis.memtable(made.events, schema=SCHEMA)
    found = set(warehouse.arrow(automated(events, RobotRules()))["event_id"].to_pylist())
    truth = {e for e, kind in made.kinds.items() if kind in ROBOTS}
    people = {e for e, kind in made.kinds.items() if kind in PEOPLE}
    assert len(found & truth) / len(truth) >= 0.95
    assert len(found & people) / len(people) <= 0.01
    for kind in ROBOTS:
        own = {e for e, k in made.kinds.items() if k == kind}
        assert len(found & own) / len(own) >= 0.9, kind
