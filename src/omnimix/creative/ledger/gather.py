"""Grounds gathered from where a shop keeps them.

in   brand, campaign, products, buyers of each product, saved pages as HTML
out  a Ledger
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser

from omnimix.creative.brand import Brand
from omnimix.creative.brief.noun import noun_of
from omnimix.creative.brief.phrase import count_text, price_text
from omnimix.creative.campaign import Campaign
from omnimix.creative.ledger.ground import Ground, Ledger
from omnimix.creative.ledger.meaning import CONDITIONS, Bound, Quantity, meaning_of
from omnimix.creative.ledger.recognise import claim_phrases
from omnimix.data.product import Product

_UNSEEN = frozenset({"script", "style", "template", "noscript", "head"})
_FLOWING = frozenset({"a", "abbr", "b", "em", "i", "mark", "small", "span", "strong", "sub", "sup", "u", "wbr"})
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"“A-Z0-9£$€])")


def ledger_of(
    brand: Brand,
    products: Iterable[Product],
    *,
    campaign: Campaign | None = None,
    buyers: Mapping[str, int] | None = None,
    pages: Mapping[str, str] | None = None,
) -> Ledger:
    """All grounds. `buyers`: distinct customers by product id. `pages`: HTML by file name."""
    products = tuple(products)
    keep = (*brand.words.keep, brand.name)
    nouns = {p.product_id: noun_of(p.name, keep).heads for p in products}
    names = {p.product_id: meaning_of(p.name).stems for p in products}
    grounds = [
        *(
            Ground(c.text, f"brand.toml:claims.{n}", _named(c.text, names), expires_on=c.expires_on)
            for n, c in enumerate(brand.claims, 1)
        ),
        *_offer(campaign),
        *(
            ground
            for product in products
            for ground in _product(product, (buyers or {}).get(product.product_id, 0))
        ),
        *(ground for name, html in sorted((pages or {}).items()) for ground in grounds_of_page(name, html)),
    ]
    return Ledger(tuple(grounds), names, {p: kind for p, kind in nouns.items() if kind})


def _named(text: str, names: Mapping[str, frozenset[str]]) -> str | None:
    """The product that a claim of the brand names in full; it is true of that one alone."""
    words = meaning_of(text).stems
    named = [p for p, name in names.items() if len(name) > 1 and name <= words]
    return max(named, key=lambda p: (len(names[p]), p), default=None)


def _offer(campaign: Campaign | None) -> Iterator[Ground]:
    offer = campaign.offer if campaign else None
    if campaign is None or offer is None:
        return
    code = f"code {offer.code}" if offer.code else ""
    short = "" if _conditions(offer.text) - _conditions(offer.short) else offer.short
    for text in (f"{offer.text}, {code}" if code else offer.text, short, code):
        if text:
            yield Ground(text, "campaign:offer", expires_on=offer.ends_on or campaign.ends_on)


def _conditions(text: str) -> frozenset[str | Quantity]:
    """What limits an offer: a short form that leaves one of them out is no ground."""
    meaning = meaning_of(text)
    return (meaning.stems & CONDITIONS) | {q for q in meaning.quantities if q.bound is not Bound.EXACT}


def _product(product: Product, buyers: int) -> Iterator[Ground]:
    place, about = f"catalogue:{product.product_id}", product.product_id
    yield Ground(product.name, f"{place}:name", about)
    if product.price is not None and product.price.minor > 0 and product.in_stock:
        yield Ground(f"{product.name} {price_text(product.price)}", f"{place}:price", about, product.price)
    if product.in_stock:
        yield Ground(f"{product.name} in stock", f"{place}:stock", about)
    for sentence in _SENTENCE.split(product.description or ""):
        if sentence.strip():
            yield Ground(sentence.strip(), f"{place}:description", about)
    if buyers:
        yield Ground(f"bought by {count_text(buyers)} customers", f"orders:{product.product_id}:buyers", about)


def grounds_of_page(name: str, html: str) -> tuple[Ground, ...]:
    """The sentences of a saved page that state a fact, each once; what is not shown is not read."""
    sentences = dict.fromkeys(s.strip() for block in _visible(html) for s in _SENTENCE.split(block))
    return tuple(Ground(s, f"page:{name}") for s in sentences if s and claim_phrases(s))


def visible_text(html: str) -> str:
    """What a reader sees of a page, one block a line."""
    return "\n".join(_visible(html))


def _visible(html: str) -> list[str]:
    """The text blocks of a page a reader sees, white space folded."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    blocks = "".join(reader.pieces).split("\0")
    return [text for text in (" ".join(b.split()) for b in blocks) if text]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._hidden += 1
        elif tag not in _FLOWING:
            self.pieces.append("\0")
        if not self._hidden:
            self.pieces.extend(f"\0{value}\0" for name, value in attrs if name == "alt" and value)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag not in _FLOWING:
            self.pieces.append("\0")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)
