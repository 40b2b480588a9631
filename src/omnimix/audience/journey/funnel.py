"""Funnels: how many get through a list of steps in their order.

in   moved         step_id, profile_id, step, occurred_at, begins: of `moves`, or of `begun`
out  funnel_paths  profile_id, path, reached, at_0 … at_{n-1}                       one row per path that entered
     funnel        place, step, profiles, median (seconds since the step before)    one row per funnel step

A path is what one profile does without a longer wait than `within_days`. It has reached place k when its steps
contain the funnel's first k + 1 steps in that order; other steps may lie between. A profile counts by its best
path, so a funnel says exactly what the paths say.
"""

import functools
import operator

import ibis
from ibis import _
from ibis.expr.types import FloatingColumn, Table

from omnimix.store.instants import seconds


def funnel_paths(moved: Table, names: tuple[str, ...]) -> Table:
    """How far each path got: `reached` steps of the funnel, and when it first could have reached each of them."""
    rows = _placed(moved, names)
    reached = [_first(rows.filter(_.step == names[0]))]
    for name in names[1:]:
        before = reached[-1].select(who="profile_id", which="path", since="place")
        later = rows.filter(_.step == name).join(
            before, [("profile_id", "who"), ("path", "which"), _.place > before.since]
        )
        reached.append(_first(later))
    found = reached[0].select("profile_id", "path", at_0="at")
    for place, there in enumerate(reached[1:], start=1):
        next_at = there.select(who="profile_id", which="path", **{f"at_{place}": _["at"]})
        found = found.left_join(next_at, [("profile_id", "who"), ("path", "which")]).drop("who", "which")
    places = [found[f"at_{place}"] for place in range(len(names))]
    count = functools.reduce(operator.add, (at.notnull().cast("int64") for at in places))
    return found.select("profile_id", "path", reached=count, **{at.get_name(): at for at in places})


def _first(rows: Table) -> Table:
    """Each path's first of these rows: profile_id, path, place, at."""
    return rows.group_by("profile_id", "path").aggregate(place=_.place.min(), at=_.occurred_at.min())


def funnel(paths: Table, names: tuple[str, ...]) -> Table:
    """Profiles that reached each place, and the median wait of the paths since the place before."""
    best = paths.group_by("profile_id").aggregate(reached=_.reached.max())
    places = range(len(names))
    profiles = best.aggregate(
        **{f"profiles_{k}": (_.reached > k).cast("int64").sum().fill_null(0).cast("int64") for k in places}
    )
    waits = {k: _wait(paths, k).quantile(0.5) for k in places if k}
    medians = paths.aggregate(paths=_.count(), **{f"median_{k}": wait for k, wait in waits.items()})
    wide = profiles.cross_join(medians)
    rows = [
        wide.select(
            place=ibis.literal(k, "int64"),
            step=ibis.literal(name),
            profiles=wide[f"profiles_{k}"],
            median=wide[f"median_{k}"] if k else ibis.null("float64"),
        )
        for k, name in enumerate(names)
    ]
    return ibis.union(*rows) if len(rows) > 1 else rows[0]


def _wait(paths: Table, place: int) -> FloatingColumn:
    later, earlier = (seconds(paths[f"at_{k}"]) for k in (place, place - 1))
    return (later - earlier).cast("float64")


def begun(steps: Table, *, within_days: int) -> Table:
    """Steps with `begins`: the first step of each path. `moves` says it too, of all steps together."""
    timeline = ibis.window(group_by="profile_id", order_by=["occurred_at", "step_id"])
    seen = steps.mutate(before_at=_.occurred_at.lag().over(timeline))
    late = seen.occurred_at > seen.before_at + ibis.interval(days=within_days)
    return seen.mutate(begins=seen.before_at.isnull() | late).drop("before_at")


def _placed(moved: Table, names: tuple[str, ...]) -> Table:
    """The funnel's own steps with the number of their path and their place in the order of time."""
    order = ["occurred_at", "step_id"]
    timeline = ibis.window(group_by="profile_id", order_by=order)
    so_far = ibis.cumulative_window(group_by="profile_id", order_by=order)
    # Beginnings stay until the paths are numbered; whatever else lies between the funnel's steps does not matter.
    kept = moved.filter(_.begins | _.step.isin(names)).select(
        "profile_id", "step_id", "step", "occurred_at", "begins"
    )
    seen = kept.mutate(path=_.begins.cast("int64").sum().over(so_far), place=ibis.row_number().over(timeline))
    return seen.filter(seen.step.isin(names)).drop("begins", "step_id")
