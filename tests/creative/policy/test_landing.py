"""Landing page agreement: promises that the page shows, and promises that it does not."""

from dataclasses import replace

import pytest

from omnimix.creative.brief.make import make_briefs
from omnimix.creative.claim import Claim, ClaimKind
from omnimix.creative.copy.write import write_variants
from omnimix.creative.policy.landing import check_landing

PAGE = "15% off orders over £40\nUse the code AUTUMN15.\nRegency cake stand £12.75"


@pytest.mark.parametrize(
    ("page", "rules"),
    [
        (PAGE, set()),
        (None, set()),
        (PAGE.replace("15%", "10%"), {"landing.offer"}),
        (PAGE.replace("£40", "£50"), {"landing.offer"}),
        (PAGE.replace("AUTUMN15", ""), {"landing.offer"}),
        (PAGE.replace("12.75", "12.76"), {"landing.price"}),
    ],
)
def test_the_page_shows_what_is_promised(shop, page: str | None, rules: set[str]) -> None:
    brief = make_briefs(shop.campaign, shop.brand, shop.products, (), bought=shop.bought)[0]
    written = write_variants(brief, shop.campaign, shop.brand, seed=7)[-1]
    variant = replace(
        written,
        claims=(
            Claim(ClaimKind.NUMBER, "15% off", "campaign:offer"),
            Claim(ClaimKind.PRICE, "£12.75", "catalogue:22423:price"),
        ),
    )
    assert {f.rule for f in check_landing(variant, replace(shop.facts(), landing=page))} == rules
