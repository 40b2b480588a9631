"""What stands on a picture, and the drawing chosen for it."""

from dataclasses import replace
from datetime import date

import pytest

from omnimix.core.money import Money
from omnimix.creative.brand import Brand, Words
from omnimix.creative.campaign import Offer
from omnimix.creative.claim import Claim, ClaimKind
from omnimix.creative.image.motif import MOTIFS, motif_for
from omnimix.creative.image.poster import DIRECTIONS, direction_for, make_poster
from omnimix.creative.variant import EmailCopy, Variant
from omnimix.data.product import Product

BRAND = Brand(name="Larkspur", website="https://larkspur.example", promise="Kind things.", sells="gifts")
STAND = Product("1", "Three-tier cake stand", "Kitchen", Money(1275, "GBP"), 0.4, True, None, None, None, "t")
OFFER = Offer(text="15% off orders over £40", short="15% off", source="campaign")
PRICE = Claim(ClaimKind.PRICE, "£12.75", "catalogue:1:price")
DEAL = Claim(ClaimKind.NUMBER, "15% off orders over £40", "campaign:offer", date(2030, 1, 1))


def _variant(*claims: Claim) -> Variant:
    return Variant(
        campaign="c",
        brief="broad",
        angle="value",
        step=0,
        headlines=("Cake stands for every day",),
        descriptions=("Three tiers, one good reason to bake.",),
        long_headline="",
        primary_text="",
        call_to_action="GET_OFFER",
        email=EmailCopy("", "", ()),
        keywords=(),
        product_ids=("1",),
        final_url="https://larkspur.example",
        claims=claims,
    )


def test_a_price_needs_its_claim() -> None:
    assert make_poster(_variant(PRICE), BRAND, [STAND]).price == "£12.75"
    assert make_poster(_variant(), BRAND, [STAND]).price == ""
    other = Claim(ClaimKind.PRICE, "£9.99", "catalogue:2:price")
    assert make_poster(_variant(other), BRAND, [STAND]).price == ""


def test_an_offer_needs_its_claim_and_shows_its_terms() -> None:
    shown = make_poster(_variant(DEAL), BRAND, [STAND], offer=OFFER)
    assert (shown.badge, shown.terms) == ("15% off", "15% off orders over £40")
    silent = make_poster(_variant(PRICE), BRAND, [STAND], offer=OFFER)
    assert (silent.badge, silent.terms) == ("", "")


def test_alt_text_names_subject_words_and_brand() -> None:
    assert make_poster(_variant(), BRAND, [STAND]).alt_text == (
        "Three-tier cake stand, Cake stands for every day. Larkspur."
    )
    assert make_poster(_variant(), BRAND).alt_text == "Cake stands for every day. Larkspur."


def test_an_angle_keeps_its_direction() -> None:
    assert {direction_for(a) for a in ("quality", "value", "occasion", "never heard of")} <= set(DIRECTIONS)
    assert direction_for("never heard of") == direction_for("never heard of")
    assert len({direction_for(a) for a in ("quality", "value", "occasion")}) == 3


@pytest.mark.parametrize(
    ("category", "name", "motif"),
    [
        ("Lighting & candles", "White hanging heart T-light holder", "candle"),
        ("Tea & tableware", "Regency three-tier cake stand", "cake"),
        ("Party", "Spotty bunting", "bunting"),
        ("Bags & lunch boxes", "Red retrospot jumbo bag", "bag"),
        ("Christmas", "Paper chain kit", "letter"),
        ("Christmas", "Wooden advent calendar", "tree"),
        ("", "Something quite unheard of", "gift"),
    ],
)
def test_the_drawing_follows_the_product(category: str, name: str, motif: str) -> None:
    assert motif_for(category, name) == motif
    assert motif in MOTIFS


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White hanging heart T-light holder, "),
        ('Quoted 12" ruler, large', "Ruler, "),
        ("猫のマグカップ", ""),
        ("🎁 Gift mug", "Mug, "),
        ("cheap mug", "Mug, "),
    ],
)
def test_a_name_no_ad_may_hold_is_said_otherwise(name: str, said: str) -> None:
    brand = replace(BRAND, words=Words(avoid=("cheap",)))
    poster = make_poster(_variant(PRICE), brand, [replace(STAND, name=name)])
    assert poster.alt_text == f"{said}Cake stands for every day. Larkspur."
    assert poster.product == said.removesuffix(", ")


def test_a_price_on_a_picture_is_written_as_its_claim() -> None:
    whole = replace(STAND, price=Money(500, "GBP"))
    claim = Claim(ClaimKind.PRICE, "£5", "catalogue:1:price")
    assert make_poster(_variant(claim), BRAND, [whole]).price == "£5"
    neighbour = Claim(ClaimKind.PRICE, "18.50 CHF", "catalogue:2:price")
    assert make_poster(_variant(neighbour), BRAND, [replace(STAND, price=Money(850, "CHF"))]).price == ""
