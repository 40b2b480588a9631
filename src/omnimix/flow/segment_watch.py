"""What is watched about segments in use: rule lists, movement, proxies. Drift is watched where it decides.

in   facts; who is in which segment today
out  the parts of a Watch
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ibis.expr.types import Table

from omnimix.audience.segment.definition import named, of_value
from omnimix.audience.segment.movement import Movement, moves, read_movement
from omnimix.audience.segment.place import clusters_of, placed
from omnimix.audience.segment.proxy import Proxy, attribute_counts, fit_proxies, is_protected
from omnimix.audience.segment.segment import REST
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.audience.segment.watch import RuleList
from omnimix.data.identity.traits import traits_of
from omnimix.flow.features import feature_table, rule_flags
from omnimix.flow.machine import Machine
from omnimix.flow.people import fact

WATCH = "segment_watch"  # the artifact that keeps a Watch


def lists_of(machine: Machine, flags: Table | None, found: Segmentation) -> tuple[RuleList, ...]:
    """Each rule segment: how many meet it, and how many of them it has on the ladder."""
    rules = machine.segments.rules
    if flags is None:
        return ()
    sums = flags.aggregate(**{key: flags[key].ifelse(1, 0).cast("int64").sum().fill_null(0) for key in rules})
    met = machine.warehouse.arrow(sums).to_pylist()[0]
    sizes = dict(sizes_of(found))
    lists = []
    for key, definition in rules.items():
        note = ""
        if not definition.claims:
            note = "a list beside the ladder"
        elif key not in found.claims:
            note = f"fewer than {machine.segments.min_size} people of its own: a list beside the ladder"
        lists.append(RuleList(key, named(key, definition), definition.text, met[key], sizes.get(key, 0), note))
    return tuple(lists)


def movement_of(machine: Machine, member: Table, found: Segmentation) -> Movement:
    """Who moved since `compare_days` ago. `member` says who is where today."""
    before = machine.today - timedelta(days=machine.segments.compare_days)
    after = _on(machine, machine.today, found) if _untold(machine, found) else member
    return _moved(machine, _on(machine, before, found), after, found, before, machine.today)


def movement_between(machine: Machine, before: datetime, after: datetime) -> Movement:
    """Who moved between two days, placed by today's segments. Raises NotFound before the first run."""
    found = machine.artifacts.load("segmentation", Segmentation)
    return _moved(machine, _on(machine, before, found), _on(machine, after, found), found, before, after)


def proxies_of(machine: Machine, member: Table, *, seed: int) -> tuple[Proxy, ...]:
    """How well segments predict what is protected, where people said it themselves."""
    told = traits_of(fact(machine, "trait"), fact(machine, "link"))
    told = told.filter(told["provider"].isnull())
    names = machine.warehouse.arrow(told.select("trait").distinct().order_by("trait"))["trait"].to_pylist()
    attributes = tuple(n for n in names if is_protected(n))
    if not attributes:
        return ()
    rows = machine.warehouse.arrow(attribute_counts(member, told, attributes))
    return fit_proxies(rows, machine.segments, attributes=attributes, seed=seed)


def sizes_of(found: Segmentation) -> tuple[tuple[str, int], ...]:
    """Segment and people, for a Reference."""
    return tuple((s.key, s.size) for s in found.segments)


def _moved(
    machine: Machine, then: Table, now: Table, found: Segmentation, before: datetime, after: datetime
) -> Movement:
    order = [*(s.key for s in found.segments if s.key != REST), REST]
    order = [*order, *(k for k in (*found.claims, *found.keys) if k not in order)]
    cells = machine.warehouse.arrow(moves(then, now))
    return read_movement(cells, order, before=before, after=after, left_out=_untold(machine, found))


def _on(machine: Machine, day: datetime, found: Segmentation) -> Table:
    """Who was in which of the segments `found` on a day, as far as that can be told."""
    then = replace(machine, as_of=day)
    known = replace(found, claims=tuple(k for k in found.claims if k not in _untold(machine, found)))
    rows = machine.warehouse.materialise(feature_table(then))
    flags = rule_flags(then, rows) if known.claims else None
    return machine.warehouse.materialise(placed(clusters_of(rows, known), flags, known, as_of=day))


def _untold(machine: Machine, found: Segmentation) -> tuple[str, ...]:
    """Rule segments that cannot be told for a past day: the fact `value` speaks of one day only."""
    needing = of_value(machine.segments.rules)
    return tuple(k for k in found.claims if k in needing)
