"""The journey map of one base of people on one day, from events.

in   events with profile_id, the rules, the day
out  row tables to keep (who did what), count tables to run (small), and one JourneyMap from the counts

    rows   = journey_rows(events, …, keep=warehouse.materialise)
    counts = {name: warehouse.arrow(t) for name, t in journey_counts(events, rows, …).items()}
    map    = fit_journey(counts, …)
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.funnel import begun, funnel, funnel_paths
from omnimix.audience.journey.journey import (
    EXIT,
    OPEN,
    OTHER,
    START,
    FunnelStep,
    JourneyMap,
    MediumCount,
    Move,
    StageCount,
    StageMove,
    Step,
)
from omnimix.audience.journey.rules import JourneyRules, Lifecycle
from omnimix.audience.journey.sessions import ORDER
from omnimix.audience.journey.stages import (
    activity_by,
    activity_parts,
    stage_counts,
    stage_moves,
    staged_moves,
    stages,
)
from omnimix.audience.journey.steps import event_steps, fold, number_orders, order_names, unnumbered
from omnimix.audience.journey.touches import mediums, opened, touches
from omnimix.audience.journey.transitions import moves, profile_moves, step_counts, transitions, waits

_USED = ("event_id", "profile_id", "name", "occurred_at", "revenue_minor", "device", "country")
Counts = Mapping[str, pa.Table]


def journey_days(lifecycle: Lifecycle, as_of: datetime) -> tuple[datetime, ...]:
    """The days on which stages are counted: `as_of`, then one period earlier each."""
    return tuple(as_of - timedelta(days=lifecycle.period_days * k) for k in range(lifecycle.periods + 1))


def _lazy(table: Table) -> Table:
    return table


def journey_rows(
    events: Table,
    *,
    rules: JourneyRules,
    lifecycle: Lifecycle,
    as_of: datetime,
    people: Table | None = None,
    keep: Callable[[Table], Table] = _lazy,
) -> dict[str, Table]:
    """The tables that say who did what, by name; `behind_*` functions read them.

    events (what steps are made of), moves, profile_moves, touches, funnel_paths, repeat_paths, staged_moves, and
    stages_0 (on `as_of`), stages_1 (one period earlier) and so on. `people` (profile_id, known_at) adds profiles
    that have no event. Events from `as_of` on are not used. `keep` turns an expression into one that is run once
    and kept; without it each table is run when it is asked for.
    """
    day = ibis.literal(as_of, "timestamp(6)")
    whole = events.filter(_.occurred_at < day)
    events = keep(events.select(*_USED))
    known = events.filter(_.occurred_at < day)
    orders = order_names(rules.repeat_orders)
    numbered = number_orders(event_steps(known), most=rules.repeat_orders)
    wanted = tuple(dict.fromkeys(name for step in rules.funnel for name in (orders if step == ORDER else (step,))))
    steps = keep(fold(numbered, most=rules.most_steps, keep=wanted))
    moved = keep(moves(steps, within_days=rules.within_days, as_of=as_of, gap_minutes=rules.gap_minutes))
    days = journey_days(lifecycle, as_of)
    parts = keep(activity_parts(events, days=days, people=people))
    staged = [keep(stages(activity_by(parts, as_of=day), lifecycle)) for day in days]
    on_the_way = moved.filter(_.begins | _.step.isin(wanted))
    repeats = begun(numbered.filter(_.step.isin(orders)), within_days=rules.repeat_within_days)
    return {
        "events": events,
        "moves": moved,
        "profile_moves": keep(profile_moves(moved)),
        "touches": keep(touches(opened(whole, moved), own_hosts=rules.own_hosts)),
        "funnel_paths": keep(funnel_paths(unnumbered(on_the_way, most=rules.repeat_orders), rules.funnel)),
        "repeat_paths": keep(funnel_paths(repeats, orders)),
        "staged_moves": keep(staged_moves(staged[1], staged[0])),
        **{f"stages_{place}": table for place, table in enumerate(staged)},
    }


def journey_counts(
    events: Table, rows: Mapping[str, Table], *, rules: JourneyRules, as_of: datetime
) -> dict[str, Table]:
    """The small tables that `fit_journey` reads, counted from the tables of `journey_rows`."""
    known = events.filter(_.occurred_at < ibis.literal(as_of, "timestamp(6)"))
    moved, by_profile, touched = rows["moves"], rows["profile_moves"], rows["touches"]
    return {
        "unidentified": known.filter(_.profile_id.isnull()).aggregate(events=_.count()),
        "totals": moved.aggregate(
            events=_.count(),
            profiles=_.profile_id.nunique(),
            sessions=_.opens.cast("int64").sum().fill_null(0).cast("int64"),
        ),
        "steps": step_counts(by_profile),
        "transitions": transitions(by_profile),
        "waits": waits(moved),
        "funnel": funnel(rows["funnel_paths"], rules.funnel),
        "repeat": funnel(rows["repeat_paths"], order_names(rules.repeat_orders)),
        "mediums": mediums(touched),
        "stage_moves": stage_moves(rows["staged_moves"]),
        **{name: stage_counts(table) for name, table in rows.items() if name.startswith("stages_")},
    }


def fit_journey(counts: Counts, *, rules: JourneyRules, lifecycle: Lifecycle, as_of: datetime) -> JourneyMap:
    """Put the counts of `journey_counts` together, in an order that does not depend on the engine."""
    totals = counts["totals"].to_pylist()[0]
    days = journey_days(lifecycle, as_of)
    steps = _steps(counts["steps"], totals["profiles"])
    return JourneyMap(
        as_of=as_of,
        before=days[1],
        within_days=rules.within_days,
        events=totals["events"],
        unidentified_events=counts["unidentified"].to_pylist()[0]["events"],
        profiles=totals["profiles"],
        sessions=totals["sessions"],
        steps=steps,
        moves=_moves(counts["transitions"], counts["waits"], [s.step for s in steps]),
        funnel=_funnel(counts["funnel"]),
        repeat=_funnel(counts["repeat"]),
        mediums=_mediums(counts["mediums"]),
        stages=_stages(counts["stages_0"], lifecycle, as_of),
        stage_moves=_stage_moves(counts["stage_moves"], lifecycle),
        history=tuple(
            count
            for place in range(len(days) - 1, 0, -1)
            for count in _stages(counts[f"stages_{place}"], lifecycle, days[place])
        ),
    )


def _steps(table: pa.Table, profiles: int) -> tuple[Step, ...]:
    rows = sorted(table.to_pylist(), key=lambda r: (r["step"] == OTHER, -r["visits"], r["step"]))
    return tuple(Step(r["step"], r["visits"], r["profiles"], r["profiles"] / profiles) for r in rows)


def _moves(table: pa.Table, waited: pa.Table, steps: Iterable[str]) -> tuple[Move, ...]:
    places = {step: place for place, step in enumerate((START, *steps, OPEN, EXIT))}
    wait = {(r["step"], r["next_step"]): r for r in waited.to_pylist()}
    found = [
        Move(
            r["step"],
            r["next_step"],
            r["moves"],
            r["profiles"],
            r["share"],
            *(wait.get((r["step"], r["next_step"]), {}).get(q) for q in ("q1", "median", "q3")),
        )
        for r in table.to_pylist()
    ]
    return tuple(sorted(found, key=lambda m: (places[m.step], -m.moves, places[m.next_step])))


def _funnel(table: pa.Table) -> tuple[FunnelStep, ...]:
    rows = sorted(table.to_pylist(), key=lambda r: r["place"])
    found: list[FunnelStep] = []
    for row in rows:
        first = rows[0]["profiles"]
        previous = found[-1].profiles if found else first
        found.append(
            FunnelStep(
                place=row["place"],
                step=row["step"],
                profiles=row["profiles"],
                share_of_first=_share(row["profiles"], first),
                share_of_previous=_share(row["profiles"], previous),
                median=row["median"],
            )
        )
    return tuple(found)


def _mediums(table: pa.Table) -> tuple[MediumCount, ...]:
    rows = sorted(table.to_pylist(), key=lambda r: (-r["touches"], r["medium"]))
    everything = sum(r["touches"] for r in rows)
    return tuple(
        MediumCount(r["medium"], r["touches"], r["sessions"], r["profiles"], _share(r["touches"], everything))
        for r in rows
    )


def _stages(table: pa.Table, lifecycle: Lifecycle, day: datetime) -> tuple[StageCount, ...]:
    held = {r["stage"]: r["profiles"] for r in table.to_pylist()}
    everybody = sum(held.values())
    return tuple(
        StageCount(day, s.key, held.get(s.key, 0), _share(held.get(s.key, 0), everybody)) for s in lifecycle.stages
    )


def _stage_moves(table: pa.Table, lifecycle: Lifecycle) -> tuple[StageMove, ...]:
    order = {key: place for place, key in enumerate((START, *(s.key for s in lifecycle.stages)))}
    rows = sorted(table.to_pylist(), key=lambda r: (order[r["stage"]], order[r["next_stage"]]))
    out: dict[str, int] = {}
    for row in rows:
        out[row["stage"]] = out.get(row["stage"], 0) + row["profiles"]
    return tuple(
        StageMove(r["stage"], r["next_stage"], r["profiles"], _share(r["profiles"], out[r["stage"]])) for r in rows
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
