"""What a figure of a segment is worth: its interval, its distance from the base, and whether chance explains it.

in   the members' values and everybody's
out  Evidence; and which of many candidates survive a control of false discoveries

share   0/1 values: Wilson's score interval (Wilson 1927) and the score test
decile  distribution-free interval from order statistics, and the binomial test of how many lie below the base's
mean    Student's t interval and test
median  distribution-free interval from order statistics (Conover 1999, §3.2) and the sign test without ties
Everything is in closed form, so that nothing depends on a seed. The base is the whole base, members included,
and taken as known: that makes the tests a little cautious. How much it matters is Cohen's h for shares and
Cohen's d (of the logarithm for medians), as Cohen 1988 defines them; 0.2 is what he calls small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, bdtrc, ndtr, ndtri, stdtr, stdtrit

from omnimix.audience.segment.matrix import FloatArray
from omnimix.audience.segment.scale import signed_log


class Method(StrEnum):
    """How a figure is made of the members' values."""

    SHARE = "share (Wilson)"
    MEAN = "mean (t)"
    MEDIAN = "median (order statistics)"
    LOW = "lowest decile (order statistics)"
    HIGH = "highest decile (order statistics)"
    WORD = "share (Wilson; log-odds with informative Dirichlet prior)"


_DECILE = {Method.LOW: 0.1, Method.HIGH: 0.9}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A figure with its interval; `effect` is signed and in standard units, `p` two-sided."""

    value: float
    base: float
    low: float
    high: float
    n: int
    p: float
    effect: float

    @property
    def excludes_base(self) -> bool:
        """Whether the base value lies outside the interval."""
        return self.base < self.low or self.base > self.high


def evidence(members: FloatArray, everybody: FloatArray, method: Method, *, confidence: float) -> Evidence:
    """The figure of `members` against that of `everybody` (members included); at least two members."""
    alpha = 1 - confidence
    if method is Method.SHARE:
        return of_counts(
            int(members.sum()), len(members), int(everybody.sum()), len(everybody), confidence=confidence
        )
    if method is Method.MEAN:
        return of_moments(_moments(members), _moments(everybody), confidence=confidence)
    if method in _DECILE:
        return _decile(members, everybody, _DECILE[method], alpha=alpha)
    return _median(members, everybody, alpha=alpha)


def of_counts(hits: int, n: int, base_hits: int, base_n: int, *, confidence: float) -> Evidence:
    """The share `hits` of `n` members against `base_hits` of all `base_n`, members included; n ≥ 1."""
    value, base = hits / n, base_hits / base_n
    z = float(ndtri(0.5 + confidence / 2))
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(value * (1 - value) / n + z * z / (4 * n * n)))
    deviation = float(np.sqrt(base * (1 - base) / n))
    p = float(2 * ndtr(-abs(value - base) / deviation)) if deviation > 0 else 1.0
    effect = 2 * float(np.arcsin(np.sqrt(value)) - np.arcsin(np.sqrt(base)))
    return Evidence(value, base, min(value, max(0.0, middle - half)), max(value, middle + half), n, p, effect)


@dataclass(frozen=True, slots=True)
class Moments:
    """How many values, their mean, and the sum of their squared distances from it."""

    n: int
    mean: float
    squared: float


def _moments(values: FloatArray) -> Moments:
    mean = float(values.mean())
    return Moments(len(values), mean, float(((values - mean) ** 2).sum()))


def of_moments(members: Moments, everybody: Moments, *, confidence: float) -> Evidence:
    """The mean of the members against that of everybody, members included; at least two members."""
    n, value, base = members.n, members.mean, everybody.mean
    error = float(np.sqrt(members.squared / (n - 1) / n))
    spread = float(np.sqrt(everybody.squared / everybody.n))
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * error
    # Members who are all alike give no error to divide by; they say nothing about a mean, so nothing is claimed.
    p = float(2 * stdtr(n - 1, -abs(value - base) / error)) if error > 0 else 1.0
    effect = (value - base) / spread if spread > 0 else 0.0
    return Evidence(value, base, value - half, value + half, n, p, effect)


def _median(members: FloatArray, everybody: FloatArray, *, alpha: float) -> Evidence:
    n, value, base = len(members), float(np.median(members)), float(np.median(everybody))
    ordered = np.sort(members)
    rank = max(1, _binomial_quantile(alpha / 2, n, 0.5))
    above, below = int((members > base).sum()), int((members < base).sum())
    untied = above + below
    p = min(1.0, float(2 * bdtr(min(above, below), untied, 0.5))) if untied else 1.0
    logged = signed_log(everybody)
    spread = float(logged.std())
    effect = float(signed_log(members).mean() - logged.mean()) / spread if spread > 0 else 0.0
    return Evidence(value, base, float(ordered[rank - 1]), float(ordered[n - rank]), n, p, effect)


def _decile(members: FloatArray, everybody: FloatArray, at: float, *, alpha: float) -> Evidence:
    n, value, base = len(members), float(np.quantile(members, at)), float(np.quantile(everybody, at))
    ordered = np.sort(members)
    low, high = (_binomial_quantile(q, n, at) for q in (alpha / 2, 1 - alpha / 2))
    below = int((members < base).sum()) + int((members == base).sum()) // 2
    p = min(1.0, 2 * float(min(bdtr(below, n, at), 1.0 if below == 0 else bdtrc(below - 1, n, at))))
    effect = 2 * float(np.arcsin(np.sqrt(at)) - np.arcsin(np.sqrt(below / n)))  # more below it: a lower decile
    least, most = float(ordered[max(0, low - 1)]), float(ordered[min(n - 1, high)])
    return Evidence(value, base, min(least, value), max(most, value), n, p, effect)


def _binomial_quantile(q: float, n: int, at: float) -> int:
    """The least count of n that at least the share `q` of the draws reach or stay below."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if bdtr(middle, n, at) >= q else (middle + 1, high)
    return low


def survivors(p_values: Sequence[float], *, rate: float) -> npt.NDArray[np.bool_]:
    """What is rejected when at most `rate` of the rejections may be false (Benjamini and Hochberg 1995)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= rate * np.arange(1, len(p) + 1) / max(1, len(p)))
    kept = np.zeros(len(p), dtype=bool)
    if passed.size:
        kept[order[: passed[-1] + 1]] = True
    return kept
