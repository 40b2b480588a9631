"""Segments between runs: kept until there is a reason, placed step by step, found anew when a person asks."""

from dataclasses import replace
from datetime import timedelta

from tests.flow.conftest import Ran

from omnimix.audience.segment.definition import Definition
from omnimix.audience.segment.movement import NEW
from omnimix.audience.segment.segment import Origin
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.audience.segment.watch import Watch
from omnimix.flow.machine import Machine
from omnimix.flow.people import fact, members_of
from omnimix.flow.segment_watch import WATCH, movement_between
from omnimix.flow.segments import ask_anew, segment, segments_on

RULES = {
    "bought-twice": Definition(when=("orders >= 2",)),
    "lately": Definition(when=("Order Completed within 30 days",), claims=False),
    "rare": Definition(when=("orders >= 999",)),
}


def with_rules(machine: Machine, **changes: object) -> Machine:
    return replace(machine, segments=replace(machine.segments, rules=RULES, min_size=3, **changes))


def kept(machine: Machine) -> tuple[Segmentation, Watch, dict[str, str]]:
    member = machine.warehouse.arrow(members_of(machine)).to_pylist()
    return (
        machine.artifacts.load("segmentation", Segmentation),
        machine.artifacts.load(WATCH, Watch),
        {m["profile_id"]: m["segment"] for m in member},
    )


def test_segments_are_kept_between_runs_until_there_is_a_reason(ran: Ran) -> None:
    segment(ran.machine)
    first = kept(ran.machine)
    segment(ran.machine)
    second = kept(ran.machine)
    assert (second[0], second[2]) == (first[0], first[2])
    assert (second[1].placed_anew, second[1].found_anew) == (0, "")
    assert second[1].drift is not None
    assert second[1].drift.level == "steady"
    ask_anew(ran.machine)
    segment(ran.machine)
    assert kept(ran.machine)[1].found_anew == "a person asked for it"


def test_rule_segments_take_their_people_lists_stand_beside_and_movement_conserves(ran: Ran) -> None:
    machine = with_rules(ran.machine)
    segment(machine)
    found, watch, member = kept(machine)
    assert watch.found_anew == "the rules changed"
    rows = machine.warehouse.arrow(machine.warehouse.table("feature")).to_pylist()
    twice = {r["profile_id"] for r in rows if r["orders"] >= 2}
    assert twice == {p for p, s in member.items() if s == "bought-twice"}
    assert found.segment("bought-twice").origin is Origin.RULE
    assert found.segment("bought-twice").size == len(twice)
    listed = machine.warehouse.arrow(fact(machine, "membership")).to_pylist()
    assert {m["profile_id"] for m in listed if m["segment"] == "bought-twice"} == twice
    sizes = {r.key: (r.profiles, r.placed) for r in watch.lists}
    assert sizes["bought-twice"] == (len(twice), len(twice))
    assert sizes["rare"] == (0, 0)
    assert sizes["lately"] == (sum(m["segment"] == "lately" for m in listed), 0)
    assert "beside the ladder" in next(r.note for r in watch.lists if r.key == "rare")
    assert watch.movement is not None
    assert watch.movement.profiles == sum(s.size for s in found.segments)
    assert all(watch.movement.came(s.key) == s.size for s in found.segments)
    long_ago = movement_between(machine, machine.today - timedelta(days=9_000), machine.today)
    assert {m.segment for m in long_ago.moves} == {NEW}
    assert set(member.values()) >= {m.next_segment for m in long_ago.moves}


def test_segments_of_a_past_day_are_those_a_run_on_that_day_would_find(ran: Ran) -> None:
    day = ran.machine.today - timedelta(days=60)
    found = segments_on(ran.machine, day)
    then = replace(ran.machine, as_of=day, segments=replace(ran.machine.segments, refit="always"))
    segment(then)
    assert kept(then)[1].found_anew == "the rules changed"
    assert kept(then)[0] == found
    assert sum(s.size for s in found.segments) <= 40
