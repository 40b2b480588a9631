"""A poster: the few words that stand on a picture.

in   a Variant, its Brand and the products it shows
out  Poster records; a price or an offer stands on one only when the variant carries the claim for it
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from omnimix.creative.brand import Brand
from omnimix.creative.campaign import Offer
from omnimix.creative.claim import ClaimKind
from omnimix.creative.image.motif import motif_for
from omnimix.creative.variant import Variant
from omnimix.data.product import Product

DIRECTIONS = ("still", "bold", "letter")
# An angle keeps one art direction, so that a campaign's variants differ to the eye as they do in words.
_DIRECTION: Mapping[str, str] = {
    "quality": "still",
    "discovery": "still",
    "convenience": "still",
    "value": "bold",
    "popular": "bold",
    "plenty": "bold",
    "occasion": "letter",
    "loyalty": "letter",
    "win_back": "letter",
}
_LABELS: Mapping[str, str] = {
    "SHOP_NOW": "Shop now",
    "LEARN_MORE": "Learn more",
    "SIGN_UP": "Sign up",
    "GET_OFFER": "Get offer",
}


@dataclass(frozen=True, slots=True)
class Poster:
    """What a picture says. Empty strings stand for nothing there."""

    headline: str
    supporting: str
    call_to_action: str  # the words on the button
    alt_text: str
    badge: str = ""  # an offer in at most 20 characters, covered by a claim
    terms: str = ""  # the whole offer, where the badge leaves a condition out
    product: str = ""
    price: str = ""  # covered by a claim
    direction: str = "still"  # still, bold or letter
    motif: str = "gift"


def direction_for(angle: str) -> str:
    """The art direction of an angle; an unknown angle gets one by its hash."""
    known = _DIRECTION.get(angle)
    return known or DIRECTIONS[hashlib.sha256(angle.encode()).digest()[0] % len(DIRECTIONS)]


def make_poster(
    variant: Variant, brand: Brand, products: Sequence[Product] = (), *, offer: Offer | None = None
) -> Poster:
    """Choose the words for the picture: the leading headline and description, and what claims allow.

    `products` are those the variant shows, the one to picture first.
    """
    shown = products[0] if products else None
    claimed = {c.text for c in variant.claims}
    price = ""
    if shown and shown.price and any(c.kind is ClaimKind.PRICE for c in variant.claims):
        price = str(shown.price) if any(str(shown.price) in text for text in claimed) else ""
    badge = ""
    if offer and any(offer.short in text or offer.text in text for text in claimed):
        badge = offer.short
    poster = Poster(
        headline=variant.headlines[0],
        supporting=variant.descriptions[0],
        call_to_action=_LABELS.get(variant.call_to_action, "Shop now"),
        alt_text="",
        badge=badge,
        terms=_terms(offer, badge, variant.headlines[0]) if offer else "",
        product=shown.name if shown and price else "",
        price=price,
        direction=direction_for(variant.angle),
        motif=motif_for(shown.category, shown.name) if shown else "gift",
    )
    return replace(poster, alt_text=_alt_text(poster, brand, shown))


def _terms(offer: Offer, badge: str, headline: str) -> str:
    """The whole offer, unless badge or headline say it already."""
    said = badge == offer.text or offer.text.lower() in headline.lower()
    return offer.text if badge and not said else ""


def _alt_text(poster: Poster, brand: Brand, shown: Product | None) -> str:
    subject = f"{shown.name}, " if shown else ""
    return f"{subject}{poster.headline.rstrip('.')}. {brand.name}."
