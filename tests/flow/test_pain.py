"""Looking for pain as a step of a run, and the people behind what it found."""

from datetime import timedelta

import ibis
import numpy as np
import pyarrow as pa
import pytest
from tests.flow.conftest import Ran

from omnimix.audience.journey.pain.record import Kind, PainReport
from omnimix.core.errors import NotFound
from omnimix.flow.machine import Machine
from omnimix.flow.pain import find_pain, order_margin, people_behind
from omnimix.flow.people import margins_of
from omnimix.store.facts import EVENT, LINK


def with_visits(machine: Machine, *, people: int = 150, visits: int = 1500) -> None:
    """Visits over 90 days of people newly known; from day 40 to 54 the checkout fails for nearly everybody."""
    rng = np.random.default_rng(8)
    first = machine.today - timedelta(days=90)
    rows = []
    for visit in range(visits):
        person, day = int(rng.integers(people)), int(rng.integers(90))
        steps = ["Product Viewed", "Checkout Started"]
        fails = 40 <= day <= 54 and rng.random() < 0.8
        steps.append("Payment Failed" if fails else "Order Completed")
        at = first + timedelta(days=day, minutes=int(rng.integers(1400)))
        for place, name in enumerate(steps):
            rows.append((f"v{visit}-{place}", name, at + timedelta(seconds=20 * place), f"anon:{person}"))
    columns = {
        "event_id": [r[0] for r in rows],
        "source": ["web"] * len(rows),
        "name": [r[1] for r in rows],
        "occurred_at": [r[2] for r in rows],
        "person_key": [r[3] for r in rows],
    }
    nothing = [None] * len(rows)
    wanted = EVENT.to_pyarrow()
    events = pa.table([pa.array(columns.get(f.name, nothing), f.type) for f in wanted], schema=wanted)
    machine.warehouse.write("event", events, part="web")
    links = [
        {"key": f"anon:{p}", "kind": "anonymous", "profile_id": f"p_web{p}", "linked_at": first}
        for p in range(people)
    ]
    machine.warehouse.write("link", ibis.memtable(links, schema=LINK), part="web")


def test_a_shop_of_orders_alone_gets_an_answer(ran: Ran) -> None:
    step = ran.steps["pain"]
    report = ran.machine.artifacts.load("pain", PainReport)
    assert step.rows_in == report.sessions > 0
    assert step.rows_out == len(report.points) + len(report.standing) == 0
    assert report.currency == ran.machine.currency


def test_pain_has_people_and_money_behind_it(ran: Ran) -> None:
    with_visits(ran.machine)
    counts = find_pain(ran.machine)
    report = ran.machine.artifacts.load("pain", PainReport)
    assert counts.rows_out == len(report.points) + len(report.standing)
    point = report.points[0]
    assert (point.kind, point.step, point.who) == (Kind.ERROR, "Checkout Started", ())
    assert point.lost_minor is not None
    assert point.lost_minor.value > 0
    people = people_behind(ran.machine, point.key)
    assert len(people) == len(set(people)) == point.affected
    # The same input says the same again.
    assert find_pain(ran.machine).output == counts.output
    with pytest.raises(NotFound, match="no pain point") as raised:
        people_behind(ran.machine, "elsewhere")
    assert point.key in raised.value.fix


def test_an_order_is_worth_what_its_lines_bring(ran: Ran) -> None:
    found = order_margin(ran.machine)
    assert found is not None
    lines = ran.machine.warehouse.arrow(margins_of(ran.machine)).to_pylist()
    days: dict[tuple[str, object], int] = {}
    for line in lines:
        key = (line["profile_id"], line["occurred_at"].date())
        days[key] = days.get(key, 0) + line["margin_minor"]
    bought = [v for v in days.values() if v > 0]
    assert found.value == pytest.approx(np.mean(bought), abs=1)
    assert found.low <= found.value <= found.high
