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
    RANGE = "price_range"
    MOMENT = "preferred_moment"
    WORD = "words"
    OBJECTION = "objection"
    JOURNEY = "journey"
    VALUE = "value"


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
class Hours:
    """When a segment orders: `share[weekday][hour]` in local time, Monday first; all cells together are 1.

    Each person counts the same, whatever the number of their orders. `n`: people with an order.
    """

    share: tuple[tuple[float, ...], ...]
    base: tuple[tuple[float, ...], ...]
    n: int


@dataclass(frozen=True, slots=True)
class PriceRange:
    """What most choose, in minor units: eight people in ten have a usual unit price between `low` and `high`."""

    low: float
    high: float
    middle: float  # the median
    base_low: float
    base_high: float
    base_middle: float
    n: int


@dataclass(frozen=True, slots=True)
class Path:
    """A real path that at least the smallest group of people took step by step: it shows nobody in particular."""

    steps: tuple[str, ...]
    people: int
    share: float  # of the members with a path
    low: float  # 95 % interval of share
    high: float
    base: float  # share of everybody with a path
    n: int  # members with a path


@dataclass(frozen=True, slots=True)
class Narrative:
    """The portrait told in a paragraph. `writer` is `template`, or the model that wrote it.

    `refused` says why a model's text was not taken, empty where none was asked or its text was taken.
    """

    text: str
    writer: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Persona:
    """A segment and its supported statements, the most distinctive first; pictures' figures and a narrative."""

    segment: Segment
    headline: str  # one line: who they are
    statements: tuple[Statement, ...]
    hours: Hours | None = None
    prices: PriceRange | None = None
    paths: tuple[Path, ...] = ()
    narrative: Narrative | None = None

    def of_kind(self, kind: Kind) -> tuple[Statement, ...]:
        """The statements about one thing, the most distinctive first."""
        return tuple(s for s in self.statements if s.kind is kind)
