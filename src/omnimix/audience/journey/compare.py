"""Comparisons: the numbers of the map in one group of people against everybody else.

in   the moves, the touches and, for segments, who is a member
out  people_groups  profile_id, grouping                           where the group does not change within a profile
     move_groups    the moves with `grouping`                      where it does
     decided        the moves whose horizon has passed; what came later than that is EXIT
     group_profiles grouping, profile_id, step, next_step, moves, waited
     group_moves    grouping, step, next_step, profiles, done, squares, cross, median; and of, of_squares
     group_funnel   grouping, place, profiles
     group_people   grouping, profiles
     Comparison     differences with interval and a false-discovery rate under control

Everybody is given the same time: who came yesterday has not left, and who came a year ago had longer to come back.
So only steps whose horizon has passed are counted, with what came within it. The people of a number are alike in
themselves: its error is that of people drawn, not of moves. Groups by device or period may share people;
everything else tells people apart. A difference is between a group and all the others together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.insight import Comparison, Difference
from omnimix.audience.journey.journey import EXIT, OTHER
from omnimix.audience.journey.rates import design_effect, difference, q_values
from omnimix.audience.journey.rules import DIMENSIONS
from omnimix.core.errors import InvalidInput

UNKNOWN = "(unknown)"
NEW, RETURNING, LOYAL = "new", "returning", "loyal"
LEAST = 30  # profiles of a group that is compared


OF_PEOPLE = ("cohort", "medium", "segment")  # these do not change within a profile
OF_STEPS = ("device", "country")  # said by each step, or by none


def decided(moved: Table, *, as_of: datetime, horizon_days: int) -> Table:
    """The moves made long enough before `as_of` to know what came within the horizon; EXIT: nothing did."""
    horizon = horizon_days * 86_400
    known = moved.filter(moved.occurred_at < ibis.literal(as_of - timedelta(days=horizon_days), "timestamp(6)"))
    in_time = (known.wait <= horizon).fill_null(False)
    return known.mutate(
        next_step=in_time.ifelse(known.next_step, ibis.literal(EXIT)),
        wait=in_time.ifelse(known.wait, ibis.null("float64")),
    )


def people_groups(by: str, *, moved: Table, touched: Table, members: Table | None = None) -> Table:
    """The group of each profile, for a dimension of OF_PEOPLE: profile_id, grouping.

    cohort: the month of the first step. medium: what brought the profile first. segment: of `members`; who is in
    none is left out.
    """
    if by == "cohort":
        first = moved.group_by("profile_id").aggregate(first_at=_.occurred_at.min())
        month = first.first_at.month().cast("string").lpad(2, "0")
        return first.select("profile_id", grouping=first.first_at.year().cast("string") + "-" + month)
    if by == "medium":
        order = ibis.window(group_by="profile_id", order_by=["occurred_at", "touch_id"])
        firsts = touched.mutate(place=ibis.row_number().over(order)).filter(_.place == 0)
        return firsts.select("profile_id", grouping=_.medium)
    if by == "segment" and members is not None:
        return members.select("profile_id", grouping=_.segment)
    raise _unknown(by)


def move_groups(moved: Table, by: str, *, as_of: datetime, period_days: int, orders: tuple[str, ...]) -> Table:
    """The moves with the group each belongs to, in `grouping`; moves of no group are left out.

    device, country: of the step. period: the latest `period_days` and as many before. visitor: new in the first
    session, loyal after the first of `orders`, returning between.
    """
    if by in OF_STEPS:
        return moved.mutate(grouping=moved[by].fill_null(UNKNOWN))
    if by == "period":
        return _by_period(moved, as_of, period_days)
    if by == "visitor":
        return _by_visitor(moved, orders)
    raise _unknown(by)


def _unknown(by: str) -> InvalidInput:
    return InvalidInput(
        f"the map cannot be compared by {by!r}", where="--by", fix=f"choose from {', '.join(DIMENSIONS)}"
    )


def _by_period(moved: Table, as_of: datetime, days: int) -> Table:
    now, before = (ibis.literal(as_of - timedelta(days=days * k), "timestamp(6)") for k in (1, 2))
    name = ibis.cases(
        (moved.occurred_at >= now, f"last {days} days"),
        (moved.occurred_at >= before, f"{days} days before"),
        else_=ibis.null("string"),
    )
    return moved.mutate(grouping=name).filter(_.grouping.notnull())


def _by_visitor(moved: Table, orders: tuple[str, ...]) -> Table:
    never = ibis.null("timestamp(6)")
    marked = moved.filter(moved.opens | moved.step.isin(orders))
    # A profile's first step opens its first session, so the second opening is the first return.
    opening = ibis.cumulative_window(group_by="profile_id", order_by=["occurred_at", "step_id"])
    seen = marked.mutate(opened=_.opens.cast("int64").sum().over(opening))
    people = seen.group_by("profile_id").aggregate(
        bought_at=seen.step.isin(orders).ifelse(seen.occurred_at, never).min(),
        again_at=(seen.opens & (seen.opened == 2)).ifelse(seen.occurred_at, never).min(),
    )
    both = moved.join(people, "profile_id")
    name = ibis.cases(
        ((both.occurred_at > both.bought_at).fill_null(False), LOYAL),
        ((both.occurred_at >= both.again_at).fill_null(False), RETURNING),
        else_=NEW,
    )
    return both.select(*moved.columns, grouping=name)


def group_profiles(rows: Table) -> Table:
    """How often each profile of each group made each move, and how long it waited in all."""
    return rows.group_by("grouping", "profile_id", "step", "next_step").aggregate(
        moves=_.count(), waited=_.wait.cast("int64").sum()
    )


def group_people(made: Table) -> Table:
    """How many profiles each group has."""
    return made.select("profile_id", "grouping").distinct().group_by("grouping").aggregate(profiles=_.count())


def group_moves(made: Table) -> Table:
    """The sums over people that a share of moves and its error are made of, and the usual wait.

    `made`: of `group_profiles`. `of` and `of_squares` are of all who made the step in the group, `profiles` and
    `done` of those who made the move.
    """
    totals = made.group_by("grouping", "profile_id", "step").aggregate(visits=_.moves.sum().cast("int64"))
    joined = made.join(totals, ["grouping", "profile_id", "step"])
    ways = joined.group_by("grouping", "step", "next_step").aggregate(
        profiles=_.count(),
        done=_.moves.sum().cast("int64"),
        squares=(_.moves * _.moves).sum().cast("int64"),
        cross=(_.moves * _.visits).sum().cast("int64"),
        median=(_.waited / _.moves).quantile(0.5),
    )
    whole = totals.group_by("grouping", "step").aggregate(
        of=_.visits.sum().cast("int64"), of_squares=(_.visits * _.visits).sum().cast("int64"), people=_.count()
    )
    return ways.join(whole, ["grouping", "step"])


def entered(paths: Table, rows: Table, names: tuple[str, ...]) -> Table:
    """The funnel's paths with the group of the step with which each entered it."""
    first = rows.filter(_.step == names[0]).group_by("profile_id", "occurred_at")
    groups = first.aggregate(grouping=_.grouping.min())
    groups = groups.select("grouping", entrant="profile_id", entered_at="occurred_at")
    return paths.join(groups, (paths.profile_id == groups.entrant) & (paths.at_0 == groups.entered_at))


def group_funnel(paths: Table, names: tuple[str, ...]) -> Table:
    """How many profiles of a group reached each place of the funnel by their best path: grouping, place, profiles.

    `paths`: the funnel's paths with `grouping`.
    """
    best = paths.group_by("profile_id", "grouping").aggregate(reached=_.reached.max())
    places = [
        best.filter(best.reached > place)
        .group_by("grouping")
        .aggregate(profiles=_.count())
        .mutate(place=ibis.literal(place, "int64"))
        for place in range(len(names))
    ]
    return ibis.union(*places) if len(places) > 1 else places[0]


def fit_comparison(
    people: pa.Table,
    ways: pa.Table,
    funnel: pa.Table | None,
    *,
    by: str,
    horizon_days: int,
    names: tuple[str, ...] = (),
    least: int = LEAST,
    rate: float = 0.05,
) -> Comparison:
    """Compare every move, and every place of the funnel, of every large enough group with all the others."""
    sizes = {r["grouping"]: r["profiles"] for r in people.to_pylist()}
    large = {g for g, n in sizes.items() if n >= least}
    found = [*_moves(ways, large, least), *(_places(funnel, names, large, least) if funnel is not None else ())]
    q = q_values([d["p_value"] for d in found])
    made = [Difference(**d, q_value=float(v), flagged=bool(v <= rate)) for d, v in zip(found, q, strict=True)]
    made.sort(key=lambda d: (d.q_value, d.p_value, -abs(d.difference), d.number, d.group, d.step, d.next_step))
    return Comparison(
        by=by,
        horizon_days=horizon_days,
        groups=tuple(sorted(((g, sizes[g]) for g in large), key=lambda g: (-g[1], g[0]))),
        left_out=sum(n for g, n in sizes.items() if g not in large),
        rate_of_false=rate,
        differences=tuple(made),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """A number on one side: how often, of how often, and how many moves say as much as one of different people."""

    done: int
    of: int
    effect: float


def _moves(ways: pa.Table, large: set[str], least: int) -> Iterator[dict[str, Any]]:
    rows = [r for r in ways.to_pylist() if r["step"] != OTHER]
    whole: dict[str, dict[str, dict[str, int]]] = {}
    for r in rows:
        whole.setdefault(r["step"], {})[r["grouping"]] = {k: r[k] for k in ("of", "of_squares", "people")}
    made = {(r["step"], r["next_step"], r["grouping"]): r for r in rows}
    for step, following in sorted({key[:2] for key in made}):
        counts = {g: made.get((step, following, g), _NONE) | sums for g, sums in whole[step].items()}
        for group in sorted(large & set(counts)):
            others = [c for g, c in counts.items() if g != group]
            if counts[group]["people"] < least or sum(c["people"] for c in others) < least:
                continue
            named = {"number": "move", "step": step, "next_step": following, "group": group}
            named |= {"profiles": counts[group]["profiles"], "median": counts[group]["median"]}
            yield from _one(_side([counts[group]]), _side(others), named)


_NONE: dict[str, Any] = {"profiles": 0, "done": 0, "squares": 0, "cross": 0, "median": None}


def _side(counts: list[dict[str, Any]]) -> _Side:
    names = ("done", "of", "squares", "cross", "of_squares")
    sums = {name: sum(c[name] for c in counts) for name in names}
    return _Side(sums["done"], sums["of"], design_effect(**sums))


def _places(funnel: pa.Table, names: tuple[str, ...], large: set[str], least: int) -> Iterator[dict[str, Any]]:
    reached: dict[int, dict[str, int]] = {}
    for row in funnel.to_pylist():
        reached.setdefault(row["place"], {})[row["grouping"]] = row["profiles"]
    for place in range(1, len(names)):
        of, there = reached.get(place - 1, {}), reached.get(place, {})
        for group in sorted(large & set(of)):
            mine = _Side(there.get(group, 0), of[group], 1.0)
            rest = _Side(sum(there.values()) - mine.done, sum(of.values()) - mine.of, 1.0)
            named = {"number": "funnel", "step": names[place - 1], "next_step": names[place], "group": group}
            if mine.of >= least and rest.of >= least:
                yield from _one(mine, rest, named | {"profiles": mine.done, "median": None})


def _one(mine: _Side, rest: _Side, named: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One difference, where the outcome happened at all."""
    if not mine.done + rest.done:
        return
    gap, low, high, p_value = difference(
        mine.done / mine.effect, mine.of / mine.effect, rest.done / rest.effect, rest.of / rest.effect
    )
    yield named | {
        "done": mine.done,
        "of": mine.of,
        "share": mine.done / mine.of,
        "rest_done": rest.done,
        "rest_of": rest.of,
        "rest_share": rest.done / rest.of,
        "difference": gap,
        "low": low,
        "high": high,
        "p_value": p_value,
    }
