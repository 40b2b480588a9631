"""What was settled, in the ledger: a row for each log that is there, one a source and day for those that are gone.

in   the ledger, names of logs
out  whether a log was taken in; counts by source
"""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import select

from omnimix.data.counts import Counts
from omnimix.data.rows import IngestFileRow
from omnimix.store.ledger import Ledger

_SUMMED = ("lines_read", "accepted", "duplicates", "rejected", "ignored", "unidentified")


def is_settled(ledger: Ledger, source: str, digest: str) -> bool:
    """Whether the log of that digest was taken in for that source."""
    with ledger() as session:
        return session.get(IngestFileRow, (source, digest)) is not None


def row_of(source: str, digest: str, *, spec: str, log: str, counts: Counts, now: datetime) -> IngestFileRow:
    """The ledger's row of a log; once it is there the log is taken in."""
    summed = {name: getattr(counts, name) for name in _SUMMED}
    return IngestFileRow(source=source, digest=digest, spec=spec, file=log, recorded_at=now, **summed)


def add_up_days(ledger: Ledger, source: str, *, waiting: Collection[str]) -> None:
    """Put the rows of logs that are gone (not `waiting`) together, one a day, so that the ledger stays small."""
    with ledger.begin() as session:
        query = select(IngestFileRow).where(IngestFileRow.source == source, IngestFileRow.file.like("%.log"))
        for row in session.scalars(query).all():
            if row.file in waiting:
                continue
            key = (source, day_of(row.file))
            day = session.get(IngestFileRow, key)
            if day is None:
                nothing = dict.fromkeys(_SUMMED, 0)
                day = IngestFileRow(source=source, digest=key[1], file=key[1], **nothing)
                session.add(day)
            for name in _SUMMED:
                setattr(day, name, getattr(day, name) + getattr(row, name))
            day.spec, day.recorded_at = row.spec, row.recorded_at
            session.delete(row)
            session.flush()


def day_of(log: str) -> str:
    """Under which digest a log is counted once it is gone: its day, told by its name (UTC). "" for no log."""
    begun = log.partition("-")[0]
    if not (log.endswith(".log") and begun.isdigit()):
        return ""
    return f"received {datetime.fromtimestamp(int(begun) / 1e9, UTC):%Y-%m-%d}"


def settled(ledger: Ledger, sources: Collection[str]) -> dict[str, Counts]:
    """Everything that was ever settled, by source."""
    found = {name: Counts() for name in sources}
    with ledger() as session:
        for row in session.scalars(select(IngestFileRow).where(IngestFileRow.source.in_(list(sources)))):
            found[row.source] += Counts(**{name: getattr(row, name) for name in _SUMMED})
    return found
