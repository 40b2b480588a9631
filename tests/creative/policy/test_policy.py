"""Policy checks: a clean corpus gives no finding, every planted violation gives exactly its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from omnimix.core.finding import Severity, is_blocked
from omnimix.core.money import Money
from omnimix.creative.brand import BrandClaim
from omnimix.creative.brief.make import make_briefs
from omnimix.creative.claim import Claim, ClaimKind
from omnimix.creative.copy.write import write_variants
from omnimix.creative.policy.check import PolicyFacts, run_checks
from omnimix.creative.policy.checks import CHECKS
from omnimix.creative.policy.claims import expired_claims, why_not
from omnimix.creative.variant import EmailCopy, Image, Variant

SIZES = {
    "landscape": (1200, 628), "square": (1080, 1080), "portrait": (1080, 1350), "story": (1080, 1920),
    "leaderboard": (728, 90), "rectangle": (300, 250), "skyscraper": (160, 600),
}  # fmt: skip


@pytest.fixture(scope="module")
def facts(shop) -> PolicyFacts:
    return shop.facts()


@pytest.fixture(scope="module")
def clean(shop) -> Variant:
    """The broad variant that makes the offer, with all seven pictures."""
    brief = make_briefs(shop.campaign, shop.brand, shop.products, (), bought=shop.bought)[0]
    images = tuple(
        Image(
            size,
            w,
            h,
            f"creatives/{size}.png",
            "0" * 64,
            "A cake stand on a table, with the shop's name",
            7.2,
            False,
        )
        for size, (w, h) in SIZES.items()
    )
    return replace(write_variants(brief, shop.campaign, shop.brand, seed=7)[-1], images=images)


def test_a_clean_variant_gives_no_finding(clean: Variant, facts: PolicyFacts) -> None:
    assert run_checks(clean, facts, CHECKS) == ()


def _headline(text: str) -> Callable[[Variant], Variant]:
    return lambda v: replace(v, headlines=(text, *v.headlines[1:]))


def _description(text: str) -> Callable[[Variant], Variant]:
    return lambda v: replace(v, descriptions=(text, *v.descriptions[1:]))


def _email(**changes: object) -> Callable[[Variant], Variant]:
    return lambda v: replace(v, email=replace(v.email, **changes))


def _image(size: str, **changes: object) -> Callable[[Variant], Variant]:
    return lambda v: replace(v, images=tuple(replace(i, **changes) if i.size == size else i for i in v.images))


def _claim(kind: ClaimKind, text: str, source: str, expires: date | None = None) -> Callable[[Variant], Variant]:
    return lambda v: replace(
        _description(f"Have a look: {text}.")(v), claims=(*v.claims, Claim(kind, text, source, expires))
    )


PLANTED = {
    "wide headline": (_headline("A headline that is much too wide for it"), "channel.text_width"),
    "wide by double width": (_headline("漢" * 16), "channel.text_width"),
    "wide description": (_description("word " * 20 + "end."), "channel.text_width"),
    "too few headlines": (lambda v: replace(v, headlines=v.headlines[:2]), "channel.text_count"),
    "same headline twice": (
        lambda v: replace(v, headlines=(*v.headlines, v.headlines[0].upper())),
        "channel.distinct",
    ),
    "no long headline": (lambda v: replace(v, long_headline=""), "channel.text_count"),
    "keyword too long": (lambda v: replace(v, keywords=("a b c d e f g h i j k",)), "channel.keyword"),
    "keyword sign": (lambda v: replace(v, keywords=("50% off",)), "channel.keyword"),
    "http address": (lambda v: replace(v, final_url="http://shop.example/x"), "channel.landing_page"),
    "no address": (lambda v: replace(v, final_url="shop"), "channel.landing_page"),
    "long address": (lambda v: replace(v, final_url="https://shop.example/" + "x" * 2100), "channel.landing_page"),
    "unknown call": (lambda v: replace(v, call_to_action="BET_NOW"), "channel.call_to_action"),
    "no square": (
        lambda v: replace(v, images=tuple(i for i in v.images if i.size != "square")),
        "channel.image_missing",
    ),
    "wrong ratio": (_image("landscape", height=700), "channel.image_ratio"),
    "too small": (_image("square", width=200, height=200), "channel.image_size"),
    "wrong banner": (_image("leaderboard", width=700), "channel.image_size"),
    "no alt text": (_image("story", alt_text=""), "access.alt_text"),
    "alt names a file": (_image("story", alt_text="banner.png"), "access.alt_text"),
    "faint text": (_image("portrait", contrast=3.1), "access.contrast"),
    "price in alt text": (_image("story", alt_text="A mug for £3.33"), "claims.unsupported"),
    "no body": (_email(body=()), "channel.email"),
    "heavy body": (_email(body=("word " * 15000,)), "channel.email_size"),
    "long paragraph": (_email(body=("Look around. " * 60,)), "access.length"),
    "bare number": (_headline("7 good reasons to look"), "claims.unsupported"),
    "bare price": (_description("A mug for £3.33."), "claims.unsupported"),
    "bare percentage": (_description("Now 40% off."), "claims.unsupported"),
    "superlative": (_headline("The best cake stands"), "claims.unsupported"),
    "guarantee": (_description("Guaranteed to please."), "claims.unsupported"),
    "urgency": (_description("Hurry along, last chance to look."), "claims.unsupported"),
    "popularity": (_description("A customer favourite."), "claims.unsupported"),
    "wrong price": (_claim(ClaimKind.PRICE, "£9.99", "catalogue:22423:price"), "claims.source"),
    "wrong count": (
        _claim(ClaimKind.POPULARITY, "bought by 9,000 customers", "orders:22423:buyers"),
        "claims.source",
    ),
    "not the lowest": (
        _claim(ClaimKind.PRICE, "cake stands from £12.75", "catalogue:22423:price"),
        "claims.source",
    ),
    "other offer": (_claim(ClaimKind.NUMBER, "25% off", "campaign:offer"), "claims.source"),
    "other words": (
        _claim(ClaimKind.GUARANTEE, "60 days to change your mind", "brand.toml:claims.2"),
        "claims.source",
    ),
    "no such claim": (_claim(ClaimKind.NUMBER, "99 shops", "brand.toml:claims.9"), "claims.source"),
    "no such product": (_claim(ClaimKind.PRICE, "£1", "catalogue:nothing:price"), "claims.source"),
    "no such source": (_claim(ClaimKind.NUMBER, "99 shops", "hearsay"), "claims.source"),
    "expired": (_claim(ClaimKind.NUMBER, "15% off", "campaign:offer", date(2026, 12, 1)), "claims.expired"),
    "brand word": (_description("A bargain of a mug."), "brand.avoid"),
    "brand spelling": (_description("Have a look at our t-Light holders."), "brand.spelling"),
    "tracking": (_description("We noticed you like mugs."), "personal.tracking"),
    "trait": (_description("Are you diabetic? Have a look."), "personal.trait"),
    "e-mail address": (_description("Write to jo@shop.example today."), "personal.data"),
    "name slot": (_email(subject="Hello {{first_name}}"), "personal.slot"),
    "capitals": (_headline("LOVELY cake stands"), "wording.capitals"),
    "stops": (_headline("Cake stands!!"), "wording.stops"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_found(name: str, clean: Variant, facts: PolicyFacts) -> None:
    change, rule = PLANTED[name]
    findings = run_checks(change(clean), facts, CHECKS)
    assert rule in {f.rule for f in findings}
    assert all(f.where and f.why and f.fix for f in findings)
    if rule not in ("brand.spelling", "access.length") and name != "alt names a file":
        assert is_blocked(findings)
        assert findings[0].severity is Severity.BLOCKING


def test_weights_are_held_where_they_are_known(clean: Variant, facts: PolicyFacts) -> None:
    heavy = replace(
        facts, image_bytes={"creatives/leaderboard.png": 200_000, "creatives/landscape.png": 6_000_000}
    )
    rules = [f.rule for f in run_checks(clean, heavy, CHECKS)]
    assert rules.count("channel.image_weight") >= 2
    light = replace(facts, image_bytes={i.path: 140_000 for i in clean.images})
    assert run_checks(clean, light, CHECKS) == ()


def test_e_mail_law_asks_for_an_address_and_a_way_out(clean: Variant, facts: PolicyFacts) -> None:
    bare = replace(facts, brand=replace(facts.brand, postal_address="", unsubscribe_url=""))
    where = {f.where for f in run_checks(clean, bare, CHECKS) if f.rule == "channel.email_law"}
    assert where == {"brand.toml postal_address", "brand.toml unsubscribe_url"}


def test_a_claim_must_hold_until_the_last_day(clean: Variant, facts: PolicyFacts) -> None:
    later = replace(facts, today=date(2032, 1, 1))
    assert "claims.expired" in {f.rule for f in run_checks(clean, later, CHECKS)}


def test_a_price_that_moved_is_found(clean: Variant, facts: PolicyFacts) -> None:
    priced = next(c for c in clean.claims if c.kind is ClaimKind.PRICE and c.source.startswith("catalogue:"))
    product = facts.products[priced.source.split(":")[1]]
    dearer = replace(product, price=Money(product.price.minor + 1, "GBP"))
    moved = replace(facts, products={**facts.products, product.product_id: dearer})
    assert {f.rule for f in run_checks(clean, moved, CHECKS)} == {"claims.source"}


def test_expired_claims_of_the_brand_are_told(facts: PolicyFacts) -> None:
    old = BrandClaim(text="Rated 4.9 of 5", kind=ClaimKind.NUMBER, source="reviews", expires_on=date(2026, 1, 1))
    brand = replace(facts.brand, claims=(old, *facts.brand.claims))
    (finding,) = expired_claims(brand, facts.last_day)
    assert finding.where == "brand.toml claims.1"
    assert "2026-01-01" in finding.why


def test_every_kind_of_source_can_be_right(facts: PolicyFacts) -> None:
    right = (
        Claim(ClaimKind.PRICE, "£12.75", "catalogue:22423:price"),
        Claim(ClaimKind.PRICE, "cake stands from £9.95", "catalogue:22776:price"),
        Claim(ClaimKind.NUMBER, "pack of 72 retrospot cake cases", "catalogue:21212:name"),
        Claim(ClaimKind.NUMBER, "three tiers", "catalogue:22423:description"),
        Claim(ClaimKind.POPULARITY, "881 buyers", "orders:22423:buyers"),
        Claim(ClaimKind.NUMBER, "15% off", "campaign:offer"),
        Claim(ClaimKind.PRICE, "free UK delivery over £50", "brand.toml:claims.1"),
    )
    assert [why_not(c, facts) for c in right] == [None] * len(right)


def test_channels_decide_what_is_asked(clean: Variant, facts: PolicyFacts) -> None:
    letter = replace(facts, channels=("email_files",))
    bare = replace(clean, headlines=(), descriptions=(), images=(), email=EmailCopy("A letter", "", ("Come in.",)))
    assert not is_blocked(run_checks(bare, letter, CHECKS))
    assert is_blocked(run_checks(bare, facts, CHECKS))
