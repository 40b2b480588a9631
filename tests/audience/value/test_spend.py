"""Spend and refunds: shrunk between everybody's and one's own, planted parameters found, refunds within bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.audience.value.spend import Spend, fit_refunds, fit_spend

SPEND = Spend(6.25, 3.74, 15.44, 0.0, 946, (1.0, 0.3, 4.0))


@given(st.floats(0, 1e6), st.integers(0, 1000))
def test_an_expectation_lies_between_everybodys_and_ones_own(mean: float, n: int) -> None:
    everybody = SPEND.p * SPEND.gamma / (SPEND.q - 1)
    expected = float(SPEND.expected(np.array([float(n)]), np.array([mean]))[0])
    assert min(everybody, mean) * (1 - 1e-9) - 1e-9 <= expected <= max(everybody, mean) * (1 + 1e-9)
    assert float(SPEND.expected(np.zeros(1), np.zeros(1))[0]) == pytest.approx(everybody)


def test_planted_parameters_are_found() -> None:
    rng = np.random.default_rng(4)
    n = rng.integers(1, 12, 6000).astype(float)
    scale = rng.gamma(3.5, 1 / 2000, 6000)
    found = fit_spend(n, rng.gamma(4.0 * n) / scale / n)
    for parameter, truth in zip(found.parameters(), (4.0, 3.5, 2000.0), strict=True):
        assert abs(parameter.value - truth) <= 4 * parameter.error
        assert parameter.error < truth / 4


def test_amounts_of_nothing_are_left_out_and_only_such_raise() -> None:
    n, mean = np.array([1.0, 2, 3, 2]), np.array([100.0, 300, 200, 0])
    assert fit_spend(n, mean).customers == 3
    with pytest.raises(ArithmeticError):
        fit_spend(n, np.zeros(4))


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 5000), st.integers(0, 9000)), min_size=1, max_size=12)
)
def test_the_share_that_goes_back_is_a_share(rows: list[tuple[int, int, int]]) -> None:
    n, margin, refund = np.array(rows, dtype=float).T
    found = fit_refunds(n, margin, refund)
    expected = found.expected(n, margin, refund)
    assert (expected >= 0).all()
    assert (expected <= 1).all()
    assert found.strength > 0
    untouched = fit_refunds(n, margin, np.zeros(len(n)))
    assert (untouched.expected(n, margin, np.zeros(len(n))) == 0).all()


def test_one_refund_weighs_less_the_more_alike_people_are() -> None:
    rng = np.random.default_rng(1)
    n = np.full(4000, 4.0)
    alike = rng.binomial(4, 0.1, 4000) / 4
    apart = rng.binomial(4, rng.beta(0.2, 1.8, 4000)) / 4
    strength = [fit_refunds(n, np.full(4000, 100.0), 100 * share).strength for share in (alike, apart)]
    assert strength[0] > 5 * strength[1]
    assert strength[1] == pytest.approx(2.0, rel=0.3)  # beta(0.2, 1.8) weighs as much as two orders
