"""Value held against later days: planted customers are foreseen, intervals cover, too few say so."""

from datetime import datetime, timedelta

import numpy as np

from omnimix.audience.value.fit import Later, deciles, fit_worth
from omnimix.audience.value.remark import remark
from omnimix.audience.value.rules import ValueRules
from omnimix.audience.value.worth import Histories, Values

RULES = ValueRules(draws=200, resamples=200)
START = datetime(2026, 1, 1)


def shop(count: int, seed: int) -> tuple[Histories, Later, Later]:
    """Customers whose planted rates and spend stay as they are: now, 120 days ago, 240 days ago."""
    rng = np.random.default_rng(seed)
    joined = rng.integers(0, 200, count)
    rate, scale = rng.gamma(0.8, 1 / 45, count), 1 / rng.gamma(3.5, 1 / 3000, count)
    bought = rng.random((count, 480)) < rate[:, None]
    bought &= np.arange(480) >= joined[:, None]
    bought[np.arange(count), joined] = True
    margin = np.rint(np.where(bought, rng.gamma(3.0, 1, (count, 480)) / scale[:, None] * scale[:, None] ** 2, 0))

    def known(day: int) -> Histories:
        until = bought[:, : day + 1]
        first, last = until.argmax(axis=1), day - until[:, ::-1].argmax(axis=1)
        sums = margin[:, : day + 1].sum(axis=1)
        return Histories(until.sum(axis=1), last - first, day - first, sums, np.zeros(count))

    def later(day: int) -> Later:
        window = slice(day + 1, day + 121)
        ends = (START + timedelta(days=day), START + timedelta(days=day + 120))
        return Later(known(day), bought[:, window].sum(axis=1) * 1.0, margin[:, window].sum(axis=1), *ends)

    return known(479), later(359), later(239)


def test_planted_customers_are_foreseen_better_than_by_recency() -> None:
    now, tested, before = shop(1500, 7)
    found = fit_worth(now, tested, before, RULES, rng=np.random.default_rng(0))
    assert found is not None
    worth, values = found
    orders, margin = worth.tests
    assert abs(orders.predicted / orders.seen - 1) < 0.1
    assert abs(margin.predicted / margin.seen - 1) < 0.15
    assert {s.name for s in orders.scores if s.beats} >= {"Poisson deviance", "root mean square error"}
    assert worth.coverage is not None
    assert worth.coverage > 0.88  # zero is in most intervals, so that they cover more than they must
    assert sum(b.people for b in orders.by_orders) == sum(b.people for b in orders.bins) == 1500
    assert len(values.value) == worth.customers == worth.fitted_on == 1500
    assert "Fitted on all 1,500 customers." in remark(worth, RULES)


def test_tenths_add_up_and_fall() -> None:
    rng = np.random.default_rng(1)
    value = rng.gamma(0.5, 9000, 103)
    found = deciles(Values(value, np.ones(103), value, value / 2, value * 2))
    assert sum(d.people for d in found) == 103
    assert abs(sum(d.share for d in found) - 1) < 1e-9
    means = [d.clv_minor for d in found]
    assert means == sorted(means, reverse=True)
    assert deciles(Values(*(np.zeros(4) for _ in range(5))))[0].share == 0


def test_too_few_repeat_customers_cannot_be_known() -> None:
    now, tested, before = shop(60, 2)
    assert fit_worth(now, tested, before, ValueRules(least=61), rng=np.random.default_rng(0)) is None
    assert "cannot be known" in remark(None, RULES)


def test_a_short_history_is_valued_and_said_to_be_untested() -> None:
    now, _tested, _before = shop(300, 3)
    found = fit_worth(now, None, None, RULES, rng=np.random.default_rng(0))
    assert found is not None
    assert found[0].tests == ()
    assert found[0].coverage is None
    assert "untested" in remark(found[0], RULES)
