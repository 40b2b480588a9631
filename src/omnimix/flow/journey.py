"""The journey as a step of a run, its comparisons, and one contact's place on the map.

in   events with profile_id, the [journey] and [lifecycle] rules
out  artifacts `journey`, `paths`, `comparisons`, `opportunities`, `catalysts`; a Place; out/journey.svg and .json

    found = know_journey(warehouse, events, …)      everything, from one reading of the events
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import ibis
import msgspec
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey import catalyst, compare, opportunity
from omnimix.audience.journey.contexts import fit_contexts, fit_paths
from omnimix.audience.journey.fit import fit_journey, journey_counts, journey_rows
from omnimix.audience.journey.insight import Catalysts, Comparison, Opportunities, PathMap, Place
from omnimix.audience.journey.journey import JourneyMap
from omnimix.audience.journey.pain.record import PainReport
from omnimix.audience.journey.paths import (
    context_counts,
    context_people,
    conversions,
    path_counts,
    path_shapes,
    whole_totals,
)
from omnimix.audience.journey.rules import JourneyRules, Lifecycle
from omnimix.audience.journey.sessions import ORDER
from omnimix.audience.journey.stages import activity, stages
from omnimix.audience.journey.steps import event_steps, number_orders, order_names, step_names, unnumbered
from omnimix.audience.journey.transitions import moves, profile_moves
from omnimix.audience.journey.where import fit_place
from omnimix.core.errors import InvalidInput, NotFound
from omnimix.flow.machine import Machine
from omnimix.flow.people import MARGIN_SHARE, events_of, fact, lines_of, margins_of, members_of
from omnimix.flow.step import Counts
from omnimix.governance.pseudonym import KeyKind, Pseudonyms, normalised
from omnimix.measurement.report.graph import journey_graph
from omnimix.store.warehouse import Warehouse

CONTEXTS, WHOLE = 60, 12  # contexts kept in the record; whole paths spelled out
Keep = Callable[[Table], Table]  # runs an expression once
RATE = 0.05  # of false findings among what is flagged or claimed, at most


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything the journey stage finds of one base of people on one day."""

    journey: JourneyMap
    paths: PathMap
    comparisons: tuple[Comparison, ...]
    opportunities: Opportunities
    catalysts: Catalysts


def know_journey(
    warehouse: Warehouse,
    events: Table,
    *,
    rules: JourneyRules,
    lifecycle: Lifecycle,
    as_of: datetime,
    currency: str,
    margin_share: float,
) -> Knowledge:
    """The whole journey stage. `margin_share`: of an order's revenue, what it contributes."""
    keep = _keeper(warehouse, events, rules)
    rows = journey_rows(events, rules=rules, lifecycle=lifecycle, as_of=as_of, keep=keep)
    events = rows["events"]
    counts = journey_counts(events, rows, rules=rules, as_of=as_of)
    arrows = {name: warehouse.arrow(table) for name, table in counts.items()}
    journey = fit_journey(arrows, rules=rules, lifecycle=lifecycle, as_of=as_of)
    moved = rows["moves"]
    first_at = warehouse.arrow(moved.aggregate(at=_.occurred_at.min())).to_pylist()[0]["at"]
    known = compare.decided(moved, as_of=as_of, horizon_days=rules.horizon_days)
    made = keep(profile_moves(known))
    found = tuple(
        comparison
        for by in rules.compare
        if by != "segment"  # made later, from this
        for comparison in [_compared(warehouse, keep, rows, known, made, by, rules, lifecycle, as_of)]
        if len(comparison.groups) > 1
    )
    blocks = keep(opportunity.people(rows["profile_moves"]))
    chances = opportunity.fit_opportunities(
        warehouse.arrow(opportunity.block_moves(made, rows["profile_moves"], blocks)),
        warehouse.arrow(opportunity.block_revenue(known, events, blocks)),
        journey,
        found,
        currency=currency,
        margin_share=margin_share,
        horizon_days=rules.horizon_days,
        first_at=first_at,
    )
    return Knowledge(
        journey=journey,
        paths=_paths(warehouse, keep, moved, rules, as_of),
        comparisons=found,
        opportunities=chances,
        catalysts=_catalysts(warehouse, keep, events, blocks, rules, lifecycle, as_of, first_at),
    )


def _keeper(warehouse: Warehouse, events: Table, rules: JourneyRules) -> Keep:
    """Keeps tables once, people and steps in them held by dictionaries: that halves what the stage costs."""
    people = warehouse.learn(events.select("profile_id"))
    names = warehouse.arrow(events.select("name").distinct())["name"].to_pylist()
    steps = warehouse.learn(ibis.memtable(pa.table({"step": step_names(names, most=rules.repeat_orders)})))
    words = dict.fromkeys(("name", "event", "step", "next_step", "before_1", "before_2"), steps) | {
        "profile_id": people
    }
    return partial(warehouse.materialise, words=words)


def _paths(warehouse: Warehouse, keep: Keep, moved: Table, rules: JourneyRules, as_of: datetime) -> PathMap:
    tree = fit_contexts(warehouse.arrow(context_counts(moved)))
    shapes = keep(path_shapes(moved))
    goal = rules.funnel[-1]
    steps = order_names(rules.repeat_orders) if goal == ORDER else (goal,)
    counts = {
        "context_people": context_people(moved, [c.steps for c in tree.kept[:CONTEXTS]]),
        "path_counts": path_counts(shapes, most=WHOLE),
        "whole_totals": whole_totals(shapes),
        "conversions": conversions(moved, steps, within_days=rules.within_days),
    }
    arrows = {name: warehouse.arrow(table) for name, table in counts.items()}
    return fit_paths(tree, arrows, as_of=as_of, goal=goal, most=CONTEXTS)


def _compared(
    warehouse: Warehouse,
    keep: Keep,
    rows: Mapping[str, Table],
    known: Table,
    made: Table,
    by: str,
    rules: JourneyRules,
    lifecycle: Lifecycle,
    as_of: datetime,
    members: Table | None = None,
) -> Comparison:
    """`known`: the decided moves; `made`: the same by profile."""
    paths = rows["funnel_paths"]
    if by in compare.OF_PEOPLE:
        groups = compare.people_groups(by, moved=rows["moves"], touched=rows["touches"], members=members)
        groups = keep(groups)
        made, paths = made.join(groups, "profile_id"), paths.join(groups, "profile_id")
    else:
        table = _grouped(known, by, rules, lifecycle, as_of)
        if by in compare.OF_STEPS and warehouse.arrow(table.select("grouping").distinct().limit(2)).num_rows < 2:
            return Comparison(by, rules.horizon_days, (), 0, RATE, ())  # nothing to compare with
        made = keep(compare.group_profiles(table))
        paths = compare.entered(paths, unnumbered(table, most=rules.repeat_orders), rules.funnel)
    people = warehouse.arrow(compare.group_people(made))
    return compare.fit_comparison(
        people,
        warehouse.arrow(compare.group_moves(made)),
        warehouse.arrow(compare.group_funnel(paths, rules.funnel)),
        by=by,
        horizon_days=rules.horizon_days,
        names=rules.funnel,
        rate=RATE,
    )


def _grouped(known: Table, by: str, rules: JourneyRules, lifecycle: Lifecycle, as_of: datetime) -> Table:
    return compare.move_groups(
        known,
        by,
        as_of=as_of - timedelta(days=rules.horizon_days),
        period_days=lifecycle.period_days,
        orders=order_names(rules.repeat_orders),
    )


def _catalysts(
    warehouse: Warehouse,
    keep: Keep,
    events: Table,
    blocks: Table,
    rules: JourneyRules,
    lifecycle: Lifecycle,
    as_of: datetime,
    first_at: datetime | None,
) -> Catalysts:
    days = rules.horizon_days
    made = keep(catalyst.event_periods(events, as_of=as_of, period_days=days))
    rows = keep(catalyst.panel(made, blocks, lifecycle, as_of=as_of, period_days=days))
    did = warehouse.arrow(catalyst.doers(made))
    counted = warehouse.arrow(catalyst.strata(rows, made, catalyst.candidates(did)))
    return catalyst.fit_catalysts(counted, did, as_of=as_of, first_at=first_at, period_days=days, rate=RATE)


def journey_tables(machine: Machine) -> Mapping[str, Table]:
    """Who did what on the journey map, by table name, not run yet; the `behind_*` functions read them."""
    return journey_rows(
        events_of(machine), rules=machine.journey, lifecycle=machine.lifecycle, as_of=machine.today
    )


def map_journey(machine: Machine) -> Counts:
    """Draw the journey map of everybody, and find what it tells."""
    found = know_journey(
        machine.warehouse,
        events_of(machine),
        rules=machine.journey,
        lifecycle=machine.lifecycle,
        as_of=machine.today,
        currency=machine.currency,
        margin_share=_margin_share(machine),
    )
    for name in ("journey", "paths", "comparisons", "opportunities", "catalysts"):
        machine.artifacts.save(name, getattr(found, name))
    tables = (events_of(machine, None), fact(machine, "automated"), events_of(machine))
    counts = [machine.warehouse.arrow(t.aggregate(rows=_.count())).to_pylist()[0]["rows"] for t in tables]
    came_in, of_robots, total = counts
    journey = found.journey
    return Counts(
        came_in,
        journey.events,
        unit_in="events",
        unit_out="events",
        set_aside={
            "of nobody known": journey.unidentified_events,
            "later than today": total - journey.events - journey.unidentified_events,
            "of robots": of_robots,
            "without consent to measurement": came_in - of_robots - total,
        },
        detail={
            "sessions": journey.sessions,
            "steps": len(journey.steps),
            "profiles": journey.profiles,
            "contexts": found.paths.kept,
            "opportunities": len(found.opportunities.items),
            "catalysts": len(found.catalysts.claimed),
        },
        output=found,
    )


def _margin_share(machine: Machine) -> float:
    """What an order's amount contributes, over all lines; where there are none, what is assumed."""
    lines = lines_of(machine).filter(_.profile_id.notnull() & (_.kind != "fee"))
    amount = machine.warehouse.arrow(lines.aggregate(x=_.amount_minor.sum())).to_pylist()[0]["x"]
    margin = machine.warehouse.arrow(margins_of(machine).aggregate(x=_.margin_minor.sum())).to_pylist()[0]["x"]
    return float(margin) / float(amount) if amount and margin else MARGIN_SHARE


def compare_journey(machine: Machine, by: str) -> Comparison:
    """The map by one dimension, now. Raises InvalidInput for an unknown dimension, NotFound without segments."""
    members = _members(machine, by)
    events = events_of(machine)
    keep = _keeper(machine.warehouse, events, machine.journey)
    rows = journey_rows(events, rules=machine.journey, lifecycle=machine.lifecycle, as_of=machine.today, keep=keep)
    known = compare.decided(rows["moves"], as_of=machine.today, horizon_days=machine.journey.horizon_days)
    made, today = profile_moves(known), machine.today
    return _compared(
        machine.warehouse, keep, rows, known, made, by, machine.journey, machine.lifecycle, today, members
    )


def compared_moves(machine: Machine, rows: Mapping[str, Table], by: str) -> Table:
    """The moves that a comparison counts, with the group of each; `behind_difference` reads them."""
    known = compare.decided(rows["moves"], as_of=machine.today, horizon_days=machine.journey.horizon_days)
    if by not in compare.OF_PEOPLE:
        return _grouped(known, by, machine.journey, machine.lifecycle, machine.today)
    members = _members(machine, by)
    groups = compare.people_groups(by, moved=rows["moves"], touched=rows["touches"], members=members)
    return known.join(groups, "profile_id")


def _members(machine: Machine, by: str) -> Table | None:
    if by != "segment":
        return None
    if not machine.warehouse.parts("member"):
        raise NotFound("there are no segments yet", where="--by", fix="run `omnimix run` first")
    return members_of(machine)


def journey_files(machine: Machine) -> tuple[Path, ...]:
    """Write out/journey.svg, the picture, and out/journey.json, all records for a dashboard. Raises NotFound."""
    journey = machine.artifacts.load("journey", JourneyMap)
    load, has = machine.artifacts.load, machine.artifacts.has
    pain = load("pain", PainReport) if has("pain") else None
    everything = {"journey": journey, "pain": pain} | {n: load(n, kind) for n, kind in _RECORDS.items() if has(n)}
    texts = {
        "journey.svg": str(journey_graph(journey, pain, alone=True)),
        # Infinities, which intervals have while nothing is known, are not JSON: msgspec writes null.
        "journey.json": msgspec.json.encode(everything).decode(),
    }
    machine.out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        draft = machine.out / f".{uuid4().hex}.{name}"
        draft.write_text(text, encoding="utf-8")
        draft.replace(machine.out / name)
    return tuple(machine.out / name for name in texts)


_RECORDS: dict[str, Any] = {
    "paths": PathMap,
    "comparisons": tuple[Comparison, ...],
    "opportunities": Opportunities,
    "catalysts": Catalysts,
}


def find_profile(machine: Machine, kind: KeyKind, identifier: str) -> str:
    """The profile of a raw identifier, which is pseudonymised at once. Raises NotFound, InvalidInput."""
    try:
        plain = normalised(kind, identifier)
    except InvalidInput as error:
        raise InvalidInput(f"what was given {error.message}", where=f"--{kind.value}") from None
    if plain is None:
        raise InvalidInput("what was given names nobody", where=f"--{kind.value}")
    key = Pseudonyms(machine.key).of(kind, plain)
    rows = machine.warehouse.arrow(fact(machine, "link").filter(_.key == key).select("profile_id").distinct())
    if not rows.num_rows:
        raise NotFound(
            f"no profile has this {kind.value}", where=f"--{kind.value}", fix="ingest their events first"
        )
    return str(rows["profile_id"].to_pylist()[0])


def where_is(machine: Machine, profile_id: str) -> Place:
    """A contact's place on the map of the last run. Raises NotFound without a run, or without events."""
    journey = machine.artifacts.load("journey", JourneyMap)
    paths = machine.artifacts.load("paths", PathMap)
    as_of, rules = journey.as_of, machine.journey
    theirs = events_of(machine).filter(
        _.profile_id == profile_id, _.occurred_at < ibis.literal(as_of, "timestamp(6)")
    )
    steps = number_orders(event_steps(theirs), most=rules.repeat_orders)
    moved = machine.warehouse.arrow(
        moves(steps, within_days=rules.within_days, as_of=as_of, gap_minutes=rules.gap_minutes)
    )
    staged = machine.warehouse.arrow(stages(activity(theirs, as_of=as_of), machine.lifecycle)).to_pylist()
    place = fit_place(moved, journey, paths, profile_id=profile_id, stage=staged[0]["stage"] if staged else None)
    if place is None:
        raise NotFound(
            f"profile {profile_id!r} has no event before {as_of:%Y-%m-%d} that may be used",
            where="journey where",
            fix="omnimix journey behind --step NAME lists profiles of the map",
        )
    return place
