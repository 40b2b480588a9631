"""Briefs for a campaign: one for everybody, one for each persona.

in   campaign, brand, catalogue, personas, buyers by segment and product
out  Brief records, the broad one first
"""

from collections.abc import Mapping, Sequence

from omnimix.audience.persona.persona import Kind, Persona
from omnimix.core.errors import InvalidInput
from omnimix.creative.brand import Brand
from omnimix.creative.brief.angle import ANGLES, FEW_BUYERS, choose_angles
from omnimix.creative.brief.brief import BROAD, Brief
from omnimix.creative.brief.choose import Bought, allowed, choose_products
from omnimix.creative.brief.keyword import keywords_for
from omnimix.creative.brief.noun import noun_of, tidy
from omnimix.creative.brief.personal import PERSONAL_HINTS
from omnimix.creative.brief.phrase import count_text, factual_phrases, price_text
from omnimix.creative.campaign import Campaign
from omnimix.creative.claim import Claim, ClaimKind
from omnimix.data.product import Product

# Words that grate on people who pay more, or less, than others do.
_DEARER = ("pennies", "purse", "budget")
_CHEAPER = ("treat yourself", "indulge")


def make_briefs(
    campaign: Campaign,
    brand: Brand,
    products: tuple[Product, ...],
    personas: tuple[Persona, ...],
    *,
    bought: Bought,
) -> tuple[Brief, ...]:
    """One brief for everybody and one for each persona.

    `bought` counts distinct buyers by segment key (BROAD: everybody), then by product id. Raises InvalidInput when
    the campaign contradicts itself, the catalogue is empty, or nothing the campaign may show is in stock.
    """
    _check(campaign)
    pool = allowed(campaign, products, bought)
    lowest = _lowest_prices(products, brand)
    return tuple(_brief(campaign, brand, pool, persona, bought, lowest) for persona in (None, *personas))


def _lowest_prices(products: Sequence[Product], brand: Brand) -> dict[str, Claim]:
    """By plural noun, "cake stands from £9.95", where the shop has several at different prices in stock."""
    kinds: dict[str, list[Product]] = {}
    for p in products:
        heads = noun_of(p.name, (*brand.words.keep, brand.name)).heads
        if heads and p.in_stock and p.price is not None and p.price.minor > 0:
            kinds.setdefault(heads, []).append(p)
    claims = {}
    for heads, found in kinds.items():
        if len({p.price for p in found}) > 1 and len({p.price.currency for p in found if p.price}) == 1:
            low = min(found, key=lambda p: (p.price.minor if p.price else 0, p.product_id))
            text = f"{heads} from {price_text(low.price)}" if low.price else ""
            claims[heads] = Claim(ClaimKind.PRICE, text, f"catalogue:{low.product_id}:price")
    return claims


def _check(campaign: Campaign) -> None:
    place = f"campaigns/{campaign.key}.toml"
    offer = campaign.offer
    if offer is not None and offer.ends_on is not None and offer.ends_on < campaign.ends_on:
        raise InvalidInput(
            f"the offer ends on {offer.ends_on}, before the campaign does on {campaign.ends_on}",
            where=f"{place} [offer] ends_on",
            fix="end the campaign with the offer, or extend the offer",
        )
    if not 1 <= campaign.variants_per_brief <= len(ANGLES):
        raise InvalidInput(
            f"{campaign.variants_per_brief} variants per brief were asked for, each with an angle of its own",
            where=f"{place} [campaign] variants_per_brief",
            fix=f"choose from 1 to {len(ANGLES)}",
        )


def _brief(
    campaign: Campaign,
    brand: Brand,
    pool: Sequence[Product],
    persona: Persona | None,
    bought: Bought,
    lowest: Mapping[str, Claim],
) -> Brief:
    buyers = bought.get(BROAD, {})
    products = choose_products(pool, persona, bought)
    kinds = dict.fromkeys(noun_of(p.name, (*brand.words.keep, brand.name)).heads for p in products)
    proof = (
        *_offer_claims(campaign),
        *_brand_claims(brand, campaign),
        *_product_claims(products, brand, buyers),
        *(lowest[heads] for heads in kinds if heads is not None and heads in lowest),
    )
    return Brief(
        key=BROAD if persona is None else persona.segment.key,
        audience="Everybody the campaign reaches." if persona is None else persona.headline,
        angles=choose_angles(persona, campaign, products, buyers, count=campaign.variants_per_brief),
        keywords=keywords_for(products, campaign, brand),
        products=products,
        proof_points=proof,
        avoid=(*brand.words.avoid, *_aversions(persona), *PERSONAL_HINTS),
    )


def _offer_claims(campaign: Campaign) -> list[Claim]:
    offer = campaign.offer
    if offer is None:
        return []
    expires = offer.ends_on or campaign.ends_on
    texts = (offer.text, offer.short, *([offer.code] if offer.code else []))
    return [Claim(ClaimKind.NUMBER, text, "campaign:offer", expires) for text in texts]


def _brand_claims(brand: Brand, campaign: Campaign) -> list[Claim]:
    """The brand's claims that still hold on the campaign's last day; the source counts them from 1."""
    return [
        Claim(c.kind, c.text, f"brand.toml:claims.{place}", c.expires_on)
        for place, c in enumerate(brand.claims, 1)
        if c.expires_on is None or c.expires_on >= campaign.ends_on
    ]


def _product_claims(products: Sequence[Product], brand: Brand, buyers: Mapping[str, int]) -> list[Claim]:
    claims = []
    for p in products:
        name = tidy(p.name, (*brand.words.keep, brand.name))
        if factual_phrases(name):
            claims.append(Claim(ClaimKind.NUMBER, name, f"catalogue:{p.product_id}:name"))
        if p.price is not None and p.price.minor > 0:
            claims.append(Claim(ClaimKind.PRICE, price_text(p.price), f"catalogue:{p.product_id}:price"))
        count = buyers.get(p.product_id, 0)
        if count >= FEW_BUYERS:
            text = f"bought by {count_text(count)} customers"
            claims.append(Claim(ClaimKind.POPULARITY, text, f"orders:{p.product_id}:buyers"))
    return claims


def _aversions(persona: Persona | None) -> tuple[str, ...]:
    """Words that jar with how the segment buys."""
    for s in persona.of_kind(Kind.PRICE) if persona is not None else ():
        if "order" not in f"{s.metric} {s.subject}":
            return _DEARER if s.value > s.base else _CHEAPER
    return ()
