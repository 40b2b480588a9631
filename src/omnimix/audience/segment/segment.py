"""A segment: a defined set of profiles, named and described by a short rule.

in   what the clustering and the rule search found
out  Segment records
"""

from dataclasses import dataclass


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


REST = "(rest)"
