"""Paths: contexts that change what comes next, whole paths from beginning to end, and how steps lead to the goal.

in   moved             the moves
out  context_counts    before_2, before_1, step, next_step, moves
     context_people    context, next_step (null: any), profiles           of the contexts that were kept
     path_shapes       profile_id, steps, end                             one row per path
     path_counts       steps, end, paths, profiles
     conversions       step, profiles, converted, median
     whole_totals      paths, shapes

Shares count every path, displayed or not.
"""

from collections.abc import Sequence

import ibis
from ibis import _
from ibis.expr.types import StringValue, Table

from omnimix.audience.journey.insight import LONGER
from omnimix.audience.journey.journey import EXIT, OPEN, START
from omnimix.audience.journey.transitions import CONTEXT
from omnimix.store.instants import seconds

JOIN = " → "
SPELLED = 6  # steps of a whole path that are spelled out; longer ones end in LONGER


def context_counts(moved: Table) -> Table:
    """How often each move was made after each of the longest contexts; shorter ones are sums of these."""
    before = [f"before_{k}" for k in range(CONTEXT - 1, 0, -1)]
    return moved.group_by(*before, "step", "next_step").aggregate(moves=_.count())


def context_people(moved: Table, contexts: Sequence[tuple[str, ...]]) -> Table:
    """How many profiles made each move out of each of `contexts`; next_step null: any of them."""
    made = in_context(moved, contexts).select("profile_id", "context", "next_step").distinct()
    ways = made.group_by("context", "next_step").aggregate(profiles=_.count())
    anybody = made.select("profile_id", "context").distinct().group_by("context").aggregate(profiles=_.count())
    anybody = anybody.select("context", next_step=ibis.null("string"), profiles=_.profiles)
    return ibis.union(ways.cast(_PEOPLE), anybody.cast(_PEOPLE))


_PEOPLE = {"context": "string", "next_step": "string", "profiles": "int64"}


def in_context(moved: Table, contexts: Sequence[tuple[str, ...]]) -> Table:
    """The moves made in one of `contexts`, each named in `context`; a move is in contexts of different lengths."""
    tables = []
    for length in range(2, CONTEXT + 1):
        names = [JOIN.join(c) for c in contexts if len(c) == length]
        if names:
            tables.append(moved.mutate(context=_context(moved, length)).filter(_.context.isin(names)))
    nothing = moved.mutate(context=ibis.null("string")).filter(ibis.literal(False))
    return ibis.union(*tables) if len(tables) > 1 else tables[0] if tables else nothing


def _context(moved: Table, length: int) -> StringValue:
    text = moved.step
    for place in range(1, length):
        text = moved[f"before_{place}"] + JOIN + text  # null beyond the path's beginning: no such context
    return text


def path_shapes(moved: Table) -> Table:
    """Each path as one text: its first SPELLED steps, the same step made again at once left out, and its end.

    A path with more steps ends in LONGER.
    """
    order = ibis.window(group_by="profile_id", order_by=["occurred_at", "step_id"])
    # A step that repeats the one before is only needed where its path ends.
    kept = moved.filter((moved.step != moved.before_1) | moved.next_step.isin([EXIT, OPEN])).select(
        "profile_id", "step_id", "occurred_at", "step", "next_step", "before_1", again=_.step == _.before_1
    )
    ahead = kept.mutate(
        **{
            f"{name}_{k}": kept[name].lead(k).over(order)
            for k in range(1, SPELLED + 1)
            for name in ("step", "next_step", "again")
        }
    )
    first = ahead.filter(ahead.before_1 == START)
    text, end = first.step, _end(first.next_step)
    for k in range(1, SPELLED + 1):
        goes_on, again = end.isnull(), first[f"again_{k}"]
        ending = _end(first[f"next_step_{k}"])
        if k < SPELLED:
            text = (goes_on & ~again).ifelse(text + JOIN + first[f"step_{k}"], text)
        else:  # the last row ahead may only say how the path ended, not add a step to those spelled out
            ending = again.ifelse(ending, ibis.null("string"))
        end = ibis.coalesce(end, ending)
    return first.select("profile_id", steps=text, end=end.fill_null(LONGER))


def _end(next_step: StringValue) -> StringValue:
    """How a path ended, where it did."""
    return next_step.isin([EXIT, OPEN]).ifelse(next_step, ibis.null("string"))


def path_counts(shapes: Table, *, most: int) -> Table:
    """The `most` frequent shapes with their paths and profiles."""
    by_profile = shapes.group_by("steps", "end", "profile_id").aggregate(paths=_.count())
    counted = by_profile.group_by("steps", "end").aggregate(paths=_.paths.sum().cast("int64"), profiles=_.count())
    return counted.order_by([ibis.desc("paths"), "steps", "end"]).limit(most)


def whole_totals(shapes: Table) -> Table:
    """How many paths there are, and of how many shapes."""
    counted = shapes.group_by("steps", "end").aggregate(paths=_.count())
    return counted.aggregate(paths=_.paths.sum().fill_null(0).cast("int64"), shapes=_.count())


def conversions(moved: Table, goal: Sequence[str], *, within_days: int) -> Table:
    """Of those who made a step, how many reached one of the `goal` steps in time, and the median wait.

    Counted from each profile's first visit of the step. For a goal step itself it is the next one.
    """
    first = moved.group_by("profile_id", "step").aggregate(first_at=_.occurred_at.min())
    reached = moved.filter(_.step.isin(goal)).select(reacher="profile_id", goal_at="occurred_at")
    joined = first.join(reached, first.profile_id == reached.reacher)
    at_once = (joined.goal_at == joined.first_at) & ~joined.step.isin(goal)
    in_time = joined.goal_at <= joined.first_at + ibis.interval(days=within_days)
    soonest = (
        joined.filter(((joined.goal_at > joined.first_at) | at_once) & in_time)
        .group_by("profile_id", "step", "first_at")
        .aggregate(goal_at=_.goal_at.min())
    )
    wait = (seconds(soonest.goal_at) - seconds(soonest.first_at)).cast("float64")
    done = soonest.mutate(wait=wait).group_by("step").aggregate(converted=_.count(), median=_.wait.quantile(0.5))
    done = done.select("converted", "median", done_step="step")
    everybody = first.group_by("step").aggregate(profiles=_.count())
    both = everybody.left_join(done, everybody.step == done.done_step)
    return both.select("step", "profiles", "median", converted=both.converted.fill_null(0).cast("int64"))
