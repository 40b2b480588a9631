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
_UNLIKE = float(np.log(0.01))  # two years' rates differ surely enough
_CLOSE = 6.0  # how far from sure a bound may be for the exact tail to be computed
_MOST = 80  # candidates whose dates are worked out: one incident shows in many ratios and groups


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


@dataclass(frozen=True, slots=True)
class _Rough:
    """One series of one group with its best interval [start, end) of the grid."""

    series: Series
    place: int  # of the group
    hurt: Floats
    tried: Floats  # exposure
    start: int
    end: int
    cost: float
    net: float  # log-likelihood ratio ÷ design effect − cost

    def log_p(self, tried: Floats, start: int, end: int) -> float:
        """Log p-value of one interval under an exposure, every interval looked at paid for."""
        e = self.series.effect
        inside, around = self.hurt[start:end].sum() / e, tried[start:end].sum() / e
        return min(scan.log_tail(inside, around, self.hurt.sum() / e, tried.sum() / e) + self.cost, 0.0)


def candidates(counts: Counts, rules: PainRules) -> tuple[tuple[Candidate, ...], int]:
    """What is surely worse for a while, the strongest first, and how many series were scanned."""
    days = span(counts["tried"])
    if days is None or days.days < 2:
        return (), 0
    rough, scanned = _screened(counts, days, rules)
    if not rough:
        return (), scanned
    log_p = np.array([r.log_p(r.tried, r.start, r.end) for r in rough])
    q = scan.q_values(log_p, scanned)
    sure = np.flatnonzero(q <= rules.false_rate)
    strongest = sorted(sure, key=lambda i: -rough[i].net)[:_MOST]
    limit = float(log_p[sure].max()) if len(sure) else 0.0
    found = [_candidate(rough[i], days, float(log_p[i]), float(q[i]), limit=limit) for i in strongest]
    kept = [c for c in found if c is not None]
    return tuple(sorted(kept, key=lambda c: (-c.dates.score, c.who, str(c.ratio)))), scanned


def _screened(counts: Counts, days: Span, rules: PainRules) -> tuple[list[_Rough], int]:
    """The series that may be sure, and how many were scanned."""
    looked = scan.grid(days.days)
    rough: list[_Rough] = []
    scanned = 0
    for series in each_series(counts, days, rules):
        hurt = series.hurt.sum(axis=1)
        total = hurt.sum(axis=1)
        here = np.flatnonzero((total >= rules.least_hurt) & (total < series.tried.sum(axis=(1, 2))))
        if not len(here):
            continue
        x = scan.exposure(series.tried[here], series.hurt[here], days.weekday)
        best, net = scan.best_intervals(hurt[here], x, series.effect)
        scanned += len(here)
        for i in np.flatnonzero(net > 0):
            p = best[i]
            ends = int(looked.start[p]), int(looked.end[p]), float(looked.cost[p])
            rough.append(_Rough(series, int(here[i]), hurt[here[i]], x[i], *ends, float(net[i])))
    # A tail is never much smaller than exp(−LLR): what cannot be sure needs no exact tail.
    bar = np.log(max(scanned, 1) / rules.false_rate) - _CLOSE
    return [r for r in rough if r.net > bar], scanned


def _candidate(rough: _Rough, days: Span, log_p: float, q: float, *, limit: float) -> Candidate | None:
    """The candidate with its dates, or None where a trend or the season explains it."""
    series, hurt = rough.series, rough.hurt
    when = scan.dates(hurt, rough.tried, series.effect, around=(rough.start, rough.end))
    drifting = scan.trended(hurt, rough.tried, when.first, when.last)
    if rough.log_p(drifting, when.first, when.last + 1) > limit or _seasonal(rough, when):
        return None
    inside = slice(when.first, when.last + 1)
    outside_hurt, outside = hurt.sum() - hurt[inside].sum(), drifting.sum() - drifting[inside].sum()
    made = series.tried[rough.place].sum(axis=0)[inside].sum()
    rate = outside_hurt / outside * drifting[inside].sum() / made if outside else 0.0
    return Candidate(
        ratio=series.ratio,
        who=series.group(rough.place),
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


def _seasonal(rough: _Rough, when: Dates) -> bool:
    """Whether it was as bad on the same days of another year, where the data reach that far."""
    hurt, tried, e = rough.hurt, rough.tried, rough.series.effect
    inside = slice(when.first, when.last + 1)
    for shift in (-_YEAR, _YEAR):
        first, last = when.first + shift, when.last + shift
        if first < 0 or last >= len(hurt):
            continue
        other = slice(first, last + 1)
        k, n = hurt[inside].sum(), tried[inside].sum()
        both_k, both_n = k + hurt[other].sum(), n + tried[other].sum()
        if tried[other].sum() >= n / 4 and scan.log_tail(k / e, n / e, both_k / e, both_n / e) > _UNLIKE:
            return True
    return False
