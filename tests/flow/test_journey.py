"""The journey step: every number has its people, a contact has a place, files can be taken away."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.flow.conftest import Ran

from omnimix.audience.journey.behind import behind_difference, behind_funnel, behind_move, behind_step
from omnimix.audience.journey.insight import Catalysts, Opportunities, PathMap
from omnimix.audience.journey.journey import EXIT, OPEN, START, JourneyMap
from omnimix.core.errors import InvalidInput, NotFound
from omnimix.flow.journey import (
    compare_journey,
    compared_moves,
    find_profile,
    journey_files,
    journey_tables,
    where_is,
)
from omnimix.governance.pseudonym import KeyKind
from omnimix.store.artifacts import Artifacts


def test_every_number_of_the_map_has_as_many_people_behind_it(ran: Ran) -> None:
    found = ran.machine.artifacts.load("journey", JourneyMap)
    rows = journey_tables(ran.machine)
    moved = ran.machine.warehouse.materialise(rows["moves"])

    def people(table: object) -> int:
        return int(ran.machine.warehouse.arrow(table).num_rows)  # type: ignore[arg-type]

    for step in found.steps:
        assert people(behind_step(moved, step.step)) == step.profiles
        assert abs(sum(m.share for m in found.moves_from(step.step)) - 1) < 1e-9
    for move in found.moves[:12]:
        assert people(behind_move(moved, move.step, move.next_step)) == move.profiles
    paths_held = ran.machine.warehouse.materialise(rows["funnel_paths"])
    for place in found.funnel:
        assert people(behind_funnel(paths_held, place.place)) == place.profiles
    paths = ran.machine.artifacts.load("paths", PathMap)
    begun = sum(m.moves for m in found.moves_from(START))
    assert paths.paths == begun
    assert abs(sum(p.share for p in paths.whole) + paths.beyond - 1) < 1e-9


def test_a_comparison_lists_its_people(ran: Ran) -> None:
    found = compare_journey(ran.machine, "visitor")
    rows = journey_tables(ran.machine)
    table = ran.machine.warehouse.materialise(compared_moves(ran.machine, rows, "visitor"))
    for d in [d for d in found.differences if d.number == "move"][:6]:
        behind = ran.machine.warehouse.arrow(behind_difference(table, d.group, d.step, d.next_step))
        assert behind.num_rows == d.profiles
    with pytest.raises(InvalidInput, match="shoe size"):
        compare_journey(ran.machine, "shoe size")


def test_a_contact_has_a_place(ran: Ran) -> None:
    found = ran.machine.artifacts.load("journey", JourneyMap)
    moved = journey_tables(ran.machine)["moves"]
    rows = sorted(ran.machine.warehouse.arrow(moved).to_pylist(), key=lambda r: (r["occurred_at"], r["step_id"]))
    profile = rows[-1]["profile_id"]
    place = where_is(ran.machine, profile)
    theirs = [r for r in rows if r["profile_id"] == profile]
    assert [v.step for v in place.last] == [r["step"] for r in theirs][-8:]
    assert place.state == theirs[-1]["next_step"]
    assert place.state in (OPEN, EXIT)
    assert place.context[-1] == theirs[-1]["step"]
    assert abs(sum(c.share for c in place.likely) - 1) < 1e-9
    assert place.stage in {s.stage for s in found.stages}
    with pytest.raises(NotFound, match="no event"):
        where_is(ran.machine, "p_nobody")


def test_a_raw_identifier_is_never_repeated(ran: Ran) -> None:
    for kind, value in ((KeyKind.EMAIL, "not.an.address"), (KeyKind.EMAIL, "some.body@example.com")):
        with pytest.raises((InvalidInput, NotFound)) as caught:
            find_profile(ran.machine, kind, value)
        assert value not in str(caught.value)


def test_the_files_say_what_the_records_say(ran: Ran) -> None:
    picture, data = journey_files(ran.machine)
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    told = json.loads(data.read_text(encoding="utf-8"))
    found = ran.machine.artifacts.load("journey", JourneyMap)
    assert told["journey"]["profiles"] == found.profiles
    assert set(told) >= {"journey", "paths", "comparisons", "opportunities", "catalysts", "pain"}
    assert ran.machine.artifacts.load("opportunities", Opportunities).currency == ran.machine.currency
    assert ran.machine.artifacts.load("catalysts", Catalysts).as_of == found.as_of


def test_without_a_run_the_next_step_is_named(ran: Ran, tmp_path: Path) -> None:
    empty = replace(ran.machine, artifacts=Artifacts(tmp_path / "none"))
    with pytest.raises(NotFound, match="omnimix run"):
        where_is(empty, "p_x")
