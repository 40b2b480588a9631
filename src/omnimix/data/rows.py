"""Ledger tables of the data stage.

in   nothing
out  IngestFileRow, QuarantineRow, DerivedRow
"""

from datetime import datetime

from sqlalchemy import Boolean, DateTime, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from omnimix.store.ledger import Row


class IngestFileRow(Row):
    """One file of a source, taken in. Written last: a file without this row is taken in again."""

    __tablename__ = "ingest_file"

    source: Mapped[str] = mapped_column(String(100), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    spec: Mapped[str] = mapped_column(String(64))  # digest of the source's table when the file was taken in
    file: Mapped[str] = mapped_column(Text)
    lines_read: Mapped[int] = mapped_column(Integer)
    accepted: Mapped[int] = mapped_column(Integer)
    duplicates: Mapped[int] = mapped_column(Integer)
    rejected: Mapped[int] = mapped_column(Integer)
    ignored: Mapped[int] = mapped_column(Integer)
    unidentified: Mapped[int] = mapped_column(Integer)
    recorded_at: Mapped[datetime] = mapped_column(DateTime)


class QuarantineRow(Row):
    """One fault of one line. `sealed` holds the value and the raw record, under the workspace key."""

    __tablename__ = "quarantine"

    source: Mapped[str] = mapped_column(String(100), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    field: Mapped[str] = mapped_column(String(200), primary_key=True)
    file: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    cleared: Mapped[bool] = mapped_column(Boolean, default=False)
    corrected: Mapped[bool] = mapped_column(Boolean, default=False)  # `sealed` holds a person's correction
    found_at: Mapped[datetime] = mapped_column(DateTime)


class DerivedRow(Row):
    """What a derived part was computed from, so that it is computed again only when that changed."""

    __tablename__ = "derived"

    part: Mapped[str] = mapped_column(String(200), primary_key=True)
    inputs: Mapped[str] = mapped_column(String(64))
