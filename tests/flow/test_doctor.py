"""One finding for each thing that is lacking, and none for what is there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from tests.conftest import NOW
from tests.flow.conftest import Ran

from omnimix.core.finding import Severity
from omnimix.flow.doctor import examine
from omnimix.flow.machine import Job, Machine

Lack = Callable[[Machine, Job], tuple[Machine, dict[str, Job]]]


def brand(**changes: str) -> Lack:
    return lambda m, j: (replace(m, brand=replace(m.brand, **changes)), {"first": j})


def campaign(**changes: object) -> Lack:
    return lambda m, j: (m, {"first": replace(j, campaign=replace(j.campaign, **changes))})


def path_of(name: str, path: str) -> Lack:
    def change(m: Machine, j: Job) -> tuple[Machine, dict[str, Job]]:
        return replace(m, sources={**m.sources, name: replace(m.sources[name], path=path)}), {"first": j}

    return change


LACKS: dict[str, tuple[Lack, str, Severity]] = {
    "no source": (lambda m, j: (replace(m, sources={}), {"first": j}), "omnimix.toml", Severity.BLOCKING),
    "no orders": (
        lambda m, j: (replace(m, sources={"products": m.sources["products"]}), {"first": j}),
        "omnimix.toml",
        Severity.BLOCKING,
    ),
    "no file": (path_of("orders", "data/nothing.csv"), "omnimix.toml: sources.orders.path", Severity.BLOCKING),
    "no logo": (brand(logo="assets/none.svg"), "brand.toml: logo", Severity.BLOCKING),
    "no address": (brand(postal_address=""), "brand.toml: postal_address", Severity.BLOCKING),
    "no way out": (brand(unsubscribe_url=""), "brand.toml: unsubscribe_url", Severity.BLOCKING),
    "no sender": (brand(sender=""), "brand.toml: sender", Severity.BLOCKING),
    "no campaign": (lambda m, _j: (m, {}), "campaigns/", Severity.BLOCKING),
    "is over": (
        campaign(starts_on=NOW.date() - timedelta(days=60), ends_on=NOW.date() - timedelta(days=9)),
        "campaigns/first.toml: ends_on",
        Severity.WARNING,
    ),
    "is short": (
        campaign(starts_on=NOW.date(), ends_on=NOW.date() + timedelta(days=3)),
        "campaigns/first.toml",
        Severity.NOTE,
    ),
    "no such channel": (
        campaign(channels=("email_files", "skywriting")),
        "campaigns/first.toml: channels",
        Severity.BLOCKING,
    ),
}


def whole(ran: Ran) -> Job:
    """A job that sends e-mail too and runs from today on."""
    dates = {"starts_on": NOW.date(), "ends_on": NOW.date() + timedelta(days=41)}
    return replace(ran.job, campaign=replace(ran.job.campaign, channels=("email_files",), **dates))


def test_nothing_lacks(ran: Ran) -> None:
    assert examine(ran.machine, {"first": whole(ran)}) == ()


@pytest.mark.parametrize("lack", LACKS)
def test_one_finding_for_one_lack(ran: Ran, lack: str) -> None:
    change, where, severity = LACKS[lack]
    found = examine(*change(ran.machine, whole(ran)))
    assert [(f.where, f.severity) for f in found] == [(where, severity)]
    assert found[0].fix


def test_a_broken_audit(ran: Ran) -> None:
    with ran.machine.ledger.begin() as session:
        session.execute(text("update audit set body = body || ' ' where number = 2"))
    (found,) = examine(ran.machine, {"first": whole(ran)})
    assert found.where == "audit: entry 2"
    assert found.severity is Severity.BLOCKING
