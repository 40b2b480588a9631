"""Movement: who was in which segment on one day, and is in which on a later one.

in   MEMBER rows of two days, placed by the same segmentation
out  moves: segment, next_segment, profiles; and a Movement, in which nobody is lost
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

NEW = "(new)"
"""Where people were who had not been seen by the earlier day."""
GONE = "(gone)"
"""Where people are who are no longer known, or may no longer be profiled."""


@dataclass(frozen=True, slots=True)
class Move:
    """So many profiles were in `segment` and are in `next_segment`; `share` is of those who were in `segment`."""

    segment: str
    next_segment: str
    profiles: int
    share: float


@dataclass(frozen=True, slots=True)
class Movement:
    """All moves between two days, staying included. Rows add up to the earlier sizes, columns to the later."""

    before: datetime
    after: datetime
    profiles: int  # who were there on either day
    moves: tuple[Move, ...]  # in the order of the segments
    left_out: tuple[str, ...] = ()  # rule segments that cannot be told for a past day

    def came(self, segment: str) -> int:
        """People in it on the later day."""
        return sum(m.profiles for m in self.moves if m.next_segment == segment)

    def were(self, segment: str) -> int:
        """People in it on the earlier day."""
        return sum(m.profiles for m in self.moves if m.segment == segment)

    @property
    def stayed(self) -> float:
        """Share of those who were there on both days who are in the same segment."""
        both = [m for m in self.moves if m.segment != NEW and m.next_segment != GONE]
        whole = sum(m.profiles for m in both)
        return sum(m.profiles for m in both if m.segment == m.next_segment) / whole if whole else 1.0


def moves(before: Table, after: Table) -> Table:
    """`segment, next_segment, profiles` from two tables with profile_id and segment, one row a profile each."""
    earlier = before.select(before_id=_.profile_id, was=_.segment)
    later = after.select(after_id=_.profile_id, is_now=_.segment)
    joined = earlier.outer_join(later, earlier.before_id == later.after_id)
    told = joined.select(segment=joined.was.fill_null(NEW), next_segment=joined.is_now.fill_null(GONE))
    return told.group_by("segment", "next_segment").aggregate(profiles=_.count())


def read_movement(
    rows: pa.Table,
    order: Sequence[str],
    *,
    before: datetime,
    after: datetime,
    left_out: Sequence[str] = (),
) -> Movement:
    """A Movement of the `moves` rows. `order` is that of the segments; NEW comes last, as does GONE."""
    place = {key: i for i, key in enumerate([*order, NEW, GONE])}
    cells = rows.to_pylist()
    whole: dict[str, int] = {}
    for cell in cells:
        whole[cell["segment"]] = whole.get(cell["segment"], 0) + cell["profiles"]
    told = sorted(cells, key=lambda c: (place[c["segment"]], place[c["next_segment"]]))
    found = tuple(
        Move(c["segment"], c["next_segment"], c["profiles"], c["profiles"] / whole[c["segment"]]) for c in told
    )
    return Movement(before, after, sum(whole.values()), found, tuple(left_out))


def nobody() -> Table:
    """A MEMBER-like table of nobody: the earlier day of a shop that had no customer yet."""
    return ibis.memtable(pa.table({"profile_id": pa.array([], pa.string()), "segment": pa.array([], pa.string())}))
