"""How well predictions held: reliability by tenths, and scores against a baseline on the same people.

in   arrays over people: predicted by the model, predicted by the baseline, seen
out  Bin and Score records; the order of the people leaves no trace

Intervals of scores: the bootstrap with Poisson(1) weights (Chamandy and others, 2012), model and baseline
resampled together, so that the gain's interval is that of a paired comparison. Calibration error: mean
|predicted − seen| over tenths of equal size, weighted by people (Naeini, Cooper and Hauskrecht 2015, with
equal-count bins).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omnimix.audience.value.record import Bin, Score

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_TENTHS = 10
_MOST = 20_000  # people used for bootstrapping: more would not change what is seen
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function of one habit: `values[i]` up to `edges[i]`, the last beyond. The baseline of all."""

    edges: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, habit: FloatArray) -> FloatArray:
        """The value of each person's step."""
        found: FloatArray = np.array(self.values)[np.searchsorted(np.array(self.edges), habit)]
        return found


def fit_steps(habit: FloatArray, seen: FloatArray, *, steps: int = _TENTHS) -> Steps:
    """Mean outcome by tenths of a habit, each shrunk by one person towards the mean of all."""
    group, edges = tenths(habit, steps)
    people = np.bincount(group, minlength=len(edges) + 1)
    total = np.bincount(group, seen, minlength=len(edges) + 1)
    means = (total + seen.mean()) / (people + 1)
    return Steps(tuple(edges.tolist()), tuple(means.tolist()))


def tenths(by: FloatArray, count: int = _TENTHS) -> tuple[IntArray, FloatArray]:
    """Groups of about equal size, equals together: each person's, and the upper edges of all but the last."""
    edges = np.unique(np.quantile(by, np.arange(1, count) / count, method="inverted_cdf"))
    edges = edges[edges < by.max()]
    return np.searchsorted(edges, by).astype(np.int64), edges


def rank_bins(predicted: FloatArray, seen: FloatArray, *, chance: bool) -> tuple[Bin, ...]:
    """Tenths by prediction, the lowest first. `chance`: outcomes are 0 or 1."""
    group, _edges = tenths(predicted)
    labels = [f"{g + 1}" for g in range(int(group.max()) + 1)]
    return group_bins(group, labels, predicted, seen, chance=chance)


def group_bins(
    group: IntArray, labels: Sequence[str], predicted: FloatArray, seen: FloatArray, *, chance: bool
) -> tuple[Bin, ...]:
    """One Bin for each group that has people, in order; sums are exact whatever the order of the people."""
    found = []
    for number, label in enumerate(labels):
        inside = group == number
        n = int(inside.sum())
        if n:
            guess, mean = (float(np.sort(v[inside]).mean()) for v in (predicted, seen))
            low, high = _wilson(mean, n) if chance else _normal(np.sort(seen[inside]))
            found.append(Bin(label, n, guess, mean, low, high))
    return tuple(found)


def _wilson(share: float, n: int) -> tuple[float, float]:
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def _normal(values: FloatArray) -> tuple[float, float]:
    half = _Z * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else float("inf")
    return float(values.mean() - half), float(values.mean() + half)


@dataclass(frozen=True, slots=True)
class _Case:
    """One prediction of the outcome under many weightings of the people: weights is (weightings, people)."""

    predicted: FloatArray
    seen: FloatArray
    weights: FloatArray

    def mean(self, loss: FloatArray) -> FloatArray:
        """Weighted mean of a loss, for each weighting."""
        mean: FloatArray = self.weights @ loss / self.weights.sum(axis=1)
        return mean


def auc(case: _Case) -> FloatArray:
    """Chance that somebody with the outcome was given more than somebody without; equals count half.

    A half where a weighting leaves nobody of one kind.
    """
    order = np.argsort(case.predicted, kind="stable")
    starts = np.flatnonzero(np.diff(case.predicted[order], prepend=-np.inf))
    with_it, without = (
        np.add.reduceat(case.weights[:, order] * share[order], starts, axis=1)
        for share in (case.seen, 1 - case.seen)
    )
    below = np.cumsum(without, axis=1) - without / 2
    pairs = with_it.sum(axis=1) * without.sum(axis=1)
    area: FloatArray = np.where(pairs > 0, (with_it * below).sum(axis=1) / np.maximum(pairs, 1), 0.5)
    return area


def log_loss(case: _Case) -> FloatArray:
    """Mean of −ln(chance given to what happened)."""
    p = np.clip(case.predicted, 1e-9, 1 - 1e-9)
    return case.mean(-np.where(case.seen > 0, np.log(p), np.log1p(-p)))


def brier(case: _Case) -> FloatArray:
    """Mean squared distance of chance and outcome."""
    return case.mean((case.predicted - case.seen) ** 2)


def root_mean_square(case: _Case) -> FloatArray:
    """Root of the mean squared distance."""
    return np.sqrt(brier(case))


def deviance(case: _Case) -> FloatArray:
    """Mean Poisson deviance: the log loss of counts."""
    y, mean = case.seen, np.maximum(case.predicted, 1e-9)
    ratio = np.where(y > 0, y, mean) / mean
    return case.mean(2 * (y * np.log(ratio) - (y - mean)))


def calibration_error(case: _Case) -> FloatArray:
    """Mean distance of predicted and seen over tenths."""
    group, edges = tenths(case.predicted)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(edges) + 1))
    off = np.add.reduceat((case.weights * (case.predicted - case.seen))[:, order], starts, axis=1)
    error: FloatArray = np.abs(off).sum(axis=1) / case.weights.sum(axis=1)
    return error


def top_share(case: _Case) -> FloatArray:
    """Share of the outcome that came from the tenth given most; equals at the edge count in part."""
    _, back, count = np.unique(-case.predicted, return_inverse=True, return_counts=True)
    before = np.cumsum(count) - count
    room = np.clip(0.1 * len(back) - before, 0, count) / count  # of each group of equals, the part in the tenth
    total = case.weights @ case.seen
    share: FloatArray = case.weights @ (case.seen * room[back]) / np.where(total == 0, 1, total)
    return share


Measure = Callable[[_Case], FloatArray]
# name, measure, whether more is better
OF_CHANCES: tuple[tuple[str, Measure, bool], ...] = (
    ("AUC", auc, True),
    ("log loss", log_loss, False),
    ("Brier score", brier, False),
    ("calibration error", calibration_error, False),
)
OF_COUNTS: tuple[tuple[str, Measure, bool], ...] = (
    ("Poisson deviance", deviance, False),
    ("root mean square error", root_mean_square, False),
    ("calibration error", calibration_error, False),
    ("share of the top tenth", top_share, True),
)
OF_MONEY = OF_COUNTS[1:]


def scores(
    predicted: FloatArray,
    baseline: FloatArray,
    seen: FloatArray,
    measures: Sequence[tuple[str, Measure, bool]],
    *,
    resamples: int,
    rng: np.random.Generator,
    people: npt.NDArray[np.str_] | None = None,
) -> tuple[Score, ...]:
    """Every measure of model and baseline with its bootstrap interval.

    `people` says whose each entry is, where somebody may have several: they are resampled together.
    """
    owner = _owners(people, predicted, seen) if people is not None else None
    order = np.lexsort((*(() if owner is None else (owner,)), seen, baseline, predicted))
    if len(order) > _MOST:
        order = order[np.sort(rng.choice(len(order), _MOST, replace=False))]
    predicted, baseline, seen = predicted[order], baseline[order], seen[order]
    if owner is None:
        drawn = rng.poisson(1.0, (resamples, len(order)))
    else:
        drawn = rng.poisson(1.0, (resamples, int(owner.max()) + 1))[:, owner[order]]
    weights = np.vstack([np.ones(len(order)), drawn[drawn.any(axis=1)]]).astype(np.float64)
    found = []
    for name, measure, more in measures:
        model = measure(_Case(predicted, seen, weights))
        other = measure(_Case(baseline, seen, weights))
        gain = model - other if more else other - model
        (low, high), (least, most) = (np.quantile(v[1:], [0.025, 0.975]) for v in (model, gain))
        numbers = (model[0], low, high, other[0], gain[0], least, most)
        found.append(Score(name, *(float(v) for v in numbers)))
    return tuple(found)


def _owners(people: npt.NDArray[np.str_], predicted: FloatArray, seen: FloatArray) -> IntArray:
    """A number for each person by what was predicted for them and seen, so that names leave no trace."""
    _names, back = np.unique(people, return_inverse=True)
    sums = [np.round(np.bincount(back, values), 9) for values in (seen, predicted)]
    rank = np.empty(len(sums[0]), dtype=np.int64)
    rank[np.lexsort(sums)] = np.arange(len(rank))
    return rank[back]
