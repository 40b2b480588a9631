"""How people move from one step to the next, how long they wait, and where they leave.

in   steps        step_id, profile_id, step, occurred_at
out  moves        steps with next_step, wait (seconds) and begins      one row per step made
     transitions  step, next_step, moves, profiles, share              shares of a step sum to 1
     waits        step, next_step, q1, median, q3                      seconds
     step_counts  step, visits, profiles
"""

from datetime import datetime

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.journey import EXIT, OPEN, START


def moves(steps: Table, *, within_days: int, as_of: datetime) -> Table:
    """What each step led to. Out of every step there is exactly one move.

    Who makes no step within `within_days` has left: the move goes to EXIT, and the next step `begins` a new path.
    While that time has not passed by `as_of`, the move goes to OPEN: whether they left cannot be known yet.
    """
    within = ibis.interval(days=within_days)
    timeline = ibis.window(group_by="profile_id", order_by=["occurred_at", "step_id"])
    around = steps.mutate(
        following=_.step.lead().over(timeline),
        followed_at=_.occurred_at.lead().over(timeline),
        before_at=_.occurred_at.lag().over(timeline),
    )
    in_time = (around.followed_at <= around.occurred_at + within).fill_null(False)
    is_open = around.followed_at.isnull() & (around.occurred_at + within >= ibis.literal(as_of, "timestamp(6)"))
    wait = around.followed_at.epoch_seconds().cast("float64") - around.occurred_at.epoch_seconds().cast("float64")
    return around.select(
        "step_id",
        "profile_id",
        "step",
        "occurred_at",
        next_step=ibis.cases((in_time, around.following), (is_open, OPEN), else_=EXIT),
        wait=in_time.ifelse(wait, ibis.null("float64")),
        begins=around.before_at.isnull() | (around.occurred_at > around.before_at + within),
    )


def transitions(moved: Table) -> Table:
    """Count the moves between steps; the first step of a path is a move from START.

    Moves into a step, those from START included, are as many as moves out of it.
    """
    by_profile = moved.group_by("profile_id", "step", "next_step").aggregate(
        moves=_.count(), begun=_.begins.cast("int64").sum()
    )
    inner = by_profile.group_by("step", "next_step").aggregate(
        moves=_.moves.sum().cast("int64"), profiles=_.count()
    )
    begun = by_profile.filter(_.begun > 0).group_by("profile_id", "step").aggregate(begun=_.begun.sum())
    first = begun.group_by("step").aggregate(moves=_.begun.sum().cast("int64"), profiles=_.count())
    first = first.select(step=ibis.literal(START), next_step=_.step, moves=_.moves, profiles=_.profiles)
    both = ibis.union(inner, first)
    from_step = ibis.window(group_by="step")
    return both.mutate(share=_.moves / _.moves.sum().over(from_step))


def waits(moved: Table) -> Table:
    """Quartiles of the wait of each move that was followed in time, in seconds."""
    followed = moved.filter(_.wait.notnull())
    return followed.group_by("step", "next_step").aggregate(
        q1=_.wait.quantile(0.25), median=_.wait.quantile(0.5), q3=_.wait.quantile(0.75)
    )


def step_counts(moved: Table) -> Table:
    """How often each step was made, and by how many profiles."""
    by_profile = moved.group_by("profile_id", "step").aggregate(visits=_.count())
    return by_profile.group_by("step").aggregate(visits=_.visits.sum().cast("int64"), profiles=_.count())
