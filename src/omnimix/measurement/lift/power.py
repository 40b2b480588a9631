"""Power: what can be known before money is spent, in how many weeks and at what cost.

in   how much margin varies between people and weeks (from the user's own history), lane sizes, costs
out  Verdict records: "can be known in N weeks at cost C" or "cannot be known at this traffic"

The smallest effect that a test of N weeks finds with the wanted power is
    (z_error + z_power) · √(V_N/n₁ + V_N/n₀)                      (Bloom, Evaluation Review 19, 1995)
with V_N = between + within/N the variance of a person's weekly mean over N weeks. What differs between people
for good does not average out with time, so waiting longer helps less than hoped, and more people help always.
z_error is that of promotion's last look at its strictest step: half of the error, over all rungs tried.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.grade import Grade
from omnimix.core.money import Money
from omnimix.measurement.lift.costs import Costs, RungCosts, rung_costs, trial_bill
from omnimix.measurement.lift.looks import critical, spent
from omnimix.measurement.lift.promote import TRIED
from omnimix.measurement.lift.spread import Spread, pooled
from omnimix.measurement.lift.standards import Standards

_FEWEST = 30  # people of a segment in history below which the spread of everybody is used instead


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison can tell. Amounts are minor units; effects are per profile-week.

    `cost` is what the test costs until it can be known, or to the campaign's end where it cannot: media of
    the two lanes, and the bill for the rung's own variants and data.
    """

    rung: Rung
    against: Rung
    segment: str | None  # None: everybody
    weeks: int  # of the campaign
    worth: float  # smallest effect worth having
    detectable: float  # smallest effect found with the wanted power after `weeks`
    weeks_needed: int | None  # None: not within the most weeks one would wait
    people_needed: int | None  # in both lanes together, for `weeks` weeks; None: cannot be said
    n: int
    n_against: int
    cost: float
    currency: str
    grade: Grade = Grade.MODEL

    @property
    def knowable(self) -> bool:
        """Whether the campaign is long and large enough."""
        return self.weeks_needed is not None and self.weeks_needed <= self.weeks

    def __str__(self) -> str:
        if self.knowable:
            cost = Money(round(self.cost), self.currency)
            return f"can be known in {_counted(self.weeks_needed or 0, 'week')} at cost {cost}"
        if self.people_needed is None:
            return "cannot be known: history does not say how much margin varies, or nothing is worth finding"
        short = f"{self.people_needed:,} people needed, {self.n + self.n_against:,} here"
        if self.weeks_needed is not None:
            short += f", or {self.weeks_needed} weeks"
        return f"cannot be known at this traffic in {_counted(self.weeks, 'week')}: {short}"


@dataclass(frozen=True, slots=True)
class _Stratum:
    """One segment of a comparison: people in the two lanes, its weight and spread, what the rung adds in cost."""

    segment: str
    n: int
    n_against: int
    weight: float
    spread: Spread
    extra: float


def verdicts(
    spreads: Mapping[str, Spread],
    *,
    profiles: Mapping[str, int],
    shares: Mapping[str, float],
    weeks: int,
    costs: Costs,
    variants: Mapping[str, int],
    media_per_week: float,
    currency: str,
    standards: Standards,
) -> tuple[Verdict, ...]:
    """A Verdict for each rung against the one below: overall first (segment None), then per segment.

    `profiles` counts everybody to be assigned, by segment; `shares` is the ladder's; `variants` counts
    variants by brief; `media_per_week` is the expected media cost of an advertised profile-week in minor
    units.
    """
    fixed = rung_costs(costs, variants=variants, profiles=profiles, weeks=weeks, currency=currency)
    tried = sum(1 for rung in TRIED if shares.get(rung, 0) > 0)
    everybody = pooled(spreads.values())
    found = []
    for segment in (None, *sorted(profiles)):
        chosen = profiles if segment is None else {segment: profiles[segment]}
        for rung in Rung:
            below = rung.below
            if below is None or not shares.get(rung) or not shares.get(below):
                continue
            media = media_per_week * (1 + costs.platform_share)
            strata = _strata(chosen, (rung, below), shares, spreads, everybody, fixed)
            bill = trial_bill(
                costs, rung, lanes={s.segment: s.n for s in strata}, variants=variants, currency=currency
            )
            found.append(
                _verdict(strata, (rung, below), segment, weeks, max(1, tried), media, bill, currency, standards)
            )
    return tuple(found)


def detectable(
    groups: Iterable[tuple[float, Spread, int, int]], *, weeks: int, rungs: int, standards: Standards
) -> float:
    """Smallest effect per profile-week found with the wanted power by the last of `weeks` looks.

    `groups`: (weight, Spread, people in one lane, people in the other) per segment, weights adding up to 1.
    `rungs` are tried at once. Infinite where a lane is empty or history does not say how margin varies.
    """
    variance = 0.0
    for weight, spread, n, n_against in groups:
        if n < 2 or n_against < 2:
            return math.inf
        variance += weight**2 * spread.variance(weeks) * (1 / n + 1 / n_against)
    if variance <= 0:
        return math.inf
    error = spent(standards.promotion_error, look=weeks, looks=weeks) / rungs
    return (critical(error) + critical(1 - standards.power)) * math.sqrt(variance)


def _strata(
    profiles: Mapping[str, int],
    pair: tuple[Rung, Rung],
    shares: Mapping[str, float],
    spreads: Mapping[str, Spread],
    everybody: Spread,
    fixed: RungCosts,
) -> list[_Stratum]:
    total = max(1, sum(profiles.values()))
    return [
        _Stratum(
            segment=segment,
            n=round(n * shares[pair[0]]),
            n_against=round(n * shares[pair[1]]),
            weight=n / total,
            spread=spreads[segment] if segment in spreads and spreads[segment].n >= _FEWEST else everybody,
            extra=fixed[segment, pair[0]] - fixed[segment, pair[1]],
        )
        for segment, n in profiles.items()
    ]


def _verdict(
    strata: list[_Stratum],
    pair: tuple[Rung, Rung],
    segment: str | None,
    weeks: int,
    rungs: int,
    media: float,
    bill: int,
    currency: str,
    standards: Standards,
) -> Verdict:
    groups = [(s.weight, s.spread, s.n, s.n_against) for s in strata if s.n >= 2 and s.n_against >= 2]
    reached = sum(weight for weight, *_ in groups)
    groups = [(weight / reached, spread, n, m) for weight, spread, n, m in groups]

    def smallest(within: int) -> float:
        return detectable(groups, weeks=within, rungs=rungs, standards=standards)

    media_extra = media if pair[1] is Rung.NONE else 0.0
    extra = sum(s.weight * s.extra for s in strata) + media_extra
    baseline = sum(s.weight * s.spread.mean for s in strata)
    worth = max(extra, standards.worth_share * abs(baseline))
    now = smallest(weeks)
    tellable = worth > 0 and math.isfinite(now)
    needed = next((w for w in range(1, standards.most_weeks + 1) if tellable and smallest(w) <= worth), None)
    n, against = sum(s.n for s in strata), sum(s.n_against for s in strata)
    lasting = needed if needed is not None and needed <= weeks else weeks
    shown = n + (0 if pair[1] is Rung.NONE else against)
    return Verdict(
        rung=pair[0],
        against=pair[1],
        segment=segment,
        weeks=weeks,
        worth=worth,
        detectable=now,
        weeks_needed=needed,
        people_needed=math.ceil((now / worth) ** 2 * (n + against)) if tellable else None,
        n=n,
        n_against=against,
        cost=bill + media * lasting * shown,
        currency=currency,
    )


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
