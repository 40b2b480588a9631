"""What grounds carry and what they do not: numbers, conditions, denial, scope, time; quantities as an order."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.core.money import Money
from omnimix.creative.brand import Brand, BrandClaim
from omnimix.creative.claim import ClaimKind
from omnimix.creative.ledger.bind import bind
from omnimix.creative.ledger.gather import grounds_of_page, ledger_of
from omnimix.creative.ledger.ground import Ledger
from omnimix.creative.ledger.meaning import Bound, Quantity, meaning_of
from omnimix.data.product import Product

TODAY = date(2026, 12, 20)


def product(key: str, name: str, price: str, description: str) -> Product:
    return Product(key, name, "x", Money.parse(price, "GBP"), 0.4, True, None, None, description, "csv")


def claim(text: str, until: date | None = None) -> BrandClaim:
    return BrandClaim(text=text, kind=ClaimKind.NUMBER, source="terms", expires_on=until)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    brand = Brand(
        name="Wren",
        website="https://wren.example",
        promise="",
        sells="",
        claims=(
            claim("Free UK delivery over £50"),
            claim("30 days to change your mind"),
            claim("More than 4,000 customers served"),
            claim("Rated 4.8 stars from 1,204 reviews", date(2026, 12, 31)),
            claim("Two-year guarantee", date(2026, 11, 30)),
        ),
    )
    products = (
        product("1", "Sun hat", "24.50", "A wide-brimmed hat in UPF 50+ cotton. Machine washable."),
        product("2", "Wool blanket", "60", "Woven in Wales from pure new wool. Not machine washable."),
        product("3", "Cake stand", "12.75", "Three tiers in porcelain. Dishwasher safe."),
        product("4", "Slate cake stand", "9.95", "A slate cake stand."),
    )
    return ledger_of(brand, products, buyers={"1": 1204})


def refused(text: str, ledger: Ledger, *shown: str) -> list[str]:
    return [v.why for v in bind(text, ledger, shown=shown, last_day=TODAY, exempt=("Wren",)) if v.ground is None]


@pytest.mark.parametrize(
    "text",
    [
        "Free UK delivery over £50",
        "UK shipping on us when you spend over £50",
        "Spend more than £60 and UK delivery is free",
        "Thirty days to send it back",
        "Over 4,000 customers served",
        "The sun hat, £24.50",
        "A sun hat with UV protection",
        "The sun hat washes in the machine",
        "A sun hat for under £25",
        "Cake stands from £9.95",
        "The sun hat was bought by 1,204 customers",
        "More than 1,200 customers chose the sun hat",
        "4.8 stars from 1,204 reviews",
        "The wool blanket is not machine washable",
        "Small things that make a home",
    ],
)
def test_what_follows_passes(text: str, ledger: Ledger) -> None:
    assert refused(text, ledger) == []


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("Free delivery over £50", "'uk' is left out"),
        ("Free UK delivery", "'over £50' is left out"),
        ("Free UK delivery over £49", "£50"),
        ("60 days to change your mind", "30 days"),
        ("Over 5,000 customers served", "4,000"),
        ("The sun hat, £24.49", "£24.50"),
        ("The wool blanket is machine washable", "opposite"),
        ("The slate cake stand is dishwasher safe", "another product"),
        ("Cake stands from £9", "lowest price"),
        ("Two-year guarantee", "until 2026-11-30"),
        ("A silk sun hat", ""),
        ("The best sun hat", ""),
        ("All our hats are machine washable", ""),
    ],
)
def test_what_does_not_follow_is_refused(text: str, because: str, ledger: Ledger) -> None:
    whys = refused(text, ledger)
    assert whys
    assert any(because in why for why in whys), whys


def test_with_several_products_shown_it_must_hold_for_each(ledger: Ledger) -> None:
    assert refused("Machine washable", ledger, "1") == []
    assert refused("Machine washable", ledger, "1", "3") == [
        "it is true of one product shown here and not of every one"
    ]
    assert refused("Dishwasher safe", ledger, "1")


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.sampled_from(Bound), st.sampled_from(Bound))
@settings(max_examples=200)
def test_a_quantity_that_follows_is_true_of_every_number_the_known_one_is_true_of(
    told: int, known: int, told_bound: Bound, known_bound: Bound
) -> None:
    holds = {
        Bound.EXACT: lambda x, v: x == v,
        Bound.OVER: lambda x, v: x > v,
        Bound.LEAST: lambda x, v: x >= v,
        Bound.UNDER: lambda x, v: x < v,
        Bound.MOST: lambda x, v: x <= v,
    }
    if told_bound not in holds or known_bound not in holds:
        return
    if Quantity("day", told, told_bound).follows_from(Quantity("day", known, known_bound)):
        around = {told - 1, told, told + 1, known - 1, known, known + 1, 0, 20_000}
        assert all(holds[told_bound](x, told) for x in around if holds[known_bound](x, known))


def test_numbers_are_read_in_words_and_signs() -> None:
    def read(text: str) -> list[tuple[str, float]]:
        return [(q.unit, q.value) for q in meaning_of(text).quantities]

    assert read("twenty-five years") == read("25 years") == [("year", 25)]
    assert read("85p") == read("£0.85") == [("£", 0.85)]
    assert read("15 per cent off") == read("15% off") == [("%", 15)]
    assert read("4k customers") == [("customer", 4000)]


def test_a_page_gives_the_sentences_a_reader_sees() -> None:
    html = """<html><head><title>Free</title></head><body>
    <p>Our <b>30-day</b> returns. Hello there.</p>
    <script>var free = "100% free"</script><ul><li>Free gift wrap</li></ul>
    <img alt="Made in Wales"></body></html>"""
    assert [(f.text, f.source) for f in grounds_of_page("returns.html", html)] == [
        ("Our 30-day returns.", "page:returns.html"),
        ("Free gift wrap", "page:returns.html"),
        ("Made in Wales", "page:returns.html"),
    ]
