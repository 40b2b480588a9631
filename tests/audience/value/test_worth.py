"""Lifetime value: intervals hold their expectation, the order of customers leaves no trace, odd histories hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.audience.value.bgnbd import Bgnbd
from omnimix.audience.value.spend import Refunds, Spend
from omnimix.audience.value.worth import Histories, Model, Values, fit_model, values

MODEL = Model(
    Bgnbd(0.5, 6.0, 0.6, 2.5, 0.0, 1000, tuple(tuple(row) for row in np.eye(4) * 0.002)),
    Spend(3.0, 3.2, 12_000.0, 0.0, 1000, (0.1, 0.1, 1000.0)),
    Refunds(0.05, 0.01, 20.0),
    1000,
)


def lived(count: int, seed: int, *, refunds: bool = True) -> Histories:
    """Customers with plain histories: many buy once, some often."""
    rng = np.random.default_rng(seed)
    known = rng.integers(0, 700, count)
    x = np.minimum(rng.poisson(rng.gamma(0.7, 1 / 60, count) * known), known)
    span = np.where(x > 0, np.maximum((known * rng.beta(x + 1, 1)).astype(int), x), 0)
    margin = np.rint(rng.gamma(3.0 * (x + 1)) / rng.gamma(3.2, 1 / 12_000, count))
    share = rng.beta(0.2, 3.0, count) if refunds else np.zeros(count)
    return Histories(x + 1, np.minimum(span, known), known, margin, np.rint(margin * share))


def part(people: Histories, chosen: np.ndarray) -> Histories:
    return Histories(*(getattr(people, n)[chosen] for n in people.__slots__))


def worth(people: Histories, **changed: float) -> Values:
    given = {"days": 365, "discount": 0.1, "draws": 200, "level": 0.9} | changed
    return values(people, MODEL, rng=np.random.default_rng(0), **given)


@st.composite
def histories(draw: st.DrawFn) -> Histories:
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        known = draw(st.integers(0, 800))
        span = draw(st.integers(0, known))
        order_days = draw(st.integers(2, span + 1)) if span else 1
        rows.append((order_days, span, known, draw(st.integers(0, 10**7)), draw(st.integers(0, 10**7))))
    whole = np.array(rows)
    return Histories(*whole[:, :3].T, *whole[:, 3:].T.astype(float))


@settings(max_examples=15)
@given(histories(), st.integers(1, 800))
def test_every_history_has_a_value_within_its_interval(people: Histories, days: int) -> None:
    found = worth(people, days=days)
    assert np.isfinite(np.column_stack([getattr(found, n) for n in found.__slots__])).all()
    assert (found.low >= 0).all()
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    assert (found.expected_orders <= worth(people, days=days + 50).expected_orders + 1e-9).all()
    assert (found.value <= worth(people, days=days, discount=0.0).value * (1 + 1e-9)).all()


@settings(max_examples=15)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_customers_leaves_no_trace(people: Histories, random: object) -> None:
    order = np.random.default_rng(len(people.margin)).permutation(len(people.margin))
    one, other = worth(people), worth(part(people, order))
    for name in one.__slots__:
        assert (getattr(one, name)[order] == getattr(other, name)).all()


def test_fitting_does_not_depend_on_order_and_a_sample_says_its_size() -> None:
    people = lived(1500, 1)
    shuffled = part(people, np.random.default_rng(2).permutation(1500))
    one, other = (fit_model(p, sample=10_000, rng=np.random.default_rng(0)) for p in (people, shuffled))
    assert one == other
    drawn, again = (fit_model(p, sample=700, rng=np.random.default_rng(0)) for p in (people, shuffled))
    assert drawn == again
    assert drawn.customers == 700
    assert drawn.bgnbd.parameters()[0].error > one.bgnbd.parameters()[0].error


def test_simulated_futures_average_to_the_expectation() -> None:
    """The interval and the expectation come by different ways; at the mean they must meet."""
    people = Histories(np.array([4]), np.array([70]), np.array([140]), np.array([40_000.0]), np.zeros(1))
    sure = Bgnbd(0.5, 6.0, 0.6, 2.5, 0.0, 1000, tuple(tuple(r) for r in np.zeros((4, 4))))
    model = Model(sure, MODEL.spend, Refunds(0.0, 0.0, 1.0), 1000)
    levels = np.linspace(0.02, 0.98, 49)
    tails = [
        values(people, model, days=364, discount=0.0, draws=4000, level=v, rng=np.random.default_rng(1))
        for v in levels
    ]
    quantiles = np.array([t.low[0] for t in tails][::-1] + [t.high[0] for t in tails])
    # The mean of the quantiles' function over the middle is close to, and below, that of a skewed whole.
    assert np.mean(quantiles) == pytest.approx(tails[0].value[0], rel=0.2)


def test_more_refunds_are_worth_less_and_more_margin_is_worth_more() -> None:
    base = Histories(*(np.full(3, v) for v in (3, 50, 90)), np.array([3e4, 3e4, 6e4]), np.array([0.0, 1.5e4, 0.0]))
    found = worth(base).value
    assert found[1] < found[0] < found[2]
