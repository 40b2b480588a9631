"""What a sentence is read as: facts in any words, sums, kinds of products, denial, conditions; true and false."""

from datetime import date

import pytest

from omnimix.core.money import Money
from omnimix.creative.brand import Brand, BrandClaim
from omnimix.creative.campaign import Campaign, Goal, Offer
from omnimix.creative.claim import ClaimKind
from omnimix.creative.ledger.bind import bind
from omnimix.creative.ledger.gather import ledger_of
from omnimix.creative.ledger.ground import Ledger
from omnimix.creative.ledger.meaning import meaning_of
from omnimix.creative.ledger.recognise import claim_phrases
from omnimix.data.product import Product

LAST_DAY = date(2026, 12, 20)


def _product(key: str, name: str, price: str, description: str) -> Product:
    return Product(key, name, "x", Money.parse(price, "GBP"), None, True, None, None, description, "csv")


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    said = (
        "Free UK delivery over £50",
        "Refunds within 45 days",
        "Trading since 1961",
        "Free mending on every lantern",
        "All our skincare is vegan",
        "Order by 3pm and we dispatch the same day",
        "Return four empty tins and get a £2 voucher",
        "The Otter Kettle was named Kettle of the Year",
    )
    brand = Brand(
        name="Heron",
        website="https://heron.example",
        promise="",
        sells="",
        claims=tuple(BrandClaim(text=t, kind=ClaimKind.NUMBER, source="terms", expires_on=None) for t in said),
    )
    products = (
        _product("k", "Otter Kettle", "60", "Copper, spun in Fife. Holds 1.5 litres. Not dishwasher safe."),
        _product("l", "Storm Lantern", "20", "Tin with a brass handle. Weighs 900 g. Wick included."),
        _product("s", "Rose Face Cream", "12", "Contains no palm oil. 50 ml. Merino pouch."),
    )
    campaign = Campaign(
        key="c",
        name="C",
        goal=Goal.SALES,
        channels=("email_files",),
        daily_budget="1.00",
        starts_on=date(2026, 12, 1),
        ends_on=LAST_DAY,
        landing_page="https://heron.example",
        offer=Offer(text="10% off orders over £40", short="10% off", source="campaign", code="HERON10"),
    )
    return ledger_of(brand, products, campaign=campaign)


def _passes(text: str, ledger: Ledger, shown: str) -> bool:
    return all(v.ground is not None for v in bind(text, ledger, shown=tuple(shown), last_day=LAST_DAY))


@pytest.mark.parametrize(
    ("shown", "true", "false"),
    [
        ("k", "Spun in Fife.", "Woven in Fife."),  # a verb that only facts know
        ("l", "A brass handle.", "Spun in Fife."),  # of another product
        ("k", "Please keep it out of the dishwasher.", "Fine in the dishwasher."),
        ("s", "Free from palm oil.", "Made with palm oil."),
        ("s", "A pouch of wool.", "A pouch of silk."),  # merino is wool
        ("l", "The wick is included.", "Wick sold separately."),
        ("k", "It holds 1,500 ml.", "It holds more than two litres."),
        ("k", "It holds more than a litre.", "It holds less than a litre."),
        ("l", "It weighs 0.9 kg.", "It weighs 0.8 kg."),
        ("l", "Two lanterns for £40.", "Two lanterns for £39."),
        ("kl", "The kettle and the lantern, £80 together.", "The kettle and the lantern, £79 together."),
        ("k", "£54 with code HERON10.", "£53 with code HERON10."),
        ("k", "Free UK delivery on this kettle.", "Free UK delivery on this lantern."),
        ("l", "The lantern costs £20.", "The kettle costs £20."),
        ("", "10% off orders over £40 with HERON10.", "10% off your order with HERON10."),
        ("", "Over six weeks for a refund.", "Over seven weeks for a refund."),
        ("", "Refunds within 45 days.", "Refunds whenever you like."),
        ("", "Trading for over 60 years.", "Trading for over 70 years."),
        ("l", "Free mending on this lantern.", "Free mending on this kettle."),
        ("s", "It is vegan.", "The kettle is vegan."),
        ("", "Order by 3pm and we dispatch the same day.", "We dispatch the same day."),
        ("", "Return four empty tins and get a £2 voucher.", "Return three empty tins and get a £2 voucher."),
        ("k", "Named Kettle of the Year.", "Kettle of the Year, and better than any other."),
    ],
)
def test_what_follows_passes_and_what_does_not_is_refused(
    shown: str, true: str, false: str, ledger: Ledger
) -> None:
    assert (_passes(true, ledger, shown), _passes(false, ledger, shown)) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "Outlasts the rest", "Reef-safe", "Clears eczema", "As seen in Vogue", "Here for a short time", "On us",
        "The quietest fan", "Half the price of similar packs", "More warmth per gram than down", "Sewn in Leeds",
    ],
)  # fmt: skip
def test_objective_claims_are_recognised(text: str) -> None:
    assert claim_phrases(text)


def test_denial_is_read_from_free_and_ends_with_a_new_statement() -> None:
    assert meaning_of("Feather-free").negations == {"feather"}
    assert meaning_of("Gluten free").negations == meaning_of("Contains no gluten").negations
    assert "vegan" not in meaning_of("No gluten and is vegan").negations
