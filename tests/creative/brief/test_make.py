"""Briefs: what they show, argue and prove, and how bad input is refused."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.creative.brand import BrandClaim
from omnimix.creative.brief.angle import ANGLES
from omnimix.creative.brief.brief import BROAD
from omnimix.creative.brief.make import make_briefs
from omnimix.creative.campaign import Choice, Offer
from omnimix.creative.claim import ClaimKind


@pytest.fixture(scope="module")
def briefs(shop):
    return make_briefs(shop.campaign, shop.brand, shop.products, shop.personas, bought=shop.bought)


def test_one_brief_for_everybody_and_one_for_each_persona(shop, briefs) -> None:
    assert [b.key for b in briefs] == [BROAD, *(p.segment.key for p in shop.personas)]


def test_only_products_in_stock_that_the_campaign_allows(shop) -> None:
    chosen = replace(shop.campaign, products=Choice(categories=("Party",), ids=("WW-01",), most=5))
    for brief in make_briefs(chosen, shop.brand, shop.products, shop.personas, bought=shop.bought):
        assert 0 < len(brief.products) <= 5
        assert all(p.in_stock and (p.category == "Party" or p.product_id == "WW-01") for p in brief.products)


def test_segments_differ_from_everybody_and_from_each_other(briefs) -> None:
    shown = [frozenset(p.product_id for p in b.products) for b in briefs]
    assert len({(b.angles[0].key, products) for b, products in zip(briefs, shown, strict=True)}) == len(briefs)
    for products in shown[1:]:
        assert len(products & shown[0]) / len(products) < 0.8


def test_evidence_leads_to_its_angle(briefs) -> None:
    leading = {b.key: b.angles[0].key for b in briefs[1:]}
    assert leading == {
        "regulars": "loyalty",
        "bulk": "plenty",
        "lapsed": "win_back",
        "christmas": "occasion",
        "thrifty": "value",
        "dear": "quality",
    }
    by_key = {b.key: b for b in briefs}
    assert "90% have stayed away" in by_key["lapsed"].angles[0].why


def test_angles_are_distinct_and_from_the_closed_set(shop, briefs) -> None:
    for brief in briefs:
        keys = [a.key for a in brief.angles]
        assert len(keys) >= shop.campaign.variants_per_brief
        assert len(set(keys)) == len(keys)
        assert set(keys) <= set(ANGLES)
        assert all(a.why for a in brief.angles)


def test_keywords_fit_search_platforms(briefs) -> None:
    for brief in briefs:
        assert len(brief.keywords) >= 10
        assert len(set(brief.keywords)) == len(brief.keywords)
        for keyword in brief.keywords:
            assert keyword == keyword.lower()
            assert len(keyword) <= 80
            assert len(keyword.split()) <= 10


def test_proof_points_name_sources_and_leave_out_what_has_expired(shop) -> None:
    late = date(2026, 12, 1)
    stale = BrandClaim(text="Rated 4.9 of 5", kind=ClaimKind.NUMBER, source="reviews", expires_on=late)
    brand = replace(shop.brand, claims=(stale, *shop.brand.claims))
    brief = make_briefs(shop.campaign, brand, shop.products, (), bought=shop.bought)[0]
    texts = {c.text: c for c in brief.proof_points}
    assert "Rated 4.9 of 5" not in texts
    assert texts["Free UK delivery over £50"].source == "brand.toml:claims.2"
    assert texts["15% off"].source == "campaign:offer"
    assert "bought by 881 customers" in texts
    assert texts["cake stands from £9.95"].source == "catalogue:22776:price"


def test_counts_of_a_segment_never_become_claims(shop) -> None:
    everybody = shop.bought[BROAD]
    for brief in make_briefs(shop.campaign, shop.brand, shop.products, shop.personas, bought=shop.bought):
        for claim in brief.proof_points:
            if claim.kind is ClaimKind.POPULARITY:
                assert claim.text == f"bought by {everybody[claim.source.split(':')[1]]} customers"


@pytest.mark.parametrize("case", ["empty", "no stock", "no fit", "offer ends", "too many"])
def test_bad_input_names_the_place_and_the_next_step(shop, case: str) -> None:
    products, campaign = shop.products, shop.campaign
    if case == "empty":
        products = ()
    elif case == "no stock":
        products = tuple(replace(p, in_stock=False) for p in products)
    elif case == "no fit":
        campaign = replace(campaign, products=Choice(categories=("Boats",)))
    elif case == "offer ends":
        offer = Offer(text="15% off", short="15% off", source="x", ends_on=date(2026, 11, 30))
        campaign = replace(campaign, offer=offer)
    else:
        campaign = replace(campaign, variants_per_brief=30)
    with pytest.raises(InvalidInput) as caught:
        make_briefs(campaign, shop.brand, products, (), bought=shop.bought)
    assert caught.value.where
    assert caught.value.fix
    assert "\n" not in str(caught.value)


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_order_of_the_catalogue_does_not_matter(shop, rng) -> None:
    shuffled = list(shop.products)
    rng.shuffle(shuffled)
    args = {"bought": shop.bought}
    one = make_briefs(shop.campaign, shop.brand, shop.products, shop.personas[:2], **args)
    assert make_briefs(shop.campaign, shop.brand, tuple(shuffled), shop.personas[:2], **args) == one
