"""Ledger tables of governance.

in   nothing
out  AuditRow: one entry of the append-only audit
"""

from sqlalchemy import Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from omnimix.store.ledger import Row


class AuditRow(Row):
    """One audit entry: its number, its canonical JSON body, and the hash over the previous hash and the body."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    body: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
