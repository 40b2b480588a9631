"""Apply: write an approved plan, each change once, whatever happens on the way.

in   a plan, its approval in the ledger, a channel
out  the channel holds what the plan says; the outbox and the audit say so too

No platform offers an idempotency key, so three things together keep a change from being lost or doubled: the
outbox names every change before the first is written; a run that follows a broken one reads the channel first
and counts what is there as done; and each change carries a key that stays the same over all attempts, which an
adapter that can remember keys honours. (The transactional outbox: C. Richardson, Microservices Patterns, 2018,
chapter 3.)
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from sqlalchemy import select
from sqlalchemy.orm import Session

from omnimix.activation.channel.approval import PlanApproval, begun_plan, refuse_blocked, required_approval
from omnimix.activation.channel.limits import Limits, limit_findings
from omnimix.activation.channel.plan import Action, Change, Plan
from omnimix.activation.channel.port import Channel
from omnimix.activation.channel.resource import Resource
from omnimix.activation.channel.rows import OutboxRow, PlanApprovalRow
from omnimix.core.errors import Conflict
from omnimix.core.hashing import digest
from omnimix.core.money import Money
from omnimix.governance import audit
from omnimix.store.ledger import Ledger

MARK_EVERY = 25  # written changes are marked in batches: a lost mark costs one reading back, never a second write


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of `apply` did, as names of changes: written now, or found to be there already."""

    written: tuple[str, ...]
    found: tuple[str, ...]


class _State(Enum):
    TO_WRITE = "to write"
    THERE = "there"
    CLASH = "clash"


def apply(
    ledger: Ledger, plan: Plan, channel: Channel, *, limits: Limits, budget: Money, now: datetime
) -> Outcome:
    """Write the plan's changes in order. Repeating it, also after a crash, writes only what is not there yet.

    Raises NotAllowed without an approval or over a limit, Conflict when the plan changed after its approval or
    the channel no longer is what the plan was made from; passes on the adapter's Unavailable and InvalidInput,
    after which the same call goes on where it stopped. A plan without changes needs no approval.
    """
    if not plan.changes:
        return Outcome((), ())
    with ledger.begin() as session:
        approval = required_approval(session, plan)
        found = limit_findings(plan, limits, budget=budget)
        refuse_blocked(found, approval.accepted, where=f"{plan.channel}/{plan.campaign}")
        done = _outbox(session, plan, approval)
    live = {r.key: r for r in channel.read()}
    waiting = [i for i in range(len(plan.changes)) if i not in done or approval.finished]
    states = {i: _state(plan.changes[i], live) for i in waiting}
    _refuse_clash(plan, states, finished=approval.finished)
    there = [i for i in waiting if states[i] is _State.THERE]
    _mark(ledger, approval, there, now=now)
    written = _write(
        ledger, plan, channel, approval, [i for i in waiting if states[i] is _State.TO_WRITE], now=now
    )
    if not approval.finished:
        _finish(ledger, plan, approval, now=now)
    names = [c.name for c in plan.changes]
    return Outcome(
        tuple(names[i] for i in written), tuple(names[i] for i in range(len(names)) if i not in set(written))
    )


def resume(
    ledger: Ledger, channel: Channel, *, campaign: str, limits: Limits, budget: Money, now: datetime
) -> Outcome | None:
    """Finish what an earlier `apply` of the campaign on this channel began; None when nothing is unfinished.

    Call it before planning: a plan made from a half-written channel is another plan, which nobody approved.
    """
    with ledger() as session:
        plan = begun_plan(session, channel=channel.name, campaign=campaign)
    return apply(ledger, plan, channel, limits=limits, budget=budget, now=now) if plan else None


def _outbox(session: Session, plan: Plan, approval: PlanApproval) -> set[int]:
    """Name every change in the outbox, once; the places that are done."""
    rows = list(session.scalars(select(OutboxRow).where(OutboxRow.approval == approval.number)))
    if not rows:
        session.add_all(
            OutboxRow(
                approval=approval.number,
                place=place,
                change=change.name,
                idempotency_key=_key(approval, place),
            )
            for place, change in enumerate(plan.changes)
        )
    return {row.place for row in rows if row.done_at is not None}


def _key(approval: PlanApproval, place: int) -> str:
    """The same for every attempt at this change under this approval, and for no other change."""
    return digest([approval.digest, approval.number, approval.approved_at, place])


def _state(change: Change, live: dict[str, Resource]) -> _State:
    """Whether the channel is still as the plan found it, already as it shall be, or something else."""
    now = live.get(change.subject.key)
    goal = None if change.action is Action.REMOVE else change.subject
    if _same(now, goal):
        return _State.THERE
    return _State.TO_WRITE if _same(now, change.before) else _State.CLASH


def _same(a: Resource | None, b: Resource | None) -> bool:
    """Equal but for the status, which belongs to the person at the platform."""
    if a is None or b is None:
        return a is b
    return replace(a, status=b.status) == b


def _refuse_clash(plan: Plan, states: dict[int, _State], *, finished: bool) -> None:
    for place, state in states.items():
        if state is _State.CLASH or (finished and state is _State.TO_WRITE):
            when = "after it was applied" if finished else "since the plan was made"
            raise Conflict(
                f"{plan.changes[place].subject.key!r} was changed on the channel {when}",
                where=f"{plan.channel}/{plan.campaign}",
                fix="make a new plan and approve that",
            )


def _write(
    ledger: Ledger, plan: Plan, channel: Channel, approval: PlanApproval, places: list[int], *, now: datetime
) -> list[int]:
    written: list[int] = []
    marked = 0
    try:
        for place in places:
            channel.write(plan.changes[place], idempotency_key=_key(approval, place))
            written.append(place)
            if len(written) - marked >= MARK_EVERY:
                _mark(ledger, approval, written[marked:], now=now)
                marked = len(written)
    finally:
        _mark(ledger, approval, written[marked:], now=now)
    return written


def _mark(ledger: Ledger, approval: PlanApproval, places: Iterable[int], *, now: datetime) -> None:
    chosen = set(places)
    if not chosen:
        return
    with ledger.begin() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.approval == approval.number))
        for row in rows:
            if row.place in chosen and row.done_at is None:
                row.done_at = now


def _finish(ledger: Ledger, plan: Plan, approval: PlanApproval, *, now: datetime) -> None:
    """Use the approval up and say so in the audit, in one transaction."""
    with ledger.begin() as session:
        row = session.get_one(PlanApprovalRow, approval.number)
        if row.finished_at is not None:
            return
        row.finished_at = now
        audit.append(
            session,
            actor="omnimix",
            action="plan.apply",
            subject=f"{plan.channel}/{plan.campaign}",
            detail={
                "digest": plan.digest,
                "approved_by": approval.approver,
                "changes": {a.value: n for a, n in plan.counts().items()},
            },
            now=now,
        )
