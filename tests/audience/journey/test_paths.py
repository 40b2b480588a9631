from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import groupby

import pyarrow as pa
from hypothesis import given, settings
from journeys import AS_OF, Event, event_lists, event_table, paths, timelines

from omnimix.audience.journey.behind import behind_context, behind_path
from omnimix.audience.journey.contexts import fit_contexts, fit_paths
from omnimix.audience.journey.insight import LONGER, PathMap
from omnimix.audience.journey.journey import EXIT, OPEN, START
from omnimix.audience.journey.paths import (
    JOIN,
    SPELLED,
    context_counts,
    context_people,
    conversions,
    in_context,
    path_counts,
    path_shapes,
    whole_totals,
)
from omnimix.audience.journey.steps import event_steps
from omnimix.audience.journey.transitions import moves
from omnimix.store.warehouse import Warehouse

WITHIN = timedelta(days=7)
GOAL = "Order Completed"


def ends(events: list[Event]) -> dict[str, list[tuple[list[str], str]]]:
    """Each profile's paths with how they end."""
    found: dict[str, list[tuple[list[str], str]]] = {}
    for profile, cut in paths(events, WITHIN).items():
        last = [EXIT] * (len(cut) - 1) + [OPEN if cut[-1][-1][3] + WITHIN >= AS_OF else EXIT]
        found[profile] = [([e[2] for e in path], end) for path, end in zip(cut, last, strict=True)]
    return found


def spelled(steps: list[str], end: str) -> tuple[str, str]:
    once = [step for step, _again in groupby(steps)]
    return JOIN.join(once[:SPELLED]), end if len(once) <= SPELLED else LONGER


@settings(max_examples=7)
@given(events=event_lists())
def test_whole_paths_are_what_people_did(warehouse: Warehouse, events: list[Event]) -> None:
    shapes = warehouse.materialise(
        path_shapes(moves(event_steps(event_table(events)), within_days=7, as_of=AS_OF))
    )
    count: Counter[tuple[str, str]] = Counter()
    who: dict[tuple[str, str], set[str]] = defaultdict(set)
    for profile, cut in ends(events).items():
        for steps, end in cut:
            count[spelled(steps, end)] += 1
            who[spelled(steps, end)].add(profile)
    rows = warehouse.arrow(path_counts(shapes, most=99)).to_pylist()
    assert {(r["steps"], r["end"]): r["paths"] for r in rows} == count
    for row in rows:
        ids = warehouse.arrow(behind_path(shapes, row["steps"], row["end"]))["profile_id"].to_pylist()
        assert set(ids) == who[row["steps"], row["end"]]
        assert len(ids) == row["profiles"]
    total = warehouse.arrow(whole_totals(shapes)).to_pylist()[0]
    assert total == {"paths": count.total(), "shapes": len(count)}


@settings(max_examples=7)
@given(events=event_lists())
def test_contexts_count_what_came_before(warehouse: Warehouse, events: list[Event]) -> None:
    moved = warehouse.materialise(moves(event_steps(event_table(events)), within_days=7, as_of=AS_OF))
    expected: Counter[tuple[str | None, str | None, str, str]] = Counter()
    for cut in ends(events).values():
        for steps, end in cut:
            line: list[str | None] = [None, START, *steps, end]
            for at in range(2, len(line) - 1):
                before = line[at - 2]
                expected[before, line[at - 1], str(line[at]), str(line[at + 1])] += 1
    rows = warehouse.arrow(context_counts(moved)).to_pylist()
    assert {(r["before_2"], r["before_1"], r["step"], r["next_step"]): r["moves"] for r in rows} == expected
    asked = sorted({tuple(s for s in key[:3] if s is not None) for key in expected})
    people = warehouse.arrow(context_people(moved, asked)).to_pylist()
    inside = in_context(moved, asked)
    for row in people:
        ids = warehouse.arrow(behind_context(inside, row["context"], row["next_step"]))["profile_id"].to_pylist()
        assert len(ids) == len(set(ids)) == row["profiles"]


def table(ways: dict[tuple[str | None, str | None, str, str], int]) -> pa.Table:
    names = ("before_2", "before_1", "step", "next_step")
    return pa.Table.from_pylist([dict(zip(names, key, strict=True)) | {"moves": n} for key, n in ways.items()])


def test_a_memory_is_kept_only_where_it_changes_what_comes_next() -> None:
    # After b, people go to c or leave, evenly; but who came from x leaves, and what was before a says nothing.
    ways: dict[tuple[str | None, str | None, str, str], int] = {}
    for first in (START, "w"):
        ways[first, "a", "b", "c"], ways[first, "a", "b", EXIT] = 500, 500
        ways[first, "x", "b", "c"], ways[first, "x", "b", EXIT] = 50, 450
    tree = fit_contexts(table(ways))
    assert [c.steps for c in tree.kept] == [("x", "b")] or {c.steps for c in tree.kept} == {("x", "b"), ("a", "b")}
    held = next(c for c in tree.kept if c.steps == ("x", "b"))
    assert {w.next_step: w.moves for w in held.continuations} == {"c": 100, EXIT: 900}
    assert abs(sum(w.share for w in held.continuations) - 1) < 1e-12
    assert abs(sum(w.usual for w in held.continuations) - 1) < 1e-12
    assert fit_contexts(table(dict(reversed(ways.items())))) == tree


def test_moves_that_are_still_open_are_no_evidence() -> None:
    ways: dict[tuple[str | None, str | None, str, str], int] = {
        (START, "a", "b", "c"): 500,
        (START, "a", "b", EXIT): 500,
        (START, "x", "b", "c"): 50,
        (START, "x", "b", EXIT): 50,
        (START, "x", "b", OPEN): 900,
    }
    assert fit_contexts(table(ways)).kept == ()


@settings(max_examples=7)
@given(events=event_lists())
def test_conversion_is_from_the_first_visit_to_the_next_goal(warehouse: Warehouse, events: list[Event]) -> None:
    moved = moves(event_steps(event_table(events)), within_days=7, as_of=AS_OF)
    expected: dict[str, list[bool]] = defaultdict(list)
    for line in timelines(events).values():
        for step in sorted({e[2] for e in line}):
            first = next(e for e in line if e[2] == step)
            goals = [e[3] for e in line if e[2] == GOAL]
            later = [g for g in goals if g > first[3] or (g == first[3] and step != GOAL)]
            expected[step].append(any(g <= first[3] + WITHIN for g in later))
    rows = warehouse.arrow(conversions(moved, [GOAL], within_days=7)).to_pylist()
    found = {r["step"]: (r["profiles"], r["converted"]) for r in rows}
    assert found == {s: (len(v), sum(v)) for s, v in expected.items()}


def test_the_paths_shown_and_the_rest_are_everybody(warehouse: Warehouse) -> None:
    first = datetime(2026, 1, 1)
    events = [(f"e{n}", f"p{n}", ("a", "b", "c")[n % 3], first) for n in range(9)]
    moved = warehouse.materialise(moves(event_steps(event_table(events)), within_days=7, as_of=AS_OF))
    shapes = path_shapes(moved)
    counts = {
        "context_people": warehouse.arrow(context_people(moved, [])),
        "path_counts": warehouse.arrow(path_counts(shapes, most=2)),
        "whole_totals": warehouse.arrow(whole_totals(shapes)),
        "conversions": warehouse.arrow(conversions(moved, ["c"], within_days=7)),
    }
    tree = fit_contexts(warehouse.arrow(context_counts(moved)))
    found: PathMap = fit_paths(tree, counts, as_of=AS_OF, goal="c", most=5)
    assert (found.paths, found.shapes, len(found.whole)) == (9, 3, 2)
    assert abs(found.displayed - 6 / 9) < 1e-12
    assert found.displayed + found.beyond == 1
    assert all(c.low <= c.share <= c.high for c in found.conversions)
