"""Looking for pain as a step of a run: count, scan, set the strongest aside, again until nothing sure is left.

in   events with profile_id, the [pain] and [journey] rules, what orders bring
out  artifact `pain`: one PainReport
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.pain.contrast import cohort_sums, cohorts, contrasts, group_sums
from omnimix.audience.journey.pain.counts import Struck, clusters, daily_hurts, daily_tries, stratify
from omnimix.audience.journey.pain.estimate import Z95
from omnimix.audience.journey.pain.find import candidates, span
from omnimix.audience.journey.pain.point import (
    behind_point,
    localise,
    make_point,
    make_standing,
    outcomes,
    period_of,
    ratio_of,
    struck,
)
from omnimix.audience.journey.pain.record import Cohorts, Interval, PainPoint, PainReport
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.pain.standing import standings
from omnimix.audience.journey.pain.traffic import traffic_changes
from omnimix.audience.journey.pain.visits import DIMENSIONS, hurts, pain_rows, tries, visits
from omnimix.audience.journey.rules import JourneyRules
from omnimix.core.errors import NotFound
from omnimix.flow.machine import Machine
from omnimix.flow.people import events_of, margins_of
from omnimix.flow.step import Counts
from omnimix.store.warehouse import Warehouse

_SAMPLE = 2_000  # different property texts from which the properties with few values are found


@dataclass(frozen=True, slots=True)
class PainRows:
    """Visits, what was tried, what went wrong: in the engine's memory."""

    seen: Table
    tried: Table
    hurt: Table
    dimensions: tuple[str, ...]


def pain_tables(
    warehouse: Warehouse, events: Table, *, rules: PainRules, journey: JourneyRules, as_of: datetime
) -> PainRows:
    """The rows that pain is counted from. Events from `as_of` on are not used."""
    known = events.filter(_.occurred_at < ibis.literal(as_of, "timestamp(6)"))
    properties = rules.properties or few_valued(warehouse, known, most=rules.most_values)
    rows = pain_rows(
        known, rules=rules, gap_minutes=journey.gap_minutes, own_hosts=journey.own_hosts, properties=properties
    )
    clicks = warehouse.materialise(rows["clicks"])
    seen = warehouse.materialise(visits(clicks, recover_days=rules.recover_days, properties=properties))
    tried = warehouse.materialise(tries(clicks))
    hurt = warehouse.materialise(hurts(clicks, tried, seen))
    return PainRows(seen, tried, hurt, (*DIMENSIONS, *properties))


def few_valued(warehouse: Warehouse, events: Table, *, most: int) -> tuple[str, ...]:
    """Event properties with 2 to `most` different texts as values, seen in at least half of the sampled events."""
    texts = events.filter(_.properties.notnull()).group_by("properties").aggregate(n=_.count())
    sample = warehouse.arrow(texts.order_by(ibis.desc("n"), "properties").limit(_SAMPLE)).to_pylist()
    values: dict[str, set[str]] = {}
    seen: dict[str, int] = {}
    for row in sample:
        for name, value in _texts(row["properties"]):
            values.setdefault(name, set()).add(value)
            seen[name] = seen.get(name, 0) + row["n"]
    whole = sum(row["n"] for row in sample)
    return tuple(name for name in sorted(values) if 2 <= len(values[name]) <= most and 2 * seen[name] >= whole)


def _texts(text: str) -> list[tuple[str, str]]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    pairs = found.items() if isinstance(found, dict) else ()
    return [(k, v) for k, v in pairs if isinstance(v, str) and v and k.isidentifier() and k not in DIMENSIONS]


def look_for_pain(
    warehouse: Warehouse,
    rows: PainRows,
    *,
    rules: PainRules,
    as_of: datetime,
    currency: str,
    margin: Interval | None = None,
) -> PainReport:
    """Everything that hurts. `margin` is what one order brings, in minor units; None: not known."""
    first = _counts(warehouse, rows, ())
    days = span(first["tried"])
    total = warehouse.arrow(
        rows.seen.aggregate(visits=_.count(), people=_.profile_id.nunique(), bought=_.bought.sum())
    ).to_pylist()[0]
    last_on = days.day(days.days - 1) if days else None
    points, left, scanned = _incidents(warehouse, rows, first, rules, margin)
    standing, compared = _standing(warehouse, rows, left, rules, margin)
    sums = warehouse.arrow(group_sums(rows.seen, rows.dimensions))
    return PainReport(
        as_of=as_of,
        currency=currency,
        first_on=days.first_on if days else None,
        last_on=last_on,
        sessions=total["visits"],
        profiles=total["people"],
        scanned=scanned + compared,
        rate_of_false=rules.false_rate,
        points=points,
        standing=standing,
        traffic=traffic_changes(first, rules),
        contrasts=contrasts(sums, rules) if total["bought"] else (),
        cohorts=_cohorts(warehouse, rows, rules, last_on) if last_on and total["bought"] else (),
        notes=_notes(total, margin),
    )


def _counts(warehouse: Warehouse, rows: PainRows, aside: Sequence[Struck]) -> dict[str, pa.Table]:
    seen = rows.seen.mutate(stratum=ibis.literal("", "string"))
    if aside:
        seen = warehouse.materialise(stratify(rows.seen, rows.tried, rows.hurt, aside))
    tables = {
        "tried": daily_tries(seen, rows.tried, rows.dimensions),
        "hurt": daily_hurts(seen, rows.hurt, rows.dimensions),
        "clusters": clusters(rows.tried, rows.hurt),
    }
    return {name: warehouse.arrow(table) for name, table in tables.items()}


def _incidents(
    warehouse: Warehouse,
    rows: PainRows,
    counts: dict[str, pa.Table],
    rules: PainRules,
    margin: Interval | None,
) -> tuple[tuple[PainPoint, ...], dict[str, pa.Table], int]:
    """The dated pain points, the counts without what they struck, and how many series were scanned."""
    points: list[PainPoint] = []
    aside: list[Struck] = []
    found, scanned = candidates(counts, rules)
    while found and len(aside) < rules.most_points:
        best = localise(found)
        behind = behind_point(rows.seen, rows.tried, rows.hurt, best.ratio, best.who, period_of(best))
        point = make_point(best, warehouse.arrow(outcomes(behind)), also=found, margin=margin)
        if point.affected >= rules.least_people:
            points.append(point)
        aside.append(struck(best))
        counts = _counts(warehouse, rows, aside)
        found, _again = candidates(counts, rules)
    points.sort(key=lambda p: (-p.score, p.key))
    return tuple(points), counts, scanned


def _standing(
    warehouse: Warehouse,
    rows: PainRows,
    counts: dict[str, pa.Table],
    rules: PainRules,
    margin: Interval | None,
) -> tuple[tuple[PainPoint, ...], int]:
    found, compared = standings(counts, rules)
    made = []
    for standing in found:
        behind = behind_point(rows.seen, rows.tried, rows.hurt, standing.ratio, standing.who, None)
        point = make_standing(standing, warehouse.arrow(outcomes(behind)), margin=margin)
        if point.affected >= rules.least_people:
            made.append(point)
    return tuple(made), compared


def _cohorts(warehouse: Warehouse, rows: PainRows, rules: PainRules, last_on: date) -> tuple[Cohorts, ...]:
    found = [
        cohorts(warehouse.arrow(cohort_sums(rows.seen, within_days=w)), within_days=w, last_on=last_on)
        for w in (None, rules.cohort_days)
    ]
    return tuple(c for c in found if c is not None)


def _notes(total: dict[str, int], margin: Interval | None) -> tuple[str, ...]:
    notes = []
    if not total["bought"]:
        notes.append("No event means success (see `goal` in [pain]): nothing is said of orders lost.")
    if margin is None:
        notes.append("No order names an amount: nothing is said of lost margin.")
    return tuple(notes)


def find_pain(machine: Machine) -> Counts:
    """Look for what hurts in everybody's journeys."""
    rows = pain_tables(
        machine.warehouse, events_of(machine), rules=machine.pain, journey=machine.journey, as_of=machine.today
    )
    report = look_for_pain(
        machine.warehouse,
        rows,
        rules=machine.pain,
        as_of=machine.today,
        currency=machine.currency,
        margin=order_margin(machine),
    )
    machine.artifacts.save("pain", report)
    return Counts(
        report.sessions,
        len(report.points) + len(report.standing),
        unit_in="visits",
        unit_out="pain points",
        detail={"looked at": report.scanned, "traffic changes": len(report.traffic)},
        output=report,
    )


def order_margin(machine: Machine) -> Interval | None:
    """What a customer's day of buying brings, in minor units, with its interval; None without any."""
    lines = margins_of(machine)
    by_order = lines.group_by("profile_id", day=lines.occurred_at.date()).aggregate(margin=_.margin_minor.sum())
    bought = by_order.filter(_.margin > 0)
    sums = bought.aggregate(
        n=_.count(),
        total=_.margin.sum().cast("float64"),
        squares=(_.margin.cast("float64") * _.margin.cast("float64")).sum(),
    )
    row = machine.warehouse.arrow(sums).to_pylist()[0]
    if row["n"] < 2:
        return None
    mean = row["total"] / row["n"]
    error = (max(row["squares"] / row["n"] - mean * mean, 0.0) / (row["n"] - 1)) ** 0.5
    # Whole minor units: parallel sums of squares differ in their last bits, and the same run must say the same.
    return Interval(round(mean), round(mean - Z95 * error), round(mean + Z95 * error))


def people_behind(machine: Machine, key: str) -> tuple[str, ...]:
    """The profiles hurt by the pain point of that key, as many as it says. Raises NotFound."""
    report = machine.artifacts.load("pain", PainReport)
    known = {p.key: p for p in (*report.points, *report.standing)}
    if key not in known:
        there = "; ".join(known) or "none was found"
        raise NotFound(f"there is no pain point {key!r}", where="omnimix pain", fix=f"the keys: {there}")
    point = known[key]
    rows = pain_tables(
        machine.warehouse, events_of(machine), rules=machine.pain, journey=machine.journey, as_of=machine.today
    )
    days = None
    if point.period is not None and report.last_on is not None:
        days = (point.period.starts_on, point.period.ends_on or report.last_on)
    behind = behind_point(rows.seen, rows.tried, rows.hurt, ratio_of(point), point.who, days)
    hurt = machine.warehouse.arrow(behind.filter(_.bad).select("profile_id").distinct())
    return tuple(sorted(hurt["profile_id"].to_pylist()))
