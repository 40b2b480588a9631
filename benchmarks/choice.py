"""[bench choice] Time of one choice among 20 variants, beside MABWiser LinTS and Vowpal Wabbit in the same run.

in   20 variants, 32 segments, 4,000 logged rewards that all three learn from
out  microseconds a choice (rounds take turns), and how many times faster ours is

Ours returns the variant, its chance and the eligible set; Vowpal Wabbit returns chances and a caller draws from
them; MABWiser returns an arm alone. Each gets the segment as its context: ours by name, MABWiser as 32 indicator
columns, Vowpal Wabbit as a shared feature crossed with the variant's, in ready-made text. Chances of a rung in
which nothing is ruled out are worked out once per snapshot; the goals are for the harder case, in which 10 of 30
variants are ruled out, others each time, and the chances of the 20 left are worked out anew. The figure is the
median over single calls, so that what else the machine does in between counts for nobody.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from statistics import median

import numpy as np
from mabwiser.mab import MAB, LearningPolicy
from vowpalwabbit import Workspace

from omnimix.activation.decide.choice import choose, ready
from omnimix.activation.decide.pooling import Prior, belief
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.eligibility import Reason
from omnimix.activation.experiment.ladder import Rung
from omnimix.testing.evidence import Figure, at_least

VARIANTS, SEGMENTS, LOGGED = 20, 32, 4000
ROUNDS, CALLS = 9, 200
_NAMES = tuple(f"v{i}" for i in range(VARIANTS))
_PLACES = tuple(f"s{i}" for i in range(SEGMENTS))


def figures() -> Iterator[Figure]:
    """Two ratios with goals, and the times themselves."""
    rng = np.random.default_rng(5)
    segment = rng.integers(0, SEGMENTS, LOGGED)
    arm = rng.integers(0, VARIANTS, LOGGED)
    reward = rng.normal(arm / VARIANTS, 1.0)
    asked = rng.integers(0, SEGMENTS, CALLS)
    contenders = {
        "ours, nothing ruled out": _ours(segment, arm, reward, asked, extra=0),
        "ours": _ours(segment, arm, reward, asked, extra=10),
        "MABWiser LinTS": _mabwiser(segment, arm, reward, asked),
        "Vowpal Wabbit": _vowpal(segment, arm, reward, asked),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, call in contenders.items():
            times[name].extend(_microseconds(call))
    took = {name: median(found) for name, found in times.items()}
    for name, value in took.items():
        yield Figure(f"choice: {name}, 20 variants", f"{value:.1f} µs", "(no goal)", True)
    yield at_least("choice: × Vowpal Wabbit", took["Vowpal Wabbit"] / took["ours"], 3)
    yield at_least("choice: × MABWiser LinTS", took["MABWiser LinTS"] / took["ours"], 20)


def _microseconds(call: Callable[[int], object]) -> list[float]:
    took = []
    for i in range(CALLS):
        start = time.perf_counter_ns()
        call(i)
        took.append((time.perf_counter_ns() - start) / 1000)
    return took


def _ours(segment, arm, reward, asked, *, extra):  # type: ignore[no-untyped-def]
    count = VARIANTS + extra
    shape = (SEGMENTS, count)
    cell = segment * count + arm
    counts, sums, squares = (
        np.bincount(cell, w, minlength=SEGMENTS * count).reshape(shape) for w in (None, reward, reward**2)
    )
    prior = Prior(mean=0.5, mean_sd=1, segment_sd=0.3, variant_sd=0.3, cell_sd=0.1, noise_sd=1)
    found = belief(counts.astype(float), sums, squares, prior, ahead=None)
    state = ready(
        Snapshot(
            snapshot_id="bench",
            campaign="bench",
            made_at=datetime(2026, 1, 5),
            segments=_PLACES,
            variants=tuple(f"v{i}" for i in range(count)),
            briefs=("broad",) * count,
            steps=(0,) * count,
            mean=found.mean,
            covariance=found.covariance,
            promoted=(Rung.BROAD,) * SEGMENTS,
        )
    )
    rng = np.random.default_rng(6)
    draws = rng.random(CALLS)
    codes = np.zeros((CALLS, count), dtype=np.uint8)
    for row in codes:
        row[rng.choice(count, extra, replace=False)] = int(Reason.BOUGHT)
    names = [_PLACES[s] for s in asked]
    return lambda i: choose(state, names[i], codes[i], lane="relevant", draw=draws[i])


def _mabwiser(segment, arm, reward, asked):  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bandit = MAB(list(_NAMES), LearningPolicy.LinTS(alpha=1.0), seed=1)
        bandit.fit([_NAMES[a] for a in arm], reward, np.eye(SEGMENTS)[segment])
    contexts = [row[None, :] for row in np.eye(SEGMENTS)[asked]]
    return lambda i: bandit.predict(contexts[i])


def _vowpal(segment, arm, reward, asked):  # type: ignore[no-untyped-def]
    workspace = Workspace("--cb_explore_adf --squarecb -q SA --quiet")
    actions = [f"|A {name}" for name in _NAMES]
    for s, a, r in zip(segment.tolist(), arm.tolist(), reward.tolist(), strict=True):
        lines = [f"shared |S {_PLACES[s]}", *actions]
        lines[1 + a] = f"0:{-r}:{1 / VARIANTS} {actions[a]}"
        workspace.learn(lines)
    questions = [[f"shared |S {_PLACES[s]}", *actions] for s in asked]
    rng = np.random.default_rng(7)

    def call(i: int) -> int:
        chances = np.asarray(workspace.predict(questions[i]))
        return int(chances.cumsum().searchsorted(rng.random() * chances.sum()))

    return call
