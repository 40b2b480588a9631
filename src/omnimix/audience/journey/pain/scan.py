"""A scan over all intervals of days: where is a rate higher inside than outside, and how sure is that?

in   daily tries and bad outcomes of one series (numpy, one row a series, one column a day)
out  the best interval with its log-likelihood ratio; a p-value that is paid for every interval looked at; a
     posterior of the first and last day; Benjamini-Yekutieli q-values

The statistic is Kulldorff's Bernoulli scan (1997) in time. Intervals are first sought on the approximating set of
Rivera and Walther (2013), a few per day instead of a square; the Bonferroni correction over it, with an equal
share for every scale, loses next to nothing against exact calibration (Walther and Perry 2022). The tail of one
interval is the exact hypergeometric one (Fisher), so small counts are no problem and nothing is simulated.
Dependence of visits (one person comes again, weeks differ) is taken off by dividing counts by a design effect (Rao
and Scott 1992).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

Floats = NDArray[np.float64]
_WEEK = 7
_SHRINK = 100.0  # tries with which a weekday's own rate weighs as much as the rate of all days
_SCREEN = 2.0  # standard errors; below, a log-likelihood ratio is at most about 4, far from sure
_MEDIAN_CHI2 = 0.4549364231195724  # of chi-square with one degree of freedom


@dataclass(frozen=True, slots=True)
class Grid:
    """Intervals [start, end) of days to look at, and what looking at them costs."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    cost: Floats  # log of (scales × intervals of the scale): added to the log of an interval's p-value


@cache
def grid(days: int) -> Grid:
    """The approximating set of `days` days: lengths up to half of them, endpoints a sixth of the length apart."""
    longest = max(days // 2, 1)
    scales: list[list[tuple[int, int]]] = []
    size = 1
    while size <= longest:
        gap = max(size // 6, 1)
        lengths = range(size, min(2 * size, longest + 1), gap)
        # Counted from the last day backwards: what is going on now ends there.
        scales.append([(end - n, end) for n in lengths for end in range(days, n - 1, -gap)])
        size *= 2
    pairs = np.array([pair for scale in scales for pair in scale], dtype=np.int64).reshape(-1, 2)
    cost = np.concatenate([np.full(len(s), np.log(len(scales) * len(s))) for s in scales])
    return Grid(pairs[:, 0], pairs[:, 1], cost)


def likelihood_ratio(hurt: Floats, tried: Floats, all_hurt: Floats, all_tried: Floats) -> Floats:
    """Log-likelihood ratio of two rates, inside and outside, against one; 0 where inside is not the worse."""
    tried = np.minimum(np.maximum(tried, hurt), np.maximum(all_tried - (all_hurt - hurt), hurt))
    rest_hurt, rest = all_hurt - hurt, all_tried - tried
    one = _log_likelihood(all_hurt, all_tried)
    two = _log_likelihood(hurt, tried) + _log_likelihood(rest_hurt, rest)
    return np.where(hurt * rest > rest_hurt * tried, np.maximum(two - one, 0.0), 0.0)


def _log_likelihood(hurt: Floats, tried: Floats) -> Floats:
    return np.asarray(xlogy(hurt, hurt) + xlogy(tried - hurt, tried - hurt) - xlogy(tried, tried))


def log_tail(hurt: float, tried: float, all_hurt: float, all_tried: float) -> float:
    """Log of the chance of at least so many bad outcomes among `tried` of `all_tried` (hypergeometric).

    Counts may be fractions: divided by a design effect, or standardised.
    """
    tried = min(max(tried, hurt), all_tried - (all_hurt - hurt))
    most = min(all_hurt, tried)
    more = hurt + np.arange(0, int(max(most - hurt, 0)) + 1)
    ways: Floats = _choose(tried, more) + _choose(all_tried - tried, all_hurt - more)
    top = float(ways.max())
    total = top + float(np.log(np.exp(ways - top).sum())) - float(_choose(all_tried, all_hurt))
    return min(total, 0.0)


def _choose(n: Any, k: Any) -> Any:
    """Log of n over k, also of fractions."""
    found = gammaln(n + 1) - gammaln(k + 1) - gammaln(np.maximum(n - k, 0) + 1)
    return np.where(n - k < -1e-9, -np.inf, found)


def exposure(tried: Floats, hurt: Floats, weekday: NDArray[np.int64]) -> Floats:
    """Tries by day, weighted by what their stratum and weekday make of them; they sum to all tries.

    `tried` and `hurt` are series × strata × days. Indirect standardisation: a day on which the rate is usually
    twice as high counts twice. A weekday's own rate is shrunk towards its stratum's.
    """
    total, bad = tried.sum(axis=2), hurt.sum(axis=2)
    rate = bad / np.maximum(total, 1)
    expected = np.zeros((tried.shape[0], tried.shape[2]))
    for day in range(_WEEK):
        on = weekday == day
        own = (hurt[:, :, on].sum(axis=2) + _SHRINK * rate) / (tried[:, :, on].sum(axis=2) + _SHRINK)
        expected[:, on] = (tried[:, :, on] * own[:, :, None]).sum(axis=1)
    whole = expected.sum(axis=1, keepdims=True)
    return np.asarray(expected * total.sum(axis=1)[:, None] / np.where(whole > 0, whole, 1))


def best_intervals(hurt: Floats, tried: Floats, effect: float) -> tuple[NDArray[np.int64], Floats]:
    """For each series the place in the grid of its best interval, and LLR ÷ `effect` less the cost of looking."""
    looked = grid(hurt.shape[1])
    k, n = (np.concatenate([np.zeros((len(c), 1)), c.cumsum(axis=1)], axis=1) for c in (hurt, tried))
    inside_k, inside_n = k[:, looked.end] - k[:, looked.start], n[:, looked.end] - n[:, looked.start]
    all_k, all_n = (np.broadcast_to(c[:, -1:], inside_k.shape) for c in (k, n))
    rate = all_k / all_n
    spread = inside_n * rate * (1 - rate)
    # Logarithms are dear: the likelihood ratio is computed only where a normal score does not rule it out.
    far = (inside_k - inside_n * rate > _SCREEN * np.sqrt(spread)) & (inside_k > 1)
    ratio = np.zeros_like(inside_k)
    ratio[far] = likelihood_ratio(inside_k[far], inside_n[far], all_k[far], all_n[far])
    net = ratio / effect - looked.cost
    place = net.argmax(axis=1)
    return place, net[np.arange(len(net)), place]


@dataclass(frozen=True, slots=True)
class Dates:
    """First and last day (both inside) as places in the series: the likeliest, and posterior quantiles."""

    first: int
    last: int
    firsts: tuple[int, int, int]  # 2.5 %, median, 97.5 %
    lasts: tuple[int, int, int]
    score: float  # LLR ÷ design effect of the likeliest
    ends: bool  # false: most of the posterior has it lasting to the end of the series


def dates(hurt: Floats, tried: Floats, effect: float, *, around: tuple[int, int]) -> Dates:
    """The first and last day of an incident in one series: every pair, with a flat prior on pairs (Smith 1975).

    Only intervals that overlap `around`, the one that was found, are considered: another incident is another.
    """
    days = len(hurt)
    k, n = (np.concatenate([[0.0], c.cumsum()]) for c in (hurt, tried))
    first, end = np.meshgrid(np.arange(days), np.arange(1, days + 1), indexing="ij")
    ratio = likelihood_ratio(k[end] - k[first], n[end] - n[first], k[-1:], n[-1:]) / effect
    ok = (end > first) & (end - first <= max(days // 2, 1)) & (first < around[1]) & (end > around[0])
    ratio = np.where(ok, ratio, -np.inf)
    best = np.unravel_index(int(ratio.argmax()), ratio.shape)
    weight = np.exp(ratio - ratio.max())
    firsts, lasts = weight.sum(axis=1), weight.sum(axis=0)
    return Dates(
        first=int(best[0]),
        last=int(best[1]),
        firsts=_quantiles(firsts),
        lasts=_quantiles(lasts),
        score=float(ratio.max()),
        ends=bool(lasts[-1] < lasts.sum() / 2),
    )


def _quantiles(weight: Floats) -> tuple[int, int, int]:
    so_far = weight.cumsum() / weight.sum()
    low, mid, high = (int(np.searchsorted(so_far, share)) for share in (0.025, 0.5, 0.975))
    return low, mid, high


def person_effect(hurts: int, hurts2: int, crossed: int, tries: int, tries2: int) -> float:
    """Design effect of one person's visits being alike: variance between people over the binomial one."""
    if not 0 < hurts < tries:
        return 1.0
    rate = hurts / tries
    between = hurts2 - 2 * rate * crossed + rate * rate * tries2
    return max(1.0, between / (tries * rate * (1 - rate)))


def week_effect(hurt: Floats, tried: Floats) -> float:
    """Design effect of weeks differing more than by chance, by a median, which no short incident can move."""
    days = len(hurt)
    begins = np.arange(days % _WEEK, days, _WEEK)
    if len(begins) < 8:
        return 1.0
    k, n = (np.add.reduceat(c, begins) for c in (hurt, tried))
    seen = n > 0
    rate = float(np.median(k[seen] / n[seen])) if seen.any() else 0.0
    variance = n * rate * (1 - rate)
    fit = variance >= 1
    if fit.sum() < 8:
        return 1.0
    return max(1.0, float(np.median((k[fit] - n[fit] * rate) ** 2 / variance[fit])) / _MEDIAN_CHI2)


def trended(hurt: Floats, tried: Floats, first: int, last: int) -> Floats:
    """`tried`, weighted by a logit-linear trend of the rate, fitted outside the days `first` to `last`.

    A slow drift must not pass for an incident. A slight pull to no trend keeps it finite.
    """
    days = len(hurt)
    outside = np.ones(days, dtype=bool)
    outside[first : last + 1] = False
    k, n = hurt[outside].sum(), tried[outside].sum()
    if min(k, n - k) < 5:
        return tried
    x = np.linspace(-1, 1, days)
    level, slope = np.log(k / (n - k)), 0.0
    for _ in range(25):
        rate = 1 / (1 + np.exp(-(level + slope * x)))
        spread = tried[outside] * rate[outside] * (1 - rate[outside])
        gap = hurt[outside] - tried[outside] * rate[outside]
        at = x[outside]
        gradient = np.array([gap.sum(), (gap * at).sum() - slope])
        curve = np.array(
            [[spread.sum(), (spread * at).sum()], [(spread * at).sum(), (spread * at * at).sum() + 1]]
        )
        step = np.linalg.solve(curve, gradient)
        level, slope = level + step[0], slope + step[1]
        if abs(step).max() < 1e-8:
            break
    weighted = tried / (1 + np.exp(-(level + slope * x)))
    return np.asarray(weighted * tried.sum() / weighted.sum())


def q_values(log_p: Floats, tests: int) -> Floats:
    """Benjamini-Yekutieli (2001) q-values of the smallest of `tests` p-values, whatever their dependence."""
    order = np.argsort(log_p)
    harmonic = (
        float(np.log(tests) + 0.5772156649 + 1 / (2 * tests))
        if tests > 50
        else sum(1 / i for i in range(1, tests + 1))
    )
    ranked = np.minimum(log_p[order] + np.log(tests * harmonic) - np.log(np.arange(1, len(order) + 1)), 0.0)
    found = np.empty(len(order))
    found[order] = np.exp(np.minimum.accumulate(ranked[::-1])[::-1])
    return found
