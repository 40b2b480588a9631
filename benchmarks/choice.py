"""[bench choice] Time of one choice among 20 variants in a context of 32 features, beside VW and MABWiser.

in   20 variants, 32 features, 4,000 logged rewards that all learn from
out  microseconds a choice (rounds take turns), and how many times faster ours is

Ours returns the variant and its true chance, from the moment model's 128 posterior draws. *Alone* draws one
posterior sample and takes the best variant (Thompson sampling), and knows no chance. The harder case has 30
variants of which 10 are ruled out, others each time. Vowpal Wabbit (squarecb, context crossed with action) has
ready-made text, as each context is a new one, and returns chances; *parsed beforehand* is its bare prediction for
an example that it holds already. MABWiser's LinTS returns an arm alone. All on one thread. The figure is the
median over single calls, so that what else the machine does in between counts for nobody.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from mabwiser.mab import MAB, LearningPolicy
from threadpoolctl import threadpool_limits
from vowpalwabbit import Workspace

from omnimix.activation.decide.feature import FeatureRules
from omnimix.activation.decide.moment import Moment, chances
from omnimix.measurement.learn.moment import learnt, scaled_prior
from omnimix.measurement.learn.stream import summed, weighed
from omnimix.testing.evidence import Figure, at_least, at_most

VARIANTS, FEATURES, LOGGED = 20, 32, 4000
ROUNDS, CALLS = 9, 200
_NAMES = tuple(f"v{i}" for i in range(VARIANTS))
Floats = npt.NDArray[np.float32]


def figures() -> Iterator[Figure]:
    """Two times and two ratios with goals, and the times themselves."""
    rng = np.random.default_rng(5)
    x = _contexts(rng, LOGGED)
    arm = rng.integers(0, VARIANTS, LOGGED)
    reward = rng.normal(x[:, 1] * arm / VARIANTS, 1.0)
    asked = _contexts(rng, CALLS)
    contenders = {
        "choice alone": _alone(_moment(x, arm, reward, VARIANTS), asked, rng.integers(0, 128, CALLS)),
        "with its chance": _ours(_moment(x, arm, reward, VARIANTS), asked, rng),
        "with its chance, 10 of 30 ruled out": _ours(_moment(x, arm, reward, VARIANTS + 10), asked, rng),
        "MABWiser LinTS": _mabwiser(x, arm, reward, asked),
        "Vowpal Wabbit": _vowpal(x, arm, reward, asked, parsed=False),
        "Vowpal Wabbit, parsed beforehand": _vowpal(x, arm, reward, asked, parsed=True),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    with threadpool_limits(1):
        for _ in range(ROUNDS):
            for name, call in contenders.items():
                times[name].extend(_microseconds(call))
    took = {name: median(found) for name, found in times.items()}
    yield at_most("choice: alone", took["choice alone"], 60, unit=" µs")
    yield at_most("choice: with its chance", took["with its chance"], 120, unit=" µs")
    harder = took["with its chance, 10 of 30 ruled out"]
    yield at_most("choice: with its chance, 10 of 30 ruled out", harder, 120, unit=" µs")
    peers = ("MABWiser LinTS", "Vowpal Wabbit", "Vowpal Wabbit, parsed beforehand")
    for name in peers:
        yield Figure(f"choice: {name}", f"{took[name]:.1f} µs", "(no goal)", True)
    lints, vowpal, bare = (took[name] for name in peers)
    yield at_least("choice: with its chance × Vowpal Wabbit", vowpal / took["with its chance"], 3)
    yield at_least("choice: alone × Vowpal Wabbit, parsed", bare / took["choice alone"], 3)
    ratio = f"{bare / took['with its chance']:.2f}"
    yield Figure("choice: with its chance × VW, parsed", ratio, "(no goal)", True)
    yield at_least("choice: with its chance × MABWiser LinTS", lints / took["with its chance"], 20)


def _contexts(rng: np.random.Generator, count: int) -> Floats:
    x = np.rint(rng.uniform(-1, 1, (count, FEATURES)) * 1024) / 1024
    x[:, 0] = 1
    return x.astype(np.float32)


def _microseconds(call: Callable[[int], object]) -> list[float]:
    took = []
    for i in range(CALLS):
        start = time.perf_counter_ns()
        call(i)
        took.append((time.perf_counter_ns() - start) / 1000)
    return took


def _moment(x: Floats, arm: npt.NDArray[np.int64], reward: npt.NDArray[np.float64], variants: int) -> Moment:
    day = np.zeros(len(arm), dtype=np.int64)
    sums = weighed(summed(x, arm, reward, day, variants=variants), today=0, known=np.ones(1))
    names = [f"f{i}" for i in range(FEATURES)]
    shown = [f"v{i}" for i in range(variants)]
    return learnt(sums, FeatureRules(features={}), names, ["", *names[1:]], shown, scaled_prior(1, 1))


def _ours(moment: Moment, asked: Floats, rng: np.random.Generator) -> Callable[[int], tuple[int, float]]:
    draws = rng.random(CALLS)
    fit = [np.sort(rng.choice(len(moment.variants), VARIANTS, replace=False)) for _ in range(CALLS)]

    def call(i: int) -> tuple[int, float]:
        columns = fit[i]
        chance = chances(moment, asked[i], columns)
        at = min(int(chance.cumsum().searchsorted(draws[i], side="right")), len(columns) - 1)
        return int(columns[at]), float(chance[at])

    return call


def _alone(moment: Moment, asked: Floats, sample: npt.NDArray[np.int64]) -> Callable[[int], int]:
    weights = moment.draws.reshape(FEATURES, VARIANTS, -1).transpose(2, 0, 1)
    one = np.ascontiguousarray(weights)  # a posterior sample each
    return lambda i: int(np.dot(asked[i].astype(np.float64), one[sample[i]]).argmax())


def _mabwiser(x: Floats, arm: Any, reward: Any, asked: Floats) -> Callable[[int], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bandit = MAB(list(_NAMES), LearningPolicy.LinTS(alpha=1.0), seed=1)
        bandit.fit([_NAMES[a] for a in arm], reward, x.astype(np.float64))
    contexts = [row[None, :] for row in asked.astype(np.float64)]
    return lambda i: bandit.predict(contexts[i])


def _vowpal(x: Floats, arm: Any, reward: Any, asked: Floats, *, parsed: bool) -> Callable[[int], object]:
    workspace = Workspace("--cb_explore_adf --squarecb -q SA --quiet")
    actions = [f"|A {name}" for name in _NAMES]
    cost = (reward.max() - reward) / (reward.max() - reward.min())
    shared = ["shared |S " + " ".join(f"{f}:{v:g}" for f, v in enumerate(row)) for row in x.tolist()]
    for line, a, c in zip(shared, arm.tolist(), cost.tolist(), strict=True):
        lines = [line, *actions]
        lines[1 + a] = f"0:{c:g}:{1 / VARIANTS} {actions[a]}"
        workspace.learn(lines)
    questions = []
    for row in asked.tolist():
        line = "shared |S " + " ".join(f"{f}:{v:g}" for f, v in enumerate(row))
        questions.append(workspace.parse([line, *actions]) if parsed else [line, *actions])
    return lambda i: workspace.predict(questions[i])
