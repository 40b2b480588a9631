"""Ledger tables of the channels.

in   nothing
out  PlanApprovalRow: who allowed which plan; OutboxRow: each change of an approved plan and whether it is there
"""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from omnimix.store.ledger import Row


class PlanApprovalRow(Row):
    """An approval of one plan, and the plan itself; used up once `finished_at` is set."""

    __tablename__ = "channel_approval"
    __table_args__ = (Index(None, "channel", "campaign", "digest"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    channel: Mapped[str] = mapped_column(String(100))
    campaign: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    plan: Mapped[str] = mapped_column(Text)
    approver: Mapped[str] = mapped_column(String(200))
    accepted: Mapped[str] = mapped_column(Text)
    approved_at: Mapped[datetime] = mapped_column(DateTime)
    finished_at: Mapped[datetime | None] = mapped_column(DateTime, default=None)


class OutboxRow(Row):
    """One change of an approved plan, by its place in it; done once the platform is known to hold it."""

    __tablename__ = "channel_outbox"

    approval: Mapped[int] = mapped_column(ForeignKey("channel_approval.number"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    change: Mapped[str] = mapped_column(Text)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    done_at: Mapped[datetime | None] = mapped_column(DateTime, default=None)
