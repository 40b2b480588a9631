"""Drift: large changes are found, chance raises no more alarms than promised, and the index is the textbook's."""

import datetime as dt
import math
from itertools import pairwise

import ibis
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from omnimix.audience.segment.drift import (
    SEGMENTS,
    Level,
    Reference,
    Spread,
    bin_counts,
    compare,
    drift,
    edges_of,
    read_spreads,
)
from omnimix.audience.segment.matrix import matrix
from omnimix.audience.segment.rules import DriftRules
from omnimix.store.warehouse import Warehouse

THEN, NOW = dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 31)
EVEN = (100,) * 10


def seen(
    counts: tuple[int, ...], *, then: tuple[int, ...] = EVEN, sizes: tuple[int, int] = (500, 500)
) -> "object":
    edges = tuple(float(i) for i in range(1, len(then)))
    reference = Reference(THEN, (Spread("orders", edges, then),), (("a", 500), ("b", 500)))
    return drift(
        reference,
        [Spread("orders", edges, counts)],
        {"a": sizes[0], "b": sizes[1]},
        DriftRules(),
        as_of=NOW,
    )


def test_the_index_is_the_textbooks() -> None:
    then, now = np.array([1e6, 1e6, 2e6]), np.array([2e6, 1e6, 1e6])
    index, p = compare(then, now)
    assert index == pytest.approx(0.25 * math.log(2) * 2, rel=1e-4)
    assert p < 1e-12
    assert compare(then, then) == pytest.approx((0, 1))
    assert compare(then, np.zeros(3)) == (0, 1)


def test_a_large_change_is_an_alarm_and_a_small_one_says_when() -> None:
    alarm = seen((400, 200, 100, 50, 50, 50, 50, 50, 30, 20))
    assert alarm.level is Level.ALARM
    assert alarm.shifts[0].figure == "orders"
    assert "now" in alarm.advice
    watch = seen((150, 140, 130, 110, 100, 90, 80, 70, 70, 60))
    assert 0.05 < watch.shifts[0].index < 0.25
    steady = seen(EVEN)
    assert (steady.level, steady.refit_by) == (Level.STEADY, None)


def test_a_steady_pace_is_carried_on_by_the_root_of_the_index() -> None:
    watch = seen((160, 150, 140, 120, 100, 80, 70, 70, 60, 50))
    assert watch.level is Level.WATCH
    wait = (watch.refit_by - THEN) / (NOW - THEN)
    assert wait == pytest.approx(math.sqrt(0.25 / watch.shifts[0].index))
    assert f"{watch.refit_by:%Y-%m-%d}" in watch.advice


def test_segments_that_empty_are_seen_too() -> None:
    found = seen(EVEN, sizes=(950, 50))
    assert found.level is Level.ALARM
    assert found.shifts[0].figure == SEGMENTS
    assert "sizes of the segments" in found.advice


@pytest.mark.parametrize("people", [120, 2_000])
def test_where_nothing_changed_alarms_are_as_rare_as_promised(people: int) -> None:
    """400 pairs of samples of the same customers, eight figures: at most 1 % alarm, and 5 % even watch at 5 %."""
    rng = np.random.default_rng(people)
    runs, alarms = 400, 0
    rules = DriftRules(false_alarm=0.05, small=1e-9, large=2e-9)  # the index never excuses: the test alone decides
    for _run in range(runs):
        spreads = []
        for name in "abcdefgh":
            counts = [tuple(rng.multinomial(people, np.full(10, 0.1)).tolist()) for _ in range(2)]
            spreads.append((name, *counts))
        edges = tuple(map(float, range(9)))
        reference = Reference(THEN, tuple(Spread(n, edges, a) for n, a, _b in spreads), ())
        found = drift(reference, [Spread(n, edges, b) for n, _a, b in spreads], {}, rules, as_of=NOW)
        alarms += found.level is Level.ALARM
    assert alarms <= binom.ppf(0.999, runs, 0.05)
    assert alarms > 0, "a test that never speaks is no test"


def test_bins_hold_everybody_with_an_order_once(warehouse: Warehouse, shop_like, feature_table) -> None:
    table = pa.concat_tables([shop_like(60, 2), feature_table(5, {"profile_id": [f"v{i}" for i in range(5)]})])
    rows = matrix(table)
    edges = edges_of(rows, ["orders", "recency_days", "category_share:Candles", "views"], bins=5)
    assert "views" not in edges
    spreads = read_spreads(warehouse.arrow(bin_counts(ibis.memtable(table), edges, home=rows.home)), edges)
    buyers = rows.rows(rows.column("orders") > 0)
    for spread in spreads:
        values = buyers.column(spread.figure)
        bounds = [-math.inf, *spread.edges, math.inf]
        oracle = tuple(int(((values >= a) & (values < b)).sum()) for a, b in pairwise(bounds))
        assert spread.counts == oracle
        assert sum(spread.counts) == 60
