"""Policies for `proofs.regret`: ours, and Vowpal Wabbit and MABWiser as their users would run them.

in   a Problem, a seed
out  for each policy the arm it chose in every round; all learn after every batch

A rival that must wait for delayed rewards may learn each round when it happens, from what is known by then, or
when its reward is final: both are tried.
"""

import warnings
from collections.abc import Callable

import numpy as np
from mabwiser.mab import MAB, LearningPolicy
from vowpalwabbit import Workspace

from omnimix.activation.decide.feature import FeatureRules
from omnimix.activation.decide.moment import chances_many
from omnimix.measurement.learn.lag import matured
from omnimix.measurement.learn.moment import learnt, scaled_prior
from omnimix.measurement.learn.stream import nothing, summed, weighed
from proofs._bandit_problems import BATCH, IntArray, Problem

Arms = IntArray
Policy = Callable[[Problem, int], Arms]
RULES = FeatureRules(features={}, interactions=())
FORGET = 0.98  # what a batch leaves of the weight of earlier ones, where effects drift
SCALE = 1000.0  # ours counts in minor units: what a reward of 1 is worth


def ours(problem: Problem, seed: int, *, forget: float = 1.0) -> Arms:
    """The moment model with its defaults: prior from level and noise alone, one fit a batch."""
    rng = np.random.default_rng([seed, 100])
    count, arms = problem.expected.shape
    prior = scaled_prior(SCALE * problem.base, SCALE * problem.noise)
    names = tuple(f"x{i}" for i in range(problem.x.shape[1]))
    variants = [f"v{v}" for v in range(arms)]
    place = np.zeros(count, dtype=np.int64)
    sums, known = nothing(arms, len(names)), np.ones(1)
    for batch, start in enumerate(range(0, count, BATCH)):
        seen = weighed(sums, today=batch, known=known, keep=forget)
        moment = learnt(seen, RULES, names, problem.classes, variants, prior, seed=batch, ahead=count - start)
        rows = np.arange(start, min(start + BATCH, count))
        chance = chances_many(moment, problem.x[rows], np.ones((len(rows), arms), dtype=np.bool_))
        place[rows] = (chance.cumsum(axis=1) > rng.random(len(rows))[:, None]).argmax(axis=1)
        sums = sums + _news(problem, place, batch, rows)
        if problem.delay.any():
            known = _known(problem, place, batch)
    return place


def _news(problem: Problem, place: Arms, batch: int, rows: IntArray):  # type: ignore[no-untyped-def]
    """What became known with this batch: its own rounds, and late rewards of earlier ones."""
    arms = problem.expected.shape[1]
    earned = SCALE * problem.reward[rows, place[rows]] * (problem.delay[rows] == 0)
    news = summed(problem.x[rows], place[rows], earned, np.full(len(rows), batch), variants=arms)
    before = np.arange(rows[0])
    due = before[(before // BATCH + problem.delay[before] == batch)]
    if len(due):
        zero, paid = np.zeros(len(due)), SCALE * problem.reward[due, place[due]]
        parts = (summed(problem.x[due], place[due], r, due // BATCH, variants=arms) for r in (zero, paid))
        was, now = parts
        news = news - was + now
    return news


def _known(problem: Problem, place: Arms, batch: int):  # type: ignore[no-untyped-def]
    rows = np.arange((batch + 1) * BATCH)
    paid = rows[(problem.reward[rows, place[rows]] > 0) & (rows // BATCH + problem.delay[rows] <= batch)]
    pairs, counts = np.unique(
        np.stack([paid // BATCH, paid // BATCH + problem.delay[paid]], 1), axis=0, return_counts=True
    )
    cells = [(int(m), int(k), int(n)) for (m, k), n in zip(pairs, counts, strict=True)]
    return matured(cells, weeks=batch + 1)


def vowpal(problem: Problem, seed: int, *, options: str, wait: bool = False) -> Arms:
    """Contextual bandits with action-dependent features: the arm's name crossed with the context."""
    rng = np.random.default_rng([seed, 101])
    count, arms = problem.expected.shape
    low, high = np.quantile(problem.reward, [0.0, 1.0])
    cost = (high - problem.reward) / (high - low)
    workspace = Workspace(f"--cb_explore_adf -q SA --ignore_linear S --quiet --random_seed {seed} {options}")
    shared = ["shared |S " + " ".join(f"{f}:{v:g}" for f, v in enumerate(row) if v) for row in problem.x.tolist()]
    actions = [f"|A a{v}" for v in range(arms)]
    place, chance = np.zeros(count, dtype=np.int64), np.zeros(count)
    for start in range(0, count, BATCH):
        for i in range(start, min(start + BATCH, count)):
            found = np.asarray(workspace.predict([shared[i], *actions]))
            found = found / found.sum()
            place[i] = min(int(found.cumsum().searchsorted(rng.random(), side="right")), arms - 1)
            chance[i] = found[place[i]]
        for i, seen in _lessons(problem, start, wait):
            v = place[i]
            price = cost[i, v] if seen else high / (high - low)
            lines = [shared[i], *actions]
            lines[1 + v] = f"0:{price:g}:{chance[i]:g} {actions[v]}"
            workspace.learn(lines)
    workspace.finish()
    return place


def _lessons(problem: Problem, start: int, wait: bool):  # type: ignore[no-untyped-def]
    """(round, whether its reward is seen) to learn from after a batch."""
    if not wait:
        return [(i, problem.delay[i] == 0) for i in range(start, min(start + BATCH, problem.rounds))]
    longest = int(problem.delay.max())
    first = start - longest * BATCH
    return [(i, True) for i in range(first, first + BATCH)] if first >= 0 else []


def mabwiser(
    problem: Problem, seed: int, *, policy: str, alpha: float, ridge: float = 1.0, wait: bool = False
) -> Arms:
    """LinTS or LinUCB, one ridge regression an arm; rewards in units of their noise."""
    count, arms = problem.expected.shape
    kind = {"LinTS": LearningPolicy.LinTS, "LinUCB": LearningPolicy.LinUCB}[policy]
    reward = (problem.reward - problem.base) / problem.noise
    nought = -problem.base / problem.noise
    place = np.zeros(count, dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bandit = MAB(list(range(arms)), kind(alpha=alpha, l2_lambda=ridge), seed=seed)
        wide = problem.x.astype(np.float64)
        started = False
        rng = np.random.default_rng([seed, 102])
        for start in range(0, count, BATCH):
            rows = np.arange(start, min(start + BATCH, count))
            place[rows] = bandit.predict(wide[rows]) if started else rng.integers(0, arms, len(rows))
            lessons = _lessons(problem, start, wait)
            if not lessons:
                continue
            at = np.array([i for i, _ in lessons])
            seen = np.array([s for _, s in lessons])
            earned = np.where(seen, reward[at, place[at]], nought)
            (bandit.partial_fit if started else bandit.fit)(place[at].tolist(), earned, wide[at])
            started = True
    return place


def even(problem: Problem, seed: int) -> Arms:
    return np.random.default_rng([seed, 103]).integers(0, problem.expected.shape[1], problem.rounds)
