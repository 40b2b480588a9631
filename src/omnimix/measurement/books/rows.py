"""Ledger tables of the books: entries and their postings. Rows are added, never changed and never removed.

in   nothing
out  EntryRow, PostingRow
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from omnimix.core.errors import Conflict
from omnimix.store.ledger import Row


class PostingRow(Row):
    """One line of an entry: debit above zero, credit below."""

    __tablename__ = "books_posting"
    __table_args__ = (CheckConstraint("minor <> 0", name="books_posting_minor"),)

    entry_id: Mapped[int] = mapped_column(ForeignKey("books_entry.entry_id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(20))
    minor: Mapped[int] = mapped_column(BigInteger)


class EntryRow(Row):
    """One balanced entry of a campaign; its key is posted once, an entry is reversed once."""

    __tablename__ = "books_entry"
    __table_args__ = (
        UniqueConstraint("campaign", "key"),
        UniqueConstraint("campaign", "reverses", name="uq_books_entry_reverses"),
    )

    entry_id: Mapped[int] = mapped_column(primary_key=True)
    campaign: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(300))
    posted_on: Mapped[date]
    posted_at: Mapped[datetime]
    memo: Mapped[str]
    currency: Mapped[str] = mapped_column(String(3))
    simulated: Mapped[bool]
    reverses: Mapped[str | None] = mapped_column(String(300))
    digest: Mapped[str] = mapped_column(String(64))
    postings: Mapped[list[PostingRow]] = relationship(
        order_by=PostingRow.line, lazy="selectin", passive_deletes="all"
    )


def _refuse(_mapper: Any, _connection: Any, row: Any) -> None:
    raise Conflict(
        f"{row.__tablename__} rows are never changed or removed",
        where="books",
        fix="post a reversing entry and a new one",
    )


for _table in (EntryRow, PostingRow):
    for _act in ("before_update", "before_delete"):
        event.listen(_table, _act, _refuse)
