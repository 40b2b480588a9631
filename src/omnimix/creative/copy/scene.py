"""The scene: everything there is to say for one brief, as phrases that fit the slots of the frames.

in   a brief with its campaign and brand
out  a Scene: the shop's phrases, and an Item for each product; every factual phrase with the claim that carries it
"""

import re
from dataclasses import dataclass, field

from omnimix.core.money import exponent
from omnimix.creative.brand import Brand
from omnimix.creative.brief.brief import Brief
from omnimix.creative.brief.lexicon import ACRONYMS, MASS, PROPER
from omnimix.creative.brief.noun import Noun, cased, is_plural, noun_of
from omnimix.creative.brief.phrase import factual_phrases
from omnimix.creative.campaign import Campaign
from omnimix.creative.claim import Claim, ClaimKind
from omnimix.creative.copy.frame import Theme, themes
from omnimix.creative.copy.lint import House
from omnimix.data.product import Product

_LITTLE = 1000  # minor units up to which a price is called small
# Names that are a saying or a title do not fit inside a sentence: "the I am so poorly hot water bottle".
_SAYING = re.compile(
    r"\b(?:i|am|is|are|was|me|my|you|your|our|we|please|keep|come|take|hand over|grow|no|not|don['’]?t|"
    r"welcome|love|hello|how|what|who|why|happy|home sweet)\b",
    re.IGNORECASE,
)
_LONGEST_NAME = 48


@dataclass(frozen=True, slots=True)
class Item:
    """One product as the frames see it: slot → phrase, and slot → the claim the phrase needs."""

    product_id: str
    slots: dict[str, str]
    claims: dict[str, Claim]
    moments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to say. `proofs` are the brand's own claims; one stands in a line at a time."""

    items: tuple[Item, ...]
    shop: dict[str, str]
    claims: dict[str, Claim]
    proofs: tuple[Claim, ...]
    house: House
    exempt: tuple[str, ...] = field(default=())
    keep: tuple[str, ...] = ()

    def inside(self, text: str) -> str:
        """A phrase as it stands inside a sentence."""
        return _inside(text, self.keep)


def make_scene(brief: Brief, campaign: Campaign, brand: Brand) -> Scene:
    """Gather the phrases. Slots that would need a claim the brief does not hold are left out."""
    keep = (*brand.words.keep, brand.name)
    priced_from = [c for c in brief.proof_points if c.kind is ClaimKind.PRICE and " from " in c.text]
    lowest = {c.text.rpartition(" from ")[0]: c for c in priced_from}
    by_source = {c.source: c for c in brief.proof_points if c not in priced_from}
    items = _neighbours(tuple(_item(p, noun_of(p.name, keep), by_source, lowest, keep) for p in brief.products))
    proofs = tuple(c for c in brief.proof_points if c.source.startswith("brand.toml:"))
    shop = {"brand": brand.name.strip(), "sells": cased(brand.sells.strip(" ."), keep)}
    if brand.promise.strip():
        shop["promise"] = brand.promise.strip().rstrip(".!") + "."
    claims: dict[str, Claim] = {}
    for slot, text in _offer(campaign):
        claim = next((c for c in brief.proof_points if c.source == "campaign:offer" and c.text == text), None)
        if claim is not None:
            shop[slot] = text if slot == "code" else _inside(text, keep)
            claims[slot] = claim
    code = campaign.offer.code if campaign.offer is not None else None
    said = [*shop.values(), *(c.text for c in proofs), *(v for i in items for v in i.slots.values())]
    capitals = {w for text in said for w in _capitalised(text)} | {w for k in keep for w in k.split()}
    house = House(frozenset(capitals), frozenset([code] if code else []) | frozenset(brand.words.keep))
    return Scene(items, shop, claims, proofs, house, (brand.name,), keep)


def _neighbours(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Give each item the kind of another in its own category, for frames that put like with like."""
    for item in items:
        kin = (i for i in items if i.slots["things"] == item.slots["things"] != "things" and "heads" in i.slots)
        other = next((i.slots["heads"] for i in kin if i.slots["heads"] != item.slots.get("heads")), None)
        if other is not None:
            item.slots["near"] = other
    return items


def _offer(campaign: Campaign) -> tuple[tuple[str, str], ...]:
    if campaign.offer is None:
        return ()
    pairs = (("offer", campaign.offer.text), ("short", campaign.offer.short), ("code", campaign.offer.code or ""))
    return tuple((slot, text) for slot, text in pairs if text)


def _inside(text: str, keep: tuple[str, ...]) -> str:
    """A phrase as it stands inside a sentence: only its first word may lose its capital."""
    first, _, rest = text.strip().rstrip(".").partition(" ")
    return f"{cased(first, keep)} {rest}".strip()


def _capitalised(text: str) -> list[str]:
    """Words with a capital that is not merely the beginning of a phrase's first word."""
    words = re.findall(r"[^\W\d_][\w'’-]*", text)
    return [re.sub(r"['’]s$", "", w) for w in words if any(c.isupper() for c in w) and not w.isupper()]


def _item(
    product: Product, noun: Noun, by_source: dict[str, Claim], lowest: dict[str, Claim], keep: tuple[str, ...]
) -> Item:
    slots: dict[str, str] = {}
    claims: dict[str, Claim] = {}
    _say_name(product, noun, slots, claims, by_source)
    if noun.head is not None and noun.heads is not None and not factual_phrases(noun.heads):
        slots |= {"heads": noun.heads, "are": "are" if noun.heads_plural else "is"}
        slots["hs"] = "" if noun.heads_plural else "s"
        if noun.single is not None:
            slots |= {"a_head": noun.single, "head": noun.head, "fine_heads": noun.heads}
        if noun.heads in lowest:
            slots["heads_from"], claims["heads_from"] = lowest[noun.heads].text, lowest[noun.heads]
    _say_price(product, slots, claims, by_source)
    _say_buyers(product, slots, claims, by_source)
    if product.description and not factual_phrases(product.description):
        slots["desc"] = re.sub(r'"([^"]*)"', r"“\1”", product.description.strip()).rstrip(".") + "."
    theme = _theme(product.category)
    slots["things"] = (theme.things if theme else None) or _things(product.category, keep)
    if theme is not None and theme.place:
        slots["place"] = theme.place
    return Item(product.product_id, slots, claims, theme.moments if theme else ())


def _say_name(
    product: Product, noun: Noun, slots: dict[str, str], claims: dict[str, Claim], by_source: dict[str, Claim]
) -> None:
    """Name slots, for names that can stand inside a sentence."""
    claim = by_source.get(f"catalogue:{product.product_id}:name")
    plain = re.fullmatch(r"[\w’'&,. -]+", noun.name) and re.search(r"[A-Za-z]{3}", noun.name)
    if not plain or len(noun.name) > _LONGEST_NAME or _SAYING.search(noun.name):
        return
    if (factual_phrases(noun.name) and claim is None) or unknown_capitals(product.name):
        return
    many = noun.name_plural
    if not noun.packed:
        slots["the_thing"] = f"the {noun.name}"
    slots |= {"name": noun.name, "the_name": f"the {noun.name}", "is": "are" if many else "is"}
    slots |= {"was": "were" if many else "was", "s": "" if many else "s", "has": "have" if many else "has"}
    slots |= {"it": "they" if many else "it", "them": "them" if many else "it", "its": "their" if many else "its"}
    if claim is not None:
        claims["name"] = claims["the_name"] = claims["the_thing"] = claim


def unknown_capitals(name: str) -> bool:
    """Whether a word in capitals stands among small ones: an acronym or a brand that must not be made small."""
    words = re.findall(r"\b[A-ZÀ-Þ]{2,}\b", name)
    return bool(re.search(r"[a-zà-ÿ]{2}", name)) and any(w not in ACRONYMS for w in words)


def _say_price(
    product: Product, slots: dict[str, str], claims: dict[str, Claim], by_source: dict[str, Claim]
) -> None:
    claim = by_source.get(f"catalogue:{product.product_id}:price")
    if claim is None or product.price is None:
        return
    slots["price"], claims["price"] = claim.text, claim
    if exponent(product.price.currency) == 2 and product.price.minor <= _LITTLE:
        slots["little"], claims["little"] = claim.text, claim


def _say_buyers(
    product: Product, slots: dict[str, str], claims: dict[str, Claim], by_source: dict[str, Claim]
) -> None:
    claim = by_source.get(f"orders:{product.product_id}:buyers")
    count = re.search(r"\d[\d,]*", claim.text) if claim is not None else None
    if claim is None or count is None:
        return
    n = count.group()
    said = {
        "by_customers": claim.text,
        "n_bought": f"{n} customers bought",
        "n_buyers": f"{n} buyers",
        "n_short": f"{n} bought",
    }
    if "heads" in slots:
        slots["known_heads"], claims["known_heads"] = slots["heads"], claim
    for slot, text in said.items():
        slots[slot] = text
        claims[slot] = Claim(ClaimKind.POPULARITY, text, claim.source, claim.expires_on)


def _theme(category: str) -> Theme | None:
    words = set(re.findall(r"[a-z]+", category.lower()))
    return next((t for t in themes() if t.words & words), None)


def _things(category: str, keep: tuple[str, ...]) -> str:
    """A category as a plural: "bags and lunch boxes", "warm and cosy things"."""
    phrase = cased(re.sub(r"\s*&\s*", " and ", category.strip()), keep)
    plain = re.fullmatch(r"[A-Za-z][A-Za-z'’ -]{2,}", phrase)
    if not plain or phrase.lower() in (
        "other",
        "misc",
        "miscellaneous",
        "general",
        "all",
        "uncategorised",
        "none",
    ):
        return "things"
    last = phrase.rsplit(" ", 1)[-1]
    many = re.search(r"[^sui]s$", last) and last.lower() not in PROPER
    if many or is_plural(last) or last.lower() in MASS:
        return phrase
    return f"{phrase}s" if last.lower() == "decoration" else f"{phrase} things"
