"""A segment: a defined set of profiles, named and described by a short rule.

in   what the clustering and the rule search found
out  Segment records
"""

from dataclasses import dataclass
from enum import StrEnum

from omnimix.audience.segment.rule import Condition


class Origin(StrEnum):
    """How a segment came about."""

    CLUSTER = "cluster"  # found: the people nearest to some centres
    RULE = "rule"  # defined in omnimix.toml
    PROSPECTS = "prospects"  # defined by us: looked, and did not buy
    REST = "rest"  # whoever is left


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment. `key` is a slug, stable while the segment means the same; shares are in [0, 1]."""

    key: str
    name: str
    size: int
    share: float
    rule: str  # "recency ≤ 30 days and orders ≥ 5"
    precision: float  # share of those the rule picks that are members
    recall: float  # share of the members that the rule picks
    stability: float  # adjusted Rand index of the clustering over resamples, mean
    means: dict[str, float]  # feature → mean of the members
    base_means: dict[str, float]  # feature → mean of everybody
    origin: Origin = Origin.CLUSTER
    conditions: tuple[Condition, ...] = ()  # `rule`, taken apart; empty for definitions and the rest
    found_again: float = 1.0  # mean best Jaccard coefficient over bootstraps; 1 for what is defined


REST = "(rest)"
PROSPECTS = "visitors-yet-to-buy"
