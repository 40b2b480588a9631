"""The rules of a journey: session gap, steps, funnel, and the lifecycle stages, all of them data.

in   the [journey] and [lifecycle] tables of omnimix.toml
out  JourneyRules and Lifecycle records, checked
"""

import re
from dataclasses import dataclass

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config

METRICS = (
    "orders",  # orders so far
    "recency_days",  # whole days since the last order; no order: the condition does not hold
    "seen_days",  # whole days since the last event of any kind
    "tenure_days",  # whole days since the first event
    "revenue_minor",  # revenue so far, refunds taken off
    "refunds",  # refunded or cancelled orders so far
)
DIMENSIONS = ("device", "country", "medium", "cohort", "period", "visitor", "segment")
_CONDITION = re.compile(r"^\s*([a-z_]+)\s*(<=|>=|==|=|<|>|≤|≥)\s*(-?\d+(?:\.\d+)?)\s*$")
_SIGN = {"=": "==", "≤": "<=", "≥": ">="}


@dataclass(frozen=True, slots=True)
class Condition:
    """`metric sign value`, as in `recency_days <= 90`."""

    metric: str
    sign: str  # <=, >=, ==, <, >
    value: float


@config
class Stage:
    """One lifecycle stage: a profile is in it when all conditions hold and no earlier stage took it."""

    key: str
    when: tuple[str, ...] = ()  # "orders >= 4"; empty only for the last stage, which takes the rest

    def conditions(self) -> tuple[Condition, ...]:
        """The conditions, parsed. Raises InvalidInput for one that cannot be read."""
        return tuple(_condition(text, self.key) for text in self.when)


# In the demo shop half of all repeat orders come within 22 days, nine in ten within 103 and 95 in a hundred within
# 146 (an order's wait since the one before): after 90 days a customer is late, after 180 hardly ever coming back.
# Another shop sets its own days in omnimix.toml; `JourneyMap.repeat` shows the waits.
SHOP_STAGES = (
    Stage(key="prospect", when=("orders == 0",)),
    Stage(key="first_time", when=("orders == 1", "recency_days <= 60")),
    Stage(key="loyal", when=("orders >= 5", "recency_days <= 90")),
    Stage(key="active", when=("orders >= 2", "recency_days <= 90")),
    Stage(key="at_risk", when=("recency_days <= 180",)),
    Stage(key="lapsed"),
)


@config
class Lifecycle:
    """Stages in order; the first whose conditions hold wins, and the last takes everybody left."""

    stages: tuple[Stage, ...] = SHOP_STAGES
    period_days: int = 91  # movement is shown over this many days
    periods: int = 4  # and the counts at the end of this many periods

    def __post_init__(self) -> None:
        keys = [s.key for s in self.stages]
        if not keys or len(set(keys)) != len(keys) or "" in keys:
            raise InvalidInput(f"lifecycle stages need different keys, not {keys}", where="lifecycle.stages")
        if self.period_days < 1 or self.periods < 1:
            raise InvalidInput("period_days and periods must be at least 1", where="lifecycle")
        for stage in self.stages[:-1]:
            if not stage.conditions():
                raise InvalidInput(
                    f"stage {stage.key!r} has no condition and would take everybody",
                    where="lifecycle.stages",
                    fix="give it a `when`, or make it the last stage",
                )
        if self.stages[-1].when:
            raise InvalidInput(
                f"the last stage {keys[-1]!r} must take everybody left",
                where="lifecycle.stages",
                fix="remove its `when`, or add a last stage without one",
            )


@config
class JourneyRules:
    """How events become sessions, steps and a funnel."""

    gap_minutes: int = 30  # a longer pause starts a new session
    within_days: int = 180  # a longer wait between two steps ends the path
    most_steps: int = 12  # the others are shown together
    funnel: tuple[str, ...] = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")
    repeat_orders: int = 4  # the last rung of the repeat ladder: "4th order or later"
    repeat_within_days: int = 365  # a later order no longer counts as a repeat
    own_hosts: tuple[str, ...] = ()  # the shop's own hosts: a referrer among them is no touch
    horizon_days: int = 28  # how far ahead comparisons, opportunities and catalysts look
    compare: tuple[str, ...] = ("device", "country", "medium", "cohort", "period", "visitor")

    def __post_init__(self) -> None:
        for name in ("gap_minutes", "within_days", "most_steps", "repeat_within_days", "horizon_days"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} must be at least 1", where="journey")
        if not self.funnel:
            raise InvalidInput("a funnel needs at least one step", where="journey.funnel")
        if self.repeat_orders < 2:
            raise InvalidInput("repeat_orders must be at least 2", where="journey")
        strange = [by for by in self.compare if by not in DIMENSIONS]
        if strange:
            raise InvalidInput(
                f"the map cannot be compared by {strange[0]!r}",
                where="journey.compare",
                fix=f"choose from {', '.join(DIMENSIONS)}",
            )
        if len(set(self.funnel)) != len(self.funnel):
            raise InvalidInput("a funnel names each step once", where="journey.funnel")


def _condition(text: str, stage: str) -> Condition:
    found = _CONDITION.match(text)
    if not found or found[1] not in METRICS:
        raise InvalidInput(
            f"cannot read the condition {text!r} of stage {stage!r}",
            where="lifecycle.stages",
            fix=f'write it like "recency_days <= 90" with one of {", ".join(METRICS)}',
        )
    return Condition(found[1], _SIGN.get(found[2], found[2]), float(found[3]))
