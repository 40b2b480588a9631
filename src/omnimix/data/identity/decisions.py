"""What people decide about identity: two keys are one person's, or never are.

in   a ledger session; pairs of keys with who and why
out  decision rows and audit entries in one transaction; all decisions in force as one record
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from omnimix.core.errors import InvalidInput
from omnimix.data.identity.partition import Decided
from omnimix.data.identity.rows import DecisionRow
from omnimix.governance.audit import append
from omnimix.store.ledger import Ledger


def decide(session: Session, one: str, other: str, *, together: bool, by: str, why: str, now: datetime) -> None:
    """Write down a decision about two keys, with its audit entry. Raises InvalidInput without a reason."""
    if not why.strip():
        raise InvalidInput("a decision about identity needs a reason", where="--why", fix="say why in a few words")
    key_a, key_b = sorted((one, other))
    session.add(DecisionRow(key_a=key_a, key_b=key_b, together=together, why=why, by=by, decided_at=now))
    append(
        session,
        actor=by,
        action="identity.together" if together else "identity.apart",
        subject=f"{key_a} {key_b}",
        detail={"why": why},
        now=now,
    )


def decided(ledger: Ledger) -> Decided:
    """All decisions in force: of each pair the newest."""
    with ledger() as session:
        rows = session.scalars(select(DecisionRow).order_by(DecisionRow.number))
        newest = {(row.key_a, row.key_b): row.together for row in rows}
    return Decided(
        frozenset(pair for pair, together in newest.items() if together),
        frozenset(pair for pair, together in newest.items() if not together),
    )
