"""What each profile did, by day: the one small table that values and propensities are worked out from.

in   lines    profile_id, occurred_at, kind (sale, return, …), margin_minor
     events   the event fact with profile_id
out  DAY      one row per profile and day with an order, a refund, or any other event
     HISTORY  per customer: days with an order, their span, and the margin they brought
     HABIT    per profile: what is known of it on a day
     OUTCOME  per profile: what it did after that day

Orders of one day count as one, as in the data that the purchase models were published with. A day is a number:
whole days since 1970-01-01, UTC. Profiles without an id are nobody in particular and left out.
"""

import datetime as dt
from collections.abc import Collection

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.store.instants import seconds

DAY = ibis.schema(
    {
        "profile_id": "string",
        "day": "int64",
        "ordered": "int64",  # 1 where anything was sold
        "margin_minor": "int64",  # of what was sold, never below 0 in sum
        "refund_minor": "int64",  # margin of what came back, not below 0
        "actions": "int64",  # other events of the person's own doing
        "contacts": "int64",
        "responses": "int64",
    }
)
_SECONDS = 86_400
_RECENT, _QUARTER = 30, 90  # days


def last_day(as_of: dt.datetime) -> int:
    """The last day of which something is known just before `as_of`."""
    just_before = as_of.replace(tzinfo=dt.UTC) - dt.timedelta(microseconds=1)
    return int(just_before.timestamp() // _SECONDS)


def instant(day: int) -> dt.datetime:
    """The instant after the last of `day`: the `as_of` that `last_day` turns into it."""
    return dt.datetime(1970, 1, 1) + dt.timedelta(days=day + 1)  # noqa: DTZ001 - instants are naive UTC


def days(
    lines: Table, events: Table, *, as_of: dt.datetime, contacts: Collection[str], responses: Collection[str]
) -> Table:
    """DAY rows of what happened before `as_of`."""
    now = ibis.literal(as_of, "timestamp(6)")
    sold, back = _.kind == "sale", _.kind == "return"
    traded = (
        lines.filter(_.profile_id.notnull() & (_.occurred_at < now) & (sold | back))
        .mutate(day=_day(), sold=sold.cast("int64"))
        .group_by("profile_id", "day")
        .aggregate(
            ordered=_.sold.max(),
            margin_minor=(_.margin_minor * _.sold).sum(),
            refund_minor=(-_.margin_minor * (1 - _.sold)).sum(),
        )
        .mutate(
            margin_minor=ibis.greatest(_.margin_minor, 0),
            refund_minor=ibis.greatest(_.refund_minor, 0),
            **{name: ibis.literal(0, "int64") for name in ("actions", "contacts", "responses")},
        )
    )
    kind = {"contacts": _.name.isin(sorted(contacts)), "responses": _.name.isin(sorted(responses))}
    passive = _.name.startswith("Order ") | _.name.startswith("Email ") | kind["contacts"]
    acted = (
        events.filter(_.profile_id.notnull() & (_.occurred_at < now))
        .mutate(day=_day(), action=(~passive).cast("int64"), **{k: v.cast("int64") for k, v in kind.items()})
        .group_by("profile_id", "day")
        .aggregate(actions=_.action.sum(), contacts=_.contacts.sum(), responses=_.responses.sum())
        .mutate(**{name: ibis.literal(0, "int64") for name in ("ordered", "margin_minor", "refund_minor")})
    )
    both = ibis.union(traded.select(*DAY.names).cast(DAY), acted.select(*DAY.names).cast(DAY))
    return both.group_by("profile_id", "day").aggregate(**{n: _[n].sum() for n in DAY.names[2:]}).cast(DAY)


def _day() -> ibis.Deferred:
    return (seconds(_.occurred_at) / _SECONDS).floor().cast("int64")


def histories(rows: Table, *, upto: int) -> Table:
    """One HISTORY row per profile with an order by the end of the day `upto`.

    profile_id; order_days (1 or more); span_days from the first to the last of them; known_days from the first to
    `upto`; margin_minor they brought; refund_minor taken back since.
    """
    known = rows.filter(_.day <= upto)
    bought = _.ordered > 0
    return (
        known.group_by("profile_id")
        .aggregate(
            order_days=_.ordered.sum(),
            first=bought.ifelse(_.day, ibis.null("int64")).min(),
            last=bought.ifelse(_.day, ibis.null("int64")).max(),
            margin_minor=_.margin_minor.sum(),
            refund_minor=_.refund_minor.sum(),
        )
        .filter(_.order_days > 0)
        .select(
            "profile_id",
            "order_days",
            span_days=_.last - _.first,
            known_days=upto - _.first,
            margin_minor=_.margin_minor,
            refund_minor=_.refund_minor,
        )
    )


def habits(rows: Table, *, upto: int) -> Table:
    """One HABIT row per profile seen by the end of the day `upto`: whole numbers, what never happened is 0.

    Days since something (`since_*`) count from the first sign of life where that something never happened.
    """
    known = rows.filter(_.day <= upto)

    def on(condition: ibis.Deferred) -> ibis.Deferred:
        return condition.ifelse(_.day, ibis.null("int64"))

    summed = known.group_by("profile_id").aggregate(
        first_seen=_.day.min(),
        first_order=on(_.ordered > 0).min(),
        last_order=on(_.ordered > 0).max(),
        last_action=on((_.actions > 0) | (_.ordered > 0)).max(),
        last_response=on(_.responses > 0).max(),
        orders=_.ordered.sum(),
        orders_30=(_.ordered * (_.day > upto - _RECENT).cast("int64")).sum(),
        orders_90=(_.ordered * (_.day > upto - _QUARTER).cast("int64")).sum(),
        margin_minor=_.margin_minor.sum(),
        refund_minor=_.refund_minor.sum(),
        actions=_.actions.sum(),
        actions_30=(_.actions * (_.day > upto - _RECENT).cast("int64")).sum(),
        contacts=_.contacts.sum(),
        responses=_.responses.sum(),
    )
    return summed.select(
        "profile_id",
        since_order=upto - _.last_order.fill_null(_.first_seen),
        since_action=upto - _.last_action.fill_null(_.first_seen),
        since_response=upto - _.last_response.fill_null(_.first_seen),
        known_days=upto - _.first_seen,
        span_days=(_.last_order - _.first_order).fill_null(0),
        **{n: _[n] for n in ("orders", "orders_30", "orders_90", "margin_minor", "refund_minor")},
        **{n: _[n] for n in ("actions", "actions_30", "contacts", "responses")},
    )


def outcomes(rows: Table, *, after: int, upto: int) -> Table:
    """What each profile seen by `after` did from the day after it to the end of `upto`.

    profile_id, orders (days with one), margin_minor (refunds taken off), contacts, responses; 0 for nothing.
    """
    then = (_.day > after) & (_.day <= upto)
    sums = {
        n: (_[n] * then.cast("int64")).sum() for n in ("contacts", "responses", "margin_minor", "refund_minor")
    }
    return (
        rows.filter(_.day <= upto)
        .group_by("profile_id")
        .aggregate(first_seen=_.day.min(), orders=(_.ordered * then.cast("int64")).sum(), **sums)
        .filter(_.first_seen <= after)
        .select("profile_id", "orders", "contacts", "responses", margin_minor=_.margin_minor - _.refund_minor)
    )
