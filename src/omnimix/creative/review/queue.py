"""What waits for a person: submissions, with the findings of the checks beside them.

in   variants with their findings
out  Candidates in a queue; those with blocking findings are kept with them, outside the queue

A new version of a variant (same id, other content) leaves its decisions behind, even if a later version has the
earlier words again: whoever decided did not know of the one between.
The same content again changes nothing, whoever submits it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from omnimix.core.errors import InvalidInput, NotFound
from omnimix.core.finding import Finding, is_blocked, sorted_findings
from omnimix.creative.review.document import findings_from, findings_json, variant_from, variant_json
from omnimix.creative.review.rows import CandidateRow, DecisionRow
from omnimix.creative.variant import Variant
from omnimix.governance import audit


class Status(StrEnum):
    """Where a candidate stands."""

    BLOCKED = "blocked"  # a check holds it back
    QUEUED = "queued"  # waits for a person
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"  # no longer part of the campaign


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variant as it stands in review. `digest` is what a decision must quote."""

    variant: Variant
    variant_id: str
    version: int  # counts up with each change of content
    digest: str
    findings: tuple[Finding, ...]
    status: Status
    submitted_at: datetime
    author: str = ""  # who submitted this content
    needed: int = 1  # how many different people must approve it
    approvers: tuple[str, ...] = ()  # who did, since it was last rejected
    by: str = ""  # who decided last
    reason: str = ""
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a submission, by variant id."""

    queued: tuple[str, ...]
    blocked: tuple[str, ...]
    decided: tuple[str, ...]  # the same content was decided before, and the decision stands


def submit(
    session: Session,
    items: Iterable[tuple[Variant, Sequence[Finding]]],
    *,
    now: datetime,
    actor: str = "omnimix",
    approvals: int = 1,
) -> Submission:
    """Put variants before people, `approvals` of whom must approve each.

    Raises InvalidInput when one id comes twice with different content.
    """
    listed = list(items)
    seen: dict[tuple[str, str], str] = {}
    for variant, _ in listed:
        if seen.setdefault((variant.campaign, variant.variant_id), variant.digest) != variant.digest:
            raise InvalidInput(
                f"variant {variant.variant_id!r} is submitted twice with different content",
                where=variant.campaign,
                fix="give each variant pictures and words of its own",
            )
    outcome: dict[Status, list[str]] = {s: [] for s in Status}
    for variant, findings in listed:
        status = _submit_one(
            session, variant, sorted_findings(findings), now=now, actor=actor, approvals=approvals
        )
        outcome[status].append(variant.variant_id)
    decided = outcome[Status.APPROVED] + outcome[Status.REJECTED]
    return Submission(tuple(outcome[Status.QUEUED]), tuple(outcome[Status.BLOCKED]), tuple(decided))


def _submit_one(
    session: Session,
    variant: Variant,
    findings: tuple[Finding, ...],
    *,
    now: datetime,
    actor: str,
    approvals: int,
) -> Status:
    found = findings_json(findings)
    row = session.get(CandidateRow, (variant.campaign, variant.variant_id))
    if row is None:
        row = CandidateRow(campaign=variant.campaign, variant_id=variant.variant_id, version=0, digest="")
        session.add(row)
    elif (row.digest, row.findings, row.withdrawn, row.approvals) == (
        variant.digest,
        found,
        False,
        approvals,
    ):
        return _candidate(session, row).status
    if row.digest != variant.digest:
        row.version += 1
        row.author = actor
    row.approvals = approvals
    row.brief, row.content, row.digest = variant.brief, variant_json(variant), variant.digest
    row.findings, row.blocked, row.withdrawn, row.submitted_at = found, is_blocked(findings), False, now
    audit.append(
        session,
        actor=actor,
        action="variant.submit",
        subject=f"{variant.campaign}/{variant.variant_id}",
        detail={"digest": row.digest, "blocked": row.blocked, "findings": len(findings)},
        now=now,
    )
    return _candidate(session, row).status


def withdraw(
    session: Session, campaign: str, *, keep: Collection[str], now: datetime, actor: str = "omnimix"
) -> tuple[str, ...]:
    """Take every variant of the campaign that is not in `keep` out of review and out of `approved`."""
    rows = session.scalars(
        select(CandidateRow)
        .where(CandidateRow.campaign == campaign, CandidateRow.withdrawn.is_(False))
        .order_by(CandidateRow.variant_id)
    )
    gone = [row for row in rows if row.variant_id not in keep]
    for row in gone:
        row.withdrawn = True
        audit.append(
            session,
            actor=actor,
            action="variant.withdraw",
            subject=f"{campaign}/{row.variant_id}",
            detail={"digest": row.digest},
            now=now,
        )
    return tuple(row.variant_id for row in gone)


def candidates(session: Session, campaign: str) -> tuple[Candidate, ...]:
    """Every candidate of a campaign, withdrawn ones too, by brief and id."""
    rows = session.scalars(
        select(CandidateRow)
        .where(CandidateRow.campaign == campaign)
        .order_by(CandidateRow.brief, CandidateRow.variant_id)
    )
    return tuple(_candidate(session, row) for row in rows)


def queue(session: Session, campaign: str) -> tuple[Candidate, ...]:
    """The candidates that wait for a person."""
    return tuple(c for c in candidates(session, campaign) if c.status is Status.QUEUED)


def candidate(session: Session, campaign: str, variant_id: str) -> Candidate:
    """One candidate. Raises NotFound."""
    row = session.get(CandidateRow, (campaign, variant_id))
    if row is None:
        raise NotFound(
            f"no variant {variant_id!r}", where=campaign, fix="list the variants with `omnimix review list`"
        )
    return _candidate(session, row)


def _candidate(session: Session, row: CandidateRow) -> Candidate:
    decisions = session.scalars(
        select(DecisionRow)
        .where(
            DecisionRow.campaign == row.campaign,
            DecisionRow.variant_id == row.variant_id,
            DecisionRow.version == row.version,
            DecisionRow.digest == row.digest,
        )
        .order_by(DecisionRow.number)
    ).all()
    turned_down = max((i for i, d in enumerate(decisions, 1) if not d.approved), default=0)
    approvers = tuple(dict.fromkeys(d.by for d in decisions[turned_down:]))
    undecided = Candidate(
        variant=variant_from(row.content),
        variant_id=row.variant_id,
        version=row.version,
        digest=row.digest,
        findings=findings_from(row.findings),
        status=_status(row, approvers, decided=bool(decisions)),
        submitted_at=row.submitted_at,
        author=row.author,
        needed=row.approvals,
        approvers=approvers,
    )
    if not decisions:
        return undecided
    last = decisions[-1]
    return replace(undecided, by=last.by, reason=last.reason, decided_at=last.decided_at)


def _status(row: CandidateRow, approvers: tuple[str, ...], *, decided: bool) -> Status:
    if row.withdrawn:
        return Status.WITHDRAWN
    if row.blocked:
        return Status.BLOCKED
    if len(approvers) >= row.approvals:
        return Status.APPROVED
    return Status.REJECTED if decided and not approvers else Status.QUEUED
