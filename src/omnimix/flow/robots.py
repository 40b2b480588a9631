"""Robots as a step of a run: what no person did is marked, kept, and left out of everything that follows.

in   events
out  the facts `automated` and `robot`; the share removed, by reason
"""

from ibis import _

from omnimix.data.robots.marks import REASONS, automated, robot_profiles
from omnimix.flow.machine import Machine
from omnimix.flow.people import events_of, lines_of, traits_of
from omnimix.flow.step import Counts


def mark_robots(machine: Machine) -> Counts:
    """Mark the events that no person did, and count them by reason. Orders are never among them."""
    events = events_of(machine, None)
    marks = machine.warehouse.materialise(automated(events, machine.robots))
    machine.warehouse.write("automated", marks.order_by("event_id"))
    made = robot_profiles(events, marks, lines_of(machine, None), traits_of(machine, None))
    alone = machine.warehouse.write("robot", made.order_by("profile_id"))
    total = machine.warehouse.arrow(events.aggregate(rows=_.count())).to_pylist()[0]["rows"]
    counted = machine.warehouse.arrow(marks.group_by("reason").aggregate(rows=_.count())).to_pylist()
    by_reason = {row["reason"]: row["rows"] for row in counted}
    found = {reason: by_reason[reason] for reason in REASONS if reason in by_reason}
    removed = sum(found.values())
    return Counts(
        total,
        total - removed,
        unit_in="events",
        unit_out="events",
        set_aside=found,
        detail={"share of robots": f"{removed / total:.2%}" if total else "0", "profiles of robots alone": alone},
        output=[found, alone],
    )
