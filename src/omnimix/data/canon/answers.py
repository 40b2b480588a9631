"""Consent that arrives with events: categories of a consent tool, TCF strings, Global Privacy Control.

in   typed columns of events
out  rows of `consent`

A client that sends a person's answers along with every event repeats them; it decides nothing by that. Where the
client says when the person decided (`consent_at`; a TCF string carries it), that instant counts, and never one
after the event. Global Privacy Control says no to advertising as of the event it came with.
"""

import pyarrow as pa
import pyarrow.compute as pc

from omnimix.data.canon.table import LINE, SUFFIX, Whole, column, constant, person_key
from omnimix.data.source.mapping import CATEGORY, Shape
from omnimix.governance.consent import Purpose
from omnimix.governance.consent.tcf import Answer, answer_of

TCF, GPC = "tcf", "gpc"  # sources of decisions


def answer_rows(form: Shape, table: pa.Table, lines: Whole) -> list[pa.Table]:
    """Tables of `consent` rows: one row for each purpose that an event says something of."""
    made = [*_of_categories(form, table, lines), *_of_strings(form, table, lines)]
    if "gpc" in table.column_names:
        told = column(table, "gpc")
        refused = pc.if_else(told, pa.scalar(False), pa.scalar(None, pa.bool_()))
        at = column(table, "occurred_at")
        made.append(_rows(table, lines, GPC, Purpose.ADVERTISING, refused, at, source=GPC))
    return [rows for rows in made if rows.num_rows]


def _of_categories(form: Shape, table: pa.Table, lines: Whole) -> list[pa.Table]:
    purposes, occurred_at = form.signals.purposes, column(table, "occurred_at")
    made = []
    for name in (n for n in table.column_names if n.startswith(CATEGORY)):
        category, given = name.removeprefix(CATEGORY), column(table, "consent_at")
        at = pc.coalesce(pc.min_element_wise(given, occurred_at, skip_nulls=False), occurred_at)
        purpose, granted = purposes[category], column(table, name)
        made.append(_rows(table, lines, name, purpose, granted, at, source=form.key, repeated=pc.is_null(given)))
    return made


def _of_strings(form: Shape, table: pa.Table, lines: Whole) -> list[pa.Table]:
    if "tcf" not in table.column_names or table["tcf"].null_count == table.num_rows:
        return []
    coded = column(table, "tcf").dictionary_encode()
    answers = [a for t in coded.dictionary.to_pylist() if isinstance(a := answer_of(t, form.signals), Answer)]
    given = pc.take(pa.array([a.decided_at for a in answers], pa.timestamp("us")), coded.indices)
    at = pc.min_element_wise(given, column(table, "occurred_at"), skip_nulls=False)
    made = []
    for purpose in answers[0].granted if answers else ():
        granted = pc.take(pa.array([a.granted[purpose] for a in answers], pa.bool_()), coded.indices)
        made.append(_rows(table, lines, f"{TCF}.{purpose}", purpose, granted, at, source=TCF))
    return made


def _rows(
    table: pa.Table,
    lines: Whole,
    suffix: str,
    purpose: Purpose,
    granted: pa.Array,
    at: pa.Array,
    *,
    source: str,
    repeated: pa.Array | None = None,
) -> pa.Table:
    size, people = table.num_rows, person_key(table)
    rows = {
        LINE: pa.array(lines),
        SUFFIX: constant(f".{suffix}", size),
        "person_key": people,
        "purpose": constant(str(purpose), size),
        "granted": granted,
        "decided_at": at,
        "source": constant(source, size),
        "repeated": pa.repeat(pa.scalar(False), size) if repeated is None else repeated,
    }
    return pa.table(rows).filter(pc.and_(pc.is_valid(granted), pc.is_valid(people)))
