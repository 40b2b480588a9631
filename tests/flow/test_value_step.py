"""The step `value`: every profile is counted, who refused is unseen, too few customers get no figures."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import ibis
import pytest
from tests.cli.conftest import lay_out
from tests.flow.conftest import clock

from omnimix.app import machine_of, settings_of
from omnimix.audience.value.record import Used, ValueReport
from omnimix.audience.value.rules import ValueRules
from omnimix.core.errors import NotFound
from omnimix.flow.machine import Machine
from omnimix.flow.people import fact
from omnimix.flow.understand import take_in
from omnimix.flow.value import profile_value, value
from omnimix.store.facts import CONSENT


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A shop of forty customers, taken in."""
    settings = settings_of(lay_out(tmp_path / "shop", lambda: None).root, os.environ)
    with machine_of(settings, os.environ, clock=clock) as opened:
        take_in(opened)
        yield opened


def rows_of(machine: Machine) -> list[dict[str, object]]:
    return machine.warehouse.arrow(fact(machine, "value").order_by("profile_id")).to_pylist()


def test_forty_customers_are_too_few_and_it_says_so(machine: Machine) -> None:
    counts = value(machine)
    assert counts.adds_up
    assert counts.rows_out == len(rows_of(machine)) == 40
    report = machine.artifacts.load("value", ValueReport)
    assert report.worth is None
    assert {p.name: p.used for p in report.propensities} == dict.fromkeys(
        ("buy", "churn", "respond"), Used.NOTHING
    )
    assert all(row["clv_minor"] is None and row["p_buy"] is None for row in rows_of(machine))


def test_with_a_lower_bar_everybody_gets_figures_the_same_each_time(machine: Machine) -> None:
    eager = replace(machine, value=ValueRules(least=3, buy_days=60, churn_days=60, draws=100, resamples=20))
    value(eager)
    first = rows_of(eager)
    assert all(row["clv_low"] <= row["clv_minor"] <= row["clv_high"] for row in first)
    assert all(0 < row["p_buy"] < 1 and 0 < row["p_churn"] < 1 for row in first)
    assert all(row["p_respond"] is None for row in first)
    before = eager.artifacts.load("value", ValueReport)
    value(eager)
    assert rows_of(eager) == first
    assert eager.artifacts.load("value", ValueReport) == before


def test_who_refuses_personalisation_has_no_row(machine: Machine) -> None:
    links = machine.warehouse.arrow(fact(machine, "link").order_by("key")).to_pylist()
    told = {
        "consent_id": "c1",
        "person_key": links[0]["key"],
        "purpose": "personalisation",
        "granted": False,
        "decided_at": datetime(2026, 10, 1),
        "source": "test",
    }
    machine.warehouse.write("consent", ibis.memtable([told], schema=CONSENT), part="test")
    counts = value(machine)
    assert counts.adds_up
    assert counts.set_aside == {"without orders, events or consent": 1}
    refused = links[0]["profile_id"]
    assert refused not in {row["profile_id"] for row in rows_of(machine)}
    with pytest.raises(NotFound, match="nothing is known"):
        profile_value(machine, refused)
    assert profile_value(machine, links[-1]["profile_id"])["profile_id"] == links[-1]["profile_id"]
