"""What a journey tells beyond its map, as records: paths, comparisons, opportunities, catalysts, a place.

in   what the tables of this folder counted
out  frozen records for the report, the command line and the dashboard

Shares, rates and q-values are in [0, 1], waits are seconds, money is minor units; intervals are 95 %.
"""

from dataclasses import dataclass
from datetime import datetime

from omnimix.core.grade import Grade

LONGER = "(longer)"  # a path with more steps than are spelled out


@dataclass(frozen=True, slots=True)
class Continuation:
    """One way on from a context. Over a context `share` sums to 1, `moves` to its moves."""

    next_step: str  # a step's name, EXIT or OPEN
    moves: int
    profiles: int
    share: float
    usual: float  # the share one would expect without knowing the earliest step of the context


@dataclass(frozen=True, slots=True)
class Context:
    """The last steps that change what comes next: kept only where they tell more than the shorter context does."""

    steps: tuple[str, ...]  # the earliest first; START where the path began there; the last is where they are
    moves: int
    profiles: int
    deviance: float  # 2 × log-likelihood ratio against the shorter context
    shift: float  # total variation distance between `share` and `usual`
    continuations: tuple[Continuation, ...]  # the most frequent first


@dataclass(frozen=True, slots=True)
class WholePath:
    """Paths of one shape, from beginning to end; the same step made again at once is said once."""

    steps: tuple[str, ...]
    end: str  # EXIT, OPEN or LONGER
    paths: int
    profiles: int
    share: float  # of all paths, displayed or not


@dataclass(frozen=True, slots=True)
class StepConversion:
    """Who got from a step to the goal, and how long it took. Counted from a profile's first visit of the step."""

    step: str
    profiles: int
    converted: int  # reached the goal later, within the path's wait
    share: float
    low: float
    high: float
    median: float | None  # seconds to the goal, of those who reached it


@dataclass(frozen=True, slots=True)
class PathMap:
    """Longer memory and whole paths. `displayed` + `beyond` = 1: nothing is left out of the shares."""

    as_of: datetime
    order: int  # the longest context looked at
    tested: int  # contexts looked at
    kept: int  # of them, those that change what comes next
    contexts: tuple[Context, ...]  # of those, the ones that move most people, at most `most`
    paths: int
    shapes: int  # different whole paths
    whole: tuple[WholePath, ...]  # the most frequent first
    displayed: float  # share of all paths that `whole` covers
    beyond: float
    goal: str
    conversions: tuple[StepConversion, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of the map in one group against everybody else."""

    number: str  # "move": of the visits of a step; "funnel": of the people at the place before
    step: str
    next_step: str  # EXIT: nothing within the horizon
    group: str
    profiles: int  # of the group, who did it
    done: int  # moves or people with the outcome
    of: int  # moves or people that could have had it
    share: float
    rest_done: int
    rest_of: int
    rest_share: float
    difference: float  # share − rest_share
    low: float
    high: float
    p_value: float
    q_value: float  # Benjamini-Hochberg over all differences of the comparison
    flagged: bool  # q_value at or below the rate of false findings that was asked for
    median: float | None  # usual wait of the group, in seconds; None where nothing was waited for


@dataclass(frozen=True, slots=True)
class Comparison:
    """The map by one dimension: steps whose next `horizon_days` have passed, and what came within them."""

    by: str  # device, country, medium, cohort, period, visitor, segment
    horizon_days: int
    groups: tuple[tuple[str, int], ...]  # group, profiles; a profile may be in two (two devices)
    left_out: int  # profiles in groups too small to compare
    rate_of_false: float
    differences: tuple[Difference, ...]  # the surest first


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A step where a small gain is worth most; money over the observed time, all else equal."""

    step: str
    visits: int  # whose horizon has passed
    profiles: int  # who made the step, ever
    value_minor: float  # expected margin still to come at this step
    carries_on: float  # share of visits followed by a step within the horizon
    point_minor: float  # margin gained if one of a hundred more visits carried on
    low: float
    high: float
    best_by: str = ""  # dimension and group with the best comparable rate; empty: none is surely better
    best_group: str = ""
    best_share: float | None = None
    best_minor: float | None = None  # margin gained if everybody carried on as that group does
    best_low: float | None = None
    best_high: float | None = None
    grade: Grade = Grade.MODEL


@dataclass(frozen=True, slots=True)
class Opportunities:
    """Opportunities, the most valuable first, and the ground they stand on."""

    as_of: datetime
    currency: str
    observed_days: int
    horizon_days: int
    margin_share: float  # of revenue, by which orders were turned into margin
    path_value_minor: float  # expected margin of a path that begins
    items: tuple[Opportunity, ...]


@dataclass(frozen=True, slots=True)
class Catalyst:
    """An event and what follows it, beyond what matched people without it do. An association, not an effect."""

    event: str
    profiles: int  # who did it in the periods looked at
    treated: int  # profile-periods with it and with somebody to compare to
    unmatched: int  # profile-periods with it that nobody without it resembles
    rate: float  # bought in the following period
    control_rate: float  # the matched ones
    difference: float
    low: float
    high: float
    p_value: float
    q_value: float
    placebo: float  # the same difference in the period before the event
    placebo_low: float
    placebo_high: float
    verdict: str  # claimed, not sure, suppressed, too few
    why: str
    grade: Grade = Grade.MODEL


@dataclass(frozen=True, slots=True)
class Catalysts:
    """Every event that was looked at; claimed ones first."""

    as_of: datetime
    goal: str
    period_days: int
    rate_of_false: float
    items: tuple[Catalyst, ...]

    @property
    def claimed(self) -> tuple[Catalyst, ...]:
        """Those that hold."""
        return tuple(c for c in self.items if c.verdict == "claimed")


@dataclass(frozen=True, slots=True)
class Visit:
    """One step that a profile made."""

    step: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where one profile stands on the map."""

    profile_id: str
    stage: str | None  # lifecycle stage; None: no event before the day
    last: tuple[Visit, ...]  # the latest steps, the earliest of them first
    state: str  # OPEN: may still move; EXIT: has left
    context: tuple[str, ...]  # the longest known context that fits
    likely: tuple[Continuation, ...]  # what people did next from there, the most frequent first
    exit_share: float | None  # of those whose next move is known
    known_moves: int
