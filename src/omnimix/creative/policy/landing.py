"""Landing page agreement: what the advertisement promises stands on the page it leads to.

in   a variant and the facts, the text of the saved landing page among them
out  findings that name the promise and what the page says

Platforms refuse advertisements whose page does not show the offer (Google Ads, misrepresentation and destination
requirements; Meta, landing page policy). Without a saved page there is nothing to compare, and no finding.
"""

from collections.abc import Iterator

from omnimix.core.finding import Finding, Severity
from omnimix.creative.claim import ClaimKind
from omnimix.creative.ledger.meaning import Quantity, meaning_of
from omnimix.creative.policy.check import PolicyFacts
from omnimix.creative.variant import Variant


def check_landing(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """The offer's figures, and every price that is claimed, stand on the page."""
    if facts.landing is None:
        return
    told = set(meaning_of(facts.landing).quantities)
    words = meaning_of(facts.landing).stems
    offer = facts.campaign.offer
    offered = any(c.source == "campaign:offer" for c in variant.claims)
    if offer is not None and offered:
        for quantity in meaning_of(offer.text).quantities:
            if not _on_page(quantity, told):
                why = f"the offer {offer.text!r} is not on the landing page: it does not say {_shown(quantity)}"
                yield Finding("landing.offer", Severity.BLOCKING, "final url", why, "put the offer on the page")
        if offer.code and offer.code.lower() not in words and offer.code not in facts.landing:
            why = f"the code {offer.code!r} is not on the landing page"
            yield Finding("landing.offer", Severity.WARNING, "final url", why, "name the code there")
    for claim in variant.claims:
        if claim.kind is ClaimKind.PRICE and claim.source.startswith("catalogue:"):
            for quantity in meaning_of(claim.text).quantities:
                if not _on_page(quantity, told):
                    why = f"the price {claim.text!r} is not on the landing page"
                    yield Finding(
                        "landing.price", Severity.WARNING, "final url", why, "lead to a page that shows it"
                    )


def _on_page(wanted: Quantity, told: set[Quantity]) -> bool:
    """Whether the page gives the same figure, however it is bounded there."""
    return any((q.unit, q.value) == (wanted.unit, wanted.value) for q in told)


def _shown(quantity: Quantity) -> str:
    number = f"{quantity.value:g}"
    return f"{quantity.unit}{number}" if quantity.unit in "£$€¥" else f"{number}{quantity.unit}"
