"""Opportunities: the steps where a small gain is worth most.

in   moves by profile whose horizon has passed (`compare.decided`), events with revenue
out  people         profile_id, block                      every profile in one of BLOCKS groups
     block_moves    block, step, next_step, moves          small
     block_revenue  block, step, revenue_minor
     Opportunities

The journey is an absorbing Markov chain (Kemeny and Snell 1960, chapter 3). The value of a step is the margin
still to come, V = r + P V, with r the margin earned at the step itself and nothing after EXIT. Raising the share
of visits to s that carry on by d moves d × visits(s) visits from EXIT to where visits go that do carry on: that is
worth d × visits(s) × Σ P(s, t) V(t) / Σ P(s, t). All else is taken to stay: what these people would do is assumed
to be what those do who carried on by themselves, hence evidence grade `model`. Intervals by the delete-a-group
jackknife over people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.insight import Comparison, Difference, Opportunities, Opportunity
from omnimix.audience.journey.journey import EXIT, OTHER, START, JourneyMap
from omnimix.audience.journey.rates import BLOCKS, Floats, jackknife

POINT = 0.01
COMPARABLE = ("device", "country", "medium", "period")  # of the same people at another time, or no trait of theirs


def people(by_profile: Table) -> Table:
    """Every profile with its block: by its place in the alphabet, so that every engine deals alike."""
    everybody = by_profile.select("profile_id").distinct()
    place = ibis.row_number().over(order_by="profile_id")
    return everybody.mutate(block=(place % BLOCKS).cast("int64"))


def block_moves(made: Table, begun: Table, blocks: Table) -> Table:
    """How often each move was made in each block; the first steps of paths are moves from START.

    `made`: moves by profile, whose horizon has passed. `begun`: profile_moves, for the beginnings.
    """
    inner = made.join(blocks, "profile_id").group_by("block", "step", "next_step")
    inner = inner.aggregate(moves=_.moves.sum().cast("int64"))
    first = begun.filter(_.begun > 0).join(blocks, "profile_id").group_by("block", "step")
    first = first.aggregate(moves=_.begun.sum().cast("int64"))
    first = first.select("block", "moves", step=ibis.literal(START), next_step=_.step)
    return ibis.union(inner.select(*_MOVES).cast(_MOVES), first.select(*_MOVES).cast(_MOVES))


_MOVES = {"block": "int64", "step": "string", "next_step": "string", "moves": "int64"}


def block_revenue(known: Table, events: Table, blocks: Table) -> Table:
    """The revenue, refunds taken off, that each step brought in each block: block, step, revenue_minor."""
    paid = events.filter(_.revenue_minor.fill_null(0) != 0).select("revenue_minor", paid_id="event_id")
    made = known.join(paid, known.step_id == paid.paid_id).join(blocks, "profile_id")
    return made.group_by("block", "step").aggregate(revenue_minor=_.revenue_minor.sum().cast("int64"))


@dataclass(frozen=True, slots=True)
class Chain:
    """Sums of one set of people: `moves[i, j]` from state i to state j, `revenue[i]`, in the order of `steps`.

    States are START, the steps and EXIT, in this order.
    """

    steps: tuple[str, ...]
    moves: Floats
    revenue: Floats


def values(chain: Chain, *, margin_share: float) -> Floats:
    """V of each state: the margin still to come, the state's own included; 0 at EXIT."""
    out = chain.moves.sum(axis=1)
    visits = np.where(out > 0, out, 1.0)
    p = chain.moves / visits[:, None]
    inner = len(chain.steps) + 1
    reward = chain.revenue * margin_share / np.maximum(1.0, _visits(chain))
    found = np.zeros(inner + 1)
    # Steps that never lead to EXIT have no finite value: least squares.
    system = np.eye(inner) - p[:inner, :inner]
    found[:inner] = np.linalg.lstsq(system, reward[:inner], rcond=None)[0]
    return found


def _visits(chain: Chain) -> Floats:
    return np.asarray(chain.moves.sum(axis=1), dtype=np.float64)


def point_gains(chain: Chain, *, margin_share: float) -> Floats:
    """The margin gained for each state if one of a hundred more visits carried on; 0 for START and EXIT."""
    found = values(chain, margin_share=margin_share)
    on = chain.moves.copy()
    on[:, -1] = 0
    carried = on.sum(axis=1)
    after = (on @ found) / np.where(carried > 0, carried, 1.0)
    gains = np.minimum(POINT, 1 - _carries_on(chain)) * _visits(chain) * after
    gains[[0, -1]] = 0
    return np.asarray(gains)


def _carries_on(chain: Chain) -> Floats:
    out = chain.moves.sum(axis=1)
    return np.asarray(1 - chain.moves[:, -1] / np.where(out > 0, out, 1.0))


def fit_opportunities(
    moves: pa.Table,
    revenue: pa.Table,
    journey: JourneyMap,
    comparisons: Sequence[Comparison],
    *,
    currency: str,
    margin_share: float,
    horizon_days: int,
    first_at: datetime | None,
    most: int = 10,
) -> Opportunities:
    """The steps by what one point more of carrying on is worth, and what the best comparable group shows."""
    chains = _chains(moves, revenue, tuple(s.step for s in journey.steps))
    whole = _sum(chains)
    gains = point_gains(whole, margin_share=margin_share)
    without = np.array([point_gains(_less(whole, c), margin_share=margin_share) for c in chains])
    low, high = jackknife(gains, without)
    value, on = values(whole, margin_share=margin_share), _carries_on(whole)
    visits = _visits(whole)
    items = []
    for place, step in enumerate(journey.steps, start=1):
        if step.step == OTHER or gains[place] <= 0 or low[place] <= 0:
            continue  # a gain that may be a loss is no opportunity
        best = _best(step.step, comparisons)
        per_point = (float(gains[place]), float(low[place]), float(high[place]))
        items.append(
            Opportunity(
                step=step.step,
                visits=int(visits[place]),
                profiles=step.profiles,
                value_minor=float(value[place]),
                carries_on=float(on[place]),
                point_minor=per_point[0],
                low=per_point[1],
                high=per_point[2],
                **_gain(best, per_point),
            )
        )
    items.sort(key=lambda o: (-(o.point_minor), o.step))
    days = max(0, (journey.as_of - first_at).days - horizon_days) if first_at else 0
    return Opportunities(
        journey.as_of, currency, days, horizon_days, margin_share, float(value[0]), tuple(items[:most])
    )


def _best(step: str, comparisons: Sequence[Comparison]) -> tuple[str, Difference] | None:
    """The group that surely leaves this step least, among the comparable ones; None where no group surely does."""
    found = [
        (c.by, d)
        for c in comparisons
        for d in c.differences
        if c.by in COMPARABLE and d.number == "move" and d.step == step and d.next_step == EXIT
        if d.flagged and d.high < 0
    ]
    return min(found, key=lambda f: (f[1].share, f[0], f[1].group), default=None)


def _gain(best: tuple[str, Difference] | None, point: tuple[float, float, float]) -> dict[str, Any]:
    """What it is worth if all left as seldom as the best group does: the gap of the others, times their part."""
    if best is None:
        return {}
    by, d = best
    part = d.rest_of / (d.of + d.rest_of) / POINT
    return {
        "best_by": by,
        "best_group": d.group,
        "best_share": 1 - d.share,
        "best_minor": point[0] * -d.difference * part,
        "best_low": max(0.0, point[1] * -d.high * part),
        "best_high": point[2] * -d.low * part,
    }


def _chains(moves: pa.Table, revenue: pa.Table, steps: tuple[str, ...]) -> list[Chain]:
    states = {name: place for place, name in enumerate((START, *steps, EXIT))}
    size = len(states)
    counts, money = np.zeros((BLOCKS, size, size)), np.zeros((BLOCKS, size))
    for row in moves.to_pylist():
        counts[row["block"], states[row["step"]], states[row["next_step"]]] += row["moves"]
    for row in revenue.to_pylist():
        money[row["block"], states[row["step"]]] += row["revenue_minor"]
    return [Chain(steps, counts[b], money[b]) for b in range(BLOCKS)]


def _sum(chains: Sequence[Chain]) -> Chain:
    moves = np.sum([c.moves for c in chains], axis=0)
    return Chain(chains[0].steps, moves, np.sum([c.revenue for c in chains], axis=0))


def _less(whole: Chain, part: Chain) -> Chain:
    return Chain(whole.steps, whole.moves - part.moves, whole.revenue - part.revenue)
