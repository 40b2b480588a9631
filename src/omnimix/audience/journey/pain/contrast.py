"""Who converts and who does not: groups against each other, and cohorts in their order.

in   visits; their sums by person
out  sums as table expressions; Contrasts and Cohorts
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import sqrt

import ibis
import numpy as np
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table
from scipy.special import ndtr

from omnimix.audience.journey.pain.estimate import Z95, difference, rate_of
from omnimix.audience.journey.pain.record import Cohort, Cohorts, Contrast, Interval
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.pain.scan import person_effect
from omnimix.audience.journey.pain.visits import LOYAL, NEW, TECHNICAL
from omnimix.core.chance import by_chance

Sums = Mapping[str, int]


def group_sums(seen: Table, dimensions: Sequence[str]) -> Table:
    """Visits, conversions and their squares by person: dimension, value, people, tries, hurts, …"""
    parts = [
        _squares(
            seen.filter(seen[name].notnull()).mutate(
                dimension=ibis.literal(name), value=seen[name].cast("string")
            ),
            ["dimension", "value"],
        )
        for name in dimensions
    ]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def cohort_sums(seen: Table, *, within_days: int | None) -> Table:
    """The same by the month of a person's first visit; `within_days` of it, or all."""
    came = seen.group_by("profile_id").aggregate(came_at=_.started_at.min())
    came = came.select(came_by=_.profile_id, came_at=_.came_at)
    rows = seen.join(came, seen.profile_id == came.came_by)
    if within_days is not None:
        rows = rows.filter(_.started_at < _.came_at + ibis.interval(days=within_days))
    month = rows.came_at.year() * 12 + rows.came_at.month() - 1
    return _squares(rows.mutate(month=month.cast("int64")), ["month"])


def _squares(rows: Table, keys: list[str]) -> Table:
    by_person = rows.group_by(["profile_id", *keys]).aggregate(tries=_.count(), hurts=_.bought.sum())
    return by_person.group_by(keys).aggregate(
        people=_.count(),
        tries=_.tries.sum().cast("int64"),
        hurts=_.hurts.sum().cast("int64"),
        tries_squared=(_.tries * _.tries).sum().cast("int64"),
        hurts_squared=(_.hurts * _.hurts).sum().cast("int64"),
        crossed=(_.hurts * _.tries).sum().cast("int64"),
    )


def contrasts(sums: pa.Table, rules: PainRules) -> tuple[Contrast, ...]:
    """New against loyal wherever a dimension knows both; then devices, mediums … surely unlike the others."""
    by_name: dict[str, dict[str, Sums]] = {}
    for row in sorted(sums.to_pylist(), key=lambda r: (r["dimension"], -r["tries"], r["value"])):
        by_name.setdefault(row["dimension"], {})[row["value"]] = row
    found = [
        _contrast(name, NEW, LOYAL, values[NEW], values[LOYAL])
        for name, values in by_name.items()
        if NEW in values and LOYAL in values
    ]
    for name in TECHNICAL:
        values = by_name.get(name, {})
        for value in list(values)[: rules.most_values]:
            rest = [s for v, s in values.items() if v != value]
            against = _contrast(name, value, "the others", values[value], _together(rest)) if rest else None
            if against and (against.difference.low > 0 or against.difference.high < 0):
                found.append(against)
    return tuple(found)


def _together(parts: Sequence[Sums]) -> Sums:
    keys = ("people", "tries", "hurts", "tries_squared", "hurts_squared", "crossed")
    return {key: sum(p[key] for p in parts) for key in keys}


def _rate(sums: Sums) -> Interval:
    return rate_of(sums["hurts"], sums["tries"], effect=_effect(sums))


def _effect(s: Sums) -> float:
    return person_effect(s["hurts"], s["hurts_squared"], s["crossed"], s["tries"], s["tries_squared"])


def _contrast(name: str, value: str, other: str, one: Sums, two: Sums) -> Contrast:
    rate, other_rate = _rate(one), _rate(two)
    gap = difference(rate, other_rate)
    sure = "" if gap.low > 0 or gap.high < 0 else "; the difference may be chance"
    sentence = (
        f"{rate.value:.1%} of visits with {name} = {value} convert ({rate.low:.1%} to {rate.high:.1%}), "
        f"{other_rate.value:.1%} of {other} ({other_rate.low:.1%} to {other_rate.high:.1%}){sure}."
    )
    return Contrast(
        name,
        value,
        other,
        one["tries"],
        one["hurts"],
        rate,
        two["tries"],
        two["hurts"],
        other_rate,
        gap,
        sentence,
    )


def cohorts(sums: pa.Table, *, within_days: int | None, last_on: date) -> Cohorts | None:
    """Conversion by cohort with a trend test; None for fewer than two cohorts.

    The trend is the weighted least-squares slope of the conversion rate over cohorts, its error clustered by
    person (Liang and Zeger 1986). With `within_days` only cohorts that all had that long are compared.
    """
    rows = sorted(sums.to_pylist(), key=lambda r: r["month"])
    if within_days is not None:
        rows = [
            r for r in rows if _month(r["month"] + 1) + timedelta(days=within_days) <= last_on + timedelta(days=1)
        ]
    if len(rows) < 2:
        return None
    x = np.array([r["month"] for r in rows], dtype=float)
    n, k = (np.array([r[c] for r in rows], dtype=float) for c in ("tries", "hurts"))
    x = x - (x * n).sum() / n.sum()
    spread = float((n * x * x).sum())
    slope = float((x * k).sum() / spread)
    fit = k.sum() / n.sum() + slope * x
    squares = [
        r["hurts_squared"] - 2 * f * r["crossed"] + f * f * r["tries_squared"]
        for r, f in zip(rows, fit, strict=True)
    ]
    error = sqrt(max(0.0, float((x * x * np.array(squares)).sum()))) / spread  # a perfect fit may round below 0
    p = float(2 * ndtr(-abs(slope) / error)) if error > 0 else 1.0
    how = "all visits" if within_days is None else f"the first {within_days} days"
    drift = "falls" if slope < 0 else "rises"
    sure = f"{drift} by {abs(slope):.1%} from cohort to cohort" if p <= 0.05 else "shows no sure trend"
    return Cohorts(
        tuple(Cohort(_month(r["month"]), r["people"], r["tries"], r["hurts"], _rate(r)) for r in rows),
        within_days,
        Interval(slope, slope - Z95 * error, slope + Z95 * error),
        p,
        f"Conversion by month of the first visit, {how}: it {sure} ({by_chance(p)}).",
    )


def _month(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)
