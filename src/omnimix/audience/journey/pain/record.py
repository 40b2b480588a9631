"""What hurts, as records: pain points with dates, people and money; traffic changes; who converts.

in   nothing
out  PainPoint, TrafficChange, Contrast, Cohorts and PainReport, for the report page, the map and personas

Rates and shares are in [0, 1]; intervals are 95 %; money is minor units of `PainReport.currency`. Days are UTC
calendar days, both ends included.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

EVERYBODY = "everybody"


class Kind(StrEnum):
    """The ways in which a journey can hurt."""

    LOOP = "loop"  # back to an earlier step, or the same one again
    DROP_OFF = "drop-off"  # left after the step
    ERROR = "error"  # ran into an error
    SLOW = "slow step"  # waited long for the next step
    SUPPORT = "support"  # asked for help, or returned something


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `starts_on` to `ends_on`, each with the earliest and latest day it may really be (95 %)."""

    starts_on: date
    starts_from: date
    starts_to: date
    ends_on: date | None  # None: it had not ended by the last day looked at
    ends_from: date | None
    ends_to: date | None


@dataclass(frozen=True, slots=True)
class PainPoint:
    """One thing that hurts: once, however many ratios and groups of people it shows in.

    `rate` is the share of `tried` (times the step was made in that group and period, after which something went
    wrong) and is compared with `expected`, what the same people would have seen had it not happened.
    """

    key: str  # stable name: kind, step, next step, who, start
    kind: Kind
    step: str  # where it hurts
    next_step: str | None  # where it led: a step's name or EXIT; None: not tied to one
    period: Period | None  # None: it stands all the time (chronic), and `who` fares worse than the others
    who: tuple[tuple[str, str], ...]  # ((dimension, value), …); empty: everybody
    tried: int  # sessions of `who` in the period that made the step
    hurt: int  # of them, with the bad outcome
    affected: int  # people behind `hurt`
    rate: Interval  # hurt / tried
    expected: float  # the rate without the incident
    excess: Interval  # sessions hurt beyond what was expected
    lost_people: Interval | None  # people who would have bought and did not; grade `model`
    lost_minor: Interval | None  # margin lost with them; grade `model`; None: nothing is known of money
    q_value: float  # the share of false findings among those at least this sure, at most
    score: float  # log-likelihood ratio; the strongest first
    sentence: str
    also: tuple[str, ...] = ()  # other ratios in which the same incident shows
    grade: str = "model"

    @property
    def whom(self) -> str:
        """The people in words: `device = mobile and country = DE`, or everybody."""
        return " and ".join(f"{name} = {value}" for name, value in self.who) or EVERYBODY

    @property
    def chronic(self) -> bool:
        """Whether it has no start."""
        return self.period is None


@dataclass(frozen=True, slots=True)
class TrafficChange:
    """More or fewer visits than usual, of everybody or of one group, in a period. That is no pain."""

    who: tuple[tuple[str, str], ...]
    period: Period
    sessions: int
    expected: float
    ratio: Interval  # sessions / expected
    q_value: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """How often sessions of two groups convert."""

    dimension: str
    value: str
    other: str
    sessions: int
    conversions: int
    rate: Interval
    other_sessions: int
    other_conversions: int
    other_rate: Interval
    difference: Interval  # rate − other_rate; the visits of one person count as alike as they are
    sentence: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """The people who came first in one month, and how their sessions converted."""

    month: date  # its first day
    profiles: int
    sessions: int
    conversions: int
    rate: Interval


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Conversion by cohort, and whether it drifts from cohort to cohort."""

    cohorts: tuple[Cohort, ...]
    within_days: (
        int | None
    )  # visits of so many days after the first, so that all have had the same time; None: all
    slope: Interval  # change of the conversion rate from one cohort to the next
    p_value: float
    sentence: str


@dataclass(frozen=True, slots=True)
class PainReport:
    """All that was found, and how much was looked at. Findings are sorted, the strongest first."""

    as_of: datetime
    currency: str
    first_on: date | None  # None: no session at all
    last_on: date | None
    sessions: int
    profiles: int
    scanned: int  # ratios × groups whose every period was looked at
    rate_of_false: float  # the false-discovery rate that was asked for
    points: tuple[PainPoint, ...]  # those with dates
    standing: tuple[PainPoint, ...]  # chronic: one group is far worse off than the others, all the time
    traffic: tuple[TrafficChange, ...]
    contrasts: tuple[Contrast, ...]
    cohorts: tuple[Cohorts, ...]  # over all visits, then at equal age; empty: fewer than two cohorts
    notes: tuple[str, ...]  # what could not be looked at, and why
