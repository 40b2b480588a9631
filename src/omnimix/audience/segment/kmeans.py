"""k-means whose number of clusters is chosen by stability, and how stable the choice is.

in   coordinates, one row a person, in an order that does not depend on who they are
out  Clusters: centres, what was tried, stability over bootstraps
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from omnimix.audience.segment.lloyd import IntArray, k_means
from omnimix.audience.segment.matrix import FloatArray
from omnimix.audience.segment.rules import SegmentRules
from omnimix.audience.segment.segmentation import Candidate, Stability

_THREADS = 2


@dataclass(frozen=True, slots=True)
class Clusters:
    """A chosen clustering. `owner` joins centres whose clusters are too small to the nearest: centre → cluster."""

    centres: FloatArray  # (centres, axes)
    owner: IntArray  # 0-based
    stability: Stability
    found_again: tuple[float, ...]  # cluster → mean best Jaccard coefficient over bootstraps


def nearest(points: FloatArray, centres: FloatArray) -> IntArray:
    """The nearest centre of each point, the first of equals."""
    distance = -2 * points @ centres.T + (centres**2).sum(axis=1)
    found: IntArray = np.round(distance, 9).argmin(axis=1)
    return found


def choose(
    points: FloatArray, rules: SegmentRules, *, smallest: float, seed: int
) -> tuple[Clusters | None, tuple[Candidate, ...], str]:
    """The clusters, or None when people cannot be told apart; what was tried; and why.

    `smallest` is the share of people below which a cluster is not kept. `points` has at least one row and column.
    """
    rng = np.random.default_rng(seed)
    floor = max(1, round(smallest * len(points)))
    most = min(rules.most, len(points) // floor, len(np.unique(points, axis=0)))
    ks = range(min(rules.fewest, most), most + 1) if most >= 2 else range(0)
    tried = tuple(_candidate(points, k, rules, smallest=smallest, rng=rng) for k in ks)
    shown = tuple(c for c, _found in tried)
    if not tried or max(c.score for c in shown) < rules.least:
        return None, shown, "No division of the customers came out the same twice: everybody is one segment."
    steady = [pair for pair in tried if pair[0].weakest >= rules.stable and pair[0].score >= rules.least]
    best = max(tried, key=lambda t: (t[0].score, -t[0].clusters))
    for chosen, found in [*reversed(steady), best]:  # the most clusters first; the best score when none holds
        clusters = _bootstrapped(points, found, rules, smallest=smallest, rng=rng)
        k = chosen.clusters
        holds = min(clusters.found_again) >= rules.stable
        if holds:
            break
    stability = clusters.stability
    how = "the most that are each found again" if holds else "the number that came out most alike"
    note = (
        f"{k} clusters, {how} when customers are drawn again. Over {stability.bootstraps} bootstraps "
        f"the adjusted Rand index is {stability.rand:.2f} ({stability.low:.2f} to {stability.high:.2f}); another "
        f"sample of customers would put {stability.moved:.1%} of them elsewhere."
    )
    return clusters, shown, note


def rand_index(one: IntArray, other: IntArray) -> float:
    """How alike two labellings of the same people are beyond chance: at most 1 (Hubert and Arabie 1985)."""
    both = np.bincount(one * (int(other.max()) + 1) + other)
    pairs, rows, columns, everything = (
        float((n * (n - 1) // 2).sum()) for n in (both, np.bincount(one), np.bincount(other), np.array([len(one)]))
    )
    due, most = rows * columns / max(everything, 1.0), (rows + columns) / 2
    return (pairs - due) / (most - due) if most != due else 1.0


def _centres(points: FloatArray, k: int, rules: SegmentRules, *, seed: int) -> FloatArray:
    """Centres of k clusters, in a fixed order, rounded so that the number of threads leaves no trace."""
    found: FloatArray = k_means(points, k, starts=rules.starts, seed=seed).round(6)
    return found[np.lexsort(found.T[::-1])]


def _redrawn(
    points: FloatArray, drawn: Sequence[tuple[IntArray, int]], k: int, rules: SegmentRules
) -> list[FloatArray]:
    """The centres of each (rows, seed) drawn, side by side: most of a fit needs no interpreter."""
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        return list(pool.map(lambda draw: _centres(points[draw[0]], k, rules, seed=draw[1]), drawn))


def _candidate(
    points: FloatArray, k: int, rules: SegmentRules, *, smallest: float, rng: np.random.Generator
) -> tuple[Candidate, FloatArray]:
    """How well k clusters hold, and their centres."""
    found = _centres(points, k, rules, seed=int(rng.integers(2**31)))
    size = max(k, round(rules.resample_share * len(points)))
    drawn = [
        (np.sort(rng.choice(len(points), size, replace=False)), int(rng.integers(2**31)))
        for _ in range(rules.resamples)
    ]
    placed = [nearest(points, centres) for centres in _redrawn(points, drawn, k, rules)]
    stability = float(np.mean([rand_index(a, b) for a, b in combinations(placed, 2)]))
    shares = [np.bincount(labels, minlength=k) / len(points) for labels in placed]
    undersized = float(np.mean([share[share < smallest].sum() for share in shares]))
    weakest = _weakest(nearest(points, found), placed, k, smallest=smallest)
    return Candidate(k, stability, undersized, weakest, stability - undersized), found


def _jaccard(own: IntArray, other: IntArray, k: int) -> FloatArray:
    """(k, k) Jaccard coefficients between the clusters of two labellings of the same people."""
    both = np.bincount(own * k + other, minlength=k * k).reshape(k, k)
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    found: FloatArray = both / np.maximum(either, 1)
    return found


def _weakest(labels: IntArray, placed: Sequence[IntArray], k: int, *, smallest: float) -> float:
    """The lowest mean best Jaccard coefficient among the clusters large enough to be kept."""
    found = np.array([_jaccard(labels, other, k).max(axis=1) for other in placed])
    kept = np.bincount(labels, minlength=k) >= max(1.0, smallest * len(labels))
    return float(found.mean(axis=0)[kept].min()) if kept.any() else 0.0


def _bootstrapped(
    points: FloatArray, centres: FloatArray, rules: SegmentRules, *, smallest: float, rng: np.random.Generator
) -> Clusters:
    """Stability of the chosen clusters when the customers are drawn again with replacement (Fang and Wang 2012).

    Both clusterings place the original people, small clusters joined by the same rule.
    """
    k, people = len(centres), len(points)
    owner = _merged(points, centres, smallest=smallest)
    own = owner[nearest(points, centres)]
    half = np.bincount(own)[np.unique(own)].min() / people / 2  # half the smallest kept: chance must not merge it
    rands, moved, again = [], [], []
    drawn = [
        (np.sort(rng.integers(people, size=people)), int(rng.integers(2**31))) for _ in range(rules.bootstraps)
    ]
    for redrawn in _redrawn(points, drawn, k, rules):
        other = _merged(points, redrawn, smallest=half)[nearest(points, redrawn)]
        rands.append(rand_index(own, other))
        both = np.bincount(own * k + other, minlength=k * k).reshape(k, k)
        rows, columns = linear_sum_assignment(-both)
        moved.append(1 - both[rows, columns].sum() / people)
        again.append(_jaccard(own, other, k).max(axis=1))
    low, high = (float(q) for q in np.quantile(rands, [0.05, 0.95]))
    stability = Stability(rules.bootstraps, float(np.mean(rands)), low, high, float(np.mean(moved)))
    return Clusters(centres, owner, stability, tuple(np.mean(again, axis=0)[: int(owner.max()) + 1].tolist()))


def _merged(points: FloatArray, centres: FloatArray, *, smallest: float) -> IntArray:
    """For each centre its cluster, once every cluster below `smallest` (a share) has joined the nearest one."""
    label = nearest(points, centres)
    size = np.bincount(label, minlength=len(centres)).astype(float) / len(points)
    middle, owner = centres.copy(), np.arange(len(centres))
    alive = list(range(len(centres)))
    while len(alive) > 1:
        small = min(alive, key=lambda c: (size[c], c))
        if size[small] >= smallest:
            break
        alive.remove(small)
        near = min(alive, key=lambda c: (float(((middle[c] - middle[small]) ** 2).sum()), c))
        weight = size[near] + size[small]
        if weight > 0:
            middle[near] = (middle[near] * size[near] + middle[small] * size[small]) / weight
        size[near], owner[owner == small] = weight, near
    _, compact = np.unique(owner, return_inverse=True)
    return compact.astype(np.int64)
