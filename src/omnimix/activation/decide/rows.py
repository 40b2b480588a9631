"""The log of decisions: each with all that is needed to make it again.

in   Decision records and a ledger session, whose transaction the caller owns
out  rows; the same Decision records
"""

import json
from datetime import datetime

from sqlalchemy import DateTime, Float, Integer, String, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from omnimix.activation.decide.serve import Decision
from omnimix.core.errors import NotFound
from omnimix.store.ledger import Row


class DecisionLogRow(Row):
    """One logged decision. `codes` is a JSON list in the order of the snapshot's variants."""

    __tablename__ = "decision_log"

    decision_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    campaign: Mapped[str] = mapped_column(String(200))
    snapshot_id: Mapped[str] = mapped_column(String(40))
    profile_id: Mapped[str] = mapped_column(String(40))
    segment: Mapped[str] = mapped_column(String(200))
    lane: Mapped[str] = mapped_column(String(20))
    step: Mapped[int] = mapped_column(Integer)
    codes: Mapped[str] = mapped_column(Text)
    draw: Mapped[float] = mapped_column(Float(53))
    variant_id: Mapped[str | None] = mapped_column(String(300))
    probability: Mapped[float] = mapped_column(Float(53))
    decided_at: Mapped[datetime] = mapped_column(DateTime)


_FIELDS = tuple(name for name in Decision.__dataclass_fields__ if name != "codes")


def log(session: Session, decision: Decision) -> None:
    """Keep a decision; the same one again changes nothing."""
    plain = {name: getattr(decision, name) for name in _FIELDS}
    session.merge(DecisionLogRow(codes=json.dumps(decision.codes), **plain))


def read(session: Session, decision_id: str) -> Decision:
    """A logged decision. Raises NotFound."""
    row = session.get(DecisionLogRow, decision_id)
    if row is None:
        raise NotFound(f"no decision {decision_id!r}", where="ledger", fix="check the id")
    plain = {name: getattr(row, name) for name in _FIELDS}
    return Decision(codes=tuple(json.loads(row.codes)), **plain)
