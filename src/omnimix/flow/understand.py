"""Stages 1 and 2 as steps of a run: ingest, identity, catalogue; what is found out has modules of its own.

in   the workspace's sources
out  facts
"""

from ibis import _

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
