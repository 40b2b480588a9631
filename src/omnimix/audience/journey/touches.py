"""Touches: each time marketing, or nothing we know of, brought a profile to us.

in   placed   events with `opens`: of `in_sessions`, or of `opened` where the moves are at hand
out  touches  touch_id, profile_id, session, occurred_at, medium, source, campaign      one row per touch
"""

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.medium import medium, source, tells


def touches(placed: Table, *, own_hosts: tuple[str, ...] = ()) -> Table:
    """The first event of every session, and every later one that tells of a new arrival.

    A session that begins without a sign is a touch by `direct`, so each session has at least one. The same medium,
    source and campaign said again within a session (a reload, the next page with the UTM still in its address) is
    one touch. A referrer among `own_hosts` (the shop's own pages, the payment page) is no sign.
    """
    arrived = placed.filter(placed.opens | tells(placed, own_hosts))
    named = arrived.select(
        touch_id=arrived.event_id,
        profile_id=arrived.profile_id,
        opens=arrived.opens,
        occurred_at=arrived.occurred_at,
        medium=medium(arrived, own_hosts),
        source=source(arrived, own_hosts),
        campaign=ibis.coalesce(arrived.utm_campaign, ibis.literal("(none)")),
    )
    order = ["occurred_at", "touch_id"]
    timeline = ibis.window(group_by="profile_id", order_by=order)
    so_far = ibis.cumulative_window(group_by="profile_id", order_by=order)
    marked = named.mutate(
        # Every session's first event is among these rows, so counting them numbers the sessions.
        session=_.opens.cast("int64").sum().over(so_far),
        medium_before=_.medium.lag().over(timeline),
        source_before=_.source.lag().over(timeline),
        campaign_before=_.campaign.lag().over(timeline),
    )
    same = (
        ~marked.opens
        & (marked.medium == marked.medium_before)
        & (marked.source == marked.source_before)
        & (marked.campaign == marked.campaign_before)
    )
    kept = marked.filter(~same.fill_null(False))
    return kept.select("touch_id", "profile_id", "session", "occurred_at", "medium", "source", "campaign")


def opened(events: Table, moved: Table) -> Table:
    """Identified events with `opens`, taken from the moves instead of sorting all events once more."""
    first = moved.filter(_.opens).select(opening="step_id")
    known = events.filter(_.profile_id.notnull())
    joined = known.left_join(first, known.event_id == first.opening)
    return joined.mutate(opens=joined.opening.notnull()).drop("opening")


def mediums(touched: Table) -> Table:
    """How many touches, sessions and profiles each medium brought: medium, touches, sessions, profiles."""
    by_session = touched.group_by("medium", "profile_id", "session").aggregate(touches=_.count())
    by_profile = by_session.group_by("medium", "profile_id").aggregate(touches=_.touches.sum(), sessions=_.count())
    return by_profile.group_by("medium").aggregate(
        touches=_.touches.sum().cast("int64"), sessions=_.sessions.sum().cast("int64"), profiles=_.count()
    )
