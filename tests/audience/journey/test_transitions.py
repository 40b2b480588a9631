import itertools
from collections import Counter
from datetime import datetime, timedelta
from statistics import median

from hypothesis import given, settings
from journeys import AS_OF, Event, event_lists, event_table, slow_moves, timelines

from omnimix.audience.journey.behind import behind_move, behind_step
from omnimix.audience.journey.journey import EXIT, OPEN, OTHER, START
from omnimix.audience.journey.steps import event_steps, fold, number_orders, order_names
from omnimix.audience.journey.transitions import moves, profile_moves, step_counts, transitions, waits
from omnimix.store.warehouse import Warehouse

WITHIN = timedelta(days=7)


def counted(warehouse: Warehouse, events: list[Event]) -> list[dict[str, object]]:
    moved = moves(event_steps(event_table(events)), within_days=7, as_of=AS_OF)
    return sorted(
        warehouse.arrow(transitions(profile_moves(moved))).to_pylist(),
        key=lambda r: (str(r["step"]), str(r["next_step"])),
    )


@settings(max_examples=7)  # each compiles its queries anew
@given(events=event_lists())
def test_transitions_are_what_the_paths_say(warehouse: Warehouse, events: list[Event]) -> None:
    expected, who = slow_moves(events, WITHIN)
    found = counted(warehouse, events)
    assert {(r["step"], r["next_step"]): r["moves"] for r in found} == expected
    assert {(r["step"], r["next_step"]): r["profiles"] for r in found} == {m: len(p) for m, p in who.items()}


@settings(max_examples=7)  # each compiles its queries anew
@given(events=event_lists())
def test_moves_add_up(warehouse: Warehouse, events: list[Event]) -> None:
    found = counted(warehouse, events)
    visits = Counter(e[2] for e in events if e[1] is not None)
    into, out, shares = Counter[str](), Counter[str](), Counter[str]()
    for row in found:
        out[str(row["step"])] += int(str(row["moves"]))
        into[str(row["next_step"])] += int(str(row["moves"]))
        shares[str(row["step"])] += float(str(row["share"]))  # type: ignore[assignment]
    assert {s: n for s, n in out.items() if s != START} == visits
    assert {s: n for s, n in into.items() if s not in (EXIT, OPEN)} == visits
    assert out[START] == into[EXIT] + into[OPEN]  # every path that begins also ends, or is still open
    assert all(abs(share - 1) < 1e-12 for share in shares.values())


@settings(max_examples=7)
@given(events=event_lists())
def test_the_order_of_rows_does_not_matter(warehouse: Warehouse, events: list[Event]) -> None:
    assert counted(warehouse, events) == counted(warehouse, sorted(events))


@settings(max_examples=7)
@given(events=event_lists())
def test_every_number_has_its_profiles(warehouse: Warehouse, events: list[Event]) -> None:
    moved = warehouse.materialise(moves(event_steps(event_table(events)), within_days=7, as_of=AS_OF))
    _, who = slow_moves(events, WITHIN)
    for row in warehouse.arrow(transitions(profile_moves(moved))).to_pylist():
        ids = warehouse.arrow(behind_move(moved, row["step"], row["next_step"]))["profile_id"].to_pylist()
        assert len(ids) == row["profiles"]
        assert set(ids) == who[(row["step"], row["next_step"])]
    for row in warehouse.arrow(step_counts(profile_moves(moved))).to_pylist():
        ids = warehouse.arrow(behind_step(moved, row["step"]))["profile_id"].to_pylist()
        assert len(ids) == len(set(ids)) == row["profiles"]


@settings(max_examples=7)  # each compiles its queries anew
@given(events=event_lists())
def test_waits_are_the_waits_between_the_steps(warehouse: Warehouse, events: list[Event]) -> None:
    moved = moves(event_steps(event_table(events)), within_days=7, as_of=AS_OF)
    slow: dict[tuple[str, str], list[float]] = {}
    for line in timelines(events).values():
        for before, after in itertools.pairwise(line):
            if after[3] - before[3] <= WITHIN:
                slow.setdefault((before[2], after[2]), []).append((after[3] - before[3]).total_seconds())
    found = {(r["step"], r["next_step"]): r for r in warehouse.arrow(waits(moved)).to_pylist()}
    assert {m: r["median"] for m, r in found.items()} == {m: median(w) for m, w in slow.items()}
    assert all(r["q1"] <= r["median"] <= r["q3"] for r in found.values())


@given(events=event_lists(known=True))
def test_folding_loses_no_step(warehouse: Warehouse, events: list[Event]) -> None:
    steps = event_steps(event_table(events))
    names = Counter(e[2] for e in events)
    kept = {s for s, _ in sorted(names.items(), key=lambda x: (-x[1], x[0]))[:2]}
    expected = {e[0]: e[2] if e[2] in kept else OTHER for e in events}
    rows = warehouse.arrow(fold(steps, most=2)).to_pylist()
    assert {r["step_id"]: r["step"] for r in rows} == expected
    assert len(rows) == len(events)


@given(events=event_lists(known=True))
def test_orders_are_numbered_within_each_profile(warehouse: Warehouse, events: list[Event]) -> None:
    expected = {e[0]: e[2] for e in events}
    for line in timelines(events).values():
        for place, event in enumerate(e for e in line if e[2] == "Order Completed"):
            expected[event[0]] = ("1st order", "2nd order", "3rd order or later")[min(place, 2)]
    rows = warehouse.arrow(number_orders(event_steps(event_table(events)), most=3)).to_pylist()
    assert {r["step_id"]: r["step"] for r in rows} == expected


def test_order_names() -> None:
    assert order_names(2) == ("1st order", "2nd order or later")
    assert order_names(12)[-3:] == ("10th order", "11th order", "12th order or later")


def test_an_event_cannot_pass_for_one_of_our_words(warehouse: Warehouse) -> None:
    events: list[Event] = [("e1", "a", EXIT, datetime(2026, 1, 1))]
    assert warehouse.arrow(event_steps(event_table(events)))["step"].to_pylist() == [f"event {EXIT}"]


def test_a_wait_of_exactly_the_limit_is_in_time_and_one_second_more_is_not(warehouse: Warehouse) -> None:
    first = datetime(2026, 1, 1)
    for extra, following in ((0, "Order Completed"), (1, EXIT)):
        events: list[Event] = [
            ("e1", "a", "Product Viewed", first),
            ("e2", "a", "Order Completed", first + WITHIN + timedelta(seconds=extra)),
        ]
        found = {(r["step"], r["next_step"]) for r in counted(warehouse, events)}
        assert ("Product Viewed", following) in found
        assert ((START, "Order Completed") in found) == bool(extra)


def test_no_events_and_one_event(warehouse: Warehouse) -> None:
    assert counted(warehouse, []) == []
    one = counted(warehouse, [("e1", "a", "Product Viewed", datetime(2026, 1, 1))])
    assert [(r["step"], r["next_step"], r["moves"], r["share"]) for r in one] == [
        (START, "Product Viewed", 1, 1.0),
        ("Product Viewed", EXIT, 1, 1.0),
    ]
