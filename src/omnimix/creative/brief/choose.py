"""Choose the products a brief shows.

in   campaign, catalogue, a persona (None: everybody), buyers by segment and product
out  Products, the strongest first; only such as are in stock and the campaign allows

A product's strength for a segment is how much of the segment buys it, times how much more than everybody
does (its lift, shrunk towards 1 where few bought it), times how well its price sits with the segment's. For
everybody it is its buyers. No category takes more than a third of the places while others have something to
offer.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp, log

from omnimix.audience.persona.persona import Kind, Persona
from omnimix.core.errors import InvalidInput
from omnimix.creative.brief.brief import BROAD
from omnimix.creative.campaign import Campaign
from omnimix.data.product import Product

PLACES = 12  # products in a brief
_SHRINK = 20.0  # buyers by which a lift is drawn to 1

Bought = Mapping[str, Mapping[str, int]]


def allowed(campaign: Campaign, products: Sequence[Product], bought: Bought) -> tuple[Product, ...]:
    """The products the campaign may show, the most bought first, ids that it names before all others.

    Raises InvalidInput when the catalogue is empty, nothing fits the campaign's choice, or nothing is in stock.
    """
    if not products:
        raise InvalidInput(
            "the catalogue is empty, so there is nothing to write about",
            where="creative: brief",
            fix="add a [sources.…] that holds products, or order lines to derive them from, and ingest it",
        )
    choice, buyers = campaign.products, bought.get(BROAD, {})
    named = {product_id: place for place, product_id in enumerate(choice.ids)}
    wanted = {c.casefold() for c in choice.categories}
    fitting = [
        p for p in products if p.product_id in named or (p.category.casefold() in wanted) or not (wanted or named)
    ]
    place = f"campaigns/{campaign.key}.toml [products]"
    if not fitting:
        known = ", ".join(sorted({p.category for p in products})[:8])
        raise InvalidInput(
            "no product of the catalogue is in the categories or ids of this campaign",
            where=place,
            fix=f"name one of the categories {known}",
        )
    stocked = [p for p in fitting if p.in_stock and p.name.strip()]
    if not stocked:
        raise InvalidInput(
            f"none of the {len(fitting)} products of this campaign is in stock",
            where=place,
            fix="widen the choice, or update in_stock in the products source and ingest again",
        )
    last = len(named)
    stocked.sort(key=lambda p: (named.get(p.product_id, last), -buyers.get(p.product_id, 0), p.product_id))
    return tuple(stocked[: max(1, choice.most)])


def choose_products(
    pool: Sequence[Product], persona: Persona | None, bought: Bought, *, places: int = PLACES
) -> tuple[Product, ...]:
    """The strongest `places` products of `pool` for the persona's segment, or for everybody."""
    everybody = bought.get(BROAD, {})
    if persona is None:
        strength = {p.product_id: 1.0 + everybody.get(p.product_id, 0) for p in pool}
    else:
        own = bought.get(persona.segment.key, {})
        strength = {p.product_id: _strength(p, persona, own, everybody) for p in pool}
    ranked = sorted(pool, key=lambda p: (-strength[p.product_id], p.product_id))
    share = max(2, -(-places // 3))
    taken: list[Product] = []
    full: Counter[str] = Counter()
    for product in ranked:
        if full[product.category] < share:
            taken.append(product)
            full[product.category] += 1
    rest = [p for p in ranked if p not in taken]
    return tuple((taken + rest)[:places])


def _strength(product: Product, persona: Persona, own: Mapping[str, int], everybody: Mapping[str, int]) -> float:
    """How strongly the product speaks to the segment; positive."""
    total_own, total = sum(own.values()) + 1.0, sum(everybody.values()) + 1.0
    share = everybody.get(product.product_id, 0) / total
    count = own.get(product.product_id, 0)
    reach = (count + 1.0) / total_own
    expected = total_own * share
    lift = (count + _SHRINK) / (expected + _SHRINK)
    return reach * lift**2 * _liking(product, persona) * _price_fit(product, persona)


def _liking(product: Product, persona: Persona) -> float:
    """How much more than everybody the segment spends on the product's category; 1 where nothing is known."""
    for s in persona.of_kind(Kind.CATEGORY):
        if s.subject.casefold() == product.category.casefold() and s.base > 0:
            return min(4.0, max(0.25, s.value / s.base))
    key = f"category_share:{product.category}"
    value, base = persona.segment.means.get(key), persona.segment.base_means.get(key)
    if value is not None and base:
        return min(4.0, max(0.25, value / base))
    return 1.0


def usual_price(persona: Persona) -> float | None:
    """What the segment usually pays for one thing, in minor units; None where no statement says so."""
    prices = (
        s for s in persona.of_kind(Kind.PRICE) if s.unit == "minor" and "order" not in f"{s.metric} {s.subject}"
    )
    return next((s.value for s in prices if s.value > 0), None)


def _price_fit(product: Product, persona: Persona) -> float:
    """1 at the price the segment usually pays, falling by half for a factor of about three either way."""
    usual = usual_price(persona)
    if usual is None or product.price is None or product.price.minor <= 0:
        return 1.0
    return exp(-abs(log(product.price.minor / usual)) / 1.6)
