"""The error is spent, not overspent."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from omnimix.core.errors import InvalidInput
from omnimix.measurement.lift.looks import critical, spent


@given(st.floats(0.001, 0.5), st.integers(1, 60))
def test_parts_add_up_to_the_error(error: float, looks: int) -> None:
    parts = [spent(error, look=look, looks=looks) for look in range(1, looks + 1)]
    assert sum(parts) == pytest.approx(error)
    assert min(parts) > 0
    assert parts[-1] == max(parts)


@pytest.mark.parametrize("look", [0, 7])
def test_an_unplanned_look_is_refused(look: int) -> None:
    with pytest.raises(InvalidInput, match="not among the 6 planned"):
        spent(0.05, look=look, looks=6)


@given(st.floats(0.0005, 0.4), st.floats(2, 500))
def test_critical_values_are_those_of_scipy(error: float, freedom: float) -> None:
    assert critical(error, freedom=freedom) == pytest.approx(stats.t.isf(error, freedom), rel=1e-6, abs=1e-9)
    assert critical(error) == pytest.approx(stats.norm.isf(error), rel=1e-9, abs=1e-12)
    assert critical(error, freedom=math.inf) == critical(error)


@pytest.mark.parametrize("kept", [0.0, 1.0, 1.2])
def test_peeking_every_week_keeps_the_error(kept: float) -> None:
    """Looks independent, cumulative, and drifting: the chance of ever crossing stays below the error."""
    looks, runs, error = 6, 20_000, 0.05
    rng = np.random.default_rng(5)
    sums = np.zeros((runs, looks))
    for look in range(looks):
        before = sums[:, look - 1] * kept if look else 0.0
        sums[:, look] = before + rng.normal(size=runs)
    z = np.abs(sums) / sums.std(axis=0)
    limits = [critical(spent(error, look=look, looks=looks) / 2) for look in range(1, looks + 1)]
    ever = (z > limits).any(axis=1).mean()
    assert ever <= error + 3 * math.sqrt(error * (1 - error) / runs)
    assert ever >= error / 5  # a limit that nothing crosses would pass the line above
