"""Ledger tables of identity: what people decided of pairs of keys, and what waits for them.

in   nothing
out  DecisionRow, ReviewRow; both hold pseudonyms only
"""

from datetime import datetime

from sqlalchemy import Boolean, DateTime, Double, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from omnimix.store.ledger import Row


class DecisionRow(Row):
    """Somebody decided that two keys are one person's, or never are. Of a pair the newest decision counts."""

    __tablename__ = "identity_decision"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    key_a: Mapped[str] = mapped_column(String(80))
    key_b: Mapped[str] = mapped_column(String(80))
    together: Mapped[bool] = mapped_column(Boolean)
    why: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime] = mapped_column(DateTime)


class ReviewRow(Row):
    """A pair that a person should look at, or a key that too many share (then `key_b` is empty)."""

    __tablename__ = "identity_review"

    key_a: Mapped[str] = mapped_column(String(80), primary_key=True)
    key_b: Mapped[str] = mapped_column(String(80), primary_key=True)
    reason: Mapped[str] = mapped_column(String(40))
    weight: Mapped[float | None] = mapped_column(Double)
    sharers: Mapped[int] = mapped_column(Integer, default=0)
    found_at: Mapped[datetime] = mapped_column(DateTime)
