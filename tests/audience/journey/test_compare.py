from collections import defaultdict
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journeys import AS_OF, Event, event_lists, event_table, timelines

from omnimix.audience.journey import compare
from omnimix.audience.journey.behind import behind_difference
from omnimix.audience.journey.insight import Comparison
from omnimix.audience.journey.journey import EXIT
from omnimix.audience.journey.rates import design_effect, difference, jackknife, q_values, wilson
from omnimix.audience.journey.steps import event_steps
from omnimix.audience.journey.transitions import moves
from omnimix.core.errors import InvalidInput
from omnimix.store.warehouse import Warehouse

HORIZON = timedelta(days=7)


def compared(warehouse: Warehouse, events: list[Event], devices: list[str | None], least: int = 1) -> Comparison:
    table = event_table(events, device=devices)
    moved = moves(event_steps(table), within_days=30, as_of=AS_OF)
    known = compare.decided(moved, as_of=AS_OF, horizon_days=7)
    made = compare.group_profiles(
        compare.move_groups(known, "device", as_of=AS_OF, period_days=30, orders=("Order Completed",))
    )
    return compare.fit_comparison(
        warehouse.arrow(compare.group_people(made)),
        warehouse.arrow(compare.group_moves(made)),
        None,
        by="device",
        horizon_days=7,
        least=least,
    )


@settings(max_examples=8)
@given(events=event_lists(known=True), data=st.data())
def test_a_difference_counts_what_followed_within_the_horizon(
    warehouse: Warehouse, events: list[Event], data: st.DataObject
) -> None:
    devices = [data.draw(st.sampled_from(["phone", "desktop"])) for _ in events]
    by_id = {e[0]: d for e, d in zip(events, devices, strict=True)}
    done: dict[tuple[str, str, str], int] = defaultdict(int)
    of: dict[tuple[str, str], int] = defaultdict(int)
    who: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for profile, line in timelines(events).items():
        for event, following in zip(line, [*line[1:], None], strict=True):
            if event[3] >= AS_OF - HORIZON:
                continue
            in_time = following is not None and following[3] <= event[3] + HORIZON
            to = following[2] if following is not None and in_time else EXIT
            done[by_id[event[0]], event[2], to] += 1
            of[by_id[event[0]], event[2]] += 1
            who[by_id[event[0]], event[2], to].add(profile)
    found = compared(warehouse, events, list(devices))
    for d in found.differences:
        assert (d.done, d.of) == (done[d.group, d.step, d.next_step], of[d.group, d.step])
        assert d.profiles == len(who[d.group, d.step, d.next_step])
        assert d.low <= d.difference <= d.high
        assert abs(d.share - d.rest_share - d.difference) < 1e-9
    for group in {d.group for d in found.differences}:
        for step in {d.step for d in found.differences if d.group == group}:
            assert abs(sum(d.share for d in found.differences if (d.group, d.step) == (group, step)) - 1) < 1e-9


def phones(seed: int, leaves: float) -> tuple[list[Event], list[str | None]]:
    """Two hundred people on phones, who leave as often as given, and as many on desktops, of whom half leave."""
    dice, events, devices = np.random.default_rng(seed), [], []
    for n in range(400):
        device = ("phone", "desktop")[n % 2]
        at = datetime(2026, 1, 1) + timedelta(minutes=n)
        events.append((f"a{n}", f"p{n}", "Checkout Started", at))
        devices.append(device)
        if dice.random() > (leaves if device == "phone" else 0.5):
            events.append((f"b{n}", f"p{n}", "Order Completed", at + timedelta(minutes=5)))
            devices.append(device)
    return events, list(devices)


def test_a_real_difference_is_flagged_with_the_people_behind_it(warehouse: Warehouse) -> None:
    events, devices = phones(1, 0.9)
    found = compared(warehouse, events, devices, least=30)
    worst = next(
        d for d in found.differences if d.next_step == EXIT and d.step == "Checkout Started" and d.group == "phone"
    )
    assert worst.flagged
    assert worst.low > 0.25
    moved = moves(event_steps(event_table(events, device=devices)), within_days=30, as_of=AS_OF)
    rows = compare.move_groups(
        compare.decided(moved, as_of=AS_OF, horizon_days=7), "device", as_of=AS_OF, period_days=30, orders=()
    )
    behind = warehouse.arrow(behind_difference(rows, "phone", "Checkout Started", EXIT))
    assert behind.num_rows == worst.profiles


def test_no_difference_is_seldom_flagged(warehouse: Warehouse) -> None:
    flagged = sum(
        any(d.flagged for d in compared(warehouse, *phones(s, 0.5), least=30).differences) for s in range(8)
    )
    assert flagged <= 2  # each has a chance of 5 % at most; three of eight in less than 1 %


def test_groups_of_people_and_of_moves(warehouse: Warehouse) -> None:
    day = datetime(2026, 1, 10)
    events: list[Event] = [
        ("e1", "a", "Product Viewed", day),
        ("e2", "a", "Order Completed", day + timedelta(minutes=5)),
        ("e3", "a", "Product Viewed", day + timedelta(minutes=9)),
        ("e4", "b", "Product Viewed", day),
        ("e5", "b", "Product Viewed", day + timedelta(days=2)),
    ]
    moved = warehouse.materialise(moves(event_steps(event_table(events)), within_days=30, as_of=AS_OF))
    rows = compare.move_groups(moved, "visitor", as_of=AS_OF, period_days=30, orders=("Order Completed",))
    named = {r["step_id"]: r["grouping"] for r in warehouse.arrow(rows).to_pylist()}
    assert named == {"e1": "new", "e2": "new", "e3": "loyal", "e4": "new", "e5": "returning"}
    cohorts = compare.people_groups("cohort", moved=moved, touched=moved)
    assert {r["grouping"] for r in warehouse.arrow(cohorts).to_pylist()} == {"2026-01"}
    with pytest.raises(InvalidInput, match="shoe size"):
        compare.move_groups(moved, "shoe size", as_of=AS_OF, period_days=30, orders=())


def test_rates_in_closed_form() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(10, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    gap, below, above, p = difference(56, 70, 48, 80)  # Newcombe 1998, table II, example a, method 10
    assert (round(gap, 4), round(below, 4), round(above, 4)) == (0.2, 0.0524, 0.3339)
    assert 0.007 < p < 0.009
    assert q_values([0.01, 0.04, 0.03, 0.5]).round(4).tolist() == [0.04, 0.0533, 0.0533, 0.5]
    assert design_effect(50, 100, 50, 50, 100) == 1.0  # everybody once
    assert design_effect(50, 100, 500, 500, 1000) == 10.0  # ten times each, always alike
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    without = (values.sum() - values) / 9
    _low, high_ = jackknife(values.mean(), without)
    error = values.std(ddof=1) / np.sqrt(10)  # of a mean the jackknife is exact
    assert abs(float(high_) - values.mean() - 2.2621571628 * error) < 1e-6
