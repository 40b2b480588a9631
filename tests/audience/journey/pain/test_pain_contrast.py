"""Conversion of groups and cohorts against plain least squares, and intervals that know people."""

from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.audience.journey.pain.contrast import cohorts, contrasts
from omnimix.audience.journey.pain.estimate import difference, rate_of, times
from omnimix.audience.journey.pain.record import Interval
from omnimix.audience.journey.pain.rules import PainRules

Person = tuple[int, int]  # visits, conversions


def sums(people: list[Person], **columns: object) -> dict[str, object]:
    n, k = (np.array(c) for c in zip(*people, strict=True))
    return {
        **columns,
        "people": len(people),
        "tries": int(n.sum()),
        "hurts": int(k.sum()),
        "tries_squared": int((n * n).sum()),
        "hurts_squared": int((k * k).sum()),
        "crossed": int((n * k).sum()),
    }


people = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 6)).map(lambda p: (p[0], min(p))), min_size=1, max_size=6
)


@given(st.lists(people, min_size=2, max_size=4))
def test_the_slope_is_that_of_least_squares_over_visits(groups: list[list[Person]]) -> None:
    table = pa.Table.from_pylist([sums(g, month=2026 * 12 + i) for i, g in enumerate(groups)])
    found = cohorts(table, within_days=None, last_on=date(2026, 12, 31))
    assert found is not None
    x = np.concatenate([[i] * sum(n for n, _k in g) for i, g in enumerate(groups)])
    y = np.concatenate([[1] * k + [0] * (n - k) for g in groups for n, k in g])
    assert found.slope.value == pytest.approx(np.polyfit(x, y, 1)[0], abs=1e-9)
    assert found.slope.low <= found.slope.value <= found.slope.high
    assert sum(c.sessions for c in found.cohorts) == len(y)
    assert [c.month.month for c in found.cohorts] == list(range(1, len(groups) + 1))


def test_only_cohorts_with_the_same_time_are_compared() -> None:
    table = pa.Table.from_pylist([sums([(3, 1)], month=2026 * 12 + i) for i in range(6)])
    found = cohorts(table, within_days=30, last_on=datetime(2026, 5, 15).date())
    assert found is not None
    assert [c.month.month for c in found.cohorts] == [1, 2, 3]
    assert cohorts(table.slice(0, 1), within_days=None, last_on=date(2026, 2, 1)) is None


def test_new_is_compared_with_loyal_wherever_both_are_known() -> None:
    rows = [
        sums([(10, 1)] * 50, dimension="visitor", value="new"),
        sums([(10, 3)] * 50, dimension="visitor", value="loyal"),
        sums([(10, 2)] * 60, dimension="device", value="mobile"),
        sums([(10, 2)] * 40, dimension="device", value="desktop"),
        sums([(10, 1)] * 60, dimension="medium", value="email"),
        sums([(10, 4)] * 60, dimension="medium", value="direct"),
        sums([(10, 2)] * 100, dimension="plan", value="gold"),
    ]
    found = contrasts(pa.Table.from_pylist(rows), PainRules())
    assert [(c.dimension, c.value, c.other) for c in found] == [
        ("visitor", "new", "loyal"),
        ("medium", "direct", "the others"),
        ("medium", "email", "the others"),
    ]
    assert found[0].difference.high < 0
    assert found[1].difference.low > 0
    assert "may be chance" not in found[0].sentence
    alike = [sums([(2, 1)], dimension="visitor", value=v) for v in ("new", "loyal")]
    assert "may be chance" in contrasts(pa.Table.from_pylist(alike), PainRules())[0].sentence


def test_rates_cover_the_truth_though_people_are_alike() -> None:
    """People differ (beta) and come ten times: the interval must know it."""
    rng = np.random.default_rng(4)
    covered = plain = 0
    for _ in range(300):
        n = np.full(60, 10)
        k = rng.binomial(n, rng.beta(2, 6, 60))
        row = sums(list(zip(n.tolist(), k.tolist(), strict=True)), dimension="visitor", value="new")
        other = sums([(1, 0), (1, 1)], dimension="visitor", value="loyal")
        found = contrasts(pa.Table.from_pylist([row, other]), PainRules())[0].rate
        covered += found.low <= 0.25 <= found.high
        naive = rate_of(float(k.sum()), 600)
        plain += naive.low <= 0.25 <= naive.high
    assert covered / 300 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)
    assert plain < covered


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 50), st.integers(1, 50))
def test_a_difference_lies_within_its_interval(k: int, n: int, k2: int, n2: int) -> None:
    one, two = rate_of(min(k, n), n), rate_of(min(k2, n2), n2)
    gap, back = difference(one, two), difference(two, one)
    assert gap.low <= gap.value <= gap.high
    assert (gap.low, gap.high) == pytest.approx((-back.high, -back.low))
    assert 0 <= one.low <= one.value <= one.high <= 1


def test_a_product_keeps_its_ends_from_zero() -> None:
    assert times(Interval(2, -1, 4), Interval(3, 1, 5)) == Interval(6, 0, 20)
