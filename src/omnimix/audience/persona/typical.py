"""Representative journeys: real paths that many took step by step.

in   moves        what each step led to (journey): step_id, profile_id, step, occurred_at, next_step, begins
     members      profile_id, segment
out  paths        segment, path, people      paths that at least `group` people of the segment took; shows nobody
     walkers      segment, people            who has a path at all

A path is what a person did without a longer wait than the journey's; the same step again and again stands once.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.persona.evidence import of_counts
from omnimix.audience.persona.persona import Path

ARROW = " → "
MORE = "(and more)"
_LONGEST = 8  # steps shown; what follows is `(and more)`
_MOST = 3  # paths of a segment


def _written(moves: Table) -> Table:
    """profile_id, path: every path of every person as one text, once each."""
    order = ["occurred_at", "step_id"]
    so_far = ibis.cumulative_window(group_by="profile_id", order_by=order)
    numbered = moves.mutate(number=_.begins.cast("int64").sum().over(so_far))
    along = ibis.window(group_by=["profile_id", "number"], order_by=order)
    changed = numbered.mutate(before=_.step.lag().over(along))
    turns = changed.filter(_.before.isnull() | (_.before != _.step))
    placed = turns.mutate(place=ibis.row_number().over(along))
    # One column a place: not every engine collects in a given order.
    nothing = ibis.null("string")
    steps = placed.group_by("profile_id", "number").aggregate(
        **{f"step_{k}": (placed.place == k).ifelse(placed.step, nothing).max() for k in range(_LONGEST + 1)}
    )
    path = steps.step_0
    for k in range(1, _LONGEST + 1):
        following = ibis.literal(ARROW) + (ibis.literal(MORE) if k == _LONGEST else steps[f"step_{k}"])
        path = path + steps[f"step_{k}"].isnull().ifelse(ibis.literal(""), following)
    return steps.select("profile_id", path=path).distinct()


def paths(moves: Table, members: Table, *, group: int) -> Table:
    """Paths by segment, and how many of its people took each; what fewer than `group` took is not shown."""
    joined = _written(moves).join(members.select("profile_id", "segment"), "profile_id")
    counted = joined.group_by("segment", "path").aggregate(people=_.count())
    everybody = ibis.window(group_by="path")
    return counted.mutate(base=_.people.sum().over(everybody).cast("int64")).filter(_.people >= group)


def walkers(moves: Table, members: Table) -> Table:
    """How many people of each segment have a path."""
    known = moves.select("profile_id").distinct().join(members.select("profile_id", "segment"), "profile_id")
    return known.group_by("segment").aggregate(people=_.count())


def representative(
    counted: pa.Table, walked: pa.Table, segments: Sequence[str], *, confidence: float
) -> Mapping[str, tuple[Path, ...]]:
    """Up to three paths of each segment: first the medoid, the path nearest to all that its people took, then the
    most taken others. Nearness is edit distance in steps, weighted by people (k-medoids, Kaufman and Rousseeuw
    1990).
    """
    people = dict(zip(walked["segment"].to_pylist(), walked["people"].to_pylist(), strict=True))
    everybody = sum(people.values())
    found: dict[str, Counter[str]] = defaultdict(Counter)
    base: dict[str, int] = {}
    for row in counted.to_pylist():
        found[row["segment"]][row["path"]] = row["people"]
        base[row["path"]] = row["base"]
    told = {}
    for segment in segments:
        taken = found[segment]
        if not taken:
            continue
        first = medoid({tuple(p.split(ARROW)): n for p, n in taken.items()})
        ranked = sorted(taken, key=lambda p: (tuple(p.split(ARROW)) != first, -taken[p], p))
        told[segment] = tuple(
            _path(p, taken[p], people[segment], base[p], everybody, confidence) for p in ranked[:_MOST]
        )
    return told


def _path(path: str, people: int, n: int, base: int, everybody: int, confidence: float) -> Path:
    found = of_counts(people, n, base, everybody, confidence=confidence)
    return Path(tuple(path.split(ARROW)), people, found.value, found.low, found.high, found.base, n)


def medoid(paths: Mapping[tuple[str, ...], int]) -> tuple[str, ...]:
    """The path with the least distance to all, each weighted by its people; ties by the alphabet."""
    return min(
        sorted(paths), key=lambda path: sum(n * distance(path, other) for other, n in sorted(paths.items()))
    )


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Steps to insert, delete or replace to make one path of the other (Levenshtein 1966)."""
    row = list(range(len(other) + 1))
    for i, step in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, theirs in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (step != theirs))
    return row[-1]
