"""A brief: what the creative for one segment (or for everybody) should say, and why.

in   persona, campaign, catalogue, brand
out  Brief records
"""

from dataclasses import dataclass

from omnimix.creative.claim import Claim
from omnimix.data.product import Product

BROAD = "broad"


@dataclass(frozen=True, slots=True)
class Angle:
    """One way in: a key from the closed set of angles, and the evidence that argues for it here."""

    key: str  # discovery, value, occasion, quality, convenience, loyalty, win_back …
    why: str  # one sentence that quotes the persona's statement


@dataclass(frozen=True, slots=True)
class Brief:
    """What to say to whom. `key` is BROAD or the segment's key."""

    key: str
    audience: str  # one line, aggregate, never shown in an ad
    angles: tuple[Angle, ...]  # the strongest first
    keywords: tuple[str, ...]
    products: tuple[Product, ...]  # the strongest first
    proof_points: tuple[Claim, ...]
    avoid: tuple[str, ...]
