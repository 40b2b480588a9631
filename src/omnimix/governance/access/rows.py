"""Ledger tables of access.

in   nothing
out  AccountRow: a person who may sign in; SignInRow: a session, known by the hash of its token
"""

from datetime import datetime

from sqlalchemy import Boolean, DateTime, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from omnimix.store.ledger import Row


class AccountRow(Row):
    """An account. `roles` are names with a space between; `password` is an Argon2 hash with its parameters."""

    __tablename__ = "account"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    password: Mapped[str] = mapped_column(String(200))
    roles: Mapped[str] = mapped_column(String(200))
    closed: Mapped[bool] = mapped_column(Boolean, default=False)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None] = mapped_column(DateTime)


class SignInRow(Row):
    """A session. Only the SHA-256 of its token is kept, so that a reader of the ledger cannot sign in."""

    __tablename__ = "sign_in"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(ForeignKey("account.name"))
    made_at: Mapped[datetime] = mapped_column(DateTime)
    seen_at: Mapped[datetime] = mapped_column(DateTime)
