"""Traffic: periods in which more or fewer visits came than usual. Whether people come is no pain of a journey.

in   daily tries of START, which are visits
out  TrafficChanges

What is usual on a day is a straight line through the visits of the weeks around it (local linear regression),
times what its weekday makes of it, so growth and weekdays are no change. Intervals up to a month are scanned with
the Poisson likelihood ratio (Kulldorff 1997) on counts divided by their over-dispersion; every interval is paid
for, and Benjamini and Yekutieli's rate holds over all groups and both directions.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from scipy.special import gammaincc, gammaincinv, gammaln, xlogy

from omnimix.audience.journey.journey import START
from omnimix.audience.journey.pain import scan
from omnimix.audience.journey.pain.find import Span, groups_of, span
from omnimix.audience.journey.pain.record import EVERYBODY, Interval, Period, TrafficChange
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.pain.scan import Floats
from omnimix.audience.journey.pain.visits import TECHNICAL

AROUND = 42  # days before and after that say what is usual
LONGEST = 28  # days of a change; a longer one is the new usual
NOTABLE = 1.25  # a change smaller than this is not worth a word


def traffic_changes(counts: Mapping[str, pa.Table], rules: PainRules) -> tuple[TrafficChange, ...]:
    """What surely changed, the surest first; of several changes in one place and time the surest alone."""
    days = span(counts["tried"])
    if days is None or days.days < 2 * LONGEST:
        return ()
    groups = groups_of(counts["tried"], rules)
    visits = _visits(counts["tried"], groups, days)
    found: list[tuple[float, int, int, int, Floats, float]] = []
    for place, row in enumerate(visits):
        name, _value = groups[place]  # other groups (new, a cohort) grow and shrink by what they are
        if (not name or name in TECHNICAL) and row.sum() >= 2 * days.days / 7:
            usual = expected(row, days)
            effect = _dispersion(row, usual)
            for more in (True, False):
                found.append(_best(row, usual, effect, place, more=more))
    if not found:
        return ()
    q = scan.q_values(np.array([f[0] for f in found]), len(found))
    kept: list[TrafficChange] = []
    taken: list[tuple[int, int]] = []
    for i in np.argsort([f[0] for f in found], kind="stable"):
        _p, place, start, end, usual, effect = found[i]
        if q[i] > rules.false_rate or any(start < b and a < end for a, b in taken):
            continue
        made = _change(groups[place], visits[place], usual, effect, (start, end), days, float(q[i]))
        if max(made.ratio.value, 1 / max(made.ratio.value, 1e-9)) >= NOTABLE:
            kept.append(made)
            taken.append((start, end))
    return tuple(kept)


def expected(visits: Floats, days: Span) -> Floats:
    """How many visits were usual on each day, from the days around it and the weekday."""
    at = np.arange(len(visits))
    gap = at[None, :] - at[:, None]
    weight = np.where(np.abs(gap) <= AROUND, 1.0, 0.0)
    s0, s1, s2 = weight.sum(axis=1), (weight * gap).sum(axis=1), (weight * gap * gap).sum(axis=1)
    t0, t1 = weight @ visits, (weight * gap) @ visits
    level = np.maximum((s2 * t0 - s1 * t1) / np.maximum(s0 * s2 - s1 * s1, 1e-9), t0 / s0 / 4)
    level = np.maximum(level, 1e-9)
    factor = np.array(
        [(visits[days.weekday == d].sum() + 20) / (level[days.weekday == d].sum() + 20) for d in range(7)]
    )
    usual = level * factor[days.weekday]
    return np.asarray(usual * visits.sum() / usual.sum())


def _visits(tried: pa.Table, groups: tuple[tuple[str, str], ...], days: Span) -> Floats:
    index = {g: place for place, g in enumerate(groups)}
    dense = np.zeros((len(groups), days.days))
    for row in tried.filter((pa.compute.field("base") == START) & (pa.compute.field("to") == "")).to_pylist():
        place = index.get((row["dimension"], row["value"]))
        if place is not None:
            dense[place, (row["day"] - days.first_on).days] += row["tried"]
    return dense


def _dispersion(visits: Floats, usual: Floats) -> float:
    """Variance over mean of weekly sums, by their median: a short change cannot move it."""
    begins = np.arange(len(visits) % 7, len(visits), 7)
    k, e = np.add.reduceat(visits, begins), np.add.reduceat(usual, begins)
    return max(1.0, float(np.median((k - e) ** 2 / np.maximum(e, 1e-9))) / 0.4549364231195724)


def _best(
    visits: Floats, usual: Floats, effect: float, place: int, *, more: bool
) -> tuple[float, int, int, int, Floats, float]:
    """Log p-value, place, start, end of the interval that differs most in one direction."""
    looked = scan.grid(2 * LONGEST if len(visits) < 4 * LONGEST else len(visits))
    short = (looked.end - looked.start <= LONGEST) & (looked.end <= len(visits))
    start, end, cost = looked.start[short], looked.end[short], looked.cost[short]
    k, e = (np.concatenate([[0.0], c.cumsum()]) for c in (visits / effect, usual / effect))
    seen, due = k[end] - k[start], e[end] - e[start]
    other = (seen <= due) if more else (seen >= due)
    ratio = np.where(other, 0.0, xlogy(seen, seen / due) - seen + due)
    best = int((ratio - cost).argmax())
    n, mean = float(seen[best]), float(due[best])
    tail = 1 - gammaincc(max(n, 1e-9), mean) if more else gammaincc(n + 1, mean)
    if tail <= 1e-14:  # the first term, and as much again for the rest
        tail_log = n * np.log(mean) - mean - float(gammaln(n + 1)) + np.log(2)
    else:
        tail_log = float(np.log(tail))
    return (
        min(tail_log + float(cost[best]) + np.log(2), 0.0),
        place,
        int(start[best]),
        int(end[best]),
        usual,
        effect,
    )


def _change(
    group: tuple[str, str],
    visits: Floats,
    usual: Floats,
    effect: float,
    interval: tuple[int, int],
    days: Span,
    q: float,
) -> TrafficChange:
    start, end = interval
    n, due = visits[start:end].sum(), usual[start:end].sum()
    low, high = gammaincinv(n / effect, 0.025) * effect, gammaincinv(n / effect + 1, 0.975) * effect
    ratio = Interval(float(n / due), float(np.nan_to_num(low) / due), float(high / due))
    first, last = days.day(start), days.day(end - 1)
    ended = end < days.days
    period = Period(first, first, first, *((last, last, last) if ended else (None, None, None)))
    who = (group,) if group[0] else ()
    whom = f"{group[0]} = {group[1]}" if who else EVERYBODY
    sentence = (
        f"{first:%-d %B} to {last:%-d %B %Y}: {n:,.0f} visits ({whom}) where {due:,.0f} were usual, "
        f"{ratio.value:.1f} times as many."
    )
    return TrafficChange(who, period, int(n), float(due), ratio, q, sentence)
