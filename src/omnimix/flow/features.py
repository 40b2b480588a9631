"""Features of the people who may be profiled, and which rule segments they meet, as of `machine.today`.

in   facts
out  a FEATURE table expression; flags by rule segment
"""

from collections.abc import Mapping

from ibis.expr.types import Table

from omnimix.audience.journey.stages import activity, stages
from omnimix.audience.segment.by_rule import by_rule
from omnimix.audience.segment.features import features
from omnimix.flow.enrichment import usable_traits_of
from omnimix.flow.machine import Machine
from omnimix.flow.people import MARGIN_SHARE, events_of, fact, lines_of, permitted_for
from omnimix.governance.consent import Purpose


def feature_table(machine: Machine) -> Table:
    """Features of every profile that personalisation may use, as of `machine.today`."""
    events = events_of(machine, Purpose.PERSONALISATION)
    table = features(
        lines_of(machine, Purpose.PERSONALISATION),
        events,
        fact(machine, "product"),
        as_of=machine.today,
        stages=stages(activity(events, as_of=machine.today), machine.lifecycle),
        timezone=machine.timezone,
        margin_share=MARGIN_SHARE,
    )
    return table.semi_join(permitted_for(machine, Purpose.PERSONALISATION), "profile_id")


def rule_flags(machine: Machine, rows: Table) -> Table | None:
    """Who meets which rule segment, once worked out."""
    if not machine.segments.rules:
        return None
    flags = by_rule(
        rows,
        machine.segments.rules,
        events=events_of(machine, Purpose.PERSONALISATION),
        traits=usable_traits_of(machine),
        value=machine.warehouse.table("value"),
        as_of=machine.today,
    )
    return machine.warehouse.materialise(flags)


def count_of(machine: Machine, rows: Table) -> int:
    """How many rows a table has."""
    counted_rows: Mapping[str, int] = machine.warehouse.arrow(rows.aggregate(n=rows.count())).to_pylist()[0]
    return counted_rows["n"]
