"""Run checks over a variant.

in   a variant, the facts, and a tuple of checks
out  findings, blocking ones first
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from omnimix.core.finding import Finding, sorted_findings
from omnimix.creative.brand import Brand
from omnimix.creative.campaign import Campaign
from omnimix.creative.ledger.ground import Ledger
from omnimix.creative.variant import Variant
from omnimix.data.product import Product


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """Everything a check may hold a variant against.

    `products` is by product id, `buyers` counts distinct customers by product id over the whole base,
    `channels` are the campaign's channel names, `image_bytes` is the weight of each picture by `Image.path`
    (missing: not checked), `landing` is the visible text of the saved landing page (None: there is none).
    `ledger`, where there is one, also carries claims in other words than their source has.
    """

    brand: Brand
    campaign: Campaign
    products: Mapping[str, Product]
    buyers: Mapping[str, int]
    today: date
    channels: tuple[str, ...]
    image_bytes: Mapping[str, int] = field(default_factory=dict)
    landing: str | None = None
    ledger: Ledger | None = None

    @property
    def last_day(self) -> date:
        """The last day on which the variant may be seen: every claim must still be true then."""
        return max(self.today, self.campaign.ends_on)


Check = Callable[[Variant, PolicyFacts], Iterable[Finding]]


def run_checks(variant: Variant, facts: PolicyFacts, checks: Iterable[Check]) -> tuple[Finding, ...]:
    """All findings of all checks, each once, blocking ones first, then by rule and place."""
    return sorted_findings(dict.fromkeys(f for check in checks for f in check(variant, facts)))


def texts(variant: Variant) -> tuple[tuple[str, str], ...]:
    """Every text a person may read, with the place it stands in: `(("headline 1", "…"), …)`."""
    found = [(f"headline {i}", t) for i, t in enumerate(variant.headlines, 1)]
    found += [(f"description {i}", t) for i, t in enumerate(variant.descriptions, 1)]
    found += [("long headline", variant.long_headline), ("primary text", variant.primary_text)]
    found += [("e-mail subject", variant.email.subject), ("e-mail preheader", variant.email.preheader)]
    found += [(f"e-mail paragraph {i}", t) for i, t in enumerate(variant.email.body, 1)]
    found += [(f"alt text of {i.path}", i.alt_text) for i in variant.images]
    return tuple(found)
