"""Factual phrases and personal wordings: what is found, and what is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.money import Money
from omnimix.creative.brief.personal import Touch, personal_wordings
from omnimix.creative.brief.phrase import factual_phrases, price_text, uncovered
from omnimix.creative.claim import Claim, ClaimKind


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("Cake stands from £9.95.", ClaimKind.PRICE, "£9.95"),
        ("Napkins at 85p", ClaimKind.PRICE, "85p"),
        ("Enjoy 15% off", ClaimKind.NUMBER, "15%"),
        ("Bought by 1,204 people", ClaimKind.NUMBER, "1,204"),
        ("The best mugs in town", ClaimKind.SUPERLATIVE, "best"),
        ("Our most loved mug", ClaimKind.SUPERLATIVE, "most loved"),
        ("Money-back promise", ClaimKind.GUARANTEE, "Money-back"),
        ("Hurry, while stocks last", ClaimKind.SCARCITY, "Hurry"),
        ("Only 3 left", ClaimKind.SCARCITY, "Only 3 left"),
        ("A customer favourite", ClaimKind.POPULARITY, "favourite"),
        ("Free delivery", ClaimKind.PRICE, "Free"),
        ("Thousands of happy homes", ClaimKind.NUMBER, "Thousands of"),
        ("Organic cotton", ClaimKind.GUARANTEE, "Organic"),
        ("Trusted for twenty years", ClaimKind.NUMBER, "twenty years"),
        ("Half-price mugs", ClaimKind.PRICE, "Half-price"),
    ],
)
def test_factual_phrases_are_found(text: str, kind: ClaimKind, found: str) -> None:
    assert (kind, found) in {(p.kind, p.text) for p in factual_phrases(text)}


@pytest.mark.parametrize(
    "text",
    [
        "A chest of drawers for the guest room",
        "An honest, modest little mug",
        "Regency three-tier cake stand",
        "Most of the fun is in looking",
        "Take the west path through the forest",
        "Step inside and see",
        "Plenty to look through",
    ],
)
def test_plain_wording_is_left_alone(text: str) -> None:
    assert factual_phrases(text) == ()


def test_a_brand_name_is_exempt() -> None:
    assert factual_phrases("Welcome to Best 54", exempt=("Best 54",)) == ()
    assert factual_phrases("The best of Best 54", exempt=("Best 54",))


def test_a_claim_covers_its_words_and_no_others() -> None:
    claim = Claim(ClaimKind.PRICE, "£9.95", "catalogue:1:price")
    assert uncovered("Mugs, £9.95", [claim]) == ()
    assert uncovered("Mugs, £19.95", [claim])
    assert uncovered("Mugs, £9.95 or 2 for £15", [claim])


@given(st.integers(1, 10**7))
def test_every_price_is_a_factual_phrase_that_its_own_claim_covers(minor: int) -> None:
    text = price_text(Money(minor, "GBP"))
    line = f"A mug for {text} at the shop."
    assert [p.text for p in factual_phrases(line)] == [text]
    assert uncovered(line, [Claim(ClaimKind.PRICE, text, "catalogue:1:price")]) == ()


def test_prices_are_written_as_shops_do() -> None:
    written = [
        price_text(Money(m, c)) for m, c in ((85, "GBP"), (500, "GBP"), (1275, "GBP"), (500, "JPY"), (1250, "CHF"))
    ]
    assert written == ["85p", "£5", "£12.75", "¥500", "12.50 CHF"]


@pytest.mark.parametrize(
    ("text", "touch"),
    [
        ("We noticed you left something behind", Touch.TRACKING),
        ("Because you bought a mug", Touch.TRACKING),
        ("Your last order was lovely", Touch.TRACKING),
        ("Welcome back!", Touch.TRACKING),
        ("Are you pregnant?", Touch.TRAIT),
        ("You're divorced, treat yourself", Touch.TRAIT),
        ("Gifts for disabled people", Touch.TRAIT),
        ("Your depression deserves tea", Touch.TRAIT),
        ("Write to jo@shop.example", Touch.DATA),
        ("Call 020 7946 0018", Touch.DATA),
        ("Dear {{first_name}}", Touch.SLOT),
        ("Hello *|FNAME|*", Touch.SLOT),
    ],
)
def test_personal_wordings_are_found(text: str, touch: Touch) -> None:
    assert touch in {w.touch for w in personal_wordings(text)}


@pytest.mark.parametrize(
    "text",
    [
        "If you're planning for a picnic",
        "A black mug for you",
        "Choose what suits you",
        "Wickerwren, £12.75",
        "Old favourites",
    ],
)
def test_impersonal_wording_is_left_alone(text: str) -> None:
    assert personal_wordings(text) == ()
