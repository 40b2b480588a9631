"""[prove bandit] What partial pooling earns against A/B-then-commit and against sampling each segment on its own.

in   200 seeds of a small shop: 5 segments, 6 variants, 3,000 exposed profiles and 240 orders a week, 12 weeks
out  the difference in margin per profile-week with its 95 % interval over seeds

Every policy meets the same truths. What is compared is the planted mean margin of what each policy showed, so that
luck in the orders does not blur the comparison. A/B-then-commit is given the best of eight versions in hindsight:
tests of 1, 2, 3 or 5 weeks, one winner for all or one for each segment.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from omnimix.activation.decide.choice import chances, ready
from omnimix.activation.decide.pooling import Prior, belief, even_ahead, posterior
from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.ladder import Rung
from omnimix.testing.evidence import Figure

FloatArray = npt.NDArray[np.float64]

SEEDS, WEEKS, VARIANTS = 200, 12, 6
PEOPLE = np.array([1000, 800, 600, 400, 200])  # exposed profiles a week, by segment
RATE = 0.08  # orders per profile-week
ORDER = 5000.0  # mean margin of an order, minor units
CV = 1.2
TESTS = (1, 2, 3, 5)  # weeks of test before commitment
_SIZE = np.log(1 + CV**2)
_SEGMENTS = tuple(f"s{i}" for i in range(len(PEOPLE)))
_START = datetime(2026, 1, 5)

# A policy sees the sums so far and says with which chance each segment gets each variant: (S, V), rows sum to 1.
Policy = Callable[[int, FloatArray, FloatArray, FloatArray], FloatArray]


def figures() -> Iterator[Figure]:
    """The two differences that must be positive; without a goal: others, and where pooling has no point."""
    shared = _campaign(shared_sd=0.10, own_sd=0.03)
    yield _gain("pooled − A/B-then-commit (best of 8)", shared, "commit", goal=True)
    yield _gain("pooled − unpooled Thompson", shared, "unpooled", goal=True)
    yield _gain("pooled − the same without looking ahead", shared, "classic", goal=False)
    yield _gain("pooled − even split", shared, "even", goal=False)
    lonely = _campaign(shared_sd=0.0, own_sd=0.10)
    yield _gain("nothing shared: pooled − unpooled", lonely, "unpooled", goal=False)


def _gain(name: str, results: dict[str, FloatArray], peer: str, *, goal: bool) -> Figure:
    difference = results["pooled"] - results[peer]
    base = RATE * ORDER
    mean = float(difference.mean())
    half = 1.96 * float(difference.std(ddof=1)) / np.sqrt(len(difference))
    text = f"{100 * mean / base:+.2f} % [{100 * (mean - half) / base:+.2f}, {100 * (mean + half) / base:+.2f}]"
    return Figure(f"bandit: {name}", text, "lower bound > 0" if goal else "(no goal)", not goal or mean > half)


def _campaign(*, shared_sd: float, own_sd: float) -> dict[str, FloatArray]:
    """Margin per profile-week of every policy, an entry a seed. The sds are shares of the base margin."""
    jobs = [(seed, shared_sd, own_sd) for seed in range(SEEDS)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(_one, jobs, chunksize=10))
    results = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    commits = [name for name in results if name.startswith("commit ")]
    results["commit"] = results[max(commits, key=lambda name: float(results[name].mean()))]
    return results


def _one(job: tuple[int, float, float]) -> dict[str, float]:
    seed, shared_sd, own_sd = job
    rng = np.random.default_rng([seed, 17])
    base = RATE * ORDER
    shape = (len(PEOPLE), VARIANTS)
    level = base * np.exp(rng.normal(0, 0.3, (len(PEOPLE), 1)))
    truth = level + base * (shared_sd * rng.normal(size=(1, VARIANTS)) + own_sd * rng.normal(size=shape))
    truth = np.maximum(truth, 0.1 * base)
    policies: dict[str, Policy] = {"pooled": _pooled, "unpooled": _unpooled, "classic": _classic, "even": _even}
    policies |= {f"commit {k} {scope}": _commit(k, scope) for k in TESTS for scope in ("all", "each")}
    return {name: _earned(policy, truth, seed) for name, policy in policies.items()}


def _earned(policy: Policy, truth: FloatArray, seed: int) -> float:
    """Planted mean margin per profile-week of what the policy showed."""
    rng = np.random.default_rng([seed, 99])
    counts, sums, squares = np.zeros((3, *truth.shape))
    total = 0.0
    for week in range(WEEKS):
        share = policy(week, counts, sums, squares)
        shown = np.stack([rng.multinomial(n, p) for n, p in zip(PEOPLE, share, strict=True)])
        total += float((shown * truth).sum())
        cell = np.repeat(np.arange(truth.size), shown.ravel())
        orders = rng.poisson(truth.ravel()[cell] / ORDER)
        buyer = np.repeat(np.arange(len(cell)), orders)
        amounts = ORDER * np.exp(rng.normal(-_SIZE / 2, np.sqrt(_SIZE), len(buyer)))
        margin = np.bincount(buyer, amounts, minlength=len(cell))
        counts += shown
        sums += np.bincount(cell, margin, minlength=truth.size).reshape(truth.shape)
        squares += np.bincount(cell, margin**2, minlength=truth.size).reshape(truth.shape)
    return total / (WEEKS * int(PEOPLE.sum()))


def _even(_week: int, counts: FloatArray, _sums: FloatArray, _squares: FloatArray) -> FloatArray:
    return np.full(counts.shape, 1 / counts.shape[1])


def _pooled(week: int, counts: FloatArray, sums: FloatArray, squares: FloatArray) -> FloatArray:
    people = PEOPLE.astype(np.float64)
    found = belief(counts, sums, squares, _prior(), ahead=even_ahead(people, VARIANTS, WEEKS - week - 1))
    return _thompson(found.mean, found.reachable, _SEGMENTS)


def _classic(_week: int, counts: FloatArray, sums: FloatArray, squares: FloatArray) -> FloatArray:
    """Thompson sampling from the whole posterior, as if the campaign never ended."""
    return _thompson(*posterior(counts, sums, squares, _prior()), _SEGMENTS)


def _unpooled(week: int, counts: FloatArray, sums: FloatArray, squares: FloatArray) -> FloatArray:
    """The same model fitted to each segment by itself: variants learn from their own segment only."""
    rows = []
    for s, name in enumerate(_SEGMENTS):
        one = slice(s, s + 1)
        ahead = even_ahead(PEOPLE[one].astype(np.float64), VARIANTS, WEEKS - week - 1)
        found = belief(counts[one], sums[one], squares[one], _prior(), ahead=ahead)
        rows.append(_thompson(found.mean, found.reachable, (name,)))
    return np.concatenate(rows)


def _commit(test: int, scope: str) -> Policy:
    def policy(week: int, counts: FloatArray, sums: FloatArray, squares: FloatArray) -> FloatArray:
        if week < test:
            return _even(week, counts, sums, squares)
        if week == test:
            n, total = (counts, sums) if scope == "each" else (counts.sum(0), sums.sum(0))
            mean = np.where(n > 0, total / np.maximum(n, 1), -np.inf)
            kept["winner"] = np.broadcast_to(mean.argmax(axis=-1), (counts.shape[0],)).copy()
        return np.eye(counts.shape[1])[kept["winner"]]

    kept: dict[str, npt.NDArray[np.int64]] = {}
    return policy


def _prior() -> Prior:
    """What a shop can know beforehand: its level of margin, its noise, that creatives differ by some per cent."""
    base = RATE * ORDER
    noise = float(np.sqrt(RATE * ORDER**2 * (1 + CV**2)))
    return Prior(
        mean=base, mean_sd=base, segment_sd=0.4 * base, variant_sd=0.08 * base, cell_sd=0.04 * base, noise_sd=noise
    )


def _thompson(mean: FloatArray, covariance: FloatArray, segments: tuple[str, ...]) -> FloatArray:
    count = mean.shape[1]
    state = ready(
        Snapshot(
            snapshot_id="proof",
            campaign="proof",
            made_at=_START,
            segments=segments,
            variants=tuple(f"v{i}" for i in range(count)),
            briefs=("broad",) * count,
            steps=(0,) * count,
            mean=mean,
            covariance=covariance,
            promoted=(Rung.BROAD,) * len(segments),
        )
    )
    return np.stack([chances(state, s, np.arange(count)) for s in segments])
