"""Exact sizes, and precision and recall of the rules, counted by the engine over everybody.

in   FEATURE rows and MEMBER rows as table expressions, a Segmentation
out  one row per segment; the Segmentation with these figures put in
"""

from dataclasses import replace

import ibis
import pyarrow as pa
from ibis.expr.types import BooleanValue, Table

from omnimix.audience.segment.cluster import ordered
from omnimix.audience.segment.place import figure
from omnimix.audience.segment.segment import REST, Origin, Segment
from omnimix.audience.segment.segmentation import Segmentation


def tally(features: Table, members: Table, segmentation: Segmentation) -> Table:
    """`segment, people, r0, r1, …`: members, and how many of them the i-th segment's rule picks.

    `features` and `members` hold the same profiles.
    """
    picked = {}
    for i, segment in enumerate(segmentation.segments):
        if segment.conditions:
            holds: BooleanValue = ibis.literal(True)
            for condition in segment.conditions:
                value = figure(features, condition.column, home=segmentation.home)
                met = value >= condition.threshold if condition.at_least else value <= condition.threshold
                holds = holds & met
            picked[f"r{i}"] = holds.ifelse(1, 0).cast("int64")
    rows = features.select(picked_id=features["profile_id"], **picked)
    joined = members.select("profile_id", "segment").join(rows, members["profile_id"] == rows["picked_id"])
    sums = {name: joined[name].sum() for name in picked}
    return joined.group_by("segment").aggregate(people=joined.count(), **sums).order_by("segment")


def counted(segmentation: Segmentation, rows: pa.Table) -> Segmentation:
    """`segmentation` with the sizes, shares, precisions and recalls of the `tally` rows.

    Segments that nobody is in now are left out of `segments`; `(rest)` is added where it has people.
    """
    cells = {row["segment"]: row for row in rows.to_pylist()}
    people = sum(row["people"] for row in cells.values())
    found = []
    for i, segment in enumerate(segmentation.segments):
        if segment.key not in cells:
            continue
        size = cells[segment.key]["people"]
        now = replace(segment, size=size, share=size / people)
        if segment.conditions:
            hits = cells[segment.key][f"r{i}"]
            picked = sum(row[f"r{i}"] for row in cells.values())
            now = replace(now, precision=hits / max(1, picked), recall=hits / max(1, size))
        found.append(now)
    if REST in cells and all(s.key != REST for s in found):
        size = cells[REST]["people"]
        found.append(
            Segment(
                REST,
                "Everyone else",
                size,
                size / people,
                "none of the other segments",
                1.0,
                1.0,
                1.0,
                {},
                {},
                origin=Origin.REST,
            )
        )
    return replace(segmentation, segments=ordered(found), people=people)
