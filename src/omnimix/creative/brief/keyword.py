"""Keywords: what people who want these things type.

in   the chosen products, the campaign, the brand
out  at least ten distinct phrases, lower case, each ≤ 80 characters and ≤ 10 words

They come from product nouns, categories and intents ("buy …", "… gift ideas"). Letters, digits, spaces,
hyphens and apostrophes only: search platforms refuse other signs.
"""

import re
from collections.abc import Iterable, Sequence

from omnimix.creative.brand import Brand
from omnimix.creative.brief.noun import Noun, noun_of
from omnimix.creative.campaign import Campaign
from omnimix.data.product import Product

AT_LEAST, AT_MOST = 10, 30
_GIFT = re.compile(r"\b(?:gift|present|christmas)", re.IGNORECASE)
_PLACES = {"GB": "uk", "IE": "ireland", "US": "usa", "AU": "australia", "CA": "canada", "NZ": "new zealand"}


def keywords_for(products: Sequence[Product], campaign: Campaign, brand: Brand) -> tuple[str, ...]:
    """The most specific first: names, nouns, nouns with an intent, categories, the shop."""
    nouns = [noun_of(p.name, brand.words.keep) for p in products]
    heads = _distinct(n.heads for n in nouns if n.heads)
    ones = _distinct(n.head for n in nouns if n.head)
    categories = _distinct(p.category for p in products)
    gift = bool(_GIFT.search(f"{brand.sells} {campaign.name}"))
    found = [*heads[:8], *(n.name for n in nouns[:4])]
    found += [f"buy {h}" for h in heads[:4]]
    found += [f"{h} gift" for h in ones[:4]] if gift else []
    found += [f"{h} {_PLACES[c]}" for c in campaign.countries[:1] if c in _PLACES for h in heads[:3]]
    found += [f"{c} online" for c in categories[:4]] + categories[:6]
    found += [f"{c} gifts" for c in categories[:3] if gift]
    found += _names(nouns[4:])
    found += [brand.sells, f"{brand.sells} online", f"buy {brand.sells}", f"shop {brand.sells}", brand.name]
    found += [f"{brand.name} {h}" for h in heads[:4]] + [f"{brand.name} shop", f"{brand.name} online"]
    found += [
        campaign.name,
        f"{brand.name} {campaign.name}",
        "online shop",
        "gift shop online" if gift else "shop online",
    ]
    found += ["home shopping online", "order online"]
    return tuple(_distinct(_clean(k) for k in found))[:AT_MOST]


def _names(nouns: Iterable[Noun]) -> list[str]:
    return [n.name for n in nouns]


def _clean(text: str) -> str:
    """A phrase as a search platform takes it, or nothing."""
    plain = re.sub(r"[^\w\s'-]|_", " ", text.replace("&", " and ").replace("’", "'").lower())
    words = plain.split()[:10]
    while words and len(" ".join(words)) > 80:
        words.pop()
    return " ".join(words)


def _distinct(items: Iterable[str]) -> list[str]:
    return [k for k in dict.fromkeys(items) if k]
