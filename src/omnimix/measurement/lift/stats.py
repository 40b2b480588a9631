"""Sufficient statistics: margin per profile-week, summed in the engine per segment, lane and look.

in   ASSIGNMENT, EXPOSURE, CONVERSION of one campaign; optionally each profile's margin before the campaign
out  one row per (segment, lane, look) of exact integer sums; `Cells`, which are all that later arithmetic needs

A look is the number of campaign weeks that have passed. The value of a profile at a look is its margin that
became known in those weeks, less media cost and the platform fee on it, per week. Somebody who did nothing
counts with zero: people come from ASSIGNMENT, never from those who were shown or bought something. The person
is the unit, so the weeks of one person may depend on each other as they like. Sums are integers, so that
every engine and every order of rows gives the same digits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.core.money import exponent
from omnimix.store.facts import ASSIGNMENT, CONVERSION, EXPOSURE, check


class Cell(NamedTuple):
    """One lane of one segment after `look` weeks (1-based)."""

    segment: str
    lane: str
    look: int


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over `n` profiles of y (minor units per week) and of their margin before the campaign, b (minor units).

    Moments of disjoint groups add up with `+`.
    """

    n: int = 0
    total: float = 0.0  # Σ y
    squares: float = 0.0  # Σ y²
    before: float = 0.0  # Σ b
    before_squares: float = 0.0  # Σ b²
    crossed: float = 0.0  # Σ y·b

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            self.before + other.before,
            self.before_squares + other.before_squares,
            self.crossed + other.crossed,
        )

    @property
    def mean(self) -> float:
        """Mean of y; 0 when nobody is there."""
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Unbiased sample variance of y; 0 for fewer than two profiles."""
        return max(0.0, (self.squares - self.n * self.mean**2) / (self.n - 1)) if self.n > 1 else 0.0


Cells = Mapping[Cell, Moments]


def micros_per_minor(currency: str) -> int:
    """Media cost is kept in millionths of the major unit: how many of them make one minor unit."""
    return int(10 ** (6 - exponent(currency)))


def cell_sums(
    assignments: Table,
    exposures: Table,
    conversions: Table,
    *,
    campaign: str,
    looks: int,
    currency: str,
    first: int = 1,
    platform_share: float = 0.0,
    before: Table | None = None,
) -> Table:
    """Sum margin per (segment, lane, look), look = `first` … `looks`, over everybody assigned.

    `before` has profile_id and margin_minor of a period before the campaign, one row a profile at most; those
    it does not name count with zero. Columns out: segment, lane, look, people, total, squares, before,
    before_squares, crossed (decimal; of totals over the look's weeks in micros), simulated.
    """
    people = check(assignments, ASSIGNMENT, name="assignment").filter(_.campaign == campaign)
    weekly = _weekly(
        check(exposures, EXPOSURE, name="exposure").filter(_.campaign == campaign),
        check(conversions, CONVERSION, name="conversion").filter(_.campaign == campaign),
        currency=currency,
        platform_share=platform_share,
    )
    weeks = ibis.memtable({"look": list(range(first, looks + 1))}, schema={"look": "int64"})
    until = (
        weekly.join(weeks, (weekly.week >= 0) & (weekly.week < weeks.look))
        .group_by("profile_id", "look")
        .aggregate(value=_.value.sum())
    )
    valued = people.cross_join(weeks).left_join(until, ["profile_id", "look"])
    valued = _with_before(
        valued.select("profile_id", "segment", "lane", "look", "simulated", value=_.value.fill_null(0)), before
    )
    y, b = _.value.cast("decimal(19, 0)"), _.before.cast("decimal(19, 0)")
    return valued.group_by("segment", "lane", "look").aggregate(
        people=_.count(),
        total=y.sum(),
        squares=(y * y).sum(),
        before=b.sum(),
        before_squares=(b * b).sum(),
        crossed=(y * b).sum(),
        simulated=_.simulated.any(),
    )


def _weekly(exposures: Table, conversions: Table, *, currency: str, platform_share: float) -> Table:
    """Margin less media per profile and week, in micros."""
    earned = conversions.select("profile_id", "week", value=_.margin_minor * micros_per_minor(currency))
    fee = (_.cost_micros * platform_share).round().cast("int64")
    paid = exposures.select("profile_id", "week", value=-(_.cost_micros + fee))
    both = nullable(earned).union(nullable(paid), distinct=False)
    return both.group_by("profile_id", "week").aggregate(value=_.value.sum())


def nullable(table: Table) -> Table:
    """`table` with every column nullable: a union wants both sides alike, files forget what may not be null."""
    return table.cast({name: kind.copy(nullable=True) for name, kind in table.schema().items()})


def _with_before(valued: Table, before: Table | None) -> Table:
    if before is None:
        return valued.mutate(before=ibis.literal(0, "int64"))
    known = before.select("profile_id", before=_.margin_minor.cast("int64"))
    joined = valued.left_join(known, "profile_id")
    return joined.select(*valued.columns, before=_.before.fill_null(0))


def read_cells(sums: pa.Table, *, currency: str) -> dict[Cell, Moments]:
    """Turn the rows of `cell_sums` into Moments of margin per profile-week in minor units."""
    micros = micros_per_minor(currency)
    cells = {}
    for row in sums.to_pylist():
        unit = micros * row["look"]
        cells[Cell(row["segment"], row["lane"], row["look"])] = Moments(
            n=row["people"],
            total=float(row["total"]) / unit,
            squares=float(row["squares"]) / unit**2,
            before=float(row["before"]),
            before_squares=float(row["before_squares"]),
            crossed=float(row["crossed"]) / unit,
        )
    return dict(sorted(cells.items()))
