"""The learner: the closed form, planted effects, pooling, delays, forgetting, exploration, the gate."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from omnimix.activation.decide.feature import UNIT, FeatureRules
from omnimix.activation.decide.moment import Moment, chances_many
from omnimix.core.errors import InvalidInput
from omnimix.measurement.learn.gate import Log, judge
from omnimix.measurement.learn.moment import Posterior, Prior, fit, learnt, scaled_prior
from omnimix.measurement.learn.stream import Weighed, summed, weighed

V, F = 4, 6
CLASSES = ("", "a", "a", "b", "c", "a × b")
RULES = FeatureRules(features={}, interactions=())
NOW = np.ones(1)


def contexts(rng: np.random.Generator, count: int) -> np.ndarray:
    x = np.rint(rng.uniform(-1, 1, (count, F)) / UNIT) * UNIT
    x[:, 0] = 1
    return x.astype(np.float32)


def planted(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, place, reward, θ: class a tells variants apart, b and c do not."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(0, 30, F) + rng.normal(0, 1, (V, F)) * np.array([10, 30, 30, 0, 0, 0])
    theta[:, 0] += 100
    x, place = contexts(rng, count), rng.integers(0, V, count)
    return x, place, (x * theta[place]).sum(axis=1) + rng.normal(0, 100, count), theta


def sums_of(x: np.ndarray, place: np.ndarray, reward: np.ndarray) -> Weighed:
    return weighed(summed(x, place, reward, np.zeros(len(x), np.int64), variants=V), today=0, known=NOW)


def test_the_posterior_is_that_of_one_big_regression() -> None:
    x, place, reward, _theta = planted(1, 200)
    prior = Prior(level=80, level_sd=50, noise_sd=100, spread=0, leads=(5, 0, -5, 0))
    sums = sums_of(x, place, reward)
    found = fit(sums, CLASSES, prior)
    design = np.zeros((200, F * (V + 1)))  # β, then each δ_v
    for row, v in enumerate(place):
        design[row, :F], design[row, F * (v + 1) : F * (v + 2)] = x[row], x[row]
    mean, sd = np.zeros(F * (V + 1)), np.concatenate([found.main, np.tile(found.own, V)])
    mean[0], mean[F::F] = 80, prior.leads
    weight = 1 / found.noise[place]
    precision = design.T @ (design * weight[:, None]) + np.diag(1 / sd**2)
    rounded = np.rint(reward * 64) / 64
    slow = mean + np.linalg.solve(precision, design.T @ (weight * (rounded - design @ mean)))
    each = slow[:F] + slow[F:].reshape(V, F)
    assert found.mean == pytest.approx(each, rel=1e-8, abs=1e-8)
    pick = np.hstack([np.eye(F), np.eye(F), np.zeros((F, F * (V - 1)))])  # θ of the first variant
    spread = np.sqrt(np.diag(pick @ np.linalg.inv(precision) @ pick.T))
    drawn = found.draws(4000, seed=2)[:, 0]
    assert drawn.std(axis=0) == pytest.approx(spread, rel=0.06)
    assert drawn.mean(axis=0) == pytest.approx(each[0], abs=0.1)  # antithetic


def fitted(seed: int, count: int) -> tuple[Posterior, np.ndarray]:
    x, place, reward, theta = planted(seed, count)
    return fit(sums_of(x, place, reward), CLASSES, scaled_prior(100, 100)), theta


def test_planted_effects_come_back_and_scales_tell_features_apart() -> None:
    found, theta = fitted(3, 20_000)
    assert np.abs(found.mean - theta).mean() < 6
    assert found.own[1] > 1.5 * found.own[3]  # class a matters between variants, b does not
    assert found.noise == pytest.approx(100**2, rel=0.1)


def test_few_data_lean_on_what_variants_share() -> None:
    errors = []
    for seed in range(6):
        x, place, reward, theta = planted(seed, 300)
        pooled = fit(sums_of(x, place, reward), CLASSES, scaled_prior(100, 100)).mean
        alone = [np.linalg.lstsq(x[place == v], reward[place == v], rcond=None)[0] for v in range(V)]
        errors.append((np.abs(pooled - theta).mean(), np.abs(np.array(alone) - theta).mean()))
    mine, theirs = np.mean(errors, axis=0)
    assert mine < 0.9 * theirs


def test_young_decisions_are_no_failures() -> None:
    """Half of today's orders are not known yet: the level is still right, and less certain."""
    rng = np.random.default_rng(7)
    x, place = contexts(rng, 8000), rng.integers(0, V, 8000)
    x[:, 1:] = 0
    day = np.arange(8000) // 4000
    order = rng.random(8000) < 0.2
    seen = order & ((day == 0) | (rng.random(8000) < 0.5))
    sums = summed(x, place, np.where(seen, 1000.0, 0.0), day, variants=V)
    prior = scaled_prior(200, 400)
    honest = fit(weighed(sums, today=1, known=np.array([0.5])), CLASSES, prior)
    naive = fit(weighed(sums, today=1, known=NOW), CLASSES, prior)
    assert honest.mean[:, 0].mean() == pytest.approx(200, abs=15)
    assert naive.mean[:, 0].mean() < 165


def test_what_is_long_ago_is_forgotten() -> None:
    rng = np.random.default_rng(9)
    x, place = contexts(rng, 4000), rng.integers(0, V, 4000)
    day = np.arange(4000) // 40  # a hundred days; then the best variant changes
    reward = np.where(place == np.where(day < 80, 0, 1), 50.0, 0.0) + rng.normal(0, 20, 4000)
    sums = summed(x, place, reward, day, variants=V)
    prior = scaled_prior(20, 20)
    for keep, best in ((1.0, 0), (0.9, 1)):
        assert fit(weighed(sums, today=99, known=NOW, keep=keep), CLASSES, prior).mean[:, 0].argmax() == best


def model(sums: Weighed, **other: float) -> Moment:
    names = [f"f{i}" for i in range(F)]
    return learnt(sums, RULES, names, CLASSES, list("wxyz"), scaled_prior(100, 100), **other)  # type: ignore[arg-type]


def test_less_is_explored_towards_the_end_and_with_more_data() -> None:
    x, place, reward, _theta = planted(11, 400)
    asked, every = contexts(np.random.default_rng(1), 200), np.ones((200, V), np.bool_)
    sums = sums_of(x, place, reward)

    def sure(moment: Moment) -> float:
        return float(chances_many(moment, asked, every).max(axis=1).mean())

    assert sure(model(sums, ahead=5.0)) > sure(model(sums, ahead=1e6)) + 0.02
    more = sums_of(*planted(11, 6000)[:3])
    assert sure(model(more)) > sure(model(sums)) + 0.02
    assert model(sums, ahead=5.0).version == model(sums, ahead=5.0).version


def test_nothing_seen_yet_follows_the_leads() -> None:
    empty = sums_of(np.zeros((0, F), np.float32), np.zeros(0, np.int64), np.zeros(0))
    prior = replace(scaled_prior(100, 100), leads=(30.0, 0.0, 0.0, -30.0))
    found = fit(empty, CLASSES, prior)
    assert found.mean[:, 0].tolist() == [130, 100, 100, 70]
    with pytest.raises(InvalidInput, match="leads"):
        fit(empty, CLASSES, replace(prior, leads=(1.0,)))


def logged(seed: int, count: int) -> tuple[Log, np.ndarray]:
    x, place, reward, theta = planted(seed, count)
    known = np.ones(count)
    person = np.random.default_rng(seed).integers(0, count // 2, count)
    return Log(x, np.ones((count, V), np.bool_), place, np.full(count, 1 / V), reward, known, person), theta


def test_the_gate_lets_a_better_model_pass_and_estimates_its_gain() -> None:
    log, theta = logged(13, 4000)

    def learn(rows: np.ndarray) -> Moment:
        return model(sums_of(log.x[rows], log.place[rows], log.reward[rows]))

    verdict = judge(log, learn, tolerance=0.05)
    assert verdict.passed
    found = verdict.evaluation
    assert found is not None
    assert found.better
    truth = log.x @ theta.T
    chance = chances_many(learn(np.ones(4000, np.bool_)), log.x, log.masks)
    gain = (chance * truth).sum(axis=1).mean() - truth.mean()
    assert found.gain is not None
    assert found.gain.low - 3 < gain < found.gain.high + 3


def test_the_gate_refuses_what_is_worse_and_what_cannot_be_told() -> None:
    log, _theta = logged(13, 4000)

    def worst(log: Log) -> Callable[[np.ndarray], Moment]:
        return lambda rows: model(sums_of(log.x[rows], log.place[rows], -log.reward[rows]))

    assert "less a decision" in judge(log, worst(log), tolerance=0.05).refused
    few = log.part(np.arange(4000) < 20)
    assert "has only" in judge(few, worst(few), tolerance=0.05).refused
    one = replace(log, probability=np.where(log.place == 0, 0.9999, 0.0001))
    kept = one.part((log.place == 0) | (np.arange(4000) < 3))
    refused = judge(kept, worst(kept), tolerance=0.05)
    assert not refused.passed
    assert refused.evaluation is not None
    assert refused.evaluation.gain is None
    with pytest.raises(InvalidInput, match="tolerance"):
        judge(log, worst(log), tolerance=-1)
