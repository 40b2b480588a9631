"""Stages 1 and 2 as steps of a run: ingest, identity, catalogue, journey, personas; segments are in `segments`.

in   the workspace's sources
out  facts; artifacts `journey`, `segmentation`, `personas`
"""

from collections.abc import Mapping

from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.fit import fit_journey, journey_counts, journey_rows
from omnimix.audience.persona.fit import fit_base_portrait, fit_personas
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.core.errors import InvalidInput
from omnimix.data.ingest import silent
from omnimix.data.intake import Progress
from omnimix.flow.collect import gather
from omnimix.flow.machine import Machine
from omnimix.flow.people import events_of, fact, lines_of
from omnimix.flow.step import Counts


def take_in(machine: Machine, progress: Progress = silent) -> Counts:
    """Read every source. Lines that were refused wait in quarantine. Raises InvalidInput without sources."""
    if not machine.sources and not machine.collect.write_keys:
        raise InvalidInput(
            "no source is declared",
            where="omnimix.toml",
            fix="add a table such as [sources.orders] with a path and a preset; omnimix init writes an example",
        )
    report = gather(machine, progress)
    total = report.total
    return Counts(
        total.lines_read,
        total.accepted,
        rejected=total.rejected,
        unit_in="lines",
        unit_out="lines",
        set_aside={"duplicates": total.duplicates, "ignored": total.ignored},
        detail={"files": total.files, "profiles": report.profiles}
        | {f"{k} rows": n for k, n in report.facts.items()},
        output=[sorted(report.facts.items()), _stamps(machine), report.profiles],
    )


def _stamps(machine: Machine) -> dict[str, dict[str, int]]:
    """When each part of the facts that sources fill was written: a file that went back to older words is news."""
    return {n: machine.warehouse.stamps(n) for n in ("event", "order_line", "trait", "consent", "link", "product")}


def identify(machine: Machine) -> Counts:
    """Count the rows that belong to somebody. Raises InvalidInput for none, or money of two kinds."""
    _one_currency(machine)
    resolved = (
        events_of(machine, None)
        .select("profile_id")
        .union(lines_of(machine, None).select("profile_id"), distinct=False)
    )
    counted = resolved.aggregate(rows=_.count(), known=_.profile_id.count(), people=_.profile_id.nunique())
    row = machine.warehouse.arrow(counted).to_pylist()[0]
    if not row["people"]:
        raise InvalidInput(
            "there are no customers: no event and no order names a person",
            where="omnimix.toml: sources",
            fix="map the column that holds the customer (person), then ingest again",
        )
    return Counts(
        row["rows"],
        row["known"],
        unit_in="events and order lines",
        unit_out="events and order lines",
        set_aside={"of nobody known": row["rows"] - row["known"]},
        detail={"profiles": row["people"]},
        output=row,
    )


def _one_currency(machine: Machine) -> None:
    """Raises InvalidInput for money that is not in the currency of the workspace: sums would mean nothing."""
    money = {"order_line": "amount_minor", "event": "revenue_minor", "spend": "cost_minor"}
    for name, amount in money.items():
        rows = fact(machine, name)
        other = rows.filter(rows[amount].fill_null(0) != 0, _.currency != machine.currency)
        for found in machine.warehouse.arrow(
            other.group_by("source", "currency").aggregate(n=_.count()).order_by("source", "currency").limit(1)
        ).to_pylist():
            raise InvalidInput(
                f"{found['n']:,} rows are in {found['currency']}, and the workspace counts in {machine.currency}",
                where=f"sources.{found['source']}",
                fix="convert them in the file or query, or set currency in [workspace]",
            )


def catalogue(machine: Machine) -> Counts:
    """Count the catalogue. Raises InvalidInput when it is empty."""
    products = fact(machine, "product")
    counted = products.aggregate(
        rows=_.count(), stocked=_.in_stock.cast("int64").sum().fill_null(0), categories=_.category.nunique()
    )
    row = machine.warehouse.arrow(counted).to_pylist()[0]
    if not row["rows"]:
        raise InvalidInput(
            "the catalogue is empty",
            where="omnimix.toml: sources",
            fix="declare a source that holds products or orders",
        )
    return Counts(
        row["rows"],
        row["rows"],
        unit_in="products",
        unit_out="products",
        detail={"in stock": row["stocked"], "categories": row["categories"]},
        output=row,
    )


def journey_tables(machine: Machine) -> Mapping[str, Table]:
    """Who did what on the journey map, by table name, not run yet; the `behind_*` functions read them."""
    return journey_rows(
        events_of(machine), rules=machine.journey, lifecycle=machine.lifecycle, as_of=machine.today
    )


def map_journey(machine: Machine) -> Counts:
    """Draw the journey map of everybody."""
    rows = {name: machine.warehouse.materialise(table) for name, table in journey_tables(machine).items()}
    counts = journey_counts(events_of(machine), rows, rules=machine.journey, as_of=machine.today)
    arrows = {name: machine.warehouse.arrow(table) for name, table in counts.items()}
    found = fit_journey(arrows, rules=machine.journey, lifecycle=machine.lifecycle, as_of=machine.today)
    machine.artifacts.save("journey", found)
    total = machine.warehouse.arrow(events_of(machine).aggregate(rows=_.count())).to_pylist()[0]["rows"]
    return Counts(
        total,
        found.events,
        unit_in="events",
        unit_out="events",
        set_aside={
            "of nobody known": found.unidentified_events,
            "later than today": total - found.events - found.unidentified_events,
        },
        detail={"sessions": found.sessions, "steps": len(found.steps), "profiles": found.profiles},
        output=found,
    )


def portray(machine: Machine) -> Counts:
    """Write a persona for every segment."""
    segmentation = machine.artifacts.load("segmentation", Segmentation)
    rows = machine.warehouse.arrow(machine.warehouse.table("feature"))
    placed = machine.warehouse.arrow(
        fact(machine, "member").semi_join(machine.warehouse.table("feature"), "profile_id")
    )
    personas = fit_personas(rows, placed, segmentation, currency=machine.currency)
    machine.artifacts.save("personas", personas)
    machine.artifacts.save("portrait", fit_base_portrait(rows, currency=machine.currency))
    return Counts(
        len(segmentation.segments),
        len(personas),
        unit_in="segments",
        unit_out="personas",
        detail={"statements": sum(len(p.statements) for p in personas)},
        output=personas,
    )
