"""Ledger tables of review.

in   nothing
out  CandidateRow: a variant as it was submitted; DecisionRow: what a person decided about one version of it
"""

from datetime import datetime

from sqlalchemy import Boolean, DateTime, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from omnimix.store.ledger import Row


class CandidateRow(Row):
    """The newest version of a variant: its exact content, that content's digest, and the checks' findings.

    `version` counts up when the content changes, so that a decision about an earlier one stays behind. `approvals`
    is how many different people must approve it, `author` who submitted the content as it is.
    """

    __tablename__ = "review_candidate"

    campaign: Mapped[str] = mapped_column(String(200), primary_key=True)
    variant_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    brief: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    findings: Mapped[str] = mapped_column(Text)
    blocked: Mapped[bool] = mapped_column(Boolean)
    withdrawn: Mapped[bool] = mapped_column(Boolean, default=False)
    approvals: Mapped[int] = mapped_column(Integer, default=1)
    author: Mapped[str] = mapped_column(String(200), default="")
    submitted_at: Mapped[datetime] = mapped_column(DateTime)


class DecisionRow(Row):
    """A decision about one version of one variant. A rejection undoes the approvals before it."""

    __tablename__ = "review_decision"
    __table_args__ = (Index(None, "campaign", "variant_id"),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    campaign: Mapped[str] = mapped_column(String(200))
    variant_id: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    approved: Mapped[bool] = mapped_column(Boolean)
    by: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(DateTime)
