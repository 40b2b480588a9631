"""When people order: weekday and hour by the shop's clock.

in   order_lines  with profile_id
     members      profile_id, segment
out  hours        segment, weekday, hour, people, total, squares     what of their orders people place in each hour
     buyers       segment, people                                    who has ordered at all

A person's orders spread over the cells of the week as shares that sum to 1: one who orders daily counts as much
as one who ordered once. Shares are summed as whole hundred-thousandths, so that every engine finds the same.
"""

import datetime as dt

import ibis
import numpy as np
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.persona.candidate import Candidate, Measure
from omnimix.audience.persona.evidence import Method, Moments, of_moments
from omnimix.audience.persona.figure import Side
from omnimix.audience.persona.persona import Hours, Kind
from omnimix.audience.segment.features import WEEKDAYS
from omnimix.audience.segment.local import local
from omnimix.audience.segment.matrix import FloatArray

SCALE = 100_000
_HOURS = 24


def _orders(order_lines: Table, members: Table, *, as_of: dt.datetime) -> Table:
    sales = order_lines.filter((_.kind == "sale") & _.profile_id.notnull() & (_.occurred_at < as_of))
    orders = sales.group_by("profile_id", "order_id").aggregate(occurred_at=_.occurred_at.min())
    return orders.join(members.select("profile_id", "segment"), "profile_id")


def hours(order_lines: Table, members: Table, *, as_of: dt.datetime, timezone: str) -> Table:
    """How the orders of each segment's people lie in the week; cells that nobody used have no row."""
    orders = _orders(order_lines, members, as_of=as_of)
    placed = orders.mutate(at=local(orders.occurred_at, timezone, until=as_of))
    cells = placed.group_by(
        "profile_id", "segment", weekday=placed.at.day_of_week.index(), hour=placed.at.hour()
    ).aggregate(orders=_.count())
    whole = ibis.window(group_by="profile_id")
    shares = cells.mutate(share=(_.orders * SCALE / _.orders.sum().over(whole)).round().cast("int64"))
    return shares.group_by("segment", "weekday", "hour").aggregate(
        people=_.count(),
        total=_.share.sum().cast("int64"),
        squares=(_.share * _.share).sum().cast("int64"),
    )


def buyers(order_lines: Table, members: Table, *, as_of: dt.datetime) -> Table:
    """How many people of each segment have ordered."""
    known = _orders(order_lines, members, as_of=as_of).select("profile_id", "segment").distinct()
    return known.group_by("segment").aggregate(people=_.count())


class Week:
    """Sums by segment and cell: [weekday, hour]."""

    def __init__(self, counted: pa.Table, bought: pa.Table) -> None:
        self.people = dict(zip(bought["segment"].to_pylist(), bought["people"].to_pylist(), strict=True))
        empty = np.zeros((len(WEEKDAYS), _HOURS))
        self._total = {s: empty.copy() for s in self.people}
        self._squares = {s: empty.copy() for s in self.people}
        self._users = {s: empty.copy() for s in self.people}
        for row in counted.to_pylist():
            cell = (row["weekday"], row["hour"])
            self._total[row["segment"]][cell] = row["total"] / SCALE
            self._squares[row["segment"]][cell] = row["squares"] / SCALE**2
            self._users[row["segment"]][cell] = row["people"]

    def shares(self, segment: str | None) -> FloatArray:
        """The mean share of each cell, of one segment or of everybody."""
        n = self.people.get(segment, 0) if segment is not None else sum(self.people.values())
        total = self._sum(self._total, segment)
        return total / n if n else total

    def moments(self, segment: str | None, weekday: int, hour: int) -> Moments:
        """Of the shares of one cell."""
        n = self.people.get(segment, 0) if segment is not None else sum(self.people.values())
        mean = float(self._sum(self._total, segment)[weekday, hour]) / n
        squares = float(self._sum(self._squares, segment)[weekday, hour])
        return Moments(n, mean, max(0.0, squares - n * mean * mean))

    def users(self, segment: str, weekday: int, hour: int) -> int:
        """How many people of the segment ordered in that hour."""
        return int(self._users[segment][weekday, hour])

    def _sum(self, of: dict[str, FloatArray], segment: str | None) -> FloatArray:
        empty = np.zeros((len(WEEKDAYS), _HOURS))
        return of.get(segment, empty) if segment is not None else sum(of.values(), empty)


def hour_candidates(
    week: Week, segments: tuple[str, ...], *, least: int, group: int, confidence: float
) -> tuple[Candidate, ...]:
    """Hours of the week in which a segment orders more than everybody; only hours that `group` people used."""
    tried = []
    for segment in segments:
        if week.people.get(segment, 0) < max(2, least):
            continue
        for weekday, day in enumerate(WEEKDAYS):
            for hour in range(_HOURS):
                if week.users(segment, weekday, hour) < group:
                    continue
                found = of_moments(
                    week.moments(segment, weekday, hour),
                    week.moments(None, weekday, hour),
                    confidence=confidence,
                )
                if found.value > found.base:
                    tried.append(Candidate(segment, _measure(day, hour), found, _side(day, hour)))
    return tuple(tried)


def week_of(week: Week, segment: str) -> Hours | None:
    """The picture's figures; None for a segment without orders."""
    n = week.people.get(segment, 0)
    if not n:
        return None
    share, base = ([[float(v) for v in row] for row in week.shares(s)] for s in (segment, None))
    return Hours(tuple(map(tuple, share)), tuple(map(tuple, base)), n)


def _measure(day: str, hour: int) -> Measure:
    name = f"share of orders on a {day} between {hour}:00 and {hour + 1}:00"
    return Measure(Kind.MOMENT, name, "share", Method.MEAN, f"{day} {hour}:00")


def _side(day: str, hour: int) -> Side:
    when = f"{day} between {hour}:00 and {hour + 1}:00"
    return Side(
        f"A {when} is a moment of theirs: on average {{value}} of their orders, against {{base}} among all "
        "customers.",
        f"order on a {when}",
    )
