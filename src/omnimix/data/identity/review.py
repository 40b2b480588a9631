"""The review queue: pairs that a person should look at, keys that too many share. Pseudonyms only.

in   what linking refused, pairs that matching was not sure of
out  rows of the ledger; what still waits, given today's links and decisions
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import ibis
import pyarrow as pa
from sqlalchemy import insert, select

from omnimix.data.identity.partition import CROWDED, Decided, Refused
from omnimix.data.identity.rows import ReviewRow
from omnimix.store.ledger import Ledger
from omnimix.store.warehouse import Warehouse

UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing to look at. `weight`: log2 of the odds that both keys are one person's; null for a limit.

    `sharers`: how many people share the key, where `key_b` is empty.
    """

    key_a: str
    key_b: str
    reason: str
    weight: float | None
    sharers: int
    found_at: datetime


def queue_refused(ledger: Ledger, refused: Iterable[Refused], *, now: datetime) -> None:
    """Queue what linking refused."""
    _put(ledger, [(r.key_a, r.key_b, r.reason, None, r.sharers) for r in refused], now)


def queue_unsure(ledger: Ledger, pairs: Sequence[tuple[str, str, float]], *, now: datetime) -> None:
    """Queue pairs of keys between the two thresholds, each with its match weight."""
    _put(ledger, [(a, b, UNSURE, weight, 0) for a, b, weight in pairs], now)


def _put(ledger: Ledger, rows: list[tuple[str, str, str, float | None, int]], now: datetime) -> None:
    """Write rows; what was queued before keeps the instant it was found."""
    if not rows:
        return
    with ledger.begin() as session:
        found = session.execute(select(ReviewRow.key_a, ReviewRow.key_b, ReviewRow.found_at))
        known = {(row[0], row[1]): row[2] for row in found}
        names = ("key_a", "key_b", "reason", "weight", "sharers")
        told = {(row[0], row[1]): dict(zip(names, row, strict=True)) for row in rows}
        new = [value | {"found_at": now} for pair, value in told.items() if pair not in known]
        if new:
            session.execute(insert(ReviewRow), new)
        for pair in told.keys() & known.keys():
            session.merge(ReviewRow(**told[pair], found_at=known[pair]))


def crowded(ledger: Ledger) -> bool:
    """Whether any profile was ever too large: then the strongest links must be told from the others."""
    with ledger() as session:
        return (
            session.scalars(select(ReviewRow.reason).where(ReviewRow.reason == CROWDED).limit(1)).first()
            is not None
        )


def waiting(warehouse: Warehouse, ledger: Ledger, known: Decided) -> list[Waiting]:
    """What still waits: pairs not decided on whose keys belong to two profiles; the surest first, then limits."""
    with ledger() as session:
        rows = list(session.scalars(select(ReviewRow)))
    keys = sorted({key for row in rows for key in (row.key_a, row.key_b) if key})
    links = warehouse.table("link")
    wanted = ibis.memtable(pa.table({"key": pa.array(keys, pa.string())}))
    found = warehouse.arrow(links.semi_join(wanted, "key").select("key", "profile_id")).to_pylist()
    profile = {row["key"]: row["profile_id"] for row in found}
    open_rows = [
        Waiting(row.key_a, row.key_b, row.reason, row.weight, row.sharers, row.found_at)
        for row in rows
        if (row.key_a, row.key_b) not in known.apart
        and (row.key_a, row.key_b) not in known.together
        and (not row.key_b or profile.get(row.key_a) != profile.get(row.key_b))
    ]
    return sorted(open_rows, key=lambda w: (w.weight is None, -(w.weight or 0.0), w.key_a, w.key_b))
