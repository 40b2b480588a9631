"""Promotion: which rung each segment's `follow` lane gets.

in   Cells at a look, fixed costs, sample-ratio checks, standards
out  segment → Promotion, with the reason and every bound behind it

A rung above `broad` passes while the lower bound of its incremental margin against `broad`, after all costs,
is above zero. Several rungs are tried in a segment and all of them every week, so the error of a segment is
spent twice: over the planned looks by a union bound, and at each look over the rungs by Holm's step-down
method (Scandinavian Journal of Statistics 6, 1979). Together a segment where nothing works is ever promoted
with chance ≤ the error.

The highest rung that passes is taken, unless a lower one that passes is estimated to earn more: a rung that
costs margin against the one below it does not pay its own rent. Bounds are those of this look; when one is no
longer above zero, the segment falls back by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.grade import Grade
from omnimix.measurement.lift.contrast import Contrast
from omnimix.measurement.lift.costs import RungCosts
from omnimix.measurement.lift.effect import Lanes, difference, extra_cost, strata_at
from omnimix.measurement.lift.looks import spent
from omnimix.measurement.lift.ratio import RatioCheck
from omnimix.measurement.lift.standards import Standards
from omnimix.measurement.lift.stats import Cells

TRIED: tuple[Rung, ...] = tuple(rung for rung in Rung if rung not in (Rung.NONE, Rung.BROAD))


@dataclass(frozen=True, slots=True)
class Tried:
    """One rung against `broad`: minor units per profile-week after all costs, and the bound promotion looks at."""

    rung: Rung
    estimate: float
    low: float  # holds for all rungs of the segment and all planned looks together
    passed: bool


@dataclass(frozen=True, slots=True)
class Promotion:
    """What `follow` gets in a segment, and why."""

    segment: str
    rung: Rung
    look: int
    reason: str
    tried: tuple[Tried, ...]
    grade: Grade = Grade.RANDOMISED

    @property
    def promoted(self) -> bool:
        """Whether the segment stands above `broad`."""
        return self.rung is not Rung.BROAD


def promote(
    cells: Cells,
    *,
    look: int,
    looks: int,
    costs: RungCosts,
    checks: Iterable[RatioCheck],
    standards: Standards,
) -> dict[str, Promotion]:
    """Segment → Promotion. A sample-ratio alarm, in the segment or overall, keeps it at `broad`."""
    alarms = {check.segment for check in checks if check.alarm}
    error = spent(standards.promotion_error, look=look, looks=looks)
    found = {}
    for segment, lanes in sorted(strata_at(cells, look).items()):
        tried = _tried(segment, lanes, costs, error)
        if None in alarms or segment in alarms:
            reason = "the lanes do not hold as many people as planned, so nothing can be compared"
            found[segment] = Promotion(segment, Rung.BROAD, look, reason, tried)
            continue
        rung, reason = _best(tried)
        found[segment] = Promotion(segment, rung, look, reason, tried)
    return found


def _tried(segment: str, lanes: Lanes, costs: RungCosts, error: float) -> tuple[Tried, ...]:
    """Holm's method: the j-th smallest p-value is held against error / (m − j), until one fails."""
    if Rung.BROAD not in lanes:
        return ()
    contrasts: dict[Rung, Contrast] = {}
    for rung in TRIED:
        if rung in lanes:
            stratum = {segment: lanes}
            cost = extra_cost(stratum, (rung, Rung.BROAD), costs)
            contrasts[rung] = difference(stratum, (rung, Rung.BROAD), cost=cost)
    tried: dict[Rung, Tried] = {}
    open_still = True
    ordered = sorted(contrasts, key=lambda rung: (contrasts[rung].chance(), rung.value))
    for place, rung in enumerate(ordered):
        now = contrasts[rung]
        low = now.estimate - now.bound(error / (len(ordered) - place))
        open_still = open_still and low > 0
        tried[rung] = Tried(rung, now.estimate, low, open_still)
    return tuple(tried[rung] for rung in TRIED if rung in tried)


def _best(tried: tuple[Tried, ...]) -> tuple[Rung, str]:
    best: Tried | None = None
    for one in tried:
        if one.passed and (best is None or one.estimate >= best.estimate):
            best = one
    if best is None:
        if not tried:
            return Rung.BROAD, "nobody to compare: `broad` or every rung above it has no standing share here"
        return Rung.BROAD, "no rung is known to earn more than `broad` after its costs"
    return best.rung, "earns more than `broad` after all costs"
