"""Edges: reasons to believe that two keys are one person's. They are the truth; the link fact is computed from
them.

in   keys that records name together; pairs that matching found
out  edge rows, one part of the private fact `edge` for each file or matching run

The keys of one record make a star around the strongest of them, so that one key shared by many (a till's e-mail)
can be left out without tearing a record's other keys apart.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import pyarrow as pa

from omnimix.store.warehouse import Warehouse

EDGES = "identity_edge"  # private fact
RECORD, MATCH, PERSON = "record", "match", "person"  # who says so: a record, a probability, somebody who decided

EDGE = pa.schema(
    [
        pa.field("key_a", pa.string(), nullable=False),  # the smaller; equal to key_b for a key that stands alone
        pa.field("key_b", pa.string(), nullable=False),
        pa.field("told_by", pa.string(), nullable=False),
        pa.field("weight", pa.float64()),  # log2 of the odds for a match; null for a record
        pa.field("source", pa.string(), nullable=False),
        pa.field("linked_at", pa.timestamp("us"), nullable=False),
    ]
)

# Kinds of key, the strongest first: which of two identifies a person more surely.
STRENGTH = {kind: place for place, kind in enumerate(("user", "email", "phone", "handle", "anon"))}


def strength(key: str) -> int:
    """0 for the strongest kind of key."""
    return STRENGTH.get(key.partition(":")[0], len(STRENGTH))


def record_edges(groups: Iterable[Sequence[str]], *, source: str, now: datetime) -> pa.Table:
    """Edges of records, each pair once, in the order of keys. `groups`: the keys that one record names."""
    pairs: set[tuple[str, str]] = set()
    for keys in groups:
        centre = min(keys, key=lambda key: (strength(key), key))
        others = set(keys) - {centre}
        pairs.update((min(centre, key), max(centre, key)) for key in others)
        if not others:
            pairs.add((centre, centre))
    return edge_table(sorted(pairs), told_by=RECORD, source=source, now=now)


def edge_table(
    pairs: Sequence[tuple[str, str]],
    *,
    told_by: str,
    source: str,
    now: datetime,
    weights: Sequence[float] | None = None,
) -> pa.Table:
    """Edge rows of pairs of keys, the smaller key first."""
    size = len(pairs)
    return pa.table(
        {
            "key_a": pa.array([a for a, _ in pairs], pa.string()),
            "key_b": pa.array([b for _, b in pairs], pa.string()),
            "told_by": pa.array([told_by] * size, pa.string()),
            "weight": pa.array(weights if weights is not None else [None] * size, pa.float64()),
            "source": pa.array([source] * size, pa.string()),
            "linked_at": pa.array([now] * size, pa.timestamp("us")),
        },
        schema=EDGE,
    )


def kept_edges(warehouse: Warehouse, part: str | None = None) -> pa.Table:
    """All edges, or those of one part; none where nothing was kept."""
    parts = warehouse.parts(EDGES)
    if part is not None:
        parts = [p for p in parts if p == part]
    return warehouse.arrow(warehouse.table(EDGES, parts)).cast(EDGE) if parts else EDGE.empty_table()
