"""Which ratio, in which group, in which interval got worse: everything is scanned, and what is sure is kept.

in   the daily counts of `counts` as Arrow tables
out  Candidates, the strongest first; each once per ratio and group
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from omnimix.audience.journey.pain import scan
from omnimix.audience.journey.pain.record import Kind
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.pain.scan import Dates, Floats

Counts = Mapping[str, pa.Table]
_GROUP = ["dimension", "value"]
_YEAR = 364  # the same weekday a year ago
_SCREEN = 6.0  # how far from sure a bound may be for the exact tail to be computed


@dataclass(frozen=True, slots=True)
class Ratio:
    """What is counted: of the tries of `base` (or of the move base → to), those that went wrong in this way."""

    kind: Kind
    base: str
    to: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Series:
    """One ratio, day by day, in every group at once: groups × strata × days."""

    ratio: Ratio
    groups: tuple[tuple[str, str], ...]  # (dimension, value); ("", "") is everybody
    tried: Floats
    hurt: Floats
    effect: float  # design effect

    def group(self, place: int) -> tuple[tuple[str, str], ...]:
        """The group's `who`."""
        return (self.groups[place],) if self.groups[place][0] else ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ratio in one group that was worse for a while."""

    ratio: Ratio
    who: tuple[tuple[str, str], ...]
    dates: Dates
    first_on: date  # day of place 0 of the series
    days: int
    tried: float
    hurt: float
    expected: float  # rate without the incident: outside it, standardised by stratum, weekday and trend
    effect: float
    log_p: float
    q_value: float

    def day(self, place: int) -> date:
        """The day at a place of the series."""
        return self.first_on + timedelta(days=place)


@dataclass(frozen=True, slots=True)
class Span:
    """The days looked at."""

    first_on: date
    days: int

    def day(self, place: int) -> date:
        """The day at a place."""
        return self.first_on + timedelta(days=place)

    @property
    def weekday(self) -> NDArray[np.int64]:
        """0 to 6 for each day."""
        return (np.arange(self.days) + self.first_on.weekday()) % 7


def span(tried: pa.Table) -> Span | None:
    """From the first to the last day with a visit; None without any."""
    if not tried.num_rows:
        return None
    ends = pc.min_max(tried["day"]).as_py()
    return Span(ends["min"], (ends["max"] - ends["min"]).days + 1)


def each_series(counts: Counts, days: Span, rules: PainRules) -> Iterator[Series]:
    """Every ratio with enough bad outcomes, in a fixed order."""
    groups = groups_of(counts["tried"], rules)
    index = {g: place for place, g in enumerate(groups)}
    strata = sorted(set(counts["tried"]["stratum"].to_pylist()))
    shape = (len(groups), len(strata), days.days)
    layer = {s: place for place, s in enumerate(strata)}
    tried = dict(_dense(counts["tried"], ["base", "to"], "tried", shape, index, layer, days))
    effects = {_ratio(r): _person(r) for r in counts["clusters"].to_pylist()}
    for key, hurt in _dense(
        counts["hurt"], ["kind", "base", "to", "next_step"], "hurt", shape, index, layer, days
    ):
        ratio = Ratio(Kind(key[0]), *key[1:])
        made = tried.get((ratio.base, ratio.to))
        everybody = hurt[0].sum()
        if made is None or everybody < rules.least_hurt or everybody >= made[0].sum():
            continue
        x = scan.exposure(made[:1], hurt[:1], days.weekday)[0]
        effect = max(effects.get(ratio, 1.0), scan.week_effect(hurt[0].sum(axis=0), x))
        yield Series(ratio, groups, made, hurt, effect)


def _ratio(row: dict[str, str]) -> Ratio:
    return Ratio(Kind(row["kind"]), row["base"], row["to"], row["next_step"])


def _person(row: dict[str, int]) -> float:
    return scan.person_effect(
        row["hurts"], row["hurts_squared"], row["crossed"], row["tries"], row["tries_squared"]
    )


def groups_of(tried: pa.Table, rules: PainRules) -> tuple[tuple[str, str], ...]:
    """Everybody, then each dimension's most frequent values; a dimension with one value is everybody again."""
    sizes = tried.group_by(_GROUP).aggregate([("tried", "sum")]).to_pylist()
    found: dict[str, list[tuple[int, str]]] = {}
    for row in sizes:
        found.setdefault(row["dimension"], []).append((-row["tried_sum"], row["value"]))
    groups = [("", "")]
    for name in sorted(n for n in found if n):
        values = sorted(found[name])[: rules.most_values]
        groups += [(name, value) for _size, value in values] if len(found[name]) > 1 else []
    return tuple(groups)


def _dense(
    table: pa.Table,
    keys: Sequence[str],
    count: str,
    shape: tuple[int, int, int],
    index: Mapping[tuple[str, str], int],
    layer: Mapping[str, int],
    days: Span,
) -> Iterator[tuple[tuple[str, ...], Floats]]:
    """The counts of each key as groups × strata × days, by key in order."""
    if not table.num_rows:
        return
    codes = [table[k].combine_chunks().dictionary_encode() for k in (*keys, "dimension", "value", "stratum")]
    names = [c.dictionary.to_pylist() for c in codes]
    at = [c.indices.to_numpy(zero_copy_only=False).astype(np.int64) for c in codes]
    width = len(keys)
    known = np.array([[index.get((d, v), -1) for v in names[width + 1]] for d in names[width]])
    group = known[at[width], at[width + 1]]
    stratum = np.array([layer[s] for s in names[width + 2]])[at[width + 2]]
    first = np.datetime64(days.first_on, "D")
    day = (table["day"].cast(pa.date32()).to_numpy().astype("datetime64[D]") - first).astype(np.int64)
    number = table[count].to_numpy().astype(np.float64)
    key = np.ravel_multi_index(at[:width], [len(n) for n in names[:width]])
    kept = group >= 0
    order = np.argsort(key[kept], kind="stable")
    key, group, stratum, day, number = (c[kept][order] for c in (key, group, stratum, day, number))
    starts = np.flatnonzero(np.r_[True, np.diff(key) != 0])
    found = []
    for start, end in zip(starts, np.r_[starts[1:], len(key)], strict=True):
        places = np.unravel_index(key[start], [len(n) for n in names[:width]])
        found.append((tuple(n[p] for n, p in zip(names, places, strict=False)), slice(start, end)))
    for name, rows in sorted(found, key=lambda f: f[0]):
        dense = np.zeros(shape)
        np.add.at(dense, (group[rows], stratum[rows], day[rows]), number[rows])
        yield name, dense


def candidates(counts: Counts, rules: PainRules) -> tuple[tuple[Candidate, ...], int]:
    """What is surely worse for a while, the strongest first, and how many series were scanned."""
    days = span(counts["tried"])
    if days is None or days.days < 2:
        return (), 0
    looked = scan.grid(days.days)
    rough: list[tuple[Series, int, Floats, Floats, int, float]] = []
    scanned = 0
    for series in each_series(counts, days, rules):
        hurt = series.hurt.sum(axis=1)
        total = hurt.sum(axis=1)
        here = np.flatnonzero((total >= rules.least_hurt) & (total < series.tried.sum(axis=(1, 2))))
        if not len(here):
            continue
        x = scan.exposure(series.tried[here], series.hurt[here], days.weekday)
        place, net = scan.best_intervals(hurt[here], x, series.effect)
        scanned += len(here)
        # A tail is never much smaller than exp(−LLR); what cannot be sure is not computed exactly.
        close = np.flatnonzero(net > np.log(1 / rules.false_rate))
        rough += [(series, int(here[i]), hurt[here[i]], x[i], int(place[i]), float(net[i])) for i in close]
    bar = np.log(max(scanned, 1) / rules.false_rate)
    sure = [r for r in rough if r[5] > bar - _SCREEN]
    if not sure:
        return (), scanned
    tails = [_tail(s, hurt, x, looked.start[p], looked.end[p]) + looked.cost[p] for s, _g, hurt, x, p, _n in sure]
    log_p = np.minimum(np.array(tails), 0.0)
    q = scan.q_values(log_p, scanned)
    around = [(int(looked.start[r[4]]), int(looked.end[r[4]])) for r in sure]
    found = [
        _candidate(
            s,
            g,
            hurt,
            x,
            around[i],
            days,
            float(log_p[i]),
            float(q[i]),
            limit=float(log_p[q <= rules.false_rate].max()),
        )
        for i, (s, g, hurt, x, _p, _n) in enumerate(sure)
        if q[i] <= rules.false_rate
    ]
    kept = [c for c in found if c is not None]
    return tuple(sorted(kept, key=lambda c: (-c.dates.score, c.who, str(c.ratio)))), scanned


def _tail(series: Series, hurt: Floats, x: Floats, start: int, end: int) -> float:
    e = series.effect
    return scan.log_tail(hurt[start:end].sum() / e, x[start:end].sum() / e, hurt.sum() / e, x.sum() / e)


def _candidate(
    series: Series,
    place: int,
    hurt: Floats,
    x: Floats,
    around: tuple[int, int],
    days: Span,
    log_p: float,
    q: float,
    *,
    limit: float,
) -> Candidate | None:
    """The candidate with its dates, or None where a trend or the season explains it."""
    when = scan.dates(hurt, x, series.effect, around=around)
    drifting = scan.trended(hurt, x, when.first, when.last)
    cost = float(scan.grid(days.days).cost.max())
    if _tail(series, hurt, drifting, when.first, when.last + 1) + cost > limit:
        return None
    if _seasonal(series, hurt, x, when):
        return None
    inside = slice(when.first, when.last + 1)
    outside_hurt, outside = hurt.sum() - hurt[inside].sum(), drifting.sum() - drifting[inside].sum()
    made = series.tried[place].sum(axis=0)[inside].sum()
    rate = outside_hurt / outside * drifting[inside].sum() / made if outside else 0.0
    return Candidate(
        ratio=series.ratio,
        who=series.group(place),
        dates=when,
        first_on=days.first_on,
        days=days.days,
        tried=float(made),
        hurt=float(hurt[inside].sum()),
        expected=float(min(rate, 1.0)),
        effect=series.effect,
        log_p=log_p,
        q_value=q,
    )


def _seasonal(series: Series, hurt: Floats, x: Floats, when: Dates) -> bool:
    """Whether it was as bad on the same days of another year, where the data reach that far."""
    inside = slice(when.first, when.last + 1)
    for shift in (-_YEAR, _YEAR):
        first, last = when.first + shift, when.last + shift
        if first < 0 or last >= len(hurt):
            continue
        other = slice(first, last + 1)
        k, n = hurt[inside].sum(), x[inside].sum()
        both_k, both_n = k + hurt[other].sum(), n + x[other].sum()
        e = series.effect
        if x[other].sum() >= n / 4 and scan.log_tail(k / e, n / e, both_k / e, both_n / e) > np.log(0.01):
            return True
    return False
