"""The log of merges: which profiles became one, by which edge, who said so, when.

in   profiles before and after
out  one row for each profile that lives on as an older one; a new file of the private fact for each time it
     happened
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from omnimix.core.errors import NotFound
from omnimix.core.hashing import stable_id
from omnimix.data.identity.edges import MATCH, PERSON, RECORD
from omnimix.data.identity.partition import Partition
from omnimix.store.warehouse import Warehouse

MERGES = "identity_merge"  # private fact

MERGE = pa.schema(
    [
        pa.field("merge_id", pa.string(), nullable=False),
        pa.field("newer", pa.string(), nullable=False),  # this profile …
        pa.field("older", pa.string(), nullable=False),  # … lives on as this one
        pa.field("key_a", pa.string(), nullable=False),  # the edge that joined it
        pa.field("key_b", pa.string(), nullable=False),
        pa.field("told_by", pa.string(), nullable=False),
        pa.field("weight", pa.float64()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("merged_at", pa.timestamp("us"), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Merge:
    """`newer` lives on as `older`, joined by the edge between `key_a` and `key_b`."""

    merge_id: str
    newer: str
    older: str
    key_a: str
    key_b: str
    told_by: str
    weight: float | None
    source: str
    merged_at: datetime


def merges_of(seen: pa.Table, found: Partition, *, now: datetime) -> pa.Table:
    """Profiles of `seen` (key, profile_id; null for new keys) that `found` joins to an older one."""
    after = found.table["profile_id"].take(pc.index_in(seen["key"], value_set=found.table["key"]))
    pairs = pa.table({"newer": seen["profile_id"], "older": after}).filter(pc.is_valid(seen["profile_id"]))
    pairs = pairs.group_by(["newer", "older"]).aggregate([])
    lives = pc.is_in(pairs["newer"], value_set=pairs["older"])
    parts = pairs.group_by("newer").aggregate(
        [("older", "count")]
    )  # a profile in several parts was split, not merged
    split = parts.filter(pc.greater(parts["older_count"], 1))["newer"]
    merged = pairs.filter(pc.invert(pc.or_(lives, pc.is_in(pairs["newer"], value_set=split))))
    known = pc.is_in(merged["older"], value_set=pairs["newer"])
    return _joined(merged.filter(known).sort_by("newer"), seen, found.edges, now)


def _joined(merged: pa.Table, seen: pa.Table, edges: pa.Table, now: datetime) -> pa.Table:
    """Each merge with the strongest edge that leads out of the newer profile."""
    if not merged.num_rows:
        return MERGE.empty_table()
    before = [
        seen["profile_id"].take(pc.index_in(edges[name], value_set=seen["key"])) for name in ("key_a", "key_b")
    ]
    inside = pc.fill_null(pc.equal(*before), False)
    ends = [pc.fill_null(pc.index_in(side, value_set=merged["newer"]), -1) for side in before]
    rank = pc.index_in(edges["told_by"], value_set=pa.array([PERSON, RECORD, MATCH]))
    weight = np.nan_to_num(np.asarray(pc.fill_null(edges["weight"], 0.0)))
    place = np.concatenate([np.asarray(end) for end in ends])
    edge = np.tile(np.arange(edges.num_rows), 2)
    leads_out = (place >= 0) & ~np.asarray(inside)[edge]
    place, edge = place[leads_out], edge[leads_out]
    order = np.lexsort((edge, -weight[edge], np.asarray(rank)[edge], place))
    first = np.unique(place[order], return_index=True)
    rows = edges.take(pa.array(edge[order][first[1]]))
    merged = merged.take(pa.array(first[0]))
    ids = [stable_id("mg", newer, older, str(now)) for newer, older in _pairs(merged)]
    return pa.table(
        {
            "merge_id": pa.array(ids, pa.string()),
            "newer": merged["newer"],
            "older": merged["older"],
            **{name: rows[name] for name in ("key_a", "key_b", "told_by", "weight", "source")},
            "merged_at": pa.array([now] * len(ids), pa.timestamp("us")),
        },
        schema=MERGE,
    )


def _pairs(merged: pa.Table) -> list[tuple[str, str]]:
    return list(zip(merged["newer"].to_pylist(), merged["older"].to_pylist(), strict=True))


def write_merges(warehouse: Warehouse, log: pa.Table, *, now: datetime) -> None:
    """Keep a batch of merges; the same batch written again takes its own place."""
    if log.num_rows:
        warehouse.write(MERGES, log, part=f"{now:%Y%m%dT%H%M%S%f}-{log['merge_id'][0].as_py()}")


def merges_into(warehouse: Warehouse, *profiles: str) -> list[Merge]:
    """The merges that these profiles had a part in, the newest first; all merges where none is named."""
    if not warehouse.parts(MERGES):
        return []
    log = warehouse.table(MERGES)
    mine = log.filter(_.older.isin(profiles) | _.newer.isin(profiles)) if profiles else log
    return [Merge(**row) for row in warehouse.arrow(mine.order_by(_.merged_at.desc(), "merge_id")).to_pylist()]


def merge_named(warehouse: Warehouse, name: str) -> Merge:
    """The merge of that id, or the newest one into the profile of that id. Raises NotFound."""
    if warehouse.parts(MERGES):
        log = warehouse.table(MERGES).filter((_.merge_id == name) | (_.older == name) | (_.newer == name))
        for row in warehouse.arrow(log.order_by(_.merged_at.desc(), "merge_id").limit(1)).to_pylist():
            return Merge(**row)
    raise NotFound(f"there is no merge of {name!r}", fix="list them with: omnimix identity show PROFILE")
