"""Rewards of live decisions from the facts of a workspace."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from omnimix.app import machine_of, settings_of
from omnimix.core.hashing import stable_id
from omnimix.flow.machine import Machine
from omnimix.flow.rewards import rewards_of
from omnimix.store.facts import SCHEMAS
from omnimix.testing.collector import Collector

AT = datetime(2026, 10, 1, 12)
NOW = AT + timedelta(days=3)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A workspace without facts."""
    root = Collector(tmp_path / "shop", port=1).root
    with machine_of(settings_of(root, os.environ), os.environ) as opened:
        yield opened


def put(machine: Machine, fact: str, *rows: dict[str, Any]) -> None:
    """Write rows of a fact; what they leave out is null, nought, empty or false."""
    schema = SCHEMAS[fact]
    blank = {"string": "", "int64": 0, "float64": 0.0, "boolean": False, "binary": b""}

    def value(name: str, kind: ibis.expr.datatypes.DataType) -> Any:
        return None if kind.nullable else blank.get(str(kind.copy(nullable=True)), AT)

    made = [{n: row.get(n, value(n, k)) for n, k in schema.items()} for row in rows]
    machine.warehouse.write(fact, pa.Table.from_pylist(made, schema.to_pyarrow()))


def decided(number: int, person: str | None) -> dict[str, Any]:
    return {
        "decision_id": f"d{number}",
        "decided_at": AT,
        "person": person,
        "campaign": "spring",
        "variant_id": "v",
        "probability": 1.0,
    }


def event(number: int, name: str, hours: int, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "source": "live",
        "name": name,
        "occurred_at": AT + timedelta(hours=hours),
        "currency": "GBP",
        **more,
    }


def clicked(number: int, which: int, hours: int) -> dict[str, Any]:
    return event(number, "Ad Clicked", hours, properties=f'{{"decision_id":"d{which}"}}')


def line(number: int, order: str, person: str, hours: int, amount: int) -> dict[str, Any]:
    return {
        "line_id": f"l{number}",
        "source": "orders",
        "order_id": order,
        "person_key": person,
        "occurred_at": AT + timedelta(hours=hours),
        "product_id": "p",
        "quantity": 1,
        "amount_minor": amount,
        "currency": "GBP",
        "kind": "sale" if amount > 0 else "return",
    }


def test_margins_of_whoever_was_decided_for(machine: Machine) -> None:
    links = [("user:a", "pf_a"), ("anon:b", "pf_b"), ("user:c", "pf_c")]
    put(machine, "link", *({"key": k, "profile_id": p, "kind": k[:4]} for k, p in links))
    unmet = stable_id("pf", "anon:b")  # no run had met them when it was decided
    people = ["pf_a", unmet, "pf_c", None, "pf_d"]
    put(machine, "decision", *(decided(n, person) for n, person in enumerate(people)))
    put(
        machine,
        "event",
        *(clicked(n, n, 1) for n in range(5)),
        event(10, "Order Completed", 2, person_key="user:a", order_id="o1", revenue_minor=1000),  # in lines, too
        event(11, "Order Completed", 2, person_key="anon:b", order_id="o2", revenue_minor=500),
        event(12, "Order Completed", 3, person_key="anon:b", order_id="o2", revenue_minor=500),  # told twice
        event(13, "Order Refunded", 9, person_key="anon:b", order_id="o2", revenue_minor=-100),
        event(14, "Order Completed", 2, person_key="user:c", order_id="o3", revenue_minor=500),
        event(15, "Order Completed", 30, order_id="o4", revenue_minor=200, properties='{"decision_id":"d4"}'),
    )
    put(machine, "order_line", line(1, "o1", "user:a", 2, 600), line(2, "o1", "user:a", 2, 400))
    refused = {
        "consent_id": "c1",
        "person_key": "user:c",
        "purpose": "measurement",
        "decided_at": AT,
        "source": "x",
    }
    put(machine, "consent", refused)
    put(machine, "automated", {"event_id": "e99", "reason": "pace"})
    found = machine.warehouse.arrow(rewards_of(machine, now=NOW)).to_pylist()
    short = {r["decision_id"]: (r["profile_id"], r["clicked"], r["orders"], r["margin_minor"]) for r in found}
    assert short == {
        "d0": ("pf_a", True, 1, 400),
        "d1": ("pf_b", True, 1, 160),
        "d4": ("pf_d", True, 1, 80),
    }
    assert {r["age_seconds"] for r in found} == {3 * 86_400}
