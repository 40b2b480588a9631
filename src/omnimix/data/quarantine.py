"""The quarantine: every fault with its place and reason, the record itself under seal.

in   faults of a file with the raw records
out  ledger rows; Quarantined records for display; raw records to try again
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from omnimix.data.rows import QuarantineRow
from omnimix.data.source.batch import Record
from omnimix.governance.vault import Vault
from omnimix.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Rejected:
    """One line with its faults, before it is sealed. `faults` are (field, value, reason)."""

    line: int
    record: Record
    faults: tuple[tuple[str, str | None, str], ...]
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One fault as a person sees it. `record` is the whole raw record by their column names."""

    source: str
    digest: str
    file: str
    line: int
    field: str
    value: str | None
    reason: str
    record: Mapping[str, str | None]


def put(
    session: Session,
    rejected: Iterable[Rejected],
    *,
    source: str,
    digest: str,
    file: str,
    vault: Vault,
    now: datetime,
) -> None:
    """Add the faults of a file, one row each, value and record sealed."""
    for line in rejected:
        for field, (value, reason) in {f: (v, r) for f, v, r in reversed(line.faults)}.items():
            plain = json.dumps({"value": value, "record": line.record})
            session.add(
                QuarantineRow(
                    source=source,
                    digest=digest,
                    line=line.line,
                    field=field,
                    file=file,
                    reason=reason,
                    sealed=vault.seal_record(plain.encode()),
                    corrected=line.corrected,
                    found_at=now,
                )
            )


def quarantined(
    ledger: Ledger, *, vault: Vault, source: str | None = None, most: int | None = None
) -> list[Quarantined]:
    """Open faults by source, file and line, opened for display. Raises Tampered when a seal is broken."""
    query = select(QuarantineRow).where(QuarantineRow.cleared.is_(False))
    if source is not None:
        query = query.where(QuarantineRow.source == source)
    order = (QuarantineRow.source, QuarantineRow.file, QuarantineRow.line, QuarantineRow.field)
    with ledger() as session:
        rows = session.scalars(query.order_by(*order).limit(most)).all()
    return [_opened(row, vault) for row in rows]


def _opened(row: QuarantineRow, vault: Vault) -> Quarantined:
    plain = json.loads(vault.open_record(row.sealed))
    return Quarantined(
        row.source, row.digest, row.file, row.line, row.field, plain["value"], row.reason, plain["record"]
    )


def corrections(ledger: Ledger, *, source: str, digest: str, vault: Vault) -> dict[int, Record]:
    """Records of a file that a person put right, by line: they stand in for the file's own lines."""
    query = select(QuarantineRow).where(
        QuarantineRow.source == source, QuarantineRow.digest == digest, QuarantineRow.corrected.is_(True)
    )
    with ledger() as session:
        return {row.line: dict(_opened(row, vault).record) for row in session.scalars(query)}


def forget_file(session: Session, *, source: str, digest: str, keep: Iterable[int] = ()) -> None:
    """Remove a file's faults before they are written anew; cleared corrections of `keep` lines stay."""
    kept = set(keep)
    query = select(QuarantineRow).where(QuarantineRow.source == source, QuarantineRow.digest == digest)
    for row in session.scalars(query).all():
        if row.line not in kept:
            session.delete(row)


def supersede(session: Session, *, source: str, file: str, digest: str) -> None:
    """A file of this name has new content: open faults of its older contents no longer matter."""
    session.execute(
        delete(QuarantineRow).where(
            QuarantineRow.source == source,
            QuarantineRow.file == file,
            QuarantineRow.digest != digest,
            QuarantineRow.cleared.is_(False),
        )
    )
