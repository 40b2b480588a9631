"""Touches: each time marketing, or nothing we know of, brought a profile to us.

in   placed   events of `in_sessions`
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
        session=arrived.session,
        occurred_at=arrived.occurred_at,
        medium=medium(arrived, own_hosts),
        source=source(arrived, own_hosts),
        campaign=ibis.coalesce(arrived.utm_campaign, ibis.literal("(none)")),
    )
    visit = ibis.window(group_by=["profile_id", "session"], order_by=["occurred_at", "touch_id"])
    marked = named.mutate(
        medium_before=_.medium.lag().over(visit),
        source_before=_.source.lag().over(visit),
        campaign_before=_.campaign.lag().over(visit),
    )
    same = (
        (marked.medium == marked.medium_before)
        & (marked.source == marked.source_before)
        & (marked.campaign == marked.campaign_before)
    )
    return marked.filter(~same.fill_null(False)).drop("medium_before", "source_before", "campaign_before")


def mediums(touched: Table) -> Table:
    """How many touches, sessions and profiles each medium brought: medium, touches, sessions, profiles."""
    by_session = touched.group_by("medium", "profile_id", "session").aggregate(touches=_.count())
    by_profile = by_session.group_by("medium", "profile_id").aggregate(touches=_.touches.sum(), sessions=_.count())
    return by_profile.group_by("medium").aggregate(
        touches=_.touches.sum().cast("int64"), sessions=_.sessions.sum().cast("int64"), profiles=_.count()
    )
