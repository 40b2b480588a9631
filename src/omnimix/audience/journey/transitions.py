"""How people move from one step to the next, how long they wait, and where they leave.

in   steps          step_id, profile_id, step, occurred_at; other columns are carried along
out  moves          steps with next_step, wait (seconds), begins, opens and before_1 …      one row per step made
     profile_moves  profile_id, step, next_step, moves, waited, begun            one row per profile and move
     transitions    step, next_step, moves, profiles, share                      shares of a step sum to 1
     waits          step, next_step, q1, median, q3                              seconds
     step_counts    step, visits, profiles
"""

from datetime import datetime

import ibis
from ibis import _
from ibis.expr.types import BooleanValue, StringValue, Table

from omnimix.audience.journey.journey import EXIT, OPEN, START
from omnimix.store.instants import seconds

CONTEXT = 3  # steps of the longest context: the step itself and two before it


def moves(steps: Table, *, within_days: int, as_of: datetime, gap_minutes: int = 30) -> Table:
    """What each step led to, and what came before it. Out of every step there is exactly one move.

    Who makes no step within `within_days` has left: the move goes to EXIT, and the next step `begins` a new path.
    While that time has not passed by `as_of`, the move goes to OPEN: whether they left cannot be known yet. A step
    `opens` a session after a pause longer than `gap_minutes`. `before_1` is the step before in the same path,
    START where the path begins; `before_2` the one before that, null beyond START.
    """
    within = ibis.interval(days=within_days)
    timeline = ibis.window(group_by="profile_id", order_by=["occurred_at", "step_id"])
    # All of it in one mutate: one sort of all events serves every column.
    around = steps.mutate(
        following=_.step.lead().over(timeline),
        followed_at=_.occurred_at.lead().over(timeline),
        **{f"step_{k}": _.step.lag(k).over(timeline) for k in range(1, CONTEXT)},
        **{f"at_{k}": _.occurred_at.lag(k).over(timeline) for k in range(1, CONTEXT)},
    )
    in_time = (around.followed_at <= around.occurred_at + within).fill_null(False)
    is_open = around.followed_at.isnull() & (around.occurred_at + within >= ibis.literal(as_of, "timestamp(6)"))
    wait = (seconds(around.followed_at) - seconds(around.occurred_at)).cast("float64")
    begins = around.at_1.isnull() | (around.occurred_at > around.at_1 + within)
    return around.select(
        *steps.columns,
        next_step=ibis.cases((in_time, around.following), (is_open, OPEN), else_=EXIT),
        wait=in_time.ifelse(wait, ibis.null("float64")),
        begins=begins,
        opens=around.at_1.isnull() | (around.occurred_at > around.at_1 + ibis.interval(minutes=gap_minutes)),
        **_before(around, begins, within_days),
    )


def _before(around: Table, begins: BooleanValue, within_days: int) -> dict[str, StringValue]:
    """The steps before, back to where the path began; START stands there, nothing beyond it."""
    within = ibis.interval(days=within_days)
    nothing = ibis.null("string")
    found = {"before_1": begins.ifelse(ibis.literal(START), around.step_1)}
    ended = begins  # the path is known to begin after the step looked at
    for k in range(2, CONTEXT):
        near, far = around[f"at_{k - 1}"], around[f"at_{k}"]
        first = far.isnull() | (near > far + within)
        found[f"before_{k}"] = ibis.cases(
            (ended, nothing), (first, ibis.literal(START)), else_=around[f"step_{k}"]
        )
        ended = ended | first
    return found


def profile_moves(moved: Table) -> Table:
    """How often each profile made each move, and how long it waited in all; `begun`: steps that began a path."""
    return moved.group_by("profile_id", "step", "next_step").aggregate(
        moves=_.count(),
        waited=_.wait.cast("int64").sum(),
        begun=_.begins.cast("int64").sum(),
    )


def transitions(by_profile: Table) -> Table:
    """Count the moves between steps; the first step of a path is a move from START.

    Moves into a step, those from START included, are as many as moves out of it.
    """
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


def step_counts(by_profile: Table) -> Table:
    """How often each step was made, and by how many profiles."""
    once = by_profile.group_by("profile_id", "step").aggregate(visits=_.moves.sum())
    return once.group_by("step").aggregate(visits=_.visits.sum().cast("int64"), profiles=_.count())
