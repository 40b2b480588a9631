import random
from datetime import datetime, timedelta

from journeys import AS_OF, NAMES, Event, event_table

from omnimix.audience.journey.fit import fit_journey, journey_counts, journey_rows
from omnimix.audience.journey.journey import EXIT, OPEN, START, JourneyMap
from omnimix.audience.journey.rules import JourneyRules, Lifecycle
from omnimix.store.warehouse import Warehouse

RULES = JourneyRules(within_days=7, most_steps=3)


def mapped(warehouse: Warehouse, events: list[Event], as_of: datetime = AS_OF) -> JourneyMap:
    table, lifecycle = event_table(events), Lifecycle(periods=1)
    rows = journey_rows(table, rules=RULES, lifecycle=lifecycle, as_of=as_of, keep=warehouse.materialise)
    counts = {
        name: warehouse.arrow(t) for name, t in journey_counts(table, rows, rules=RULES, as_of=as_of).items()
    }
    return fit_journey(counts, rules=RULES, lifecycle=lifecycle, as_of=as_of)


def drawn(seed: int) -> list[Event]:
    """Sixty events of six profiles and of nobody, over three months."""
    dice = random.Random(seed)
    people = ["a", "b", "c", "d", "e", "f", None]
    first = datetime(2025, 12, 1)
    return [
        (f"e{n}", dice.choice(people), dice.choice(NAMES), first + timedelta(minutes=dice.randrange(129_600)))
        for n in range(60)
    ]


def check_sums(journey: JourneyMap, events: list[Event]) -> None:
    """Every total of the map is the total of the events."""
    identified = [e for e in events if e[1] is not None]
    assert journey.events + journey.unidentified_events == len(events)
    assert journey.events == len(identified) == sum(s.visits for s in journey.steps)
    assert journey.profiles == len({e[1] for e in identified}) == sum(s.profiles for s in journey.stages)
    assert journey.sessions <= sum(m.touches for m in journey.mediums)
    for step in journey.steps:
        assert sum(m.moves for m in journey.moves_from(step.step)) == step.visits
        assert sum(m.moves for m in journey.moves if m.next_step == step.step) == step.visits
    begun = sum(m.moves for m in journey.moves_from(START))
    assert begun == sum(m.moves for m in journey.moves if m.next_step in (EXIT, OPEN))
    assert sum(m.profiles for m in journey.stage_moves) == journey.profiles
    for one in (journey.funnel, journey.repeat):
        assert [s.profiles for s in one] == sorted((s.profiles for s in one), reverse=True)
    assert len(journey.history) == len(Lifecycle().stages)
    assert not journey.profiles or abs(sum(s.share for s in journey.stages) - 1) < 1e-12


def test_the_map_adds_up_and_is_the_same_again(warehouse: Warehouse) -> None:
    for seed in range(2):
        events = drawn(seed)
        journey = mapped(warehouse, events)
        check_sums(journey, events)
        assert mapped(warehouse, events[::-1]) == journey


def test_the_map_of_nothing_and_of_one_event(warehouse: Warehouse) -> None:
    empty = mapped(warehouse, [])
    check_sums(empty, [])
    assert (empty.steps, empty.moves, empty.profiles) == ((), (), 0)
    assert [s.share_of_first for s in empty.funnel] == [0.0] * 4
    nobody: list[Event] = [("e1", None, "Product Viewed", datetime(2026, 1, 1))]
    check_sums(mapped(warehouse, nobody), nobody)
    one: list[Event] = [("e1", "a", "Order Completed", datetime(2026, 1, 1))]
    journey = mapped(warehouse, one)
    check_sums(journey, one)
    assert [(m.step, m.next_step) for m in journey.moves] == [(START, "1st order"), ("1st order", EXIT)]
    assert [m.step for m in journey.leaks()] == ["1st order"]
    assert [(s.stage, s.profiles) for s in journey.stages if s.profiles] == [("first_time", 1)]


def test_what_happens_after_the_day_is_not_used(warehouse: Warehouse) -> None:
    before: list[Event] = [("e1", "a", "Order Completed", datetime(2026, 1, 1))]
    later: list[Event] = [("e2", "a", "Order Completed", AS_OF), ("e3", None, "Product Viewed", AS_OF)]
    assert mapped(warehouse, before + later) == mapped(warehouse, before)
