"""Margins and purchase rates of the workspace's own people, against sums done by hand."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.flow.conftest import Ran

from omnimix.flow.machine import HISTORY_WEEKS
from omnimix.flow.people import (
    MARGIN_SHARE,
    fact,
    lines_of,
    margins_of,
    members_of,
    permitted_for,
    products_of,
    profiles_of,
    purchase_rates,
)
from omnimix.governance.consent import Purpose


def shares(ran: Ran) -> dict[str, float]:
    return {
        p.product_id: MARGIN_SHARE if p.margin_share is None else p.margin_share for p in products_of(ran.machine)
    }


def test_margins_of_every_line(ran: Ran) -> None:
    arrow, share = ran.machine.warehouse.arrow, shares(ran)
    lines = [r for r in arrow(lines_of(ran.machine)).to_pylist() if r["kind"] != "fee" and r["profile_id"]]
    wanted = sorted(
        (r["profile_id"], r["occurred_at"], round(r["amount_minor"] * share[r["product_id"]])) for r in lines
    )
    found = sorted(tuple(r.values()) for r in arrow(margins_of(ran.machine)).to_pylist())
    assert len(found) == len(wanted) > 100
    assert [f[:2] for f in found] == [w[:2] for w in wanted]
    assert all(abs(f[2] - w[2]) <= 1 for f, w in zip(found, wanted, strict=True))  # a half may go either way


@pytest.mark.parametrize("weeks", [4, HISTORY_WEEKS, 60])
def test_purchase_rates(ran: Ran, weeks: int) -> None:
    machine, share = ran.machine, shares(ran)
    members = machine.warehouse.arrow(members_of(machine))
    segment = dict(zip(members["profile_id"].to_pylist(), members["segment"].to_pylist(), strict=True))
    since = machine.today - timedelta(weeks=weeks)
    orders: dict[tuple[str, str], float] = defaultdict(float)
    for row in machine.warehouse.arrow(lines_of(machine)).to_pylist():
        if row["kind"] == "sale" and row["occurred_at"] >= since:
            orders[segment[row["profile_id"]], row["order_id"]] += row["amount_minor"] * share[row["product_id"]]
    (name,) = set(segment.values())
    rate, margin = purchase_rates(machine, members, weeks=weeks)[name]
    assert rate == pytest.approx(len(orders) / len(segment) / weeks)
    assert margin == pytest.approx(sum(orders.values()) / len(orders))


def test_a_segment_that_bought_nothing_lately_still_has_a_rate_and_a_margin(ran: Ran) -> None:
    machine = ran.machine
    members = machine.warehouse.arrow(members_of(machine))
    later = replace(machine, as_of=machine.today + timedelta(weeks=300))
    ((rate, margin),) = purchase_rates(later, members, weeks=HISTORY_WEEKS).values()
    assert rate == pytest.approx(1 / members.num_rows / HISTORY_WEEKS)
    assert margin > 0


@pytest.mark.parametrize("purpose", list(Purpose))
def test_without_a_word_of_consent_only_what_is_assumed_is_permitted(ran: Ran, purpose: Purpose) -> None:
    count = ran.machine.warehouse.arrow(permitted_for(ran.machine, purpose)).num_rows
    everybody = ran.machine.warehouse.arrow(profiles_of(ran.machine)).num_rows
    assert count == everybody == 40
    silent = replace(ran.machine, consent_assumed=())
    assert ran.machine.warehouse.arrow(permitted_for(silent, purpose)).num_rows == 0
    assert ran.machine.warehouse.arrow(fact(ran.machine, "consent")).num_rows == 0
