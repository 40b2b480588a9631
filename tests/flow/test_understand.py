"""Every profile is counted, and who may not be profiled is left unseen."""

from datetime import datetime

import ibis
import pytest
from tests.flow.conftest import Ran

from omnimix.flow.campaign import run_campaign
from omnimix.flow.journey import map_journey
from omnimix.flow.people import BROAD_ONLY, fact, members_of, profiles_of
from omnimix.flow.segments import REFUSED, segment
from omnimix.flow.step import Counts
from omnimix.flow.understand import catalogue, identify
from omnimix.store.facts import CONSENT


def refuse(ran: Ran, count: int) -> set[str]:
    """Let so many people refuse personalisation; their profiles."""
    links = sorted(
        ran.machine.warehouse.arrow(fact(ran.machine, "link")).to_pylist(), key=lambda r: r["profile_id"]
    )
    profiles = sorted({r["profile_id"] for r in links})[:count]
    said = [
        {
            "consent_id": f"c{i}",
            "person_key": next(r["key"] for r in links if r["profile_id"] == p),
            "purpose": "personalisation",
            "granted": False,
            "decided_at": datetime(2026, 10, 1),
            "source": "test",
            "repeated": None,
        }
        for i, p in enumerate(profiles)
    ]
    ran.machine.warehouse.write("consent", ibis.memtable(said, schema=CONSENT), part="test") if said else None
    return set(profiles)


@pytest.mark.parametrize("count", [0, 1, 7, 39])
def test_who_refuses_personalisation_is_in_no_segment_and_has_no_features(ran: Ran, count: int) -> None:
    refused = refuse(ran, count)
    counts = segment(ran.machine)
    assert counts.adds_up
    assert counts.rows_in == 40
    assert counts.set_aside == {"without features, in the rest": 0, REFUSED: count}
    arrow = ran.machine.warehouse.arrow
    featured = set(arrow(ran.machine.warehouse.table("feature"))["profile_id"].to_pylist())
    assert featured.isdisjoint(refused)
    members = arrow(members_of(ran.machine)).to_pylist()
    assert len(members) == len({m["profile_id"] for m in members}) == 40 - count
    assert refused.isdisjoint(m["profile_id"] for m in members)


def test_when_nobody_may_be_personalised_there_is_the_broad_creative(ran: Ran) -> None:
    refuse(ran, 40)
    steps = {r.name: r for r in run_campaign(ran.machine, ran.job, approver="anna")}
    assert steps["segments"].detail["set_aside"][REFUSED] == 40
    assert (steps["personas"].rows_out, steps["briefs"].rows_out) == (0, 1)
    lanes = ran.machine.warehouse.arrow(fact(ran.machine, "assignment"))
    assert set(lanes["segment"].to_pylist()) == {BROAD_ONLY}
    shown = ran.machine.warehouse.arrow(fact(ran.machine, "exposure"))
    assert shown.num_rows > 0


@pytest.mark.parametrize("step", [identify, catalogue, map_journey, segment])
def test_counts_add_up_to_the_facts(ran: Ran, step: "type[object]") -> None:
    counts = step(ran.machine)
    assert isinstance(counts, Counts)
    assert counts.adds_up
    rows = {
        name: ran.machine.warehouse.arrow(fact(ran.machine, name)).num_rows
        for name in ("event", "order_line", "product")
    }
    people = ran.machine.warehouse.arrow(profiles_of(ran.machine)).num_rows
    wanted = {
        "identify": rows["event"] + rows["order_line"],
        "catalogue": rows["product"],
        "map_journey": rows["event"],
        "segment": people,
    }
    assert counts.rows_in == wanted[step.__name__]
