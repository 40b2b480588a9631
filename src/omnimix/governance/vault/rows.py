"""Tables of the vault, a database file of its own.

in   nothing
out  DataKeyRow, SealedRow
"""

from datetime import datetime

from sqlalchemy import DateTime, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class VaultRow(DeclarativeBase):
    """Every table of the vault; apart from the ledger's, so that the two never share a file."""


class DataKeyRow(VaultRow):
    """The data key of one person key, wrapped by the workspace key. No data key: the person was forgotten."""

    __tablename__ = "owner_key"

    owner: Mapped[str] = mapped_column(String(80), primary_key=True)
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    forgotten_at: Mapped[datetime | None] = mapped_column(DateTime)


class SealedRow(VaultRow):
    """One value of one person key under its data key. `item` is the value's pseudonym: sealed once only.

    Numbers grow and are never given twice, so that what is new can be asked for.
    """

    __tablename__ = "sealed_value"
    __table_args__ = (UniqueConstraint("owner", "item"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    owner: Mapped[str] = mapped_column(String(80))
    item: Mapped[str] = mapped_column(String(80))
    cipher: Mapped[bytes] = mapped_column(LargeBinary)
