"""A persona: a segment's aggregate portrait, every statement with its evidence.

in   a segment and measured metrics of its members and of the whole base
out  Persona records; a statement without support does not exist
"""

from dataclasses import dataclass
from enum import StrEnum

from omnimix.audience.segment.segment import Segment
from omnimix.core.grade import Grade


class Kind(StrEnum):
    """What a statement is about."""

    MOTIVATION = "motivation"
    GOAL = "goal"
    CHALLENGE = "challenge"
    CHANNEL = "preferred_channel"
    TIME = "preferred_time"
    PRICE = "preferred_price"
    CATEGORY = "preferred_category"


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence about the segment, and what carries it."""

    kind: Kind
    text: str  # a plain sentence
    metric: str  # name of the metric, e.g. "share of spend in kitchen"
    value: float
    base: float  # the same metric over the whole base
    low: float  # 95 % interval of value
    high: float
    unit: str  # share, days, minor, count
    n: int  # members the value was computed from
    subject: str = ""  # category, channel, hour band … the statement names
    grade: Grade = Grade.MODEL
    method: str = ""  # how the interval was made: mean (t), median (order statistics), share (Wilson)


@dataclass(frozen=True, slots=True)
class Persona:
    """A segment and its supported statements, the most distinctive first."""

    segment: Segment
    headline: str  # one line: who they are
    statements: tuple[Statement, ...]

    def of_kind(self, kind: Kind) -> tuple[Statement, ...]:
        """The statements about one thing, the most distinctive first."""
        return tuple(s for s in self.statements if s.kind is kind)
