"""Spread: how much margin varies between people and from week to week, from the user's own history.

in   margin by profile and instant before the campaign; MEMBER (who is in which segment)
out  Spread records: mean, variance between people, variance within a person from week to week

One-way random effects, people as groups, estimated by the analysis of variance (Searle, Casella and
McCulloch, Variance Components, 1992, section 3.5). The history must reach back `weeks` weeks for everybody
counted; people who bought nothing in them count with zero.
"""

from calendar import timegm
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
from ibis import Deferred, _
from ibis.expr.types import Table

from omnimix.store.instants import seconds

_WEEK_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Spread:
    """Margin per profile-week of `n` people: mean in minor units, variances in minor units squared."""

    n: int
    mean: float
    between: float  # what differs between people for good
    within: float  # from week to week in one person

    def variance(self, weeks: float) -> float:
        """Variance between people of the mean over `weeks` weeks."""
        return self.between + self.within / weeks


def spread_sums(margins: Table, members: Table, *, until: datetime, weeks: int) -> Table:
    """Exact sums per segment over the last `weeks` weeks before `until`.

    `margins` has profile_id, occurred_at, margin_minor; `members` profile_id, segment. Columns out: segment,
    people, total, squares (of a person's total), weekly_squares (of a person's week).
    """
    since = until - timedelta(weeks=weeks)
    recent = margins.filter((_.occurred_at >= since) & (_.occurred_at < until))
    back = (timegm(until.timetuple()) - seconds(_.occurred_at) - 1) // _WEEK_SECONDS
    weekly = (
        recent.mutate(week=back)
        .group_by("profile_id", "week")
        .aggregate(value=_.margin_minor.sum())
        .group_by("profile_id")
        .aggregate(total=_.value.sum(), weekly=_square(_.value).sum())
    )
    counted = members.select("profile_id", "segment").left_join(weekly, "profile_id")
    filled = counted.select("segment", total=_.total.fill_null(0), weekly=_.weekly.fill_null(0))
    return filled.group_by("segment").aggregate(
        people=_.count(), total=_.total.sum(), squares=_square(_.total).sum(), weekly_squares=_.weekly.sum()
    )


def read_spreads(sums: pa.Table, *, weeks: int) -> dict[str, Spread]:
    """Segment → Spread, from the rows of `spread_sums` over the same number of weeks."""
    return {
        row["segment"]: spread(
            row["people"], float(row["total"]), float(row["squares"]), float(row["weekly_squares"]), weeks=weeks
        )
        for row in sorted(sums.to_pylist(), key=lambda row: row["segment"])
    }


def spread(n: int, total: float, squares: float, weekly_squares: float, *, weeks: int) -> Spread:
    """Split the variance of `n` people over `weeks` weeks. One week cannot be split: all is taken as between."""
    mean = total / (n * weeks) if n else 0.0
    whole = max(0.0, (squares / weeks**2 - n * mean**2) / (n - 1)) if n > 1 else 0.0
    if weeks < 2 or not n:
        return Spread(n, mean, whole, 0.0)
    within = max(0.0, (weekly_squares - squares / weeks) / (n * (weeks - 1)))
    return Spread(n, mean, max(0.0, whole - within / weeks), within)


def pooled(spreads: Iterable[Spread]) -> Spread:
    """One Spread for everybody: for segments that history knows too little of. People weigh alike."""
    known = [s for s in spreads if s.n]
    n = sum(s.n for s in known)
    if not n:
        return Spread(0, 0.0, 0.0, 0.0)
    mean = sum(s.n * s.mean for s in known) / n
    between = sum(s.n * (s.between + (s.mean - mean) ** 2) for s in known) / n
    return Spread(n, mean, between, sum(s.n * s.within for s in known) / n)


def _square(value: Deferred) -> Deferred:
    return value.cast("decimal(19, 0)") * value.cast("decimal(19, 0)")
