"""Lifecycle stages: where each profile stands on a day, and how they moved between two days.

in   events       the event fact with profile_id; optionally people (profile_id, known_at) without events
out  activity     profile_id and the metrics that conditions speak of        one row per profile known by then
     stages       profile_id, stage                                          every profile in exactly one
     stage_moves  stage, next_stage, profiles
"""

import functools
import operator
from calendar import timegm
from collections.abc import Callable
from datetime import datetime
from typing import Any

import ibis
from ibis import _
from ibis.expr.types import BooleanValue, StringValue, Table

from omnimix.audience.journey.journey import START
from omnimix.audience.journey.rules import Condition, Lifecycle
from omnimix.audience.journey.sessions import ORDER, REFUND
from omnimix.store.instants import seconds

_DAY = 86_400
_SEEN = {"profile_id": "string", "name": "string", "occurred_at": "timestamp(6)", "revenue_minor": "int64"}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


def activity(events: Table, *, as_of: datetime, people: Table | None = None) -> Table:
    """The metrics of `rules.METRICS` of everybody known before `as_of`, from what happened before it."""
    return activity_by(activity_parts(events, days=(as_of,), people=people), as_of=as_of)


def activity_parts(events: Table, *, days: tuple[datetime, ...], people: Table | None = None) -> Table:
    """What each profile did between two of the `days`: every day is reckoned from one reading of the events.

    One row per profile and `until`, the earliest of the days that comes after what happened; later than all: left
    out.
    """
    seen = events.filter(events.profile_id.notnull()).select("profile_id", "name", "occurred_at", "revenue_minor")
    if people is not None:
        known = people.select(
            "profile_id", name=ibis.literal("(known)"), occurred_at=_.known_at, revenue_minor=ibis.null("int64")
        )
        # The union wants equal types; a cast makes all columns nullable on both sides.
        seen = ibis.union(seen.cast(_SEEN), known.cast(_SEEN))
    ends = [ibis.literal(day, "timestamp(6)") for day in sorted(days)]
    until = ibis.cases(*((seen.occurred_at < end, end) for end in ends), else_=ibis.null("timestamp(6)"))
    dated = seen.mutate(until=until).filter(_.until.notnull())
    return dated.group_by("profile_id", "until").aggregate(
        orders=(_.name == ORDER).cast("int64").sum(),
        refunds=(_.name == REFUND).cast("int64").sum(),
        revenue_minor=_.revenue_minor.sum().fill_null(0).cast("int64"),
        ordered_at=(_.name == ORDER).ifelse(_.occurred_at, ibis.null("timestamp(6)")).max(),
        seen_at=_.occurred_at.max(),
        first_at=_.occurred_at.min(),
    )


def activity_by(parts: Table, *, as_of: datetime) -> Table:
    """The metrics on `as_of`, one of the days that the `parts` were made for."""
    before = parts.filter(_.until <= ibis.literal(as_of, "timestamp(6)"))
    summed = before.group_by("profile_id").aggregate(
        orders=_.orders.sum().cast("int64"),
        refunds=_.refunds.sum().cast("int64"),
        revenue_minor=_.revenue_minor.sum().cast("int64"),
        ordered_at=_.ordered_at.max(),
        seen_at=_.seen_at.max(),
        first_at=_.first_at.min(),
    )
    now = timegm(as_of.timetuple())
    return summed.select(
        "profile_id",
        "orders",
        "refunds",
        "revenue_minor",
        recency_days=(now - seconds(summed.ordered_at)) // _DAY,
        seen_days=(now - seconds(summed.seen_at)) // _DAY,
        tenure_days=(now - seconds(summed.first_at)) // _DAY,
    )


def stages(active: Table, lifecycle: Lifecycle) -> Table:
    """Put each row of `activity` into the first stage whose conditions all hold; the last stage takes the rest."""
    return active.select("profile_id", stage=stage_of(active, lifecycle))


def stage_of(active: Table, lifecycle: Lifecycle) -> StringValue:
    """The stage of each row, from the metrics in it."""
    rungs = [
        (functools.reduce(operator.and_, (_holds(active, c) for c in stage.conditions())), stage.key)
        for stage in lifecycle.stages[:-1]
    ]
    last = ibis.literal(lifecycle.stages[-1].key)
    return ibis.cases(*rungs, else_=last) if rungs else last


def _holds(active: Table, condition: Condition) -> BooleanValue:
    # A metric that does not exist (the recency of somebody who never ordered) fulfils nothing.
    return _COMPARE[condition.sign](active[condition.metric], condition.value).fill_null(False)


def stage_counts(staged: Table) -> Table:
    """How many profiles each stage has: stage, profiles."""
    return staged.group_by("stage").aggregate(profiles=_.count())


def stage_moves(moved: Table) -> Table:
    """How many profiles made each move of `staged_moves`."""
    return moved.group_by("stage", "next_stage").aggregate(profiles=_.count())


def staged_moves(earlier: Table, later: Table) -> Table:
    """Each profile's stage on two days: profile_id, stage, next_stage. START: not known on the earlier day."""
    before = earlier.select(before_id="profile_id", before="stage")
    joined = later.left_join(before, later.profile_id == before.before_id)
    return joined.select(
        "profile_id", stage=ibis.coalesce(joined.before, ibis.literal(START)), next_stage=joined.stage
    )
