"""What became of live decisions: the rewards that learning and off-policy evaluation read.

in   a Machine: facts of decisions, events, orders, links, robots, consent
out  one row a decision with shown, clicked, orders, margin so far and age
"""

from datetime import datetime

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.data.derived import COMPLETED, REFUNDED
from omnimix.flow.machine import Machine
from omnimix.flow.people import MARGIN_SHARE, decisions_of, events_of, fact, lines_with_margin
from omnimix.governance.consent import Purpose
from omnimix.measurement.learn.join import DECISION_PROPERTY, rewarded

_ORDER = {
    "order_key": "string",
    "order_id": "string",
    "profile_id": "string",
    "occurred_at": "timestamp(6)",
    "margin_minor": "int64",
    "refund": "boolean",
}


def rewards_of(machine: Machine, *, now: datetime) -> Table:
    """Every live decision of people who permit measurement, but those made for robots, with its reward so far.

    DECISION columns, profile_id, shown, clicked, orders, margin_minor, age_seconds.
    """
    decisions = decisions_of(machine).anti_join(fact(machine, "robot"), "profile_id")
    events, automated = events_of(machine, None), fact(machine, "automated")
    return rewarded(decisions, events, automated, orders_of(machine), rules=machine.feedback, now=now)


def orders_of(machine: Machine) -> Table:
    """Orders and refunds with their margin: from order lines, and from events of orders that no lines tell of.

    Columns as `join.credited` wants them. An order told twice (by the page and by the server) counts once, as it
    was told first.
    """
    lines = lines_with_margin(machine, Purpose.MEASUREMENT).filter(_.kind != "fee")
    told = events_of(machine).filter(_.name.isin([COMPLETED, REFUNDED]), _.revenue_minor.notnull())
    both = ibis.union(_of_lines(lines), _of_events(told.anti_join(lines, "order_id")), distinct=False)
    named = told.filter(_.order_id.notnull(), _.properties.notnull()).select(
        "event_id", "occurred_at", named_id="order_id", said=_.properties.re_extract(DECISION_PROPERTY, 1)
    )
    earliest = ibis.row_number().over(group_by="named_id", order_by=["occurred_at", "event_id"])
    first = named.filter(_.said != "").mutate(place=earliest).filter(_.place == 0)
    first = first.select("named_id", decision_id="said")
    return both.left_join(first, both["order_id"] == first["named_id"]).drop("named_id")


def _of_lines(lines: Table) -> Table:
    """One row a profile's order and one for what came back of it."""
    whole = lines.group_by("profile_id", "order_id", "kind").aggregate(
        occurred_at=_.occurred_at.min(), margin_minor=_.margin_minor.sum()
    )
    key = ibis.literal("line:").concat(whole["kind"], ":", whole["order_id"], ":", whole["profile_id"])
    return whole.mutate(order_key=key, refund=whole["kind"] == "return").select(*_ORDER).cast(_ORDER)


def _of_events(told: Table) -> Table:
    """One row an order and one a refund, with the share of its revenue that margins are reckoned with."""
    same = ibis.coalesce(told["order_id"], told["event_id"])
    place = ibis.row_number().over(group_by=["same", "name"], order_by=["occurred_at", "event_id"])
    once = told.mutate(same=same).mutate(place=place).filter(_.place == 0)
    return (
        once.mutate(
            order_key=ibis.literal("event:").concat(once["event_id"]),
            margin_minor=(once["revenue_minor"] * MARGIN_SHARE).round().cast("int64"),
            refund=once["name"] == REFUNDED,
        )
        .select(*_ORDER)
        .cast(_ORDER)
    )
