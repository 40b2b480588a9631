"""Comparisons: the numbers of the map in one group of people against everybody else.

in   the moves, the touches and, for segments, who is a member
out  grouped        the moves with `grouping`                                             rows without a group left out
     group_moves    grouping, step, next_step, profiles, moves, median                    next_step null: anybody
     group_funnel   grouping, place, profiles
     group_people   grouping, profiles
     Comparison     differences with interval and a false-discovery rate under control

One profile counts once in a number of a group. Groups by device or period may share people; everything else tells
people apart. A difference is between a group and all the others together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.insight import Comparison, Difference
from omnimix.audience.journey.journey import OPEN, OTHER
from omnimix.audience.journey.rates import difference, q_values
from omnimix.core.errors import InvalidInput

UNKNOWN = "(unknown)"
NEW, RETURNING, LOYAL = "new", "returning", "loyal"
EACH = ("device", "country", "medium", "cohort", "period", "visitor", "segment")
LEAST = 30  # profiles of a group that is compared


def grouped(
    moved: Table,
    by: str,
    *,
    as_of: datetime,
    period_days: int,
    orders: tuple[str, ...] = (),
    touched: Table | None = None,
    members: Table | None = None,
) -> Table:
    """The moves with the group each belongs to. Raises InvalidInput for an unknown dimension.

    device, country: of the step. medium: what brought the profile first. cohort: the month of the first step.
    period: the latest `period_days` and as many before. visitor: new in the first session, loyal after the first
    of `orders`, returning between. segment: of `members`.
    """
    if by in ("device", "country"):
        return moved.mutate(grouping=moved[by].fill_null(UNKNOWN))
    if by == "period":
        return _by_period(moved, as_of, period_days)
    if by == "visitor":
        return _by_visitor(moved, orders)
    if by == "cohort":
        first = moved.group_by("profile_id").aggregate(first_at=_.occurred_at.min())
        month = first.first_at.year().cast("string") + "-" + first.first_at.month().cast("string").lpad(2, "0")
        return _joined(moved, first.select("profile_id", grouping=month))
    if by == "medium" and touched is not None:
        order = ibis.window(group_by="profile_id", order_by=["occurred_at", "touch_id"])
        firsts = touched.mutate(place=ibis.row_number().over(order)).filter(_.place == 0)
        return _joined(moved, firsts.select("profile_id", grouping=_.medium))
    if by == "segment" and members is not None:
        return _joined(moved, members.select("profile_id", grouping=_.segment))
    raise InvalidInput(f"the map cannot be compared by {by!r}", where="--by", fix=f"one of {', '.join(EACH)}")


def _joined(moved: Table, people: Table) -> Table:
    return moved.join(people, "profile_id")


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
    first = moved.group_by("profile_id").aggregate(
        first_at=_.occurred_at.min(), bought_at=_.step.isin(orders).ifelse(_.occurred_at, never).min()
    )
    known = _joined(moved, first)
    later = known.filter(known.opens & (known.occurred_at > known.first_at))
    again = (
        later.group_by("profile_id")
        .aggregate(again_at=_.occurred_at.min())
        .select("again_at", again_id="profile_id")
    )
    both = known.left_join(again, known.profile_id == again.again_id)
    name = ibis.cases(
        ((both.occurred_at > both.bought_at).fill_null(False), LOYAL),
        ((both.occurred_at >= both.again_at).fill_null(False), RETURNING),
        else_=NEW,
    )
    return both.select(*moved.columns, grouping=name)


def group_people(rows: Table) -> Table:
    """How many profiles each group has."""
    return rows.select("profile_id", "grouping").distinct().group_by("grouping").aggregate(profiles=_.count())


def group_moves(rows: Table) -> Table:
    """How many profiles of a group made each move, made the step at all (next_step null), and the usual wait.

    Steps whose next one is still open are left out: what they lead to is not known.
    """
    known = rows.filter(_.next_step != OPEN)
    made = known.group_by("grouping", "step", "next_step", "profile_id").aggregate(
        moves=_.count(), waited=_.wait.sum(), times=_.wait.count()
    )
    ways = made.group_by("grouping", "step", "next_step").aggregate(
        profiles=_.count(),
        moves=_.moves.sum(),
        median=(_.times > 0).ifelse(_.waited / _.times.nullif(0), ibis.null("float64")).quantile(0.5),
    )
    once = made.group_by("grouping", "step", "profile_id").aggregate(moves=_.moves.sum())
    anybody = once.group_by("grouping", "step").aggregate(profiles=_.count(), moves=_.moves.sum())
    anybody = anybody.select(
        "grouping",
        "step",
        next_step=ibis.null("string"),
        profiles=anybody.profiles,
        moves=anybody.moves,
        median=ibis.null("float64"),
    )
    return ibis.union(ways.cast(_WAYS), anybody.cast(_WAYS))


_WAYS = {
    "grouping": "string",
    "step": "string",
    "next_step": "string",
    "profiles": "int64",
    "moves": "int64",
    "median": "float64",
}


def group_funnel(paths: Table, rows: Table, names: tuple[str, ...]) -> Table:
    """How many profiles of a group reached each place of the funnel by their best path: grouping, place, profiles.

    A path belongs to the group of the step with which it entered the funnel.
    """
    entered = (
        rows.filter(_.step == names[0]).group_by("profile_id", "occurred_at").aggregate(grouping=_.grouping.min())
    )
    entered = entered.select("grouping", entrant="profile_id", entered_at="occurred_at")
    joined = paths.join(entered, (paths.profile_id == entered.entrant) & (paths.at_0 == entered.entered_at))
    best = joined.group_by("profile_id", "grouping").aggregate(reached=_.reached.max())
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
        groups=tuple(sorted(((g, sizes[g]) for g in large), key=lambda g: (-g[1], g[0]))),
        left_out=sum(n for g, n in sizes.items() if g not in large),
        rate_of_false=rate,
        differences=tuple(made),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One number in every group: people with the outcome, people who could have had it, and the same in moves."""

    parts: Mapping[str, int]
    of: Mapping[str, int]
    moves: Mapping[str, int]
    of_moves: Mapping[str, int]


def _moves(ways: pa.Table, large: set[str], least: int) -> Iterator[dict[str, Any]]:
    rows = [r for r in ways.to_pylist() if r["step"] != OTHER]
    whole = {(r["grouping"], r["step"]): r for r in rows if r["next_step"] is None}
    made = {(r["grouping"], r["step"], r["next_step"]): r for r in rows if r["next_step"] is not None}
    for step, following in sorted({(step, following) for _group, step, following in made}):
        any_way = {g: r for (g, s), r in whole.items() if s == step}
        ways_of = {g: made.get((g, step, following), _NONE) for g in any_way}
        side = _Side(
            {g: r["profiles"] for g, r in ways_of.items()},
            {g: r["profiles"] for g, r in any_way.items()},
            {g: r["moves"] for g, r in ways_of.items()},
            {g: r["moves"] for g, r in any_way.items()},
        )
        for group in sorted(large & set(any_way)):
            named = {"number": "move", "step": step, "next_step": following, "group": group}
            yield from _one(side, named, least, median=ways_of[group]["median"])


_NONE: dict[str, Any] = {"profiles": 0, "moves": 0, "median": None}


def _places(funnel: pa.Table, names: tuple[str, ...], large: set[str], least: int) -> Iterator[dict[str, Any]]:
    reached: dict[int, dict[str, int]] = {}
    for row in funnel.to_pylist():
        reached.setdefault(row["place"], {})[row["grouping"]] = row["profiles"]
    for place in range(1, len(names)):
        of = reached.get(place - 1, {})
        parts = {g: reached.get(place, {}).get(g, 0) for g in of}
        for group in sorted(large & set(of)):
            named = {"number": "funnel", "step": names[place - 1], "next_step": names[place], "group": group}
            yield from _one(_Side(parts, of, parts, of), named, least, median=None)


def _one(side: _Side, named: dict[str, Any], least: int, *, median: float | None) -> Iterator[dict[str, Any]]:
    """One difference, where both sides are large enough and the outcome happened at all."""
    group = named["group"]
    part, whole = side.parts[group], side.of[group]
    rest, rest_whole = sum(side.parts.values()) - part, sum(side.of.values()) - whole
    if whole < least or rest_whole < least or part + rest == 0:
        return
    gap, low, high, p_value = difference(part, whole, rest, rest_whole)
    yield named | {
        "profiles": part,
        "of": whole,
        "share": part / whole,
        "rest_profiles": rest,
        "rest_of": rest_whole,
        "rest_share": rest / rest_whole,
        "difference": gap,
        "low": low,
        "high": high,
        "p_value": p_value,
        "move_share": side.moves[group] / side.of_moves[group],
        "median": median,
    }
