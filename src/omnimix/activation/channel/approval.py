"""Approval of a plan: bound to the digest of exactly what was shown, used up when the plan has been applied.

in   a plan, the digest a person saw, the limit findings they saw, and what they accept of them
out  a PlanApproval and its audit entry in one transaction
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from omnimix.activation.channel.limits import ACCEPTABLE
from omnimix.activation.channel.plan import Plan, plan_from_plain, plan_plain
from omnimix.activation.channel.rows import OutboxRow, PlanApprovalRow
from omnimix.core.errors import Conflict, InvalidInput, NotAllowed
from omnimix.core.finding import Finding, Severity
from omnimix.core.hashing import canonical_json
from omnimix.governance import audit


@dataclass(frozen=True, slots=True)
class PlanApproval:
    """Who allowed which plan. `accepted` names the limit rules the person accepted."""

    number: int
    channel: str
    campaign: str
    digest: str
    approver: str
    accepted: frozenset[str]
    approved_at: datetime
    finished: bool


def approve_plan(
    session: Session,
    plan: Plan,
    *,
    digest: str,
    approver: str,
    findings: Sequence[Finding],
    accepting: Iterable[str] = (),
    now: datetime,
) -> PlanApproval:
    """Allow the plan that was shown under `digest`. Approving it again before it is applied changes nothing.

    Raises Conflict when the plan is another one by now, NotAllowed while a limit blocks it that was not accepted,
    InvalidInput for an approver without a name or a rule that cannot be accepted.
    """
    accepted = frozenset(accepting)
    where = f"{plan.channel}/{plan.campaign}"
    if not approver.strip():
        raise InvalidInput("an approval needs the name of the person", where=where)
    if accepted - ACCEPTABLE:
        raise InvalidInput(
            f"{min(accepted - ACCEPTABLE)!r} cannot be accepted",
            where=where,
            fix=f"only {', '.join(sorted(ACCEPTABLE))} can",
        )
    if digest != plan.digest:
        raise Conflict(
            f"the plan changed after it was shown (shown {digest[:12]!r}, now {plan.digest[:12]!r})",
            where=where,
            fix="look at the new plan and approve that",
        )
    refuse_blocked(findings, accepted, where=where)
    standing = find_approval(session, plan)
    if standing and not standing.finished and standing.accepted >= accepted:
        return standing
    row = PlanApprovalRow(
        channel=plan.channel,
        campaign=plan.campaign,
        digest=digest,
        plan=canonical_json(plan_plain(plan)),
        approver=approver,
        accepted=json.dumps(sorted(accepted)),
        approved_at=now,
    )
    session.add(row)
    audit.append(
        session,
        actor=approver,
        action="plan.approve",
        subject=where,
        detail={"digest": digest, "changes": len(plan.changes), "accepted": sorted(accepted)},
        now=now,
    )
    return _approval(row)


def find_approval(session: Session, plan: Plan) -> PlanApproval | None:
    """The newest approval of exactly this plan, if any."""
    row = session.scalars(_of(plan).where(PlanApprovalRow.digest == plan.digest).limit(1)).first()
    return _approval(row) if row else None


def required_approval(session: Session, plan: Plan) -> PlanApproval:
    """The approval of exactly this plan. Raises NotAllowed without one, Conflict when the plan changed since."""
    found = find_approval(session, plan)
    if found:
        return found
    where = f"{plan.channel}/{plan.campaign}"
    last = session.scalars(_of(plan).limit(1)).first()
    if last is not None and last.finished_at is None:
        raise Conflict(
            f"the plan changed after {last.approver!r} approved it (approved {last.digest[:12]!r}, "
            f"now {plan.digest[:12]!r})",
            where=where,
            fix="look at the new plan and approve that",
        )
    raise NotAllowed(
        "the plan is not approved", where=where, fix="look at it with `omnimix plan`, then approve it"
    )


def begun_plan(session: Session, *, channel: str, campaign: str) -> Plan | None:
    """The plan whose application was begun and not finished, exactly as it was approved; None when there is none.

    A newer approval for the same channel and campaign takes its place.
    """
    newest = (
        select(PlanApprovalRow)
        .where(PlanApprovalRow.channel == channel, PlanApprovalRow.campaign == campaign)
        .order_by(PlanApprovalRow.number.desc())
        .limit(1)
    )
    row = session.scalars(newest).first()
    if row is None or row.finished_at is not None:
        return None
    begun = session.scalars(select(OutboxRow).where(OutboxRow.approval == row.number).limit(1)).first()
    return plan_from_plain(json.loads(row.plan)) if begun else None


def refuse_blocked(findings: Iterable[Finding], accepted: frozenset[str], *, where: str) -> None:
    """Raise NotAllowed for the first blocking finding whose rule was not accepted."""
    for finding in findings:
        may_pass = finding.rule in accepted and finding.rule in ACCEPTABLE
        if finding.severity is Severity.BLOCKING and not may_pass:
            raise NotAllowed(f"{finding.rule}: {finding.why}", where=f"{where}: {finding.where}", fix=finding.fix)


def _of(plan: Plan) -> Select[PlanApprovalRow]:
    return (
        select(PlanApprovalRow)
        .where(PlanApprovalRow.channel == plan.channel, PlanApprovalRow.campaign == plan.campaign)
        .order_by(PlanApprovalRow.number.desc())
    )


def _approval(row: PlanApprovalRow) -> PlanApproval:
    return PlanApproval(
        number=row.number,
        channel=row.channel,
        campaign=row.campaign,
        digest=row.digest,
        approver=row.approver,
        accepted=frozenset(json.loads(row.accepted)),
        approved_at=row.approved_at,
        finished=row.finished_at is not None,
    )
