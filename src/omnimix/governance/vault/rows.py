"""Tables of the vault, a database file of its own.

in   nothing
out  DataKeyRow, SealedRow
"""

from datetime import datetime

from sqlalchemy import DateTime, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class VaultRow(DeclarativeBase):
    """Every table of the vault; apart from the ledger's, so that the two never share a file."""


class DataKeyRow(VaultRow):
    """The data key of one profile, wrapped by the workspace key. No key: the profile was forgotten."""

    __tablename__ = "data_key"

    profile_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    forgotten_at: Mapped[datetime | None] = mapped_column(DateTime)


class SealedRow(VaultRow):
    """One value of one profile under its data key. `item` is the value's pseudonym: sealed once only."""

    __tablename__ = "sealed"

    profile_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    item: Mapped[str] = mapped_column(String(80), primary_key=True)
    cipher: Mapped[bytes] = mapped_column(LargeBinary)
