import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from omnimix.activation.channel.apply import apply, resume
from omnimix.activation.channel.approval import approve_plan, find_approval
from omnimix.activation.channel.google_ads_editor import GoogleAdsEditor
from omnimix.activation.channel.limits import Limits, limit_findings
from omnimix.activation.channel.plan import Action, make_plan
from omnimix.activation.channel.resource import Kind, Status
from omnimix.activation.channel.rows import OutboxRow
from omnimix.core.errors import Conflict, InvalidInput, NotAllowed, Unavailable
from omnimix.core.money import Money
from omnimix.governance import audit
from omnimix.store.ledger import open_ledger
from omnimix.testing.channel import CAMPAIGN, ChannelSuite, changed, example_resources, expect_same

BUDGET = Money(2501, "GBP")
LIMITS = Limits()
EVERY = frozenset(Kind)


class Memory:
    """A platform that can break before or after it has written, and counts what reached it."""

    name, supports = "memory", EVERY

    def __init__(self):
        self.live, self.writes, self.break_before, self.break_after = {}, [], None, None

    def read(self):
        return list(self.live.values())

    def write(self, change, *, idempotency_key):
        if self.break_before == len(self.writes):
            self.break_before = None
            raise Unavailable("the line is down")
        self.writes.append((change.name, idempotency_key))
        if change.action is Action.REMOVE:
            self.live.pop(change.subject.key)
        else:
            self.live[change.subject.key] = change.subject
        if self.break_after == len(self.writes):
            self.break_after = None
            raise Unavailable("the answer was lost")


def plan_for(channel, wanted):
    return make_plan(channel.name, wanted, channel.read(), campaign=CAMPAIGN.key, supports=channel.supports)


def approve(ledger, plan, now, **others):
    with ledger.begin() as session:
        found = limit_findings(plan, LIMITS, budget=BUDGET)
        return approve_plan(
            session, plan, **({"digest": plan.digest, "approver": "Ann", "findings": found, "now": now} | others)
        )


def run(ledger, plan, channel, now, limits=LIMITS):
    return apply(ledger, plan, channel, limits=limits, budget=BUDGET, now=now)


@pytest.fixture
def wanted(tmp_path):
    return example_resources(EVERY, pictures=tmp_path / "out")


def test_an_unapproved_plan_is_refused_and_nothing_is_written(ledger, now, wanted):
    channel = Memory()
    with pytest.raises(NotAllowed, match="not approved"):
        run(ledger, plan_for(channel, wanted), channel, now)
    assert channel.writes == []


def test_a_plan_that_changed_after_approval_is_refused(ledger, now, wanted):
    channel = Memory()
    approve(ledger, plan_for(channel, wanted), now)
    other = plan_for(channel, [changed(r) for r in wanted])
    with pytest.raises(Conflict, match="changed after 'Ann' approved it"):
        run(ledger, other, channel, now)
    assert channel.writes == []


def test_an_approval_is_bound_to_what_was_shown(ledger, now, wanted):
    plan = plan_for(Memory(), wanted)
    with pytest.raises(Conflict, match="changed after it was shown"):
        approve(ledger, plan, now, digest="0" * 64)
    with pytest.raises(InvalidInput, match="name of the person"):
        approve(ledger, plan, now, approver=" ")
    with pytest.raises(InvalidInput, match="cannot be accepted"):
        approve(ledger, plan, now, accepting=["limit.budget"])
    with ledger() as session:
        assert find_approval(session, plan) is None
        assert list(audit.entries(session)) == []


def test_apply_writes_once_in_order_and_says_so(ledger, now, wanted):
    channel = Memory()
    plan = plan_for(channel, wanted)
    approve(ledger, plan, now)
    approve(ledger, plan, now)
    first = run(ledger, plan, channel, now)
    assert first.written == tuple(c.name for c in plan.changes)
    expect_same(channel.read(), wanted, "after apply")
    again = run(ledger, plan, channel, now)
    assert again.written == ()
    assert len(again.found) == len(plan.changes)
    assert len(channel.writes) == len(plan.changes)
    with ledger() as session:
        entries = [(e.action, e.actor) for e in audit.entries(session)]
        assert entries == [("plan.approve", "Ann"), ("plan.apply", "omnimix")]
        assert audit.verify(session).intact
        assert all(r.done_at for r in session.scalars(select(OutboxRow)))


def test_a_plan_without_changes_needs_nobody(ledger, now):
    assert run(ledger, plan_for(Memory(), []), Memory(), now).written == ()


@pytest.mark.parametrize("when", ["break_before", "break_after"])
@pytest.mark.parametrize("place", [1, 2, 24, 25, 26, 47, 48])
def test_a_break_anywhere_neither_loses_nor_doubles(ledger, now, wanted, when, place):
    channel = Memory()
    plan = plan_for(channel, wanted)
    assert len(plan.changes) == 49
    approve(ledger, plan, now)
    setattr(channel, when, place)
    with pytest.raises(Unavailable):
        run(ledger, plan, channel, now)
    assert 0 < len(channel.live) < len(wanted)
    run(ledger, plan, channel, now + timedelta(hours=1))
    expect_same(channel.read(), wanted, "after the second attempt")
    assert [name for name, _ in channel.writes] == [c.name for c in plan.changes]
    assert len({key for _, key in channel.writes}) == len(plan.changes)


def test_what_was_begun_is_finished_without_the_plan_at_hand(ledger, now, wanted):
    channel = Memory()
    plan = plan_for(channel, wanted)
    approve(ledger, plan, now)
    again = {"campaign": CAMPAIGN.key, "limits": LIMITS, "budget": BUDGET, "now": now}
    assert resume(ledger, channel, **again) is None
    channel.break_after = 30
    with pytest.raises(Unavailable):
        run(ledger, plan, channel, now)
    assert plan_for(channel, wanted).digest != plan.digest
    outcome = resume(ledger, channel, **again)
    assert outcome is not None
    assert len(outcome.written) == len(plan.changes) - 30
    expect_same(channel.read(), wanted, "after resuming")
    assert resume(ledger, channel, **again) is None


def test_the_key_of_a_change_is_the_same_in_every_attempt(ledger, now, wanted):
    channel = Memory()
    plan = plan_for(channel, wanted)
    approve(ledger, plan, now)
    channel.break_before = 3
    seen = []
    write = Memory.write

    class Listening(Memory):
        def write(self, change, *, idempotency_key):
            seen.append((change.name, idempotency_key))
            write(self, change, idempotency_key=idempotency_key)

    listening = Listening()
    listening.break_before = 3
    with pytest.raises(Unavailable):
        run(ledger, plan, listening, now)
    run(ledger, plan, listening, now + timedelta(days=1))
    assert len(set(seen)) == len(plan.changes)
    assert len(seen) == len(plan.changes) + 1


def test_a_change_behind_our_back_is_a_conflict_before_anything_is_written(ledger, now, wanted):
    channel = Memory()
    plan = plan_for(channel, wanted)
    approve(ledger, plan, now)
    ours = changed(wanted[0])
    channel.live[ours.key] = ours
    with pytest.raises(Conflict, match="since the plan was made"):
        run(ledger, plan, channel, now)
    assert channel.writes == []


def test_what_was_applied_and_then_undone_needs_a_new_approval(ledger, now, wanted):
    channel = Memory()
    plan = plan_for(channel, wanted)
    approve(ledger, plan, now)
    run(ledger, plan, channel, now)
    channel.live.clear()
    again = plan_for(channel, wanted)
    assert again.digest == plan.digest
    with pytest.raises(Conflict, match="after it was applied"):
        run(ledger, again, channel, now)
    approve(ledger, again, now)
    assert len(run(ledger, again, channel, now).written) == len(plan.changes)
    expect_same(channel.read(), wanted, "after the new approval")
    keys = [key for _, key in channel.writes]
    assert len(set(keys)) == len(keys)


def test_a_person_turning_things_on_is_no_conflict_and_stays(ledger, now, wanted):
    channel = Memory()
    first = plan_for(channel, wanted)
    approve(ledger, first, now)
    run(ledger, first, channel, now)
    later = [changed(r) if r.kind is Kind.KEYWORD else r for r in wanted]
    plan = plan_for(channel, later)
    approve(ledger, plan, now)
    channel.live = {k: replace(r, status=Status.ENABLED) for k, r in channel.live.items()}
    run(ledger, plan_for(channel, wanted), channel, now)
    again = plan_for(channel, later)
    approve(ledger, again, now)
    run(ledger, again, channel, now)
    assert {r.status for r in channel.read()} == {Status.ENABLED}


def test_limits_block_approval_and_apply_unless_accepted(ledger, now, wanted):
    channel = Memory()
    plan = plan_for(channel, wanted)
    approve(ledger, plan, now)
    run(ledger, plan, channel, now)
    away = plan_for(channel, ())
    with pytest.raises(NotAllowed, match=r"limit\.removals"):
        approve(ledger, away, now)
    with pytest.raises(NotAllowed, match=r"limit\.share"):
        approve(ledger, away, now, accepting=["limit.removals"])
    approve(ledger, away, now, findings=(), accepting=["limit.removals"])
    with pytest.raises(NotAllowed, match=r"limit\.share"):
        run(ledger, away, channel, now)
    assert len(channel.live) == len(wanted)
    approve(ledger, away, now, accepting=["limit.removals", "limit.share"])
    run(ledger, away, channel, now)
    assert channel.live == {}


def test_budget_and_paused_cannot_be_accepted(ledger, now, wanted):
    channel = Memory()
    on = [replace(r, status=Status.ENABLED) for r in wanted]
    plan = plan_for(channel, on)
    with pytest.raises(NotAllowed, match=r"limit\.paused"):
        approve(ledger, plan, now)
    approve(ledger, plan, now, findings=())
    with pytest.raises(NotAllowed, match=r"limit\.paused"):
        run(ledger, plan, channel, now)
    assert channel.writes == []


KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from omnimix.activation.channel.apply import apply, resume
from omnimix.activation.channel.google_ads_editor import GoogleAdsEditor
from omnimix.activation.channel.limits import Limits
from omnimix.activation.channel.plan import make_plan
from omnimix.core.money import Money
from omnimix.store.ledger import open_ledger
from omnimix.testing.channel import CAMPAIGN, ChannelSuite, example_resources

folder, left = Path(sys.argv[1]), int(sys.argv[2])
setup = ChannelSuite().setup_in(folder)


class Dying(GoogleAdsEditor):
    def write(self, change, *, idempotency_key):
        global left
        super().write(change, idempotency_key=idempotency_key)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


channel = Dying(setup)
wanted = example_resources(channel.supports, pictures=setup.pictures)
ledger = open_ledger(f"sqlite:///{folder / 'killed.sqlite'}")
plan = make_plan(channel.name, wanted, (), campaign=CAMPAIGN.key, supports=channel.supports)
apply(ledger, plan, channel, limits=Limits(), budget=Money(2501, "GBP"), now=datetime(2026, 11, 1))
"""


def test_killed_between_write_and_mark_neither_loses_nor_doubles(tmp_path, now):
    setup = ChannelSuite().setup_in(tmp_path)
    channel = GoogleAdsEditor(setup)
    wanted = example_resources(channel.supports, pictures=setup.pictures)
    plan = plan_for(channel, wanted)
    ledger = open_ledger(f"sqlite:///{tmp_path / 'killed.sqlite'}")
    approve(ledger, plan, now)
    for writes, in_all in ((1, 1), (27, 28)):
        died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(writes)], timeout=60, check=False)
        assert died.returncode == -9
        assert len(list(channel.read())) == in_all
    outcome = run(ledger, plan, channel, now)
    assert len(outcome.written) == len(plan.changes) - 28
    expect_same(channel.read(), wanted, "after two kills")
    with ledger() as session:
        assert all(r.done_at for r in session.scalars(select(OutboxRow)))
        assert [e.action for e in audit.entries(session)] == ["plan.approve", "plan.apply"]
    ledger.kw["bind"].dispose()
