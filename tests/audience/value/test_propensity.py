"""Propensities: habits that matter are found, recency alone is kept where it is all, too little is nothing."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from omnimix.audience.segment.sensitive import refuse_sensitive
from omnimix.audience.value.propensity import (
    Window,
    blocks,
    columns_of,
    design,
    fit_logistic,
    fit_propensity,
    pool,
    window,
)
from omnimix.audience.value.record import Used
from omnimix.audience.value.rules import ValueRules

NAMES = (
    *(
        "since_order",
        "since_action",
        "since_response",
        "known_days",
        "span_days",
        "orders",
        "orders_30",
        "orders_90",
    ),
    *("margin_minor", "refund_minor", "actions", "actions_30", "contacts", "responses"),
)
RULES = ValueRules(resamples=200)
DAY = datetime(2026, 1, 1)


def people(count: int, seed: int, *, matters: bool) -> Window:
    rng = np.random.default_rng(seed)
    habits = {n: np.zeros(count) for n in NAMES}
    habits["since_order"] = rng.integers(0, 10, count) * 9.0
    habits["known_days"] = rng.integers(90, 300, count).astype(float)
    habits["orders"] = rng.integers(1, 9, count).astype(float)
    odds = 0.4 - habits["since_order"] / 50 + (1.1 * (habits["orders"] - 4) if matters else 0.0)
    outcome = (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(float)
    return Window(np.arange(count).astype(np.str_), habits, outcome, DAY, DAY)


def fitted(tested: Window | None, earlier: Window | None) -> tuple[object, np.ndarray | None]:
    now = people(50, 9, matters=True).habits
    return fit_propensity("buy", 30, tested, earlier, now, RULES, rng=np.random.default_rng(0))


def test_habits_that_matter_are_used_and_named_first() -> None:
    found, chances = fitted(people(800, 1, matters=True), people(800, 2, matters=True))
    assert found.used is Used.MODEL
    assert found.weights[0].habit == "orders"
    assert chances is not None
    assert len(chances) == 50
    assert ((chances > 0) & (chances < 1)).all()
    assert found.test.people == 800
    assert sum(b.people for b in found.test.bins) == 800


def test_recency_alone_is_kept_where_it_is_all_there_is() -> None:
    found, chances = fitted(people(800, 3, matters=False), people(800, 4, matters=False))
    assert found.used is Used.BASELINE
    assert "No better than recency" in found.note
    assert chances is not None
    assert len(np.unique(chances)) <= 10


def test_without_a_time_to_test_on_nothing_but_the_baseline_is_used() -> None:
    found, chances = fitted(people(800, 1, matters=True), None)
    assert (found.used, found.test) == (Used.BASELINE, None)
    assert "untested" in found.note
    assert chances is not None


@pytest.mark.parametrize("tested", [None, people(40, 1, matters=True)])
def test_too_few_people_are_nothing(tested: Window | None) -> None:
    found, chances = fitted(tested, None)
    assert found.used is Used.NOTHING
    assert chances is None
    assert "at least 50" in found.note


def test_order_of_people_leaves_no_trace() -> None:
    one = people(300, 5, matters=True)
    order = np.random.default_rng(0).permutation(300)
    other = Window(one.people[order], {n: v[order] for n, v in one.habits.items()}, one.outcome[order], DAY, DAY)
    a, b = fit_logistic(one), fit_logistic(other)
    assert np.allclose(a(one.habits), b(one.habits), rtol=0, atol=1e-12)


def test_no_more_windows_are_drawn_than_are_needed() -> None:
    drawn = []

    def windows() -> Iterator[Window]:
        for seed in range(50):
            drawn.append(seed)
            yield people(900, seed, matters=True)

    tested, earlier = blocks(windows())
    assert drawn == [0, 1, 2]
    assert tested is not None
    assert earlier is not None
    assert len(tested.outcome) == 900
    assert len(earlier.outcome) == 1800


def test_a_short_history_is_halved_and_none_is_none() -> None:
    tested, earlier = blocks(iter([people(60, seed, matters=True) for seed in range(4)]))
    assert tested is not None
    assert earlier is not None
    assert len(tested.outcome) == len(earlier.outcome) == 120
    assert blocks(iter([])) == (None, None)


def test_who_could_have_had_the_outcome() -> None:
    rows = [
        {"profile_id": p, **dict.fromkeys(NAMES, 0), "orders": n, "known_days": 9}
        for p, n in zip("abcd", (0, 1, 2, 0), strict=True)
    ]
    then = [
        {"profile_id": p, "orders": o, "contacts": c, "responses": r, "margin_minor": 0}
        for p, o, c, r in (("d", 1, 0, 0), ("b", 0, 2, 1), ("a", 0, 1, 0), ("c", 3, 0, 0))
    ]
    tables = pa.Table.from_pylist(rows), pa.Table.from_pylist(then)
    found = {n: window(*tables, n, after=DAY, upto=DAY) for n in ("buy", "churn", "respond")}
    assert {n: dict(zip(w.people.tolist(), w.outcome.tolist(), strict=True)) for n, w in found.items()} == {
        "buy": {"a": 0.0, "b": 0.0, "c": 1.0, "d": 1.0},
        "churn": {"b": 1.0, "c": 0.0},
        "respond": {"a": 0.0, "b": 1.0},
    }
    assert len(pool(list(found.values())).outcome) == 8


def test_no_habit_is_a_sensitive_attribute_and_all_are_finite() -> None:
    nothing = design({n: np.zeros(2) for n in NAMES})
    refuse_sensitive(nothing)
    assert all(np.isfinite(v).all() for v in nothing.values())
    assert columns_of(pa.table({"profile_id": ["a"], "orders": [3]})) == {"orders": np.array([3.0])}
