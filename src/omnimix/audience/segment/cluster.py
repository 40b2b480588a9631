"""Segments from behaviour: k-means with the number of clusters chosen by stability under resampling.

in   FEATURE rows as an Arrow table
out  a Segmentation, and MEMBER rows

People with an order are clustered; people who only looked are one segment by definition; whoever is left, or
is too few to be told apart, is `(rest)`. Method: for every number of clusters k, k-means is fitted to everybody
and to random subsamples, and everybody is placed by each fit. Two things are asked of k. The fits of the
subsamples must agree in pairs (Ben-Hur, Elisseeff and Guyon 2002), measured by the adjusted Rand index (Hubert and
Arabie 1985), from which the share of people in clusters too small to keep is subtracted: that is the score. And
each cluster by itself must be found again, measured by its mean best Jaccard coefficient with the clusters of the
subsamples (Hennig 2007, who calls 0.75 and more valid and stable, and less than 0.6 not to be trusted): an average
alone would let a good division hide the arbitrary halving of one of its clusters. The largest k whose weakest
cluster reaches `stable` is taken, else the best score; below `least` nobody is divided.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from omnimix.audience.segment.matrix import FloatArray, Matrix, matrix
from omnimix.audience.segment.naming import Names, Portrait, names
from omnimix.audience.segment.rule import Rule, short_rule
from omnimix.audience.segment.scale import coordinates, fit_axes
from omnimix.audience.segment.segment import REST, Segment
from omnimix.audience.segment.segmentation import Candidate, Segmentation
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config
from omnimix.store.facts import MEMBER

IntArray = npt.NDArray[np.int64]
PROSPECTS = "visitors-yet-to-buy"


@config
class SegmentRules:
    """How segments are made. Shares are in [0, 1]."""

    features: tuple[str, ...] = (
        "recency_days",
        "orders",
        "average_order_minor",
        "units_per_line",
        "median_price_minor",
        "discount_share",
        "category_share",
    )
    weights: dict[str, float] = field(default_factory=dict)  # feature → weight, 1 where absent
    fewest: int = 3
    most: int = 8
    min_size: int = 50
    min_share: float = 0.03
    resamples: int = 8
    resample_share: float = 0.8
    starts: int = 4  # k-means starts per fit
    stable: float = 0.75
    least: float = 0.6
    winsor: float = 0.01
    sample: int = 20_000  # at most so many people are used to fit; everybody is placed


@dataclass(frozen=True, slots=True)
class _Clusters:
    centres: FloatArray  # (clusters, axes)
    owner: IntArray  # centre → cluster after merging, 0-based
    stability: float


def fit_segments(
    features: pa.Table, rules: SegmentRules, *, seed: int, currency: str | None = None
) -> Segmentation:
    """Segments of the profiles in `features` (FEATURE columns). `currency` is for amounts in rules.

    The same rows in any order and the same seed give the same result. Raises InvalidInput when there is nobody,
    when a rule is out of range or when a feature is unknown or sensitive.
    """
    _check(rules)
    people = matrix(features)
    if not people.profiles:
        raise InvalidInput(
            "there are no customers to divide into segments",
            where="segments",
            fix="check that the sources have orders or events with a customer and that they were ingested",
        )
    # Many small fits are faster on one thread, and many times so where other work keeps the cores busy.
    with threadpool_limits(limits=1):
        return _segmentation(people, rules, seed=seed, currency=currency)


def _segmentation(people: Matrix, rules: SegmentRules, *, seed: int, currency: str | None) -> Segmentation:
    buyers = people.column("orders") > 0
    active = people.rows(buyers)
    axes = fit_axes(active, rules.features, winsor=rules.winsor, weights=rules.weights) if buyers.any() else ()
    found, candidates, note = _fit(coordinates(active, axes), rules, seed=seed)
    draft = Segmentation((), axes, (), (), candidates, note)
    if found is not None:
        centres = tuple(tuple(float(x) for x in row) for row in found.centres)
        draft = replace(draft, centres=centres, keys=tuple(f"#{o}" for o in found.owner))
    floor = max(rules.min_size, rules.min_share * len(people.profiles))
    keep_prospects = int(_prospects(people).sum()) >= floor
    labels = _labels(people, draft, prospects=keep_prospects)
    return _described(people, labels, draft, 1.0 if found is None else found.stability, currency=currency)


def members(features: pa.Table, segmentation: Segmentation, *, as_of: dt.datetime) -> pa.Table:
    """MEMBER rows: every profile of `features` once, in the segment it is nearest to."""
    people = matrix(features)
    has_prospects = any(s.key == PROSPECTS for s in segmentation.segments)
    labels = _labels(people, segmentation, prospects=has_prospects)
    columns = [list(people.profiles), labels.tolist(), [as_of] * len(labels)]
    return pa.Table.from_arrays(
        [pa.array(c, t) for c, t in zip(columns, MEMBER.to_pyarrow().types, strict=True)],
        schema=MEMBER.to_pyarrow(),
    )


def _check(rules: SegmentRules) -> None:
    faults = {
        "fewest": not 2 <= rules.fewest <= rules.most,
        "min_size": rules.min_size < 1,
        "min_share": not 0 <= rules.min_share < 0.5,
        "resamples": rules.resamples < 2,
        "resample_share": not 0 < rules.resample_share <= 1,
        "winsor": not 0 <= rules.winsor < 0.5,
        "sample": rules.sample < 100,
    }
    for name, wrong in faults.items():
        if wrong:
            value = getattr(rules, name)
            raise InvalidInput(f"{name} = {value!r} is out of range", where="segments", fix=f"correct {name}")


def _prospects(people: Matrix) -> npt.NDArray[np.bool_]:
    """Those who looked, and neither bought nor returned anything."""
    looked: npt.NDArray[np.bool_] = (
        (people.column("orders") == 0) & (people.column("returns") == 0) & (people.column("visits") > 0)
    )
    return looked


def _labels(people: Matrix, segmentation: Segmentation, *, prospects: bool) -> npt.NDArray[np.str_]:
    labels = np.full(len(people.profiles), REST, dtype=object)
    buyers = people.column("orders") > 0
    if segmentation.centres and buyers.any():
        nearest = _nearest(coordinates(people.rows(buyers), segmentation.axes), np.array(segmentation.centres))
        labels[buyers] = np.array(segmentation.keys, dtype=object)[nearest]
    if prospects:
        labels[_prospects(people)] = PROSPECTS
    return labels


def _nearest(points: FloatArray, centres: FloatArray) -> IntArray:
    """The nearest centre of each point, the first of equals."""
    distance = -2 * points @ centres.T + (centres**2).sum(axis=1)
    nearest: IntArray = np.round(distance, 9).argmin(axis=1)
    return nearest


def _fit(
    points: FloatArray, rules: SegmentRules, *, seed: int
) -> tuple[_Clusters | None, tuple[Candidate, ...], str]:
    """The clusters, or None when people cannot be told apart; what was tried; and why."""
    people, floor = len(points), max(rules.min_size, rules.min_share * len(points))
    if people < 2 * rules.min_size or points.shape[1] == 0:
        return None, (), f"{people} customers with orders are too few to divide: everybody is one segment."
    rng = np.random.default_rng(seed)
    if people > rules.sample:
        points = points[np.sort(rng.choice(people, rules.sample, replace=False))]
    most = min(rules.most, people // rules.min_size, len(np.unique(points, axis=0)))
    ks = range(min(rules.fewest, most), most + 1) if most >= 2 else range(0)
    smallest = floor / people
    tried = tuple(_candidate(points, k, rules, smallest=smallest, rng=rng) for k in ks)
    shown = tuple(c for c, _centres_ in tried)
    if not tried or max(c.score for c in shown) < rules.least:
        return None, shown, "No division of the customers came out the same twice: everybody is one segment."
    steady = [pair for pair in tried if pair[0].weakest >= rules.stable and pair[0].score >= rules.least]
    chosen, centres = steady[-1] if steady else max(tried, key=lambda t: (t[0].score, -t[0].clusters))
    how = "the most that are each found again" if steady else "the number that came out most alike"
    note = (
        f"{chosen.clusters} clusters, {how} in subsamples: "
        f"adjusted Rand index {chosen.stability:.2f} over {rules.resamples} resamples."
    )
    owner = _merged(points, centres, smallest=smallest)
    return _Clusters(centres, owner, chosen.stability), shown, note


def _centres(points: FloatArray, k: int, rules: SegmentRules, *, seed: int) -> FloatArray:
    """Centres of k clusters, in a fixed order, rounded so that the number of threads leaves no trace."""
    fitted = KMeans(n_clusters=k, n_init=rules.starts, random_state=seed).fit(points)
    centres: FloatArray = fitted.cluster_centers_.round(6)
    return centres[np.lexsort(centres.T[::-1])]


def _candidate(
    points: FloatArray, k: int, rules: SegmentRules, *, smallest: float, rng: np.random.Generator
) -> tuple[Candidate, FloatArray]:
    """How well k clusters hold, and their centres."""
    centres = _centres(points, k, rules, seed=int(rng.integers(2**31)))
    size = max(k, round(rules.resample_share * len(points)))
    placed = []
    for _ in range(rules.resamples):
        drawn = np.sort(rng.choice(len(points), size, replace=False))
        redrawn = _centres(points[drawn], k, rules, seed=int(rng.integers(2**31)))
        placed.append(_nearest(points, redrawn))
    stability = float(np.mean([adjusted_rand_score(a, b) for a, b in combinations(placed, 2)]))
    shares = [np.bincount(labels, minlength=k) / len(points) for labels in placed]
    undersized = float(np.mean([share[share < smallest].sum() for share in shares]))
    weakest = _weakest(_nearest(points, centres), placed, k, smallest=smallest)
    return Candidate(k, stability, undersized, weakest, stability - undersized), centres


def _weakest(labels: IntArray, placed: Sequence[IntArray], k: int, *, smallest: float) -> float:
    """The lowest mean best Jaccard coefficient among the clusters large enough to be kept."""
    found = np.zeros((len(placed), k))
    own = np.bincount(labels, minlength=k).astype(np.float64)
    for row, other in enumerate(placed):
        both = np.bincount(labels * k + other, minlength=k * k).reshape(k, k)
        either = own[:, None] + np.bincount(other, minlength=k)[None, :] - both
        found[row] = (both / np.maximum(either, 1)).max(axis=1)
    kept = own >= max(1.0, smallest * len(labels))
    return float(found.mean(axis=0)[kept].min()) if kept.any() else 0.0


def _merged(points: FloatArray, centres: FloatArray, *, smallest: float) -> IntArray:
    """For each centre its cluster, once every cluster below `smallest` (a share) has joined the nearest one."""
    label = _nearest(points, centres)
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


def _described(
    people: Matrix,
    labels: npt.NDArray[np.str_],
    draft: Segmentation,
    stability: float,
    *,
    currency: str | None,
) -> Segmentation:
    """Give each group its name, key, rule and figures."""
    groups = sorted(set(labels.tolist()) - {REST}, key=lambda g: (-int((labels == g).sum()), g))
    portraits = [Portrait.of(people, labels == g, fixed=g if g == PROSPECTS else None) for g in groups]
    named = names(portraits)
    segments = []
    for group, name in zip(groups, named, strict=True):
        inside = labels == group
        rule = short_rule(people, inside, currency=currency)
        segments.append(_segment(people, inside, name, rule, 1.0 if group == PROSPECTS else stability))
    rest = labels == REST
    if rest.any():
        only = not segments
        rule = Rule("everybody" if only else "none of the other segments", 1.0, 1.0)
        name = Names(REST, "Everyone" if only else "Everyone else")
        segments.append(_segment(people, rest, name, rule, 1.0))
    key_of = {g: n.key for g, n in zip(groups, named, strict=True)}
    # A centre that is nobody's nearest after winsorising names no segment; its few future neighbours are (rest).
    keys = tuple(key_of.get(k, REST) for k in draft.keys)
    return replace(draft, segments=tuple(segments), keys=keys)


def _segment(people: Matrix, inside: npt.NDArray[np.bool_], name: Names, rule: Rule, stability: float) -> Segment:
    def means(values: FloatArray) -> dict[str, float]:
        return {c: float(m) for c, m in zip(people.columns, values.mean(axis=0), strict=True)}

    size = int(inside.sum())
    return Segment(
        key=name.key,
        name=name.name,
        size=size,
        share=size / len(inside),
        rule=rule.text,
        precision=rule.precision,
        recall=rule.recall,
        stability=stability,
        means=means(people.values[inside]),
        base_means=means(people.values),
    )
