"""Contrasts against scipy, and variance taken out by earlier margin against plain regression."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from omnimix.measurement.lift.contrast import adjusted, contrast
from omnimix.measurement.lift.stats import Cell, Moments


def moments(y: np.ndarray, b: np.ndarray | None = None) -> Moments:
    b = np.zeros(len(y)) if b is None else b
    return Moments(len(y), y.sum(), (y * y).sum(), b.sum(), (b * b).sum(), (y * b).sum())


values = st.lists(st.floats(-1000, 1000), min_size=3, max_size=10).filter(lambda v: np.ptp(v) > 1)


@given(values, values)
def test_two_lanes_are_welchs_test(first: list[float], second: list[float]) -> None:
    a, b = np.array(first), np.array(second)
    found = contrast([(1.0, moments(a)), (-1.0, moments(b))])
    wanted = stats.ttest_ind(a, b, equal_var=False, alternative="greater")
    interval = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert found.chance() == pytest.approx(wanted.pvalue, abs=1e-6)
    assert found.freedom == pytest.approx(wanted.df, rel=1e-4)
    assert found.estimate + found.bound(0.05) == pytest.approx(interval.high, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("group", [Moments(), Moments(1, 5.0, 25.0)])
def test_too_few_people_say_nothing(group: Moments) -> None:
    found = contrast([(1.0, group), (-1.0, Moments(10, 5.0, 25.0))])
    assert math.isinf(found.bound(0.05))
    assert found.chance() == 1.0


def test_nobody_bought_says_nothing() -> None:
    found = contrast([(1.0, Moments(100)), (-1.0, Moments(100))], shift=3.0)
    assert found.estimate == -3.0
    assert math.isinf(found.bound(0.05))


def test_adjusted_cells_are_those_of_adjusted_people() -> None:
    rng = np.random.default_rng(2)
    b = {lane: rng.exponential(100, n) for lane, n in (("broad", 40), ("segment", 60))}
    y = {lane: 0.7 * v + rng.normal(0, 10, len(v)) for lane, v in b.items()}
    found = adjusted({Cell("a", lane, 1): moments(y[lane], b[lane]) for lane in y})
    centre = np.concatenate(list(b.values())).mean()
    within = sum(((v - v.mean()) ** 2).sum() for v in b.values())
    slope = sum(((b[k] - b[k].mean()) * (y[k] - y[k].mean())).sum() for k in b) / within
    for lane in y:
        wanted = moments(y[lane] - slope * (b[lane] - centre))
        got = found[Cell("a", lane, 1)]
        assert (got.n, got.total, got.squares) == pytest.approx((wanted.n, wanted.total, wanted.squares))
        assert got.variance < 0.2 * moments(y[lane]).variance


def test_without_earlier_margin_nothing_changes() -> None:
    cells = {Cell("a", lane, 1): moments(np.arange(5.0) + i) for i, lane in enumerate(("broad", "segment"))}
    assert adjusted(cells) == cells
