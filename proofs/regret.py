"""[prove regret] What choosing in context costs against always knowing best, beside Vowpal Wabbit and MABWiser.

in   100 seeds of four problems with planted truth, 2,400 rounds each; all policies learn after every 100 rounds
out  differences of regret (ours less a rival's) with 95 % intervals over seeds; they meet the same truth and luck

Open Bandit-like: ten items of the Open Bandit Dataset with their real click rates and the real mix of its users;
what users' features do to a rate is planted, and there are twenty times as many clicks, so that 2,400 rounds can
teach something. Simulated: linear rewards, and logistic clicks, with levels, numbers and an interaction of which
only some tell the arms apart. Delayed and drifting: logistic orders known up to 14 batches later, while
effects wander. Regret is that of the planted means, so that luck in the rewards does not blur it.

Rivals get what their users can give them: the same features, rewards in a fitting scale, and the best of several
settings, tried on other seeds of the same problem: Vowpal Wabbit (cb_explore_adf) squarecb and bag, MABWiser LinTS
and LinUCB; where rewards are late, learning at once or when they are final, and rates of learning that forget.
Ours has one setting for all, its defaults; where effects drift it forgets 2 % a batch. The best rival is the one
with the lowest regret on the very seeds that are compared. Needs the packages of `make bench`.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from omnimix.testing.evidence import Figure
from proofs import _bandit_policies as policies
from proofs import _bandit_problems as problems
from proofs._bandit_policies import Policy

FloatArray = npt.NDArray[np.float64]

SEEDS, TRIED = 100, 6
OURS, EVEN = "ours", "even split"
PROBLEMS: dict[str, Callable[[int], problems.Problem]] = {
    "Open Bandit-like": problems.open_bandit,
    "simulated, linear": problems.linear,
    "simulated, logistic": problems.logistic,
    "delayed and drifting": problems.delayed_drift,
}
LATE = "delayed and drifting"


def figures() -> Iterator[Figure]:
    """No worse than the best rival; with delays and drift better than each."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name in PROBLEMS:
            chosen = _best_settings(pool, name)
            regret = _regrets(pool, [(name, seed, {OURS: "", EVEN: "", **chosen}) for seed in range(SEEDS)])
            yield from _compared(name, regret, chosen)


def _compared(name: str, regret: dict[str, FloatArray], chosen: dict[str, str]) -> Iterator[Figure]:
    ours, even = regret[OURS], regret[EVEN].mean()
    yield Figure(f"regret: {name}, ours", f"{ours.mean() / even:.3f} of an even split's", "(no goal)", True)
    best = min(chosen, key=lambda rival: float(regret[rival].mean()))
    for rival, setting in chosen.items():
        low, mean, high = _interval((ours - regret[rival]) / even)
        text = f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
        goal, ok = "(no goal)", True
        if name == LATE:
            goal, ok = "interval below 0", high < 0
        elif rival == best:
            goal, ok = "interval reaches 0", low <= 0
        yield Figure(f"regret: {name} − {setting}", text, goal, ok)


def _interval(values: FloatArray) -> tuple[float, float, float]:
    half = 1.96 * float(values.std(ddof=1)) / np.sqrt(len(values))
    mean = float(values.mean())
    return mean - half, mean, mean + half


def _best_settings(pool: ProcessPoolExecutor, name: str) -> dict[str, str]:
    """The best setting of each rival on seeds that are not compared."""
    grid = _grid(name)
    every = {setting: setting for settings in grid.values() for setting in settings}
    found = _regrets(pool, [(name, 10_000 + seed, every) for seed in range(TRIED)])
    return {rival: min(settings, key=lambda s: float(found[s].mean())) for rival, settings in grid.items()}


def _regrets(pool: ProcessPoolExecutor, jobs: list[tuple[str, int, dict[str, str]]]) -> dict[str, FloatArray]:
    rows = list(pool.map(_one, jobs))
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def _one(job: tuple[str, int, dict[str, str]]) -> dict[str, float]:
    name, seed, wanted = job
    problem = PROBLEMS[name](seed)
    best = problem.expected.max(axis=1)
    rows = np.arange(problem.rounds)
    out = {}
    with threadpool_limits(1):
        for key, setting in wanted.items():
            place = _policy(name, key, setting)(problem, seed)
            out[key] = float((best - problem.expected[rows, place]).sum())
    return out


def _policy(name: str, key: str, setting: str) -> Policy:
    if key == OURS:
        return partial(policies.ours, forget=policies.FORGET if name == LATE else 1.0)
    return policies.even if key == EVEN else _settings()[setting]


def _grid(name: str) -> dict[str, list[str]]:
    """The settings that are tried of each rival."""
    late = name == LATE
    return {
        rival: [s for s in _settings() if s.startswith(rival) and (late or not s.endswith(("final", "forgets")))]
        for rival in ("VW squarecb", "VW bag", "LinTS", "LinUCB")
    }


def _settings() -> dict[str, Policy]:
    found: dict[str, Policy] = {}
    for gamma in (30, 100, 300):
        found[f"VW squarecb γ {gamma}"] = partial(policies.vowpal, options=f"--squarecb --gamma_scale {gamma}")
    for bags, greedy in ((5, ""), (5, " --greedify"), (10, " --greedify")):
        found[f"VW bag {bags}{greedy[3:]}"] = partial(policies.vowpal, options=f"--bag {bags}{greedy}")
    for kind, best in (("squarecb γ 100", "--squarecb --gamma_scale 100"), ("bag 5", "--bag 5 --greedify")):
        found[f"VW {kind} final"] = partial(policies.vowpal, options=best, wait=True)
        steady = f"{best} --power_t 0 -l 0.05"
        found[f"VW {kind} forgets"] = partial(policies.vowpal, options=steady)
    for kind in ("LinTS", "LinUCB"):
        for alpha in (0.1, 0.3, 1.0):
            found[f"{kind} α {alpha}"] = partial(policies.mabwiser, policy=kind, alpha=alpha)
            found[f"{kind} α {alpha} final"] = partial(policies.mabwiser, policy=kind, alpha=alpha, wait=True)
    return found
