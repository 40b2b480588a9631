"""A run that breaks while it writes to a channel goes on where it stopped, and writes nothing twice."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select
from tests.flow.conftest import Ran

from omnimix.activation.channel.port import Channel
from omnimix.activation.channel.rows import OutboxRow, PlanApprovalRow
from omnimix.core.errors import NotAllowed, Unavailable
from omnimix.flow.activate import deploy, foresee, propose
from omnimix.governance.audit import entries, verify


@dataclass
class Breaking:
    """The real channel on a line that breaks after so many changes; it counts what came through."""

    channel: Channel
    after: int
    passed: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.channel, name)

    def write(self, change: Any, *, idempotency_key: str) -> None:
        if self.passed == self.after:
            raise Unavailable("the line is down")
        self.passed += 1
        self.channel.write(change, idempotency_key=idempotency_key)


def on(ran: Ran, name: str) -> Ran:
    return ran._replace(job=replace(ran.job, campaign=replace(ran.job.campaign, channels=(name,))))


@pytest.mark.parametrize("after", [0, 1, 5])
def test_broken_in_the_middle_then_run(ran: Ran, after: int) -> None:
    ran = on(ran, "meta_bulk")
    whole = len(propose(ran.machine, ran.job, "meta_bulk").plan.changes)
    assert whole > 5
    line = Breaking(ran.machine.channel("meta_bulk"), after)
    with pytest.raises(Unavailable):
        deploy(replace(ran.machine, channel=lambda _name: line), ran.job, "meta_bulk", approver="anna")
    rest = Breaking(ran.machine.channel("meta_bulk"), whole)
    counts = deploy(
        replace(ran.machine, channel=lambda _name: rest), ran.job, "meta_bulk"
    )  # nobody approves again
    assert line.passed + rest.passed == whole
    assert counts.adds_up
    assert counts.detail == {"unchanged": whole}
    assert not propose(ran.machine, ran.job, "meta_bulk").plan.changes
    with ran.machine.ledger() as session:
        approvals = session.scalars(select(PlanApprovalRow).where(PlanApprovalRow.channel == "meta_bulk")).all()
        assert [a.finished_at is not None for a in approvals] == [True]
        outbox = session.scalars(select(OutboxRow).where(OutboxRow.approval == approvals[0].number)).all()
        assert len(outbox) == whole
        assert all(row.done_at for row in outbox)
        acts = [e.action for e in entries(session) if e.subject == "meta_bulk/first"]
        assert acts.count("plan.apply") == 1
        assert verify(session, ran.machine.anchor).intact


def test_without_approval_nothing_is_written(ran: Ran) -> None:
    ran = on(ran, "microsoft_bulk")
    with pytest.raises(NotAllowed, match="waits for approval"):
        deploy(ran.machine, ran.job, "microsoft_bulk")
    assert not list(ran.machine.channel("microsoft_bulk").read())


def test_foresight_is_of_everybody(ran: Ran) -> None:
    counts = foresee(ran.machine, ran.job)
    assert counts.rows_in == 2  # the shop's own people, and with lookalikes
    assert [f.people for f in counts.output] == [40, 1500]
