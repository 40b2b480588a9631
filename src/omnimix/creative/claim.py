"""A claim: a factual phrase bound to a source.

in   a phrase, and where it is true from
out  Claim records
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ClaimKind(StrEnum):
    """What makes a phrase factual."""

    NUMBER = "number"
    PRICE = "price"
    SUPERLATIVE = "superlative"
    GUARANTEE = "guarantee"
    SCARCITY = "scarcity"
    POPULARITY = "popularity"
    MATERIAL = "material"  # what it is made of, what it withstands
    HEALTH = "health"
    ENVIRONMENT = "environment"
    SAFETY = "safety"
    RATING = "rating"
    COMPARISON = "comparison"  # with others
    ORIGIN = "origin"  # where, how, by whom, since when
    SERVICE = "service"  # delivery, returns and the like


@dataclass(frozen=True, slots=True)
class Claim:
    """`text` as it may stand in copy, true by `source`, until `expires_on` (inclusive; None: no expiry)."""

    kind: ClaimKind
    text: str
    source: str  # "catalogue:22423:price", "orders:22423:buyers", "brand.toml:claims.1", "campaign:offer"
    expires_on: date | None = None
