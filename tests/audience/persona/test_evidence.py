"""Intervals and tests: against closed forms, and by how often they cover what they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from omnimix.audience.persona.evidence import Method, evidence, survivors


@given(hits=st.integers(0, 60), misses=st.integers(0, 60), base=st.floats(0.05, 0.95))
def test_shares_are_wilsons(hits: int, misses: int, base: float) -> None:
    if hits + misses < 2:
        return
    values = np.array([1.0] * hits + [0.0] * misses)
    everybody = np.array([1.0] * round(base * 1000) + [0.0] * (1000 - round(base * 1000)))
    found = evidence(values, everybody, Method.SHARE, confidence=0.95)
    expected = stats.binomtest(hits, hits + misses).proportion_ci(0.95, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)
    assert found.low <= found.value <= found.high
    # Interval and test are two readings of the same score.
    assert found.excludes_base == (found.p < 0.05) or found.p == pytest.approx(0.05, abs=1e-6)


def test_means_are_students() -> None:
    rng = np.random.default_rng(1)
    values, everybody = rng.normal(3, 2, 40), rng.normal(2, 2, 1000)
    found = evidence(values, everybody, Method.MEAN, confidence=0.95)
    expected = stats.ttest_1samp(values, everybody.mean())
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.effect == pytest.approx((values.mean() - everybody.mean()) / everybody.std())


@given(st.lists(st.integers(0, 9).map(float), min_size=2, max_size=60), st.integers(0, 9).map(float))
def test_medians_lie_inside_their_interval(values: list[float], base: float) -> None:
    found = evidence(np.array(values), np.full(5, base), Method.MEDIAN, confidence=0.95)
    assert found.low <= found.value <= found.high
    assert found.low in values
    assert found.high in values
    assert 0 <= found.p <= 1


def test_median_intervals_cover() -> None:
    rng = np.random.default_rng(2)
    trials, covered = 2_000, 0
    for _ in range(trials):
        found = evidence(rng.lognormal(0, 1.5, 41), np.ones(3), Method.MEDIAN, confidence=0.95)
        covered += found.low <= 1.0 <= found.high
    # At least 95 % by construction; three binomial standard errors are allowed for.
    assert covered / trials >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / trials)


@given(st.lists(st.floats(0, 1), max_size=40))
def test_survivors_are_benjamini_and_hochbergs(p_values: list[float]) -> None:
    kept = survivors(p_values, rate=0.05)
    expected = stats.false_discovery_control(p_values) <= 0.05 if p_values else np.zeros(0, dtype=bool)
    assert kept.tolist() == expected.tolist()


def test_members_who_are_all_alike_prove_nothing_about_a_mean() -> None:
    found = evidence(np.ones(50), np.arange(100.0), Method.MEAN, confidence=0.95)
    assert found.p == 1
