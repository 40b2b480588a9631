"""Chronic pain: a ratio that is far worse in one group than in the others, all the time.

in   the daily counts of `counts`, without the visits that dated incidents struck
out  Standings, the strongest first, at most one a group
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import pyarrow as pa

from omnimix.audience.journey.pain import scan
from omnimix.audience.journey.pain.estimate import Z95
from omnimix.audience.journey.pain.find import Ratio, Series, each_series, span
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.pain.visits import TECHNICAL

FAR = 1.5  # the odds must be at least so many times as high, at the lower end of their interval
_MONTH = 28  # days compared with each other, so that growth of one group is no difference


@dataclass(frozen=True, slots=True)
class Standing:
    """One ratio in one group, against the others."""

    ratio: Ratio
    who: tuple[tuple[str, str], ...]
    expected: float  # what the others would have had in the group's place
    effect: float
    score: float
    q_value: float


def standings(counts: Mapping[str, pa.Table], rules: PainRules) -> tuple[tuple[Standing, ...], int]:
    """What is surely and far worse in one group all the time, and how many groups × ratios were compared."""
    days = span(counts["tried"])
    if days is None:
        return (), 0
    rough: list[tuple[float, Standing]] = []
    compared = 0
    for series in each_series(counts, days, rules):
        for place, (name, _value) in enumerate(series.groups):
            if name not in TECHNICAL or series.hurt[place].sum() < rules.least_hurt:
                continue
            compared += 1
            found = _compare(series, place)
            if found is not None:
                rough.append(found)
    if not rough:
        return (), compared
    q = scan.q_values(np.array([p for p, _ in rough]), compared)
    sure = [
        Standing(s.ratio, s.who, s.expected, s.effect, s.score, float(q[i]))
        for i, (_p, s) in enumerate(rough)
        if q[i] <= rules.false_rate
    ]
    sure.sort(key=lambda s: (-s.score, s.who, str(s.ratio)))
    first = {s.who: s for s in reversed(sure)}
    return tuple(sorted(first.values(), key=lambda s: (-s.score, s.who))), compared


def _compare(series: Series, place: int) -> tuple[float, Standing] | None:
    """Log p-value and the comparison, or None where the group is not far worse."""
    months = np.arange(series.tried.shape[2]) // _MONTH
    begins = np.flatnonzero(np.r_[True, np.diff(months) != 0])
    n, k, all_n, all_k = (
        np.add.reduceat(c, begins, axis=1)
        for c in (series.tried[place], series.hurt[place], series.tried[0], series.hurt[0])
    )
    rest_n, rest_k = all_n - n, all_k - k
    tried, hurt = n.sum(), k.sum()
    others = (rest_k + 0.5 * rest_k.sum() / max(rest_n.sum(), 1)) / (rest_n + 0.5)
    expected = float((n * others).sum() / tried)
    if not 0 < expected < hurt / tried or hurt >= tried or rest_n.sum() == 0:
        return None
    e = series.effect
    cells = [(c + 0.5) / e for c in (hurt, tried - hurt, rest_k.sum(), rest_n.sum() - rest_k.sum())]
    odds = hurt / (tried - hurt) * (1 - expected) / expected
    if exp(log(odds) - Z95 * sqrt(sum(1 / c for c in cells))) < FAR:
        return None
    # The others as if they had the group's mix of months and strata: their number stays, their rate is `expected`.
    rest = rest_n.sum() / e
    whole_k, whole_n = hurt / e + rest * expected, tried / e + rest
    score = float(scan.likelihood_ratio(*(np.array(v) for v in (hurt / e, tried / e, whole_k, whole_n))))
    p = scan.log_tail(hurt / e, tried / e, whole_k, whole_n)
    return p, Standing(series.ratio, (series.groups[place],), expected, e, score, 1.0)
