"""The scan against closed forms, its false alarms under the null, and planted intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from omnimix.audience.journey.pain import scan

DAYS = 120
WEEKDAY = np.arange(DAYS) % 7


@given(st.data())
def test_the_tail_is_the_hypergeometric_one(data: st.DataObject) -> None:
    everybody = data.draw(st.integers(2, 60))
    bad = data.draw(st.integers(1, everybody - 1))
    tried = data.draw(st.integers(1, everybody - 1))
    hurt = data.draw(st.integers(max(0, tried + bad - everybody), min(bad, tried)))
    exact = hypergeom.sf(hurt - 1, everybody, bad, tried)
    assert scan.log_tail(hurt, tried, bad, everybody) == pytest.approx(np.log(exact), abs=1e-6)


@given(st.integers(0, 20), st.integers(1, 20), st.integers(0, 20), st.integers(1, 20))
def test_the_likelihood_ratio_is_zero_where_inside_is_not_worse(k: int, n: int, k2: int, n2: int) -> None:
    k, k2 = min(k, n), min(k2, n2)
    ratio = float(scan.likelihood_ratio(*(np.array(float(v)) for v in (k, n, k + k2, n + n2))))
    assert ratio >= 0
    assert (ratio > 1e-12) == (k / n > k2 / n2 + 1e-12)


@given(st.integers(2, 200))
def test_the_grid_has_every_length_within_a_sixth(days: int) -> None:
    looked = scan.grid(days)
    assert (looked.end <= days).all()
    assert (looked.start >= 0).all()
    assert len(set(zip(looked.start.tolist(), looked.end.tolist(), strict=True))) == len(looked.start)
    # The costs are those of a probability: over all intervals exp(−cost) sums to 1.
    assert np.exp(-looked.cost).sum() == pytest.approx(1)
    wanted = max(days // 2, 1)
    lengths = np.unique(looked.end - looked.start)
    assert lengths.max() >= wanted * 5 / 6 - 1
    assert lengths.min() == 1


def series(seed: int, rate: np.ndarray, tried: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    made = rng.poisson(tried).astype(float)
    return rng.binomial(made.astype(int), rate).astype(float), made


def p_value(hurt: np.ndarray, made: np.ndarray) -> float:
    tried, bad = made[None, None, :], hurt[None, None, :]
    x = scan.exposure(tried, bad, WEEKDAY)
    place, _net = scan.best_intervals(hurt[None, :], x, 1.0)
    looked = scan.grid(DAYS)
    inside = slice(looked.start[place[0]], looked.end[place[0]])
    tail = scan.log_tail(hurt[inside].sum(), x[0, inside].sum(), hurt.sum(), x.sum())
    return float(np.exp(min(tail + looked.cost[place[0]], 0)))


@pytest.mark.parametrize(
    ("rate", "tried"),
    [
        (np.full(DAYS, 0.02), np.full(DAYS, 5.0)),  # small counts
        (np.full(DAYS, 0.5), np.full(DAYS, 10.0)),
        (np.full(DAYS, 0.9), np.full(DAYS, 4.0)),
        (np.full(DAYS, 0.1), np.linspace(1, 40, DAYS)),  # growing traffic
        (np.where(WEEKDAY >= 5, 0.4, 0.2), np.full(DAYS, 60.0)),  # weekends are worse
    ],
    ids=["rare", "even", "frequent", "growth", "weekday"],
)
def test_without_an_incident_p_values_are_rarely_small(rate: np.ndarray, tried: np.ndarray) -> None:
    found = [p_value(*series(seed, rate, tried)) for seed in range(200)]
    # At 200 draws, 0.05 + 3 standard errors.
    assert np.mean([p <= 0.05 for p in found]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_planted_interval_is_dated() -> None:
    rate = np.full(DAYS, 0.05)
    rate[40:61] = 0.5
    apart = []
    for seed in range(20):
        hurt, made = series(seed, rate, np.full(DAYS, 4.0))
        when = scan.dates(hurt, made, 1.0, around=(40, 61))
        apart += [abs(when.firsts[1] - 40), abs(when.lasts[1] - 60)]
        assert when.ends
        assert when.firsts[0] <= when.firsts[1] <= when.firsts[2]
    assert np.mean(np.array(apart) <= 3) >= 0.9


def test_an_interval_at_the_end_has_not_ended() -> None:
    rate = np.full(DAYS, 0.05)
    rate[100:] = 0.6
    hurt, made = series(3, rate, np.full(DAYS, 5.0))
    assert not scan.dates(hurt, made, 1.0, around=(100, DAYS)).ends


def test_a_drift_is_no_incident_once_its_trend_is_known() -> None:
    rate = np.linspace(0.1, 0.5, DAYS)
    hurt, made = series(5, rate, np.full(DAYS, 20.0))
    x = scan.exposure(made[None, None, :], hurt[None, None, :], WEEKDAY)[0]
    when = scan.dates(hurt, x, 1.0, around=(60, DAYS))
    inside = slice(when.first, when.last + 1)

    def tail(tried: np.ndarray) -> float:
        return scan.log_tail(hurt[inside].sum(), tried[inside].sum(), hurt.sum(), tried.sum())

    assert tail(x) < -30
    assert tail(scan.trended(hurt, x, when.first, when.last)) > -8


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 8), st.integers(0, 6)), min_size=2, max_size=12))
def test_exposure_sums_to_the_tries(days: list[tuple[int, int, int]]) -> None:
    tried = np.array([[[float(n) for n, _k, _w in days]]])
    hurt = np.array([[[float(min(n, k)) for n, k, _w in days]]])
    weekday = np.array([w for _n, _k, w in days])
    x = scan.exposure(tried, hurt, weekday)
    if hurt.sum():
        assert x.sum() == pytest.approx(tried.sum())
    assert (x >= 0).all()


def test_strata_that_differ_are_compared_within() -> None:
    """A stratum with a rate of 1 that is busy on some days only makes these days expect more."""
    tried = np.zeros((1, 2, DAYS))
    tried[0, 0], tried[0, 1, 50:60] = 10, 10
    hurt = np.zeros((1, 2, DAYS))
    hurt[0, 0, ::10], hurt[0, 1, 50:60] = 1, 10
    x = scan.exposure(tried, hurt, WEEKDAY)
    _place, net = scan.best_intervals(hurt.sum(axis=1), x, 1.0)
    assert net[0] < 0


def test_people_who_always_do_alike_count_as_one_each() -> None:
    hurts, tries = np.array([4, 0, 4, 0, 0]), np.array([4, 4, 4, 4, 4])
    effect = scan.person_effect(
        int(hurts.sum()),
        int((hurts**2).sum()),
        int((hurts * tries).sum()),
        int(tries.sum()),
        int((tries**2).sum()),
    )
    assert effect == pytest.approx(4)


def test_weeks_that_differ_wildly_have_a_design_effect_and_calm_ones_nearly_none() -> None:
    rng = np.random.default_rng(1)
    tried = np.full(DAYS, 30.0)
    calm = rng.binomial(30, 0.3, DAYS).astype(float)
    wild = rng.binomial(30, np.repeat(rng.beta(3, 7, DAYS // 7 + 1), 7)[:DAYS]).astype(float)
    assert scan.week_effect(calm, tried) < 2.5
    assert scan.week_effect(wild, tried) > 4


@given(st.lists(st.floats(1e-8, 1), min_size=1, max_size=12), st.integers(0, 40))
def test_q_values_are_those_of_benjamini_and_yekutieli(p: list[float], more: int) -> None:
    tests = len(p) + more
    found = scan.q_values(np.log(p), tests)
    harmonic = sum(1 / i for i in range(1, tests + 1))
    order = sorted(range(len(p)), key=lambda i: p[i])
    for place, i in enumerate(order):
        slow = min(min(p[j] * tests * harmonic / (r + 1), 1.0) for r, j in enumerate(order) if r >= place)
        assert found[i] == pytest.approx(slow, rel=1e-3)
