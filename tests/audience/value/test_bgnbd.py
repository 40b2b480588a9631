"""BG/NBD: the gradient is the slope, expectations agree with futures lived through, nothing overflows."""

from math import gamma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.audience.value.bgnbd import Bgnbd, Counts, expected_orders, fit_bgnbd, log_likelihood, p_alive

CDNOW = Bgnbd(0.243, 4.414, 0.793, 2.426, -9582.4, 2357, tuple(tuple(row) for row in np.eye(4) * 0.01))
PARAMETERS = st.tuples(*(st.floats(0.05, 20) for _ in range(4)))


@st.composite
def customers(draw: st.DrawFn) -> Counts:
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        x = draw(st.integers(0, 30))
        age = draw(st.floats(0, 100))
        rows.append((x, age * draw(st.floats(0, 1)) if x else 0.0, age, draw(st.integers(1, 5))))
    return Counts(*np.array(rows, dtype=float).T)


def one(x: float, t_x: float, age: float, weeks: float, model: Bgnbd = CDNOW) -> float:
    return float(expected_orders(model, *(np.array([v]) for v in (x, t_x, age)), weeks)[0])


@given(PARAMETERS, customers())
def test_the_gradient_is_the_slope(parameters: tuple[float, ...], counts: Counts) -> None:
    at = np.array(parameters)
    slope = log_likelihood(at, counts)[1]
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-5 * at[place]
        rise = log_likelihood(at + step, counts)[0] - log_likelihood(at - step, counts)[0]
        assert slope[place] == pytest.approx(rise / (2 * step[place]), rel=1e-3, abs=1e-3)


@given(PARAMETERS, customers())
def test_equal_customers_may_be_counted_together(parameters: tuple[float, ...], counts: Counts) -> None:
    times = counts.n.astype(int)
    single = Counts(*(np.repeat(v, times) for v in (counts.x, counts.t_x, counts.age)), np.ones(times.sum()))
    at = np.array(parameters)
    assert log_likelihood(at, counts)[0] == pytest.approx(log_likelihood(at, single)[0], rel=1e-9)


@given(customers())
def test_likelihood_of_one_customer_by_the_published_formula(counts: Counts) -> None:
    r, alpha, a, b = CDNOW.values
    x, t_x, age = counts.x[0], counts.t_x[0], counts.age[0]

    def beta(p: float, q: float) -> float:
        return gamma(p) * gamma(q) / gamma(p + q)

    likelihood = beta(a, b + x) / beta(a, b) * gamma(r + x) * alpha**r / gamma(r) / (alpha + age) ** (r + x)
    if x > 0:
        left = beta(a + 1, b + x - 1) / beta(a, b) * gamma(r + x) * alpha**r / gamma(r)
        likelihood += left / (alpha + t_x) ** (r + x)
    first = Counts(*(v[:1] for v in (counts.x, counts.t_x, counts.age)), np.ones(1))
    assert log_likelihood(CDNOW.values, first)[0] == pytest.approx(np.log(likelihood), rel=1e-9)


def test_the_worked_example_in_print() -> None:
    # Fader, Hardie and Lee, "Implementing the BG/NBD Model … in Excel": x 2, t_x 30.43, T 38.86, next 39 weeks.
    assert one(2, 30.43, 38.86, 39) == pytest.approx(1.226, abs=0.001)


@pytest.mark.parametrize(
    ("x", "t_x", "age"), [(0, 0.0, 30.0), (1, 2.0, 38.0), (26, 30.9, 31.0), (150, 38.0, 38.9)]
)
def test_expectation_agrees_with_futures_lived_through(x: int, t_x: float, age: float) -> None:
    rng, draws, weeks = np.random.default_rng(3), 200_000, 26.0
    rate = rng.gamma(CDNOW.r + x, 1 / (CDNOW.alpha + age), draws)
    leaves = np.clip(rng.beta(CDNOW.a, CDNOW.b + x, draws), 1e-12, 1)
    orders = np.minimum(rng.poisson(rate * weeks), rng.geometric(leaves)).astype(float)
    alive = p_alive(CDNOW.values, np.array([float(x)]), np.array([t_x]), np.array([age]))[0]
    orders *= rng.random(draws) < alive
    assert one(x, t_x, age, weeks) == pytest.approx(orders.mean(), abs=5 * orders.std() / np.sqrt(draws))


WIDE = st.tuples(st.floats(1e-5, 1e5), st.floats(1e-5, 1e5), st.floats(1e-5, 148), st.floats(1e-5, 148))


@given(WIDE, st.integers(0, 5000), st.floats(0, 200), st.floats(0, 1), st.floats(0, 200))
def test_expectations_stay_finite_and_grow_with_time(
    parameters: tuple[float, ...], x: int, age: float, part: float, weeks: float
) -> None:
    model = Bgnbd(*parameters, 0.0, 1, CDNOW.covariance)
    near, far = (one(x, age * part, age, w, model) for w in (weeks, weeks + 10))
    assert 0 <= near <= far * (1 + 1e-6) + 1e-9
    assert np.isfinite(far)
    assert one(x, age * part, age, 0, model) == pytest.approx(0, abs=1e-9)


def test_the_limit_at_a_equal_to_one_is_smooth() -> None:
    at, beside = (one(3, 20, 30, 26, Bgnbd(0.5, 5, a, 2, 0, 1, CDNOW.covariance)) for a in (1.0, 1.0001))
    assert at == pytest.approx(beside, rel=1e-3)


@given(PARAMETERS, st.integers(1, 50), st.floats(1, 100))
def test_who_ordered_later_is_likelier_to_be_there(parameters: tuple[float, ...], x: int, age: float) -> None:
    when = np.linspace(0, age, 7)
    alive = p_alive(np.array(parameters), np.full(7, float(x)), when, np.full(7, age))
    assert (np.diff(alive) >= -1e-12).all()
    assert (alive >= 0).all()
    assert (alive <= 1).all()
    assert (p_alive(np.array(parameters), np.zeros(7), np.zeros(7), when) == 1).all()


def test_without_any_repeat_order_there_is_still_an_answer() -> None:
    found = fit_bgnbd(Counts(np.zeros(5), np.zeros(5), np.arange(5.0), np.full(5, 10.0)))
    assert np.isfinite(found.values).all()
    assert found.customers == 50
    assert all(np.isfinite(p.error) for p in found.parameters())
