"""A poster: the few words that stand on a picture.

in   a Variant, its Brand and the products it shows
out  Poster records; a price or an offer stands on one only when the variant carries the claim for it
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from omnimix.creative.brand import Brand
from omnimix.creative.brief.noun import noun_of
from omnimix.creative.brief.phrase import price_text, uncovered
from omnimix.creative.campaign import Offer
from omnimix.creative.claim import ClaimKind
from omnimix.creative.copy.scene import unknown_capitals
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

_LATIN = 0x24F  # the last letter that every font in the package can draw


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
    subject = _subject(shown, variant, brand) if shown else ""
    price = _price(shown, variant) if shown and subject else ""
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
        product=subject if price else "",
        price=price,
        direction=direction_for(variant.angle),
        motif=motif_for(shown.category, shown.name) if shown else "gift",
    )
    return replace(poster, alt_text=_alt_text(poster, brand, subject))


def _subject(shown: Product, variant: Variant, brand: Brand) -> str:
    """What is pictured: the product's name where it may stand in an ad, else its head noun, else nothing.

    A catalogue's name may shout, hold a number nobody has claimed, a word to avoid, or signs the fonts lack.
    """
    keep = (*brand.words.keep, brand.name)
    noun = noun_of(shown.name, keep)
    name = "" if unknown_capitals(shown.name) and noun.head else noun.name
    for said in (name, noun.head or ""):
        foreign = any(ord(c) > _LATIN and c not in "–—‘’“”" for c in said)
        avoided = any(_holds(said, w) for w in brand.words.avoid)
        if said and not foreign and not avoided and not uncovered(said, variant.claims, exempt=(brand.name,)):
            return said[0].upper() + said[1:]
    return ""


def _holds(text: str, word: str) -> bool:
    return bool(word.strip()) and bool(re.search(rf"(?<!\w){re.escape(word.strip())}(?!\w)", text, re.IGNORECASE))


def _price(shown: Product, variant: Variant) -> str:
    """The product's own price, when the variant claims it."""
    if shown.price is None:
        return ""
    said, source = price_text(shown.price), f"catalogue:{shown.product_id}:price"
    own = (c.text for c in variant.claims if c.kind is ClaimKind.PRICE and c.source == source)
    return said if any(said in text for text in own) else ""


def _terms(offer: Offer, badge: str, headline: str) -> str:
    """The whole offer, unless badge or headline say it already."""
    said = badge == offer.text or offer.text.lower() in headline.lower()
    return offer.text if badge and not said else ""


def _alt_text(poster: Poster, brand: Brand, subject: str) -> str:
    pictured = f"{subject}, " if subject else ""
    return f"{pictured}{poster.headline.rstrip('.')}. {brand.name}."
