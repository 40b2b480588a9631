"""Effects: each rung's incremental margin per profile-week, with intervals.

in   Cells (sums per segment, lane, look), the rungs' fixed costs, standards
out  Effect records against the rung below, overall and per segment; the campaign's increment over no advertising

A difference in means between randomised lanes. Overall it is stratified by segment, with the segments' shares
of everybody assigned as weights. The interval [low, high] spends the error over the planned weekly looks
(`looks`).
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.grade import Grade
from omnimix.measurement.lift.contrast import Contrast, contrast
from omnimix.measurement.lift.costs import RungCosts
from omnimix.measurement.lift.looks import spent
from omnimix.measurement.lift.standards import Standards
from omnimix.measurement.lift.stats import Cells, Moments

Lanes = Mapping[str, Moments]
"""One stratum at one look: lane → Moments."""

_SHOWN = "(shown)"  # every lane but `none`, taken together


@dataclass(frozen=True, slots=True)
class Effect:
    """Incremental margin of `rung` against `against`, minor units per profile-week, after all costs.

    [low, high] holds at every planned look together, [fixed_low, fixed_high] at this look alone (for the final
    read-out). They are infinite while nothing can be said: fewer than two people in a lane, or nobody bought.
    """

    rung: Rung
    against: Rung
    segment: str | None  # None: everybody, stratified by segment
    look: int  # weeks that had passed
    estimate: float
    low: float
    high: float
    fixed_low: float
    fixed_high: float
    cost: float  # fixed cost that `rung` adds, already taken off; media is taken off in the margin itself
    n: int  # profiles in the rung's lane
    n_against: int
    level: float
    grade: Grade
    simulated: bool

    @property
    def pays(self) -> bool:
        """Whether the rung is known to earn more than it costs."""
        return self.low > 0

    @property
    def known(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Increment:
    """What the campaign added to margin over showing nothing, in minor units over its weeks so far.

    Media cost and the fee on it are taken off already (`net_of_media`, `low`, `high`); fixed costs are not.
    """

    net_of_media: float
    low: float
    high: float
    profiles: int  # everybody in an advertised lane
    n_none: int
    weeks: int
    level: float
    grade: Grade
    simulated: bool


def effects(
    cells: Cells,
    *,
    look: int,
    looks: int,
    costs: RungCosts,
    standards: Standards,
    simulated: bool,
) -> tuple[Effect, ...]:
    """Every rung against the one below: first overall (segment None), then per segment by name.

    Rungs whose lane nobody is in are left out. Raises InvalidInput for a look that was not planned.
    """
    strata = strata_at(cells, look)
    found = []
    for segment in (None, *sorted(strata)):
        chosen = strata if segment is None else {segment: strata[segment]}
        for rung in Rung:
            below = rung.below
            if below is None or not all(_people(chosen, lane) for lane in (rung, below)):
                continue
            found.append(_effect(chosen, (rung, below), segment, (look, looks), costs, standards.level, simulated))
    return tuple(found)


def _effect(
    strata: Mapping[str, Lanes],
    pair: tuple[Rung, Rung],
    segment: str | None,
    at: tuple[int, int],
    costs: RungCosts,
    level: float,
    simulated: bool,
) -> Effect:
    rung, against = pair
    cost = extra_cost(strata, pair, costs)
    found = difference(strata, pair, cost=cost)
    weekly = found.bound(spent(1 - level, look=at[0], looks=at[1]) / 2)
    fixed = found.bound((1 - level) / 2)
    return Effect(
        rung=rung,
        against=against,
        segment=segment,
        look=at[0],
        estimate=found.estimate,
        low=found.estimate - weekly,
        high=found.estimate + weekly,
        fixed_low=found.estimate - fixed,
        fixed_high=found.estimate + fixed,
        cost=cost,
        n=_people(strata, rung),
        n_against=_people(strata, against),
        level=level,
        grade=Grade.RANDOMISED,
        simulated=simulated,
    )


def strata_at(cells: Cells, look: int) -> dict[str, dict[str, Moments]]:
    """Segment → lane → Moments at one look."""
    strata: dict[str, dict[str, Moments]] = defaultdict(dict)
    for cell, moments in cells.items():
        if cell.look == look and moments.n:
            strata[cell.segment][cell.lane] = moments
    return dict(strata)


def extra_cost(strata: Mapping[str, Lanes], pair: tuple[Rung, Rung], costs: RungCosts) -> float:
    """Fixed cost that the first rung adds to the second, minor units per profile-week, by the segments' shares."""
    sizes = {segment: sum(m.n for m in lanes.values()) for segment, lanes in strata.items()}
    everybody = max(1, sum(sizes.values()))
    return sum(
        n / everybody * (costs.get((segment, pair[0]), 0.0) - costs.get((segment, pair[1]), 0.0))
        for segment, n in sizes.items()
    )


def difference(strata: Mapping[str, Lanes], pair: tuple[str, str], *, cost: float) -> Contrast:
    """Mean of the first lane minus mean of the second, stratified, less `cost`.

    Segments too small to have two people in both lanes are pooled into one stratum: which ones depends on sizes
    alone, and within the pool the lanes are still drawn at random.
    """
    whole, small = [], Moments()
    pooled = {lane: Moments() for lane in pair}
    for lanes in strata.values():
        everybody = sum(lanes.values(), Moments())
        if all(lane in lanes and lanes[lane].n > 1 for lane in pair):
            whole.append((everybody.n, lanes[pair[0]], lanes[pair[1]]))
            continue
        small += everybody
        for lane in pair:
            pooled[lane] += lanes.get(lane, Moments())
    if all(m.n > 1 for m in pooled.values()):
        whole.append((small.n, pooled[pair[0]], pooled[pair[1]]))
    total = sum(n for n, _, _ in whole)
    if not total:
        return Contrast(0.0, float("inf"), 1.0)
    parts: list[tuple[float, Moments]] = []
    for n, first, second in whole:
        parts += [(n / total, first), (-n / total, second)]
    return contrast(parts, shift=cost)


def _people(strata: Mapping[str, Lanes], lane: str) -> int:
    return sum(lanes[lane].n for lanes in strata.values() if lane in lanes)


def campaign_increment(
    cells: Cells, *, look: int, looks: int, standards: Standards, simulated: bool
) -> Increment | None:
    """Margin of everybody in an advertised lane over what they would have earned with no message.

    Within a segment all lanes but `none`, `follow` included, are one group against `none`: what the campaign
    as it was really run did. None where there is no holdout, or nobody is advertised to.
    """
    strata = {
        segment: {
            Rung.NONE: lanes.get(Rung.NONE, Moments()),
            _SHOWN: sum((m for lane, m in lanes.items() if lane != Rung.NONE), Moments()),
        }
        for segment, lanes in strata_at(cells, look).items()
    }
    shown, held_out = _people(strata, _SHOWN), _people(strata, Rung.NONE)
    if not shown or not held_out:
        return None
    found = difference(strata, (_SHOWN, Rung.NONE), cost=0.0)
    half = found.bound(spent(1 - standards.level, look=look, looks=looks) / 2)
    weeks = shown * look
    return Increment(
        net_of_media=found.estimate * weeks,
        low=(found.estimate - half) * weeks,
        high=(found.estimate + half) * weeks,
        profiles=shown,
        n_none=held_out,
        weeks=look,
        level=standards.level,
        grade=Grade.RANDOMISED,
        simulated=simulated,
    )
