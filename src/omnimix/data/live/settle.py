"""Settling: what waits in the inbox becomes facts, the same way in as files.

in   the inbox, the seal, the sources that write keys stand for, an open Intake
out  event rows by day, links, vault entries, quarantine; counts that add up; logs taken in are gone

A closed log is taken in like a file and deleted only when its facts and its row in the ledger are there. Cut short
at any step, the next settling does the same again to the same end. Ledger rows of logs that are gone are then put
together, one a source and day, so that the ledger does not grow with time.
"""

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from omnimix.data.counts import Counts
from omnimix.data.daily import fold
from omnimix.data.ingest import put_rejected
from omnimix.data.intake import Intake, Taken, take_in
from omnimix.data.live.lines import batches, sources_in
from omnimix.data.quarantine import forget_file
from omnimix.data.rows import IngestFileRow
from omnimix.data.source.mapping import Found, Shape, shape
from omnimix.data.source.read import File
from omnimix.data.source.spec import Source
from omnimix.data.told import LINES
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Inbox
from omnimix.store.ledger import Ledger

_DAY = "received "  # digest of the row that stands for a day's logs: this and the day
_SUMMED = ("lines_read", "accepted", "duplicates", "rejected", "ignored", "unidentified")


def settle(
    inbox: Inbox, *, seal: Seal, sources: Mapping[str, Source], other: Source, intake: Intake
) -> dict[str, Counts]:
    """Take in everything that was acknowledged until now. Counts by source, `files` being logs.

    `other` reads events of a write key that omnimix.toml no longer names: what was acknowledged is kept. Raises
    Tampered when a log does not open under this workspace key.
    """
    for left in intake.staging.glob("*/"):  # of a settling that was cut short; nobody else works here now
        shutil.rmtree(left, ignore_errors=True)
    inbox.close_log()
    found: dict[str, Counts] = defaultdict(Counts)
    for log in inbox.closed():
        with log.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        for name in sources_in(log, seal):
            form = shape(name, sources.get(name, other))
            if not _known(intake, name, digest):
                found[name] += _take_log(intake, form, log, digest, seal)
        inbox.remove(log)
    for name in found:
        _fold(intake, name, {log.name for log in inbox.closed()})
    return dict(found)


def _known(intake: Intake, source: str, digest: str) -> bool:
    with intake.ledger() as session:
        return session.get(IngestFileRow, (source, digest)) is not None


def _take_log(intake: Intake, form: Shape, log: Path, digest: str, seal: Seal) -> Counts:
    file = File(log, log.name, digest)
    taken = take_in(
        intake,
        form,
        file,
        Found({}, open_ended=True),
        batches(log, seal, source=form.key),
        part=f"{form.key}/{log.stem}",
        daily=True,
    )
    intake.progress(f"{form.key}: record {log.name}")
    with intake.ledger.begin() as session:
        forget_file(session, source=form.key, digest=digest)
        session.flush()
        put_rejected(session, intake, form, file, taken.rejected)
        session.merge(_row(form, digest, log.name, taken, intake.now))
    return taken.counts + Counts(files=1)


def _row(form: Shape, digest: str, file: str, taken: Taken, now: datetime) -> IngestFileRow:
    counts = {name: getattr(taken.counts, name) for name in _SUMMED}
    return IngestFileRow(source=form.key, digest=digest, spec=form.digest, file=file, recorded_at=now, **counts)


def _fold(intake: Intake, source: str, waiting: set[str]) -> None:
    """One ledger row a day for logs that are gone, and one part of known lines for many small ones."""
    with intake.ledger.begin() as session:
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
    fold(intake.warehouse, LINES, folder=source)


def day_of(log: str) -> str:
    """Under which digest a log is counted once it is gone: its day, told by its name (UTC). "" for no log."""
    begun = log.partition("-")[0]
    if not (log.endswith(".log") and begun.isdigit()):
        return ""
    return f"{_DAY}{datetime.fromtimestamp(int(begun) / 1e9, UTC):%Y-%m-%d}"


def settled(ledger: Ledger, sources: Mapping[str, Source]) -> dict[str, Counts]:
    """Everything that was ever settled, by source."""
    found: dict[str, Counts] = {name: Counts() for name in sources}
    with ledger() as session:
        for row in session.scalars(select(IngestFileRow).where(IngestFileRow.source.in_(list(sources)))):
            found[row.source] += Counts(**{name: getattr(row, name) for name in _SUMMED})
    return found
