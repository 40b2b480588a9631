"""Lanes: every profile's place on the ladder, by a salted stable hash.

in   profile ids or MEMBER rows, a Ladder, the workspace's salt
out  one lane a profile; ASSIGNMENT rows

The hash gives each profile a point of the unit line, the same in every campaign and channel of a workspace. The
line is cut into six homes of equal width, one a rung. A lane fills its home from the left end and, once that is
full, the right ends of other homes; what nobody fills is `follow`. So a change of one share moves only people
between that lane and `follow` while no lane outgrows its home. (With three lanes or more, no rule without memory
can promise this for all shares.)
"""

from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter

import pyarrow as pa

from omnimix.activation.experiment.ladder import FOLLOW, Ladder, Rung
from omnimix.core.hashing import unit_interval
from omnimix.store.facts import ASSIGNMENT

_START = itemgetter(0)

HOME = 1 / len(Rung)
BROAD_ONLY = "(broad only)"  # stands for the segment of those who refuse personalisation


def slices(ladder: Ladder) -> tuple[tuple[float, str], ...]:
    """The unit line as (start, lane) pairs in order, the first start 0. Each lane's slices add up to its share."""
    shares = ladder.shares()
    rungs = [str(r) for r in Rung]
    filled = [min(shares[r], HOME) for r in rungs]
    taken: list[list[tuple[float, str]]] = [[] for _ in rungs]  # from the right end of each home: (width, lane)
    free = [HOME - f for f in filled]
    for rung in rungs:
        over = shares[rung] - HOME
        for home in reversed(range(len(rungs))):
            width = min(over, free[home])
            if width > 0:
                taken[home].append((width, rung))
                free[home] -= width
                over -= width
    parts: list[tuple[float, str]] = []
    for home, rung in enumerate(rungs):
        start = home * HOME
        if filled[home]:
            parts.append((start, rung))
        if free[home] > 1e-12:
            parts.append((start + filled[home], FOLLOW))
        right = start + HOME
        tail: list[tuple[float, str]] = []
        for width, lane_there in taken[home]:
            right -= width
            tail.append((right, lane_there))
        parts.extend(reversed(tail))
    return tuple(parts)


def lane(profile_id: str, ladder: Ladder, *, salt: str) -> str:
    """The lane of one profile: a rung's name, or FOLLOW."""
    return lane_at(unit_interval(salt, profile_id), slices(ladder))


def lanes(profile_ids: Iterable[str], ladder: Ladder, *, salt: str) -> list[str]:
    """The lane of each profile, in the order given."""
    cut = slices(ladder)
    return [lane_at(unit_interval(salt, p), cut) for p in profile_ids]


def assignments(members: pa.Table, *, campaign: str, ladder: Ladder, salt: str, simulated: bool) -> pa.Table:
    """ASSIGNMENT rows, one for each row of `members` (MEMBER rows, one a profile), in the same order."""
    names = members["profile_id"].to_pylist()
    schema = ASSIGNMENT.to_pyarrow()
    return pa.table(
        {
            "campaign": pa.repeat(pa.scalar(campaign, pa.string()), len(names)),
            "profile_id": members["profile_id"],
            "segment": members["segment"],
            "lane": pa.array(lanes(names, ladder, salt=salt), pa.string()),
            "simulated": pa.repeat(pa.scalar(simulated), len(names)),
        }
    ).cast(schema)


def lane_at(point: float, cut: tuple[tuple[float, str], ...]) -> str:
    """The lane that a point of the unit line falls into; `cut` as `slices` makes it."""
    return cut[bisect_right(cut, point, key=_START) - 1][1]
