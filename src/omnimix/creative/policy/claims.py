"""Claim checks: every factual phrase has a claim, every claim is true by its source, and still is on the last day.

in   a variant and the facts
out  findings that name the text, the phrase, the reason and what to do
"""

import re
from collections.abc import Callable, Iterator
from datetime import date

from omnimix.core.finding import Finding, Severity
from omnimix.creative.brand import Brand
from omnimix.creative.brief.noun import noun_of, tidy
from omnimix.creative.brief.phrase import count_text, price_text, uncovered
from omnimix.creative.claim import Claim
from omnimix.creative.ledger.bind import bind
from omnimix.creative.policy.check import PolicyFacts, texts
from omnimix.creative.variant import Variant
from omnimix.data.product import Product


def check_covered(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """No number, price, superlative, guarantee, scarcity or popularity phrase without a claim around it."""
    for where, text in texts(variant):
        for phrase in uncovered(text, variant.claims, exempt=(facts.brand.name,)):
            yield Finding(
                "claims.unsupported",
                Severity.BLOCKING,
                where,
                f"{phrase.text!r} in {text!r} is a {phrase.kind.value} phrase without a claim",
                "take it out, or add a claim with its source to brand.toml",
            )


def check_sources(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """Every claim's source exists, says the same, and has not run out by the campaign's last day."""
    for claim in variant.claims:
        reason = why_not(claim, facts)
        if reason is not None and not _carried(claim, variant, facts):
            why = f"{claim.text!r} rests on {claim.source!r}: {reason}"
            fix = "correct the source, or write the variant again"
            yield Finding("claims.source", Severity.BLOCKING, _place(variant, claim), why, fix)
        expires = _expires(claim, facts)
        if expires is not None and expires < facts.last_day:
            why = f"{claim.text!r} holds until {expires}, the variant may be seen until {facts.last_day}"
            fix = f"renew {claim.source}, or take the claim out"
            yield Finding("claims.expired", Severity.BLOCKING, _place(variant, claim), why, fix)


def _carried(claim: Claim, variant: Variant, facts: PolicyFacts) -> bool:
    """Whether the ledger carries the claim by the source it names, wherever it stands."""
    if facts.ledger is None:
        return False
    names = (facts.brand.name,)
    for _, text in texts(variant):
        if claim.text.casefold() in text.casefold():
            found = bind(text, facts.ledger, shown=variant.product_ids, last_day=facts.last_day, exempt=names)
            said = [v for v in found if v.phrase.text.casefold() in claim.text.casefold()]
            if any(v.ground is None or v.ground.source != claim.source for v in said) or not said:
                return False
    return True


def expired_claims(brand: Brand, last_day: date) -> tuple[Finding, ...]:
    """One warning for every claim of brand.toml that runs out before `last_day`; writers leave such claims out."""
    return tuple(
        Finding(
            "claims.expired",
            Severity.WARNING,
            f"brand.toml claims.{place}",
            f"{claim.text!r} expired on {claim.expires_on}, before {last_day}; it is left out of all copy",
            "renew expires_on when the claim still holds, or remove the claim",
        )
        for place, claim in enumerate(brand.claims, 1)
        if claim.expires_on is not None and claim.expires_on < last_day
    )


def _place(variant: Variant, claim: Claim) -> str:
    """The first text the claim stands in."""
    want = claim.text.casefold()
    return next((where for where, text in texts(variant) if want in text.casefold()), "claims")


def _expires(claim: Claim, facts: PolicyFacts) -> date | None:
    """The earlier of the claim's own end and its source's."""
    ends = [claim.expires_on]
    brand = re.fullmatch(r"brand\.toml:claims\.(\d+)", claim.source)
    if brand and 1 <= int(brand.group(1)) <= len(facts.brand.claims):
        ends.append(facts.brand.claims[int(brand.group(1)) - 1].expires_on)
    if claim.source == "campaign:offer" and facts.campaign.offer is not None:
        ends.append(facts.campaign.offer.ends_on)
    return min((e for e in ends if e is not None), default=None)


def why_not(claim: Claim, facts: PolicyFacts) -> str | None:
    """Why the claim does not follow from its source, or None when it does."""
    for pattern, rule in _SOURCES:
        match = re.fullmatch(pattern, claim.source)
        if match:
            return rule(claim.text, match, facts)
    return "no such kind of source"


def _brand_claim(text: str, match: re.Match[str], facts: PolicyFacts) -> str | None:
    place = int(match.group(1))
    if not 1 <= place <= len(facts.brand.claims):
        return f"brand.toml has {len(facts.brand.claims)} claims"
    said = facts.brand.claims[place - 1].text
    return None if _same(said, text) else f"it says {said!r}"


def _offer(text: str, _match: re.Match[str], facts: PolicyFacts) -> str | None:
    offer = facts.campaign.offer
    if offer is None:
        return "the campaign has no offer"
    said = [t for t in (offer.text, offer.short, offer.code) if t]
    return None if any(_same(t, text) for t in said) else f"the offer says {offer.text!r}"


def _product(match: re.Match[str], facts: PolicyFacts) -> Product | None:
    return facts.products.get(match.group(1))


def _price(text: str, match: re.Match[str], facts: PolicyFacts) -> str | None:
    product = _product(match, facts)
    if product is None or product.price is None:
        return "the catalogue has no such product or price"
    amount = next((a for a in (price_text(product.price), str(product.price)) if text.endswith(a)), None)
    if amount is None:
        return f"the price is {price_text(product.price)}"
    before = text.removesuffix(amount)
    if not before:
        return None
    kind = before.removesuffix(" from ")
    if kind == before or re.search(r"\d", kind):
        return f"only {amount!r} follows from it"
    return _lowest(kind, product, facts)


def _lowest(kind: str, product: Product, facts: PolicyFacts) -> str | None:
    """Why "… from <price>" is not so: something of the kind costs less, or the product is of another kind."""
    keep = (*facts.brand.words.keep, facts.brand.name)
    if product.price is None or not _same(noun_of(product.name, keep).heads or "", kind):
        return f"{product.name!r} is not of the kind {kind!r}"
    for other in facts.products.values():
        cheaper = other.in_stock and other.price is not None and other.price < product.price
        if cheaper and _same(noun_of(other.name, keep).heads or "", kind):
            return f"{other.name!r} costs less"
    return None


def _name(text: str, match: re.Match[str], facts: PolicyFacts) -> str | None:
    product = _product(match, facts)
    if product is None:
        return "the catalogue has no such product"
    said = tidy(product.name, (*facts.brand.words.keep, facts.brand.name))
    return None if _same(said, text) or _same(product.name, text) else f"its name is {product.name!r}"


def _described(text: str, match: re.Match[str], facts: PolicyFacts) -> str | None:
    product = _product(match, facts)
    if product is None or not product.description:
        return "the catalogue has no such product or description"
    return None if _plain(text) in _plain(product.description) else "its description does not say so"


def _buyers(text: str, match: re.Match[str], facts: PolicyFacts) -> str | None:
    count = facts.buyers.get(match.group(1))
    if count is None:
        return "no orders of it are known"
    said = re.fullmatch(r"(?:bought by )?(\d[\d,]*) (?:customers|buyers|bought|customers bought)", text)
    if said is None:
        return "orders prove how many customers bought it, nothing else"
    return None if said.group(1) in (count_text(count), str(count)) else f"{count_text(count)} customers bought it"


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[“”]", '"', text).casefold().split()).rstrip(".")


def _same(a: str, b: str) -> bool:
    return _plain(a) == _plain(b)


_Rule = Callable[[str, re.Match[str], PolicyFacts], str | None]
_SOURCES: tuple[tuple[str, _Rule], ...] = (
    (r"brand\.toml:claims\.(\d+)", _brand_claim),
    (r"campaign:offer", _offer),
    (r"catalogue:(.+):price", _price),
    (r"catalogue:(.+):name", _name),
    (r"catalogue:(.+):description", _described),
    (r"orders:(.+):buyers", _buyers),
)
