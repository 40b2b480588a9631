"""Bandit problems with planted truth, for `proofs.regret`: contexts, true mean rewards, what is seen and when.

in   a seed
out  Problem: everything that happens to whoever chooses, the same for all policies
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DATA = Path(__file__).parent / "data" / "open_bandit"
ROUNDS, BATCH = 2400, 100
LEVELS = {"device": 3, "daypart": 4, "group": 4}
NUMBERS = 3
CROSSED = ("device", "daypart")


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """N rounds in batches of BATCH; V arms, F features. Luck is drawn beforehand, so that all meet the same."""

    x: npt.NDArray[np.float32]  # (N, F) multiples of 2⁻¹⁰, the intercept first
    classes: tuple[str, ...]  # (F,)
    expected: FloatArray  # (N, V) true mean reward
    reward: FloatArray  # (N, V) what each arm would bring
    delay: IntArray  # (N,) batches until a reward is seen; 0: with its own batch
    base: float  # what a shop knows of its rewards beforehand: their level …
    noise: float  # … and the standard deviation of one

    @property
    def rounds(self) -> int:
        return len(self.x)


def contexts(rng: np.random.Generator, rounds: int) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """Levels, numbers and one interaction, as `Features` would lay them out."""
    columns, classes = [np.ones(rounds)], [""]
    kept = {}
    for name, count in LEVELS.items():
        picked = rng.choice(count, rounds, p=rng.dirichlet(np.full(count, 5.0)))
        kept[name] = np.eye(count)[picked].T
        columns.extend(kept[name])
        classes.extend([name] * count)
    for i in range(NUMBERS):
        columns.append(np.rint(rng.uniform(-1, 1, rounds) * 1024) / 1024)
        classes.append(f"number{i}")
    columns.extend(a * b for a in kept[CROSSED[0]] for b in kept[CROSSED[1]])
    classes.extend([" × ".join(CROSSED)] * (LEVELS[CROSSED[0]] * LEVELS[CROSSED[1]]))
    return np.stack(columns, axis=1).astype(np.float32), tuple(classes)


def weights(
    rng: np.random.Generator, classes: tuple[str, ...], arms: int, *, lead: float, own: float
) -> FloatArray:
    """(V, F) planted effects: shared ones, a lead of each arm, and own effects in some of the classes."""
    names = list(dict.fromkeys(classes))
    shared = rng.normal(0, 0.5, len(classes)) * (np.array(classes) != "")
    strength = {n: rng.choice([0.0, 0.5, 1.5]) for n in names}  # some features tell arms apart, others do not
    strength[""] = lead / own
    scale = own * np.array([strength[c] for c in classes])
    return shared + scale * rng.normal(size=(arms, len(classes)))


def linear(seed: int) -> Problem:
    """Rewards linear in the context with noise: 8 arms."""
    rng = np.random.default_rng([seed, 1])
    x, classes = contexts(rng, ROUNDS)
    theta = weights(rng, classes, 8, lead=0.3, own=0.3)
    expected = 2 + x.astype(np.float64) @ theta.T
    reward = expected + rng.normal(size=expected.shape)
    return Problem(x, classes, expected, reward, np.zeros(ROUNDS, np.int64), 2.0, 1.0)


def logistic(seed: int) -> Problem:
    """Clicks with logistic chances around 10 %: 8 arms."""
    rng = np.random.default_rng([seed, 2])
    x, classes = contexts(rng, ROUNDS)
    theta = weights(rng, classes, 8, lead=0.4, own=0.4)
    expected = 1 / (1 + np.exp(2.5 - x.astype(np.float64) @ theta.T))
    return Problem(x, classes, expected, _clicks(rng, expected), np.zeros(ROUNDS, np.int64), 0.1, 0.3)


def open_bandit(seed: int, *, arms: int = 10, times: float = 20.0) -> Problem:
    """Items of the Open Bandit Dataset with their real click rates, `times` as many clicks.

    Ten of the 80 items a seed, with the click rates that their 20,000 impressions each came to, and users with the
    real frequencies of the four user features. What the features do to an item's rate is planted.
    """
    rng = np.random.default_rng([seed, 3])
    prior = json.loads((DATA / "prior_bts_all.json").read_text(encoding="utf-8"))
    alpha, beta = np.array(prior["alpha"]), np.array(prior["beta"])
    rates = rng.permutation(alpha / (alpha + beta))[:arms] * times
    users = json.loads((DATA / "user_features.json").read_text(encoding="utf-8"))
    columns, classes = [np.ones(ROUNDS)], [""]
    for name, counts in users.items():
        share = np.array(counts) / np.sum(counts)
        columns.extend(np.eye(len(share))[rng.choice(len(share), ROUNDS, p=share)].T)
        classes.extend([name] * len(share))
    x = np.stack(columns, axis=1).astype(np.float32)
    theta = rng.normal(0, 0.4, (arms, x.shape[1]))
    theta[:, 0] = 0
    lean = np.exp(x.astype(np.float64) @ theta.T)
    expected = np.minimum(rates * lean / lean.mean(axis=0), 0.9)
    return Problem(
        x, tuple(classes), expected, _clicks(rng, expected), np.zeros(ROUNDS, np.int64), float(rates.mean()), 0.25
    )


def delayed_drift(seed: int) -> Problem:
    """Orders that become known later, and effects that change: 8 arms, logistic."""
    rng = np.random.default_rng([seed, 4])
    x, classes = contexts(rng, ROUNDS)
    wide = x.astype(np.float64)
    stops = [weights(rng, classes, 8, lead=0.4, own=0.4) for _ in range(3)]
    shared = stops[0].mean(axis=0)
    stops = [stop - stop.mean(axis=0) + shared for stop in stops]
    at = np.linspace(0, len(stops) - 1.001, ROUNDS)
    before, part = at.astype(int), at - at.astype(int)
    theta = np.stack(stops)
    logit = np.einsum(
        "nf,nvf->nv", wide, theta[before] * (1 - part)[:, None, None] + theta[before + 1] * part[:, None, None]
    )
    expected = 1 / (1 + np.exp(2.5 - logit))
    delay = np.minimum(rng.geometric(0.2, ROUNDS) - 1, 14)  # batches; four on average
    return Problem(x, classes, expected, _clicks(rng, expected), delay, 0.1, 0.3)


def _clicks(rng: np.random.Generator, expected: FloatArray) -> FloatArray:
    return (rng.random((len(expected), 1)) < expected).astype(np.float64)
