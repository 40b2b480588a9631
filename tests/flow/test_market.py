"""A simulated campaign: marked everywhere, the same when lived again, and gone without a trace when shortened."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
from tests.flow.conftest import Ran

from omnimix.flow.activate import promoted_of
from omnimix.flow.campaign import run_campaign
from omnimix.flow.machine import Job
from omnimix.flow.market import live
from omnimix.flow.measure import Result, facts_of, measure
from omnimix.flow.report import gather_report
from omnimix.measurement.books.journal import journal
from omnimix.measurement.books.statement import statement


def weeks(job: Job, count: int) -> Job:
    assert job.simulator is not None
    return replace(job, simulator=replace(job.simulator, weeks=count))


def rows(ran: Ran) -> list[list[Any]]:
    """Assignments, exposures and conversions, each in a fixed order. Snapshots have an id for each fit."""
    tables: list[pa.Table] = [ran.machine.warehouse.arrow(t) for t in facts_of(ran.machine)]
    return [
        sorted(map(str, t.drop_columns([c for c in ("snapshot_id",) if c in t.column_names]).to_pylist()))
        for t in tables
    ]


def balances(ran: Ran) -> Any:
    with ran.machine.ledger() as session:
        drawn = statement(session, "first", currency="GBP")
    assert drawn.balanced
    return {b.account: b.balance for b in drawn.balances}


def test_everything_it_made_is_marked(ran: Ran) -> None:
    assigned, exposed, converted = (ran.machine.warehouse.arrow(t) for t in facts_of(ran.machine))
    assert exposed.num_rows
    assert converted.num_rows
    assert all(exposed["simulated"].to_pylist())
    assert all(converted["simulated"].to_pylist())
    assert assigned["simulated"].to_pylist().count(False) == 40  # the shop's own people are real
    with ran.machine.ledger() as session:
        posted = journal(session, "first")
    assert posted
    assert all(entry.simulated for entry in posted)
    result = ran.machine.artifacts.load("first/result", Result)
    assert result.statement.simulated
    assert all(effect.simulated for reading in result.readings for effect in reading.effects)


def test_lived_again_it_gives_the_same_facts_and_posts_nothing(ran: Ran) -> None:
    before = rows(ran), balances(ran)
    with ran.machine.ledger() as session:
        posted = journal(session, "first")
    live(ran.machine, ran.job)
    assert (rows(ran), balances(ran)) == before
    with ran.machine.ledger() as session:
        assert journal(session, "first") == posted


def test_fewer_weeks_leave_no_old_part_in_facts_or_books(ran: Ran) -> None:
    two = rows(ran), balances(ran)
    live(ran.machine, weeks(ran.job, 1))
    assert ran.machine.warehouse.parts("exposure") == ["first/week-00"]
    assert ran.machine.warehouse.parts("conversion") == ["first/week-00"]
    seen = ran.machine.warehouse.arrow(facts_of(ran.machine)[1])
    channels = len(set(seen["channel"].to_pylist()))  # one entry each for the week, rounded
    assert abs(balances(ran)["media"] - sum(seen["cost_micros"].to_pylist()) / 10_000) <= channels / 2
    live(ran.machine, ran.job)
    assert (rows(ran), balances(ran)) == two


def test_a_campaign_that_is_no_longer_simulated_shows_and_follows_nothing_simulated(ran: Ran) -> None:
    measure(ran.machine, ran.job)
    real = replace(ran.job, simulator=None)
    list(run_campaign(ran.machine, real, approver="anna"))
    report = gather_report(ran.machine, real)
    assert "simulated market" not in {line.name for line in report.stages}
    assert not report.looks
    assert not report.performance
    assert report.statement is None
    assert report.irrelevance_rate is None
    assert promoted_of(ran.machine, real) == {}


def test_a_larger_market_is_foreseen_anew(ran: Ran) -> None:
    assert ran.job.simulator is not None
    larger = replace(ran.job, simulator=replace(ran.job.simulator, people=2000))
    steps = {r.name: r for r in run_campaign(ran.machine, larger, approver="anna")}
    assert not steps["power"].resumed
    assert not steps["simulated market"].resumed
