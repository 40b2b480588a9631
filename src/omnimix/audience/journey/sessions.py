"""Sessions: one visit of one profile, ended by a pause.

in   events    the event fact with profile_id; rows without a profile are left out (and counted elsewhere)
out  placed    the same rows with `session` (1, 2, … within the profile) and `opens` (the session's first event)
     sessions  profile_id, session, started_at, ended_at, events, orders, revenue_minor     one row per session
"""

import ibis
from ibis import _
from ibis.expr.types import Table

ORDER = "Order Completed"
REFUND = "Order Refunded"


def in_sessions(events: Table, *, gap_minutes: int) -> Table:
    """Number each profile's sessions: a pause longer than `gap_minutes` starts the next one.

    Events at the same instant are ordered by `event_id`, so every engine numbers alike.
    """
    order = ["occurred_at", "event_id"]
    timeline = ibis.window(group_by="profile_id", order_by=order)
    so_far = ibis.cumulative_window(group_by="profile_id", order_by=order)
    seen = events.filter(_.profile_id.notnull()).mutate(before_at=_.occurred_at.lag().over(timeline))
    late = seen.occurred_at > seen.before_at + ibis.interval(minutes=gap_minutes)
    opened = seen.mutate(opens=seen.before_at.isnull() | late)
    return opened.mutate(session=_.opens.cast("int64").sum().over(so_far)).drop("before_at")


def sessions(placed: Table) -> Table:
    """One row per session of `in_sessions`, with what happened in it."""
    return placed.group_by("profile_id", "session").aggregate(
        started_at=_.occurred_at.min(),
        ended_at=_.occurred_at.max(),
        events=_.count(),
        orders=(_.name == ORDER).cast("int64").sum(),
        revenue_minor=_.revenue_minor.sum().fill_null(0).cast("int64"),
    )
