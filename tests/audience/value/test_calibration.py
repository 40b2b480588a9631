"""Scores against scikit-learn and by hand; bins lose nobody; neither order nor names leave a trace."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sk_log_loss

from omnimix.audience.value.calibration import (
    OF_CHANCES,
    OF_COUNTS,
    fit_steps,
    group_bins,
    rank_bins,
    scores,
    tenths,
)

CHANCES = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9]), st.booleans()), min_size=4, max_size=12)


def arrays(people: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    predicted, seen = np.array(people, dtype=float).T
    seen[:2] = [0, 1]  # an AUC needs both
    return predicted, seen


@given(CHANCES)
def test_scores_are_those_of_scikit_learn(people: list[tuple[float, bool]]) -> None:
    predicted, seen = arrays(people)
    rng = np.random.default_rng(0)
    found = {s.name: s for s in scores(predicted, predicted, seen, OF_CHANCES, resamples=2, rng=rng)}
    assert found["AUC"].model == pytest.approx(roc_auc_score(seen, predicted))
    assert found["log loss"].model == pytest.approx(sk_log_loss(seen, predicted))
    assert found["Brier score"].model == pytest.approx(brier_score_loss(seen, predicted))
    assert all(s.gain == 0 and not s.beats for s in found.values())


@given(CHANCES)
def test_bins_lose_nobody_and_keep_equals_together(people: list[tuple[float, bool]]) -> None:
    predicted, seen = arrays(people)
    found = rank_bins(predicted, seen, chance=True)
    assert sum(b.people for b in found) == len(people)
    assert sum(b.people * b.seen for b in found) == pytest.approx(seen.sum())
    assert sum(b.people * b.predicted for b in found) == pytest.approx(predicted.sum())
    assert all(0 <= b.low <= b.seen <= b.high <= 1 for b in found)
    group, _edges = tenths(predicted)
    assert all(len(set(group[predicted == p])) == 1 for p in set(predicted))
    assert list(b.predicted for b in found) == sorted(b.predicted for b in found)


def test_tenths_of_distinct_values_are_equal() -> None:
    group, edges = tenths(np.random.default_rng(1).permutation(200).astype(float))
    assert np.bincount(group).tolist() == [20] * 10
    assert len(edges) == 9


def test_measures_of_counts_by_hand() -> None:
    predicted, seen = np.array([1.0] * 9 + [5.0]), np.array([0.0, 2.0] * 4 + [1.0, 7.0])
    rng = np.random.default_rng(0)
    found = {s.name: s.model for s in scores(predicted, predicted, seen, OF_COUNTS, resamples=2, rng=rng)}
    assert found["root mean square error"] == pytest.approx(np.sqrt((8 * 1 + 0 + 4) / 10))
    assert found["share of the top tenth"] == pytest.approx(7 / 16)
    assert found["calibration error"] == pytest.approx((0 * 9 + 2 * 1) / 10)
    deviance = 2 * (4 * 1 + 4 * (2 * np.log(2) - 1) + 0 + 7 * np.log(7 / 5) - 2) / 10
    assert found["Poisson deviance"] == pytest.approx(deviance)


@pytest.mark.parametrize("named", [False, True])
def test_neither_order_nor_names_leave_a_trace(named: bool) -> None:
    rng = np.random.default_rng(5)
    predicted, baseline = rng.random(80), rng.random(80)
    seen, people = (rng.random(80) < predicted).astype(float), np.repeat([f"p{i}" for i in range(40)], 2)
    renamed = np.array([f"q{99 - int(p[1:])}" for p in people])
    order = rng.permutation(80)
    one = scores(
        predicted,
        baseline,
        seen,
        OF_CHANCES,
        resamples=50,
        rng=np.random.default_rng(1),
        people=people if named else None,
    )
    other = scores(
        predicted[order],
        baseline[order],
        seen[order],
        OF_CHANCES,
        resamples=50,
        rng=np.random.default_rng(1),
        people=renamed[order] if named else None,
    )
    assert one == other


def test_a_person_with_many_entries_makes_intervals_wider() -> None:
    rng = np.random.default_rng(2)
    predicted = np.repeat(rng.random(50), 8)
    seen = np.repeat(rng.random(50) < predicted[::8], 8).astype(float)
    people = np.repeat([f"p{i}" for i in range(50)], 8)
    alone, together = (
        scores(predicted, predicted, seen, OF_CHANCES[2:3], resamples=300, rng=rng, people=p)[0]
        for p in (None, people)
    )
    assert together.high - together.low > 2 * (alone.high - alone.low)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=2, max_size=12))
def test_the_baseline_stays_within_what_was_seen(rows: list[tuple[int, int]]) -> None:
    habit, seen = np.array(rows, dtype=float).T
    steps = fit_steps(habit, seen)
    found = steps(np.arange(-5.0, 20.0))
    assert found.min() >= seen.min() - 1e-12
    assert found.max() <= seen.max() + 1e-12
    assert steps(np.array([1e9]))[0] == steps(np.array([habit.max()]))[0]


def test_groups_without_people_are_left_out() -> None:
    found = group_bins(np.array([2, 2, 0]), ["a", "b", "c"], np.ones(3), np.arange(3.0), chance=False)
    assert [(b.label, b.people) for b in found] == [("a", 1), ("c", 2)]
    assert found[0].high == float("inf")  # one person says nothing of the spread
