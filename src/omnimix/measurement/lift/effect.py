"""Effects: each rung's incremental margin per profile-week, with intervals.

in   Cells (sums per segment, lane, look), the rungs' fixed costs, standards
out  Effect records against the rung below, overall and per segment; the campaign's increment over no advertising

A difference in means between randomised lanes, stratified by segment, with Welch's interval at the part of the error
that the look may spend (see `looks`). Welch's degrees of freedom follow Satterthwaite (Biometrics Bulletin 2, 1946).
Margin before the campaign, where known, removes variance (CUPED: Deng, Xu, Kohavi and Walker, WSDM 2013).
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.grade import Grade
from omnimix.measurement.lift.costs import RungCosts
from omnimix.measurement.lift.looks import critical, spent
from omnimix.measurement.lift.standards import Standards
from omnimix.measurement.lift.stats import Cell, Cells, Moments


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
    cost: float  # fixed cost that `rung` adds, already taken off; media is taken off in the margin
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
class Contrast:
    """A weighted sum of means: its estimate, standard error and degrees of freedom."""

    estimate: float
    error: float  # ≥ 0; infinite when a part has fewer than two people or nothing varies
    freedom: float

    def bound(self, tail: float) -> float:
        """Half width of the interval that leaves the chance `tail` on one side."""
        return critical(tail, freedom=self.freedom) * self.error if math.isfinite(self.error) else math.inf

    def chance(self) -> float:
        """One-sided p-value of 'not above zero'."""
        if not math.isfinite(self.error):
            return 1.0
        return float(_survival(self.estimate / self.error, self.freedom))


@dataclass(frozen=True, slots=True)
class Increment:
    """What the whole campaign added to margin in its weeks, over showing nothing, in minor units.

    `net_of_media` has media cost and its fee taken off already; fixed costs are not.
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
