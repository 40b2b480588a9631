"""Off-policy evaluation: what must hold of any log."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.measurement.learn.offpolicy import Estimate, Logged, evaluate


def made(seed: int, count: int = 2000) -> Logged:
    """A log of two arms, of which the candidate likes the second more; the second is worth more."""
    rng = np.random.default_rng(seed)
    second = rng.random(count) < 0.5
    reward = np.where(second, 3.0, 1.0) + rng.standard_normal(count)
    return Logged(reward, np.full(count, 0.5), np.where(second, 0.8, 0.2))


def known(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    return estimate


@given(st.integers(0, 10_000))
def test_the_running_policy_itself_gains_nothing(seed: int) -> None:
    log = made(seed, 400)
    found = evaluate(replace(log, target=log.probability))
    for estimate in (found.ips, found.snips):
        assert known(estimate).value == pytest.approx(log.reward.mean())
        assert known(estimate).error == pytest.approx(found.running.error)
    assert known(found.gain).value == pytest.approx(0)
    assert known(found.gain).error == pytest.approx(0, abs=1e-9)
    assert not found.better


def test_a_better_candidate_is_found_better() -> None:
    found = evaluate(made(1))
    assert known(found.ips).low < 2.6 < known(found.ips).high  # 0.8 · 3 + 0.2 · 1
    assert known(found.gain).low < 0.6 < known(found.gain).high
    assert found.better
    assert found.dr is None


@given(st.integers(0, 10_000), st.floats(0.01, 1000), st.floats(-50, 50))
def test_estimates_move_with_the_unit_of_reward(seed: int, scale: float, shift: float) -> None:
    log = made(seed, 300)
    here, there = evaluate(log), evaluate(replace(log, reward=log.reward * scale + shift))
    assert known(there.snips).value == pytest.approx(known(here.snips).value * scale + shift)
    assert known(there.snips).error == pytest.approx(known(here.snips).error * scale, rel=1e-6)
    assert known(there.gain).low == pytest.approx(known(here.gain).low * scale, rel=1e-5, abs=1e-6)


def test_the_same_person_twice_is_one_person() -> None:
    log = made(3)
    twice = Logged(
        np.repeat(log.reward, 2),
        np.repeat(log.probability, 2),
        np.repeat(log.target, 2),
        person=np.repeat(np.arange(len(log.reward)), 2),
    )
    once, again = evaluate(log), evaluate(twice)
    assert known(again.ips).value == pytest.approx(known(once.ips).value)
    assert known(again.ips).error == pytest.approx(known(once.ips).error, rel=1e-3)


def test_a_perfect_reward_model_leaves_only_noise() -> None:
    rng = np.random.default_rng(5)
    context = rng.normal(size=3000)
    second = rng.random(3000) < 0.3
    target = np.where(second, 0.7, 0.3)
    value = {True: context + 2, False: context}
    truth = 0.7 * value[True] + 0.3 * value[False]
    reward = np.where(second, value[True], value[False]) + 0.01 * rng.standard_normal(3000)
    log = Logged(reward, np.where(second, 0.3, 0.7), target)
    helped = evaluate(replace(log, predicted=np.where(second, value[True], value[False]), expected=truth))
    assert known(helped.dr).error < known(helped.snips).error / 1.2
    assert known(helped.dr).low < 1.4 < known(helped.dr).high


@pytest.mark.parametrize(
    ("probability", "target", "why"),
    [
        (np.full(5000, 0.5), np.full(5000, 0.2), "average"),
        (np.full(50, 0.5), np.full(50, 0.5), "information"),
        (np.where(np.arange(5000) < 20, 0.004, 0.996), np.where(np.arange(5000) < 20, 1.0, 0.0), "information"),
    ],
)
def test_a_log_that_cannot_tell_gives_no_value(probability: np.ndarray, target: np.ndarray, why: str) -> None:
    found = evaluate(Logged(np.ones(len(target)), probability, target))
    assert why in found.overlap.refused
    assert (found.ips, found.snips, found.dr, found.gain) == (None,) * 4
    assert not found.better


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"probability": np.zeros(2000)}, "logged probability"),
        ({"target": np.full(2000, 1.5)}, "candidate's probability"),
        ({"target": np.ones(3)}, "different lengths"),
        ({"predicted": np.ones(2000)}, "both predictions"),
    ],
)
def test_a_wrong_log_is_refused(change: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        replace(made(1), **change)
