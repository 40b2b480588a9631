"""Decisions: an approval is bound to the digest of exactly what was shown, and to the person who gave it.

in   the digest a person saw, and their name
out  a decision and its audit entry in one transaction; the variants that may be published
"""

from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from omnimix.core.errors import Conflict, InvalidInput, NotAllowed
from omnimix.creative.review.document import picture_findings
from omnimix.creative.review.queue import Candidate, Status, candidate, candidates
from omnimix.creative.review.rows import DecisionRow
from omnimix.creative.variant import Variant
from omnimix.governance import audit


def approve(
    session: Session,
    campaign: str,
    variant_id: str,
    *,
    digest: str,
    approver: str,
    now: datetime,
    pictures: Path,
) -> Candidate:
    """Approve what was shown under `digest`. Approving what is approved changes nothing.

    `pictures` is the folder that picture paths are relative to. Raises Conflict when words or picture files
    are no longer what was shown; NotAllowed while a check blocks it, or where several people must approve it and
    this one did already or wrote it; NotFound.
    """
    shown = _as_shown(session, campaign, variant_id, digest=digest, person=approver)
    where = f"{campaign}/{variant_id}"
    if shown.status in (Status.BLOCKED, Status.WITHDRAWN):
        first = f": {shown.findings[0].why}" if shown.status is Status.BLOCKED else ""
        raise NotAllowed(
            f"the variant is {shown.status}{first}", where=where, fix="correct it and submit it again"
        )
    _intact(shown, pictures=pictures, where=where)
    if shown.status is Status.APPROVED:
        return shown
    if shown.needed > 1 and approver in (shown.author, *shown.approvers):
        did = "wrote it" if approver == shown.author else "approved it already"
        raise NotAllowed(f"{approver} {did}, and another person must look", where=where, fix="ask a colleague")
    return _decide(session, campaign, shown, approved=True, by=approver, reason="", now=now)


def reject(
    session: Session,
    campaign: str,
    variant_id: str,
    *,
    digest: str,
    approver: str,
    reason: str,
    now: datetime,
) -> Candidate:
    """Reject what was shown under `digest`, an approved variant too. Raises InvalidInput without a reason."""
    if not reason.strip():
        raise InvalidInput(
            "a rejection needs a reason", where=f"{campaign}/{variant_id}", fix="say what is wrong with it"
        )
    shown = _as_shown(session, campaign, variant_id, digest=digest, person=approver)
    return _decide(session, campaign, shown, approved=False, by=approver, reason=reason.strip(), now=now)


def approved(session: Session, campaign: str, *, pictures: Path) -> tuple[Variant, ...]:
    """The variants that may be published: approved, not blocked since, and to the byte what was approved.

    Raises Conflict when the stored words or a picture file are no longer what was approved.
    """
    allowed = [c for c in candidates(session, campaign) if c.status is Status.APPROVED]
    for shown in allowed:
        _intact(shown, pictures=pictures, where=f"{campaign}/{shown.variant_id}")
    return tuple(c.variant for c in allowed)


def _as_shown(session: Session, campaign: str, variant_id: str, *, digest: str, person: str) -> Candidate:
    if not person.strip():
        raise InvalidInput("a decision needs the name of the person", where=f"{campaign}/{variant_id}")
    shown = candidate(session, campaign, variant_id)
    if shown.digest != digest:
        raise Conflict(
            f"the variant changed after it was shown (shown {digest[:12]!r}, now {shown.digest[:12]!r})",
            where=f"{campaign}/{variant_id}",
            fix="look at it again and decide on what is there now",
        )
    return shown


def _intact(shown: Candidate, *, pictures: Path, where: str) -> None:
    if shown.variant.digest != shown.digest or shown.variant.variant_id != shown.variant_id:
        raise Conflict(
            "its stored content was changed outside review", where=where, fix="submit the variant again"
        )
    for finding in picture_findings(shown.variant, pictures=pictures):
        raise Conflict(finding.why, where=f"{where}: {finding.where}", fix=finding.fix)


def _decide(
    session: Session, campaign: str, shown: Candidate, *, approved: bool, by: str, reason: str, now: datetime
) -> Candidate:
    session.add(
        DecisionRow(
            campaign=campaign,
            variant_id=shown.variant_id,
            version=shown.version,
            digest=shown.digest,
            approved=approved,
            by=by,
            reason=reason,
            decided_at=now,
        )
    )
    audit.append(
        session,
        actor=by,
        action="variant.approve" if approved else "variant.reject",
        subject=f"{campaign}/{shown.variant_id}",
        detail={"digest": shown.digest} | ({"reason": reason} if reason else {}),
        now=now,
    )
    return candidate(session, campaign, shown.variant_id)
