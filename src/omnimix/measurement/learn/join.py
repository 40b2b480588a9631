"""Decisions and what became of them: shown, clicked, and the margin of the orders they are credited with.

in   decisions, events with profile_id, marks of automated ones, orders with their margin; `[feedback]`
out  one row a decision: its own columns, shown, clicked, orders, margin_minor so far, age_seconds

An order is credited to the last touch before it, as most ad platforms count (Google Ads and Meta: 7 days after a
click, 1 day after a view): the last click within `click_days`, else the last view within `view_days`, of
decisions for the same person. An order that names its decision is credited to that one. A refund takes its margin
from the decision that its order was credited to: the order of the same id, else the person's last order before it.
Nothing is assumed of orders that may still come: `age_seconds` lets the learner model the delay.

Left out: decisions that only robots touched, touches of robots, touches before the decision.
"""

from datetime import UTC, datetime

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.activation.decide.feedback import CLICKED, SHOWN, FeedbackRules
from omnimix.store.instants import seconds

DECISION_PROPERTY = '"decision_id": ?"([^"]*)"'  # in an event's JSON; ids hold no quotation marks

_CREDIT = {
    "order_key": "string",
    "decision_id": "string",
    "occurred_at": "timestamp(6)",
    "margin_minor": "int64",
    "refund": "boolean",
}


def touches(decisions: Table, events: Table) -> Table:
    """Views and clicks of decisions: event_id, decision_id, profile_id (the decision's), at, clicked.

    `decisions` has decision_id, profile_id, decided_at; `events` EVENT columns. A click is a view, too, for a
    picture may be blocked.
    """
    named = events.filter(events["name"].isin((*SHOWN, *CLICKED)), events["properties"].notnull())
    said = named.select(
        "event_id",
        said_id=named["properties"].re_extract(DECISION_PROPERTY, 1),
        at=named["occurred_at"],
        clicked=named["name"].isin(CLICKED),
    )
    whose = decisions.select("decision_id", "profile_id", "decided_at")
    found = said.join(whose, [said["said_id"] == whose["decision_id"], said["at"] >= whose["decided_at"]])
    return found.select("event_id", "decision_id", "profile_id", "at", "clicked")


def credited(decisions: Table, touched: Table, orders: Table, rules: FeedbackRules) -> Table:
    """Orders and refunds with the decision each is credited to; those that none led to are left out.

    `orders`: order_key (unique), order_id, profile_id, occurred_at, margin_minor, refund, decision_id (null where
    the order names none). Out: order_key, decision_id, occurred_at, margin_minor, refund, delay_seconds since the
    decision.
    """
    sales = _sales(decisions, touched, orders.filter(~orders["refund"]), rules)
    back = _refunds(orders, sales, decisions)
    both = ibis.union(_credit(sales), back, distinct=False)
    when = decisions.select(own_id="decision_id", decided_at="decided_at")
    dated = both.join(when, both["decision_id"] == when["own_id"])
    delay = seconds(dated["occurred_at"]) - seconds(dated["decided_at"])
    return dated.mutate(delay_seconds=delay.cast("int64")).select(*_CREDIT, "delay_seconds")


def _sales(decisions: Table, touched: Table, sales: Table, rules: FeedbackRules) -> Table:
    """Sales with the decision that each is credited to."""
    known = sales.filter(sales["decision_id"].notnull()).semi_join(decisions, "decision_id")
    told = known.select("order_key", "decision_id")
    open_ended = sales.drop("decision_id").anti_join(told, "order_key")
    click, view = ibis.interval(days=rules.click_days), ibis.interval(days=rules.view_days)
    near = touched.select(
        "decision_id",
        "at",
        "clicked",
        toucher="profile_id",
        until=touched["clicked"].ifelse(touched["at"] + click, touched["at"] + view),
    )
    bought = open_ended["occurred_at"]
    pairs = open_ended.join(
        near, [open_ended["profile_id"] == near["toucher"], near["at"] <= bought, bought <= near["until"]]
    )
    order = [_.clicked.desc(), _.at.desc(), _.decision_id]
    ranked = pairs.mutate(place=ibis.row_number().over(group_by="order_key", order_by=order))
    last = ranked.filter(_.place == 0).select("order_key", "decision_id")
    kinds = {"order_key": "string", "decision_id": "string"}
    all_of = ibis.union(told.cast(kinds), last.cast(kinds), distinct=False)
    return sales.drop("decision_id").join(all_of, "order_key")


def _refunds(orders: Table, sales: Table, decisions: Table) -> Table:
    """Refunds with the decision that they name, or that their order was credited to."""
    every_refund = orders.filter(orders["refund"])
    told = every_refund.semi_join(decisions, "decision_id")
    refunds = every_refund.drop("decision_id").anti_join(told, "order_key")
    every = orders.filter(~orders["refund"]).select(
        sale_key="order_key", sale_id="order_id", buyer="profile_id", sold_at="occurred_at"
    )
    pairs = refunds.join(
        every, [refunds["profile_id"] == every["buyer"], every["sold_at"] <= refunds["occurred_at"]]
    )
    same = (pairs["order_id"] == pairs["sale_id"]).fill_null(False)
    order = [_.same.desc(), _.sold_at.desc(), _.sale_key]
    ranked = pairs.mutate(same=same).mutate(place=ibis.row_number().over(group_by="order_key", order_by=order))
    origin = ranked.filter(_.place == 0)
    credit = sales.select(sale_key="order_key", decision_id="decision_id")
    return ibis.union(*(_credit(t) for t in (told, origin.join(credit, "sale_key"))), distinct=False)


def _credit(rows: Table) -> Table:
    return rows.select(*_CREDIT).cast(_CREDIT)


def rewarded(
    decisions: Table, events: Table, automated: Table, orders: Table, *, rules: FeedbackRules, now: datetime
) -> Table:
    """Decisions with shown, clicked, orders, margin_minor (int64, refunds taken off) and age_seconds at `now`.

    `events` are all there are, `automated` names (event_id) those that no person did.
    """
    all_touches = touches(decisions, events)
    human = all_touches.anti_join(automated, "event_id")
    robots = all_touches.semi_join(automated, "event_id").anti_join(human, "decision_id")
    kept = decisions.anti_join(robots, "decision_id")
    seen = human.group_by("decision_id").aggregate(clicks=_.clicked.cast("int64").sum(), shown=_.count())
    credit = credited(kept, human, orders, rules)
    brought = credit.group_by("decision_id").aggregate(
        orders=(~_.refund).cast("int64").sum(), margin_minor=_.margin_minor.sum()
    )
    seen = seen.rename(seen_id="decision_id")
    brought = brought.rename(brought_id="decision_id")
    both = kept.left_join(seen, kept["decision_id"] == seen["seen_id"])
    both = both.left_join(brought, both["decision_id"] == brought["brought_id"])
    now_seconds = int(now.replace(tzinfo=UTC).timestamp())
    return both.select(
        *decisions.columns,
        shown=(both["shown"].fill_null(0) > 0),
        clicked=(both["clicks"].fill_null(0) > 0),
        orders=both["orders"].fill_null(0).cast("int64"),
        margin_minor=both["margin_minor"].fill_null(0).cast("int64"),
        age_seconds=(now_seconds - seconds(both["decided_at"])).cast("int64"),
    )
