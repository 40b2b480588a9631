from datetime import timedelta
from statistics import median

from hypothesis import given, settings
from hypothesis import strategies as st
from journeys import NAMES, Event, event_lists, event_table, paths, slow_reach

from omnimix.audience.journey.behind import behind_funnel
from omnimix.audience.journey.funnel import begun, funnel, funnel_paths
from omnimix.audience.journey.steps import event_steps
from omnimix.store.warehouse import Warehouse

WITHIN = timedelta(days=7)
funnels = st.sampled_from([NAMES[:1], NAMES[:2], NAMES[1::-1], NAMES[:3], NAMES])


@settings(max_examples=7)
@given(events=event_lists(), names=funnels)
def test_a_funnel_says_what_the_paths_say(
    warehouse: Warehouse, events: list[Event], names: tuple[str, ...]
) -> None:
    reach = {p: [slow_reach(path, names) for path in cut] for p, cut in paths(events, WITHIN).items()}
    held = warehouse.materialise(funnel_paths(begun(event_steps(event_table(events)), within_days=7), names))
    rows = sorted(warehouse.arrow(funnel(held, names)).to_pylist(), key=lambda r: r["place"])
    assert [r["step"] for r in rows] == list(names)
    for place, row in enumerate(rows):
        expected = {p for p, reached in reach.items() if max(reached) > place}
        assert row["profiles"] == len(expected)
        ids = warehouse.arrow(behind_funnel(held, place))["profile_id"].to_pylist()
        assert sorted(ids) == sorted(expected)
    entered = sum(r > 0 for reached in reach.values() for r in reached)
    assert warehouse.arrow(held).num_rows == entered


@settings(max_examples=7)
@given(events=event_lists())
def test_the_wait_runs_from_the_first_chance_to_the_first_chance(
    warehouse: Warehouse, events: list[Event]
) -> None:
    names = NAMES[:2]
    slow = []
    for cut in paths(events, WITHIN).values():
        for path in cut:
            first = next((e for e in path if e[2] == names[0]), None)
            if first is None:
                continue
            later = path[path.index(first) + 1 :]
            slow += [(e[3] - first[3]).total_seconds() for e in later if e[2] == names[1]][:1]
    held = funnel_paths(begun(event_steps(event_table(events)), within_days=7), names)
    rows = {r["place"]: r for r in warehouse.arrow(funnel(held, names)).to_pylist()}
    assert rows[0]["median"] is None
    assert rows[1]["median"] == (median(slow) if slow else None)
