"""What is watched once segments are in use: lists by rule, movement, drift, proxies.

in   the records of `movement`, `drift` and `proxy`
out  Watch, kept beside the Segmentation
"""

from dataclasses import dataclass

from omnimix.audience.segment.drift import Drift
from omnimix.audience.segment.movement import Movement
from omnimix.audience.segment.proxy import Proxy


@dataclass(frozen=True, slots=True)
class RuleList:
    """Everybody a rule segment holds, whoever takes them on the ladder."""

    key: str
    name: str
    rule: str
    profiles: int  # who meet the rule
    placed: int  # of whom this is also the segment on the ladder
    note: str = ""  # why it takes nobody on the ladder, where it does not


@dataclass(frozen=True, slots=True)
class Watch:
    """The state of the segments beside their description."""

    lists: tuple[RuleList, ...] = ()
    movement: Movement | None = None
    drift: Drift | None = None
    proxies: tuple[Proxy, ...] = ()
    placed_anew: int = 0  # people whose features changed since the last placing
    found_anew: str = ""  # why the segments were found anew in this run; empty: they were not
