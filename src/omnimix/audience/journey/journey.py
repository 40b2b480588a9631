"""A journey map: the numbers of how people move, where each one adds up.

in   what the tables of this folder counted
out  frozen records for personas and the report

Shares are in [0, 1], waits are seconds, `q1` and `q3` are the quartiles of a wait.
"""

from dataclasses import dataclass
from datetime import datetime

START = "(start)"  # before the first step of a path
EXIT = "(exit)"  # no further step came in time: the person left
OPEN = "(open)"  # no further step yet, but there is still time: not known
OTHER = "(other)"  # the steps beyond the most frequent ones, together


@dataclass(frozen=True, slots=True)
class Step:
    """One step: how often it was made and by how many. `share` is of all profiles with any step."""

    step: str
    visits: int
    profiles: int
    share: float


@dataclass(frozen=True, slots=True)
class Move:
    """One way from step to step. Over the moves out of one step `share` sums to 1, `moves` to its visits."""

    step: str  # START, or a step's name
    next_step: str  # a step's name, EXIT or OPEN
    moves: int
    profiles: int
    share: float
    q1: float | None  # waits in seconds; None from START and into EXIT or OPEN
    median: float | None
    q3: float | None


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many profiles got this far, in this order, within one path."""

    place: int  # 0-based
    step: str
    profiles: int
    share_of_first: float  # 0 where nobody entered
    share_of_previous: float
    median: float | None  # seconds since the previous step, over the paths that got here


@dataclass(frozen=True, slots=True)
class StageCount:
    """How many profiles are in a lifecycle stage on a day. Over one day `share` sums to 1."""

    as_of: datetime
    stage: str
    profiles: int
    share: float


@dataclass(frozen=True, slots=True)
class StageMove:
    """How many profiles went from one stage to another between two days; START: not yet known on the first."""

    stage: str
    next_stage: str
    profiles: int
    share: float  # of those who were in `stage`


@dataclass(frozen=True, slots=True)
class MediumCount:
    """How many touches came by one medium, and to how many profiles and sessions."""

    medium: str
    touches: int
    sessions: int
    profiles: int
    share: float  # of all touches


@dataclass(frozen=True, slots=True)
class JourneyMap:
    """Everything the journey stage knows of one base of people on one day.

    Events without a profile are counted in `unidentified_events` and used nowhere else.
    """

    as_of: datetime
    before: datetime  # the earlier day of `stage_moves`
    within_days: int  # a longer wait than this ends a path
    events: int  # events with a profile
    unidentified_events: int
    profiles: int
    sessions: int
    steps: tuple[Step, ...]  # the most visited first
    moves: tuple[Move, ...]  # by step in the order of `steps`, START first, then the most frequent first
    funnel: tuple[FunnelStep, ...]
    repeat: tuple[FunnelStep, ...]  # first order, second order, …
    mediums: tuple[MediumCount, ...]  # the most touches first
    stages: tuple[StageCount, ...]  # on `as_of`, in the order of the lifecycle rules
    stage_moves: tuple[StageMove, ...]  # from `before` to `as_of`
    history: tuple[StageCount, ...]  # the stages on each earlier day, the oldest first

    def leaks(self) -> tuple[Move, ...]:
        """Where people leave: the moves into EXIT, the one that loses most profiles first."""
        lost = (m for m in self.moves if m.next_step == EXIT)
        return tuple(sorted(lost, key=lambda m: (-m.profiles, m.step)))

    def moves_from(self, step: str) -> tuple[Move, ...]:
        """The moves out of a step (or START), the most frequent first."""
        return tuple(m for m in self.moves if m.step == step)
