"""Drift: whether customers still look as they did when the segments were found, and when to find them anew.

in   FEATURE rows of the day of fitting, and of today
out  a Reference (how figures were spread), and a Drift: one Shift a figure, with an alarm of known error rate

The measure is the population stability index, Σ (q - p) ln(q / p) over bins that held equal parts at fitting, with
its usual readings (Siddiqi 2006: below 0.1 small, above 0.25 large). By itself it raises false alarms in small
shops, where it is large by chance (Yurdakul and Naranjo 2020). An alarm needs both: an index of at least `large`,
and, in Pearson's χ² test that both days are samples of the same customers, a p-value below `false_alarm` over all
figures together (Holm 1979). The same people are counted on both days, which makes the true rate lower still.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
import pyarrow as pa
from ibis.expr.types import Table
from scipy.special import chdtrc

from omnimix.audience.segment.matrix import FloatArray, Matrix
from omnimix.audience.segment.place import figure
from omnimix.audience.segment.rules import DriftRules

SEGMENTS = "(segments)"
"""The name under which the shares of the segments themselves are watched."""
_FAR = timedelta(days=3_650)


class Level(StrEnum):
    """What a change asks for."""

    STEADY = "steady"
    WATCH = "watch"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Spread:
    """How one figure was spread over people with an order.

    `counts[i]` people are below `edges[i]` and not below the edge before it; the last count is for the others.
    """

    figure: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]  # one more than edges


@dataclass(frozen=True, slots=True)
class Reference:
    """What today is compared with."""

    as_of: datetime
    spreads: tuple[Spread, ...]
    sizes: tuple[tuple[str, int], ...]  # segment, people


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one figure moved. `p` is the chance of as much by sampling alone, over all figures (Holm)."""

    figure: str
    index: float
    p: float
    level: Level


@dataclass(frozen=True, slots=True)
class Drift:
    """All figures, the most moved first, and what they ask for together."""

    since: datetime
    as_of: datetime
    people: int
    shifts: tuple[Shift, ...]
    level: Level
    refit_by: datetime | None  # when the most moved figure will be `large` at the pace so far; None: not in sight
    advice: str  # one plain sentence


def edges_of(rows: Matrix, columns: Sequence[str], *, bins: int) -> dict[str, tuple[float, ...]]:
    """Column → edges that cut people with an order into about equal parts; a figure of one value has none."""
    buyers = rows.rows(rows.column("orders") > 0)
    found = {}
    for column in columns:
        values = buyers.column(column)
        if values.size and values.min() < values.max():
            cuts = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
            found[column] = tuple(float(c) for c in cuts if c > values.min())
    return found


def bin_counts(features: Table, edges: Mapping[str, Sequence[float]], *, home: str | None) -> Table:
    """One row of people with an order: `n`, and `f{i}_{j}`, people not below edge j of the i-th figure."""
    buyers = features.filter(features["orders"] > 0)
    counts = {"n": buyers.count()}
    for i, (column, cuts) in enumerate(edges.items()):
        value = figure(buyers, column, home=home)
        for j, cut in enumerate(cuts):
            counts[f"f{i}_{j}"] = (value >= cut).ifelse(1, 0).cast("int64").sum().fill_null(0)
    return buyers.aggregate(**counts)


def read_spreads(row: pa.Table, edges: Mapping[str, Sequence[float]]) -> tuple[Spread, ...]:
    """Spreads of the one row of `bin_counts`."""
    found = row.to_pylist()[0]
    spreads = []
    for i, (column, cuts) in enumerate(edges.items()):
        above = [found["n"], *(found[f"f{i}_{j}"] for j in range(len(cuts))), 0]
        counts = tuple(above[j] - above[j + 1] for j in range(len(above) - 1))
        spreads.append(Spread(column, tuple(cuts), counts))
    return tuple(spreads)


def drift(
    reference: Reference,
    spreads: Sequence[Spread],
    sizes: Mapping[str, int],
    rules: DriftRules,
    *,
    as_of: datetime,
) -> Drift:
    """What moved between the reference and now. `spreads` have the reference's edges."""
    then = {s.figure: s.counts for s in reference.spreads}
    pairs = {s.figure: (then[s.figure], s.counts) for s in spreads}
    keys = sorted({k for k, _n in reference.sizes} | set(sizes))
    was = dict(reference.sizes)
    pairs[SEGMENTS] = (tuple(was.get(k, 0) for k in keys), tuple(sizes.get(k, 0) for k in keys))
    tests = {name: compare(np.array(a, float), np.array(b, float)) for name, (a, b) in pairs.items()}
    adjusted = _holm({name: p for name, (_index, p) in tests.items()})
    shifts = [
        Shift(name, index, adjusted[name], _level(index, adjusted[name], rules))
        for name, (index, _p) in tests.items()
    ]
    shifts.sort(key=lambda s: (-s.index, s.figure))
    level = max((s.level for s in shifts), key=list(Level).index)
    refit_by = _refit_by(shifts, reference.as_of, as_of, rules)
    people = sum(sizes.values())
    return Drift(reference.as_of, as_of, people, tuple(shifts), level, refit_by, _advice(shifts, level, refit_by))


def compare(then: FloatArray, now: FloatArray) -> tuple[float, float]:
    """The population stability index of two rows of counts, and the p-value of Pearson's χ² test of them.

    Half a person is added to each bin of the index, so that an empty bin does not make it infinite. Nobody on
    either side: (0, 1).
    """
    n, m = float(then.sum()), float(now.sum())
    if n == 0 or m == 0:
        return 0.0, 1.0
    p, q = ((c + 0.5) / (c.sum() + 0.5 * c.size) for c in (then, now))
    index = float(((q - p) * np.log(q / p)).sum())
    both = then + now
    seen = both > 0
    statistic = float((((then * math.sqrt(m / n) - now * math.sqrt(n / m)) ** 2)[seen] / both[seen]).sum())
    return index, float(chdtrc(max(1, int(seen.sum()) - 1), statistic))


def _holm(values: Mapping[str, float]) -> dict[str, float]:
    found, highest = {}, 0.0
    for place, name in enumerate(sorted(values, key=lambda n: (values[n], n))):
        highest = max(highest, min(1.0, values[name] * (len(values) - place)))
        found[name] = highest
    return found


def _level(index: float, p: float, rules: DriftRules) -> Level:
    if p >= rules.false_alarm or index < rules.small:
        return Level.STEADY
    return Level.ALARM if index >= rules.large else Level.WATCH


def _refit_by(shifts: Sequence[Shift], since: datetime, now: datetime, rules: DriftRules) -> datetime | None:
    """A steady shift makes the index grow with the square of time: its root grows in proportion to time."""
    moved = [s for s in shifts if s.level is not Level.STEADY]
    if not moved or now <= since:
        return None
    wait = (now - since) * math.sqrt(rules.large / moved[0].index)
    return max(now, since + wait) if wait < _FAR else None


def _advice(shifts: Sequence[Shift], level: Level, refit_by: datetime | None) -> str:
    if level is Level.STEADY:
        return "Customers look as they did when the segments were found."
    first = next(s for s in shifts if s.level is level)
    what = "the sizes of the segments" if first.figure == SEGMENTS else first.figure.replace("_", " ")
    if level is Level.ALARM:
        return f"Customers have changed: {what} moved most (index {first.index:.2f}). Find the segments anew now."
    when = f"; at this pace they no longer fit by {refit_by:%Y-%m-%d}" if refit_by else ""
    return f"Customers are changing: {what} moved most (index {first.index:.2f}){when}."
