"""Steps: what a journey is made of.

in   events  the event fact with profile_id
out  steps   step_id, profile_id, step, occurred_at, device, country      one row per step
"""

from collections.abc import Iterable

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.journey import EXIT, OPEN, OTHER, START
from omnimix.audience.journey.sessions import ORDER

_RESERVED = (START, EXIT, OPEN, OTHER)
_OWN = "event "  # in front of an event of somebody's own that is called like one of them


def event_steps(events: Table) -> Table:
    """One step per identified event, named as the event; one of our own words gets `event ` in front."""
    named = events.name.isin(_RESERVED).ifelse(_OWN + events.name, events.name)
    return events.select(
        step_id=events.event_id,
        profile_id=events.profile_id,
        step=named,
        occurred_at=events.occurred_at,
        device=events.device,
        country=events.country,
    ).filter(_.profile_id.notnull())


def number_orders(steps: Table, *, most: int) -> Table:
    """Rename each profile's orders to `1st order`, `2nd order`, … `{most}th order or later`; leave the rest.

    For a shop that knows nothing but orders, this is what makes a journey of them.
    """
    # Only the orders are sorted: they are a small part of the steps.
    timeline = ibis.window(group_by="profile_id", order_by=["occurred_at", "step_id"])
    orders = steps.filter(_.step == ORDER).mutate(place=ibis.row_number().over(timeline))
    names = order_names(most)
    rungs = [(orders.place == place, name) for place, name in enumerate(names[:-1])]
    numbered = orders.mutate(step=ibis.cases(*rungs, else_=names[-1])).drop("place")
    kinds = {name: kind.copy(nullable=True) for name, kind in steps.schema().items()}
    return ibis.union(steps.filter(_.step != ORDER).cast(kinds), numbered.cast(kinds))


def unnumbered(steps: Table, *, most: int) -> Table:
    """Take the numbers off the orders again."""
    return steps.mutate(step=steps.step.isin(order_names(most)).ifelse(ORDER, steps.step))


def step_names(names: Iterable[str], *, most: int) -> list[str]:
    """Every word that a step may have where events have these `names`, those names and our own words included."""
    own = (_OWN + word for word in _RESERVED)
    return sorted({*names, *own, *_RESERVED, *order_names(most)})


def order_names(most: int) -> tuple[str, ...]:
    """`1st order` … `{most}th order or later`."""
    return (*(f"{_ordinal(n)} order" for n in range(1, most)), f"{_ordinal(most)} order or later")


def _ordinal(n: int) -> str:
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def fold(steps: Table, *, most: int, keep: tuple[str, ...] = ()) -> Table:
    """Keep the names of the `most` frequent steps; the others become OTHER. No row is lost.

    Steps named in `keep` come before more frequent ones and are never folded. Equally frequent names are taken in
    alphabetical order.
    """
    counts = steps.group_by("step").aggregate(visits=_.count())
    counts = counts.mutate(wanted=_.step.isin(keep) if keep else ibis.literal(False))
    ranked = counts.mutate(
        place=ibis.row_number().over(order_by=[ibis.desc("wanted"), ibis.desc("visits"), ibis.asc("step")])
    )
    kept = ranked.filter((_.place < most) | _.wanted).select(kept="step")
    joined = steps.left_join(kept, steps.step == kept.kept)
    return joined.mutate(step=ibis.coalesce(joined.kept, ibis.literal(OTHER))).drop("kept")
