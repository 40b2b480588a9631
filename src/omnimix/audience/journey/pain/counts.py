"""Daily counts: of every ratio, in every group of people, on every day.

in   visits, tries and hurts of `visits`; incidents found before
out  tried     dimension, value, stratum, base, to, day, tried          everybody: dimension and value are ""
     hurt      dimension, value, stratum, base, to, kind, next_step, day, hurt
     clusters  base, to, kind, next_step, squares, …: how alike the visits of one person are
"""

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import ibis
from ibis import _
from ibis.expr.types import BooleanValue, Table

_VISIT = ["profile_id", "session"]
_RATIO = ["base", "to", "kind", "next_step"]


@dataclass(frozen=True, slots=True)
class Struck:
    """Where and when an incident struck: visits of the group that made `base` from `first_on` to `last_on`."""

    base: str
    kind: str
    next_step: str
    who: tuple[tuple[str, str], ...]
    first_on: date
    last_on: date


def of_group(rows: Table, who: Sequence[tuple[str, str]]) -> BooleanValue | bool:
    """Whether each row belongs to the group; an empty group is everybody."""
    return functools.reduce(operator.and_, (rows[name] == value for name, value in who), ibis.literal(True))


def stratify(seen: Table, tried: Table, hurt: Table, struck: Sequence[Struck]) -> Table:
    """Visits with a `stratum`, without those that an earlier incident struck.

    An incident at a step touches who made that step. These visits are set aside while it lasted (and any other
    that shows the same outcome); before and after, they are compared among themselves, as are those that never
    came to the step. Making the step comes before the incident acts, so what remains of the period is as it would
    have been without it.
    """
    marked = seen.mutate(stratum=ibis.literal("", "string"))
    for place, incident in enumerate(struck):
        made = tried.filter((_.base == incident.base) & (_.to == "")).select(
            made_by=_.profile_id, made_in=_.session, made=ibis.literal(True)
        )
        joined = marked.left_join(made, (marked.profile_id == made.made_by) & (marked.session == made.made_in))
        tagged = joined.mutate(stratum=joined.stratum + joined.made.fill_null(False).ifelse(f"{place}", ""))
        during = tagged.day.between(incident.first_on, incident.last_on) & of_group(tagged, incident.who)
        gone = tagged.filter(during & tagged.made.fill_null(False)).select(*_VISIT)
        same = hurt.filter((_.kind == incident.kind) & (_.next_step == incident.next_step)).select(*_VISIT)
        gone = gone.union(tagged.filter(during).select(*_VISIT).semi_join(same, _VISIT), distinct=True)
        marked = tagged.anti_join(gone, _VISIT).drop("made_by", "made_in", "made")
    return marked


def daily_tries(seen: Table, tried: Table, dimensions: Sequence[str]) -> Table:
    """How many visits made each step (or move), by day and group."""
    rows = tried.join(seen, _VISIT)
    return _by_group(rows, ["stratum", "base", "to", "day"], dimensions, "tried")


def daily_hurts(seen: Table, hurt: Table, dimensions: Sequence[str]) -> Table:
    """How many of them went wrong, by day, group and what happened."""
    rows = hurt.join(seen, _VISIT)
    return _by_group(rows, ["stratum", *_RATIO, "day"], dimensions, "hurt")


def _by_group(rows: Table, keys: list[str], dimensions: Sequence[str], count: str) -> Table:
    # Once by everything, which is small, and from there by each dimension.
    cube = rows.group_by([*keys, *dimensions]).aggregate(n=_.count())
    parts = [
        cube.filter(cube[name].notnull())
        .group_by([*keys, name])
        .aggregate(n=_.n.sum())
        .select(*keys, dimension=ibis.literal(name), value=_[name].cast("string"), n=_.n)
        for name in dimensions
    ]
    everybody = cube.group_by(keys).aggregate(n=_.n.sum())
    parts.append(everybody.select(*keys, dimension=ibis.literal(""), value=ibis.literal(""), n=_.n))
    wanted = {k: "string" for k in keys if k != "day"} | {
        "day": "date",
        "dimension": "string",
        "value": "string",
        "n": "int64",
    }
    whole = ibis.union(*(p.cast(wanted) for p in parts)) if len(parts) > 1 else parts[0].cast(wanted)
    return whole.rename({count: "n"})


def clusters(tried: Table, hurt: Table) -> Table:
    """Σ over people of tries², hurts² and tries × hurts, per ratio: what a design effect needs."""
    made = tried.group_by("profile_id", "base", "to").aggregate(tries=_.count())
    bad = hurt.group_by("profile_id", *_RATIO).aggregate(hurts=_.count())
    joined = bad.join(made, ["profile_id", "base", "to"])
    crossed = joined.group_by(_RATIO).aggregate(
        hurts=_.hurts.sum().cast("int64"),
        hurts_squared=(_.hurts * _.hurts).sum().cast("int64"),
        crossed=(_.hurts * _.tries).sum().cast("int64"),
    )
    squared = made.group_by("base", "to").aggregate(
        tries=_.tries.sum().cast("int64"), tries_squared=(_.tries * _.tries).sum().cast("int64")
    )
    return crossed.join(squared, ["base", "to"])
