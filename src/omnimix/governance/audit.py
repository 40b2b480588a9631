"""The audit: who did what to what and when, append-only and hash-chained.

in   acts, inside the ledger session that performs them, so that act and entry commit together or not at all
out  numbered entries; `verify` says that the chain is intact, or which entry is broken

Each hash is SHA-256 over the previous hash and the entry's canonical body (the linked time-stamping of Haber &
Stornetta, J. Cryptology 3, 1991). A chain cannot show that its end was cut off, so the newest number and hash are
also kept outside the ledger (`Anchor`), written after each commit.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from omnimix.core.hashing import canonical_json
from omnimix.governance.rows import AuditRow
from omnimix.store.ledger import hold_writers

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One audit entry as it was written."""

    number: int
    at: str
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification. `broken` is the number of the first entry that does not hold, if any."""

    entries: int
    broken: int | None = None
    why: str = ""

    @property
    def intact(self) -> bool:
        """Whether every entry holds."""
        return not self.why


def append(
    session: Session, *, actor: str, action: str, subject: str, detail: dict[str, Any], now: datetime
) -> int:
    """Add an entry in the caller's transaction and return its number. `detail` must hold no personal data.

    Of two writers the second waits for the first one's commit, then takes the next number.
    """
    session.flush()
    hold_writers(session.connection(), "audit")
    last = session.scalars(select(AuditRow).order_by(AuditRow.number.desc()).limit(1)).first()
    number, previous = (last.number + 1, last.hash) if last else (1, GENESIS)
    body = canonical_json(
        {
            "number": number,
            "at": now,
            "actor": actor,
            "action": action,
            "subject": subject,
            "detail": detail,
        }
    )
    session.add(AuditRow(number=number, body=body, hash=_link(previous, body)))
    session.flush()
    return number


def entries(session: Session) -> Iterator[Entry]:
    """Every entry, the oldest first."""
    for row in session.scalars(select(AuditRow).order_by(AuditRow.number)):
        body = json.loads(row.body)
        body.pop("number")
        yield Entry(number=row.number, hash=row.hash, **body)


def verify(session: Session, anchor: "Anchor | None" = None) -> Verdict:
    """Recompute the whole chain and hold it against the anchor kept outside, where there is one."""
    if anchor is None:
        return _verify(session, (0, GENESIS))
    mark = anchor.read()
    if mark is None:
        return Verdict(0, why=f"its anchor {anchor.path.name} is missing or was changed")
    return _verify(session, mark)


def _verify(session: Session, mark: tuple[int, str]) -> Verdict:
    number, anchored = mark
    previous, expected = GENESIS, 1
    try:
        for row in session.scalars(select(AuditRow).order_by(AuditRow.number)):
            why = _fault(row, expected, previous)
            if not why and row.number == number and row.hash != anchored:
                why = "it was rewritten: its hash differs from the anchor's"
            if why:
                return Verdict(expected - 1, broken=expected, why=why)
            previous, expected = row.hash, expected + 1
        count = session.scalar(select(func.count()).select_from(AuditRow)) or 0
    except (DatabaseError, UnicodeDecodeError, ValueError, TypeError) as error:
        return Verdict(expected - 1, broken=expected, why=f"it cannot be read ({type(error).__name__})")
    if count != expected - 1:
        return Verdict(expected - 1, broken=expected, why="an entry has a number that is not its place")
    if number > count:
        return Verdict(count, broken=count + 1, why=f"entries {count + 1} to {number} were cut off")
    return Verdict(count)


def _fault(row: AuditRow, expected: int, previous: str) -> str:
    """Why this entry does not hold; empty when it does."""
    if row.number != expected:
        return f"entry {expected} is missing"
    if row.hash != _link(previous, row.body):
        return "its content or its hash was changed"
    body = json.loads(row.body)
    if body.get("number") != expected:
        return "it was moved from another place"
    return ""


def _link(previous: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


class Anchor:
    """The newest entry's number and hash, kept in a small file outside the ledger."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[int, str] | None:
        """Number and hash last written, or None when there is no anchor or it is not one."""
        if not self.path.exists():
            return None
        head = self.path.read_text(encoding="utf-8", errors="replace").split()
        return (int(head[0]), head[1]) if len(head) == 2 and head[0].isdigit() else None

    def write(self, session: Session) -> None:
        """Remember the newest entry (none yet: number 0). Call it after the commit that wrote it."""
        last = session.scalars(select(AuditRow).order_by(AuditRow.number.desc()).limit(1)).first()
        number, newest = (last.number, last.hash) if last else (0, GENESIS)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.{uuid4().hex}")
        draft.write_text(f"{number} {newest}\n", encoding="utf-8")
        draft.replace(self.path)
