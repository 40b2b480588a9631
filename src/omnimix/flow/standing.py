"""What the last run found out about each person, as the standing part of online state.

in   facts: links, members, values, traits, order lines, robots
out  a State for each profile with nothing but its standing fields
"""

from collections.abc import Iterator
from typing import Any

import ibis
from ibis import _

from omnimix.activation.decide.state import State
from omnimix.activation.experiment.audience import habits
from omnimix.activation.experiment.lanes import BROAD_ONLY
from omnimix.audience.journey.stages import activity, stages
from omnimix.audience.segment.segment import REST
from omnimix.core.clock import micros
from omnimix.flow.machine import Machine
from omnimix.flow.people import events_of, fact, lines_of, members_of, permitted_for, traits_of
from omnimix.governance.consent import Purpose

_VALUES = ("expected_orders", "p_alive", "clv_minor", "p_buy", "p_churn", "p_respond")


def standing_states(machine: Machine) -> dict[str, State]:
    """Profile → its standing. Who refuses personalisation is in BROAD_ONLY, with no habits and no traits."""
    arrow, us = machine.warehouse.arrow, micros(machine.clock())
    may = set(arrow(permitted_for(machine, Purpose.PERSONALISATION))["profile_id"].to_pylist())
    robots = set(arrow(fact(machine, "robot"))["profile_id"].to_pylist())
    found = {
        profile: State(
            profile,
            published_us=us,
            profile_id=profile,
            segment=REST if profile in may else BROAD_ONLY,
            robot=profile in robots,
        )
        for profile in arrow(fact(machine, "link").select("profile_id").distinct())["profile_id"].to_pylist()
    }
    for row in _rows(machine):
        state = found.get(row.pop("profile_id"))
        if state is None or state.profile_id not in may:
            continue
        for name, value in row.items():
            if value is None:
                continue
            if name in _VALUES:
                state.traits = {**state.traits, name: float(value)}
            else:
                setattr(state, name, value)
    return found


def _rows(machine: Machine) -> Iterator[dict[str, Any]]:
    """Rows with profile_id and some fields of State; later rows hold before earlier ones."""
    arrow = machine.warehouse.arrow
    staged = stages(activity(events_of(machine, Purpose.PERSONALISATION), as_of=machine.today), machine.lifecycle)
    paid = habits(lines_of(machine, Purpose.PERSONALISATION), as_of=machine.today)
    paid = paid.mutate(  # rounded first: engines differ in the last bits of a quantile
        price_low=_.price_low.round(3).floor().cast("int64"), price_high=_.price_high.round(3).ceil().cast("int64")
    )
    told = traits_of(machine).filter(_.profile_id.notnull(), _.trait.isin(["language", "country"]))
    newest = ibis.window(group_by=["profile_id", "trait"], order_by=[ibis.desc("observed_at"), "trait_id"])
    told = told.mutate(place=ibis.row_number().over(newest)).filter(_.place == 0)
    members = members_of(machine).select("profile_id", "segment")
    values = fact(machine, "value").select("profile_id", *_VALUES)
    for table in (members, values, staged, paid):
        yield from arrow(table).to_pylist()
    for row in arrow(told.select("profile_id", "trait", "value")).to_pylist():
        yield {"profile_id": row["profile_id"], row["trait"]: row["value"]}
