"""The catalogue: names a customer would read, declared products first, categories by words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.money import Money
from omnimix.data.catalogue import category, display_name, load_products
from omnimix.data.source.spec import Source


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White hanging heart T-light holder"),
        ("SET OF 3 CAKE TINS PANTRY DESIGN ", "Set of 3 cake tins pantry design"),
        ("SET/6 RED SPOTTY PAPER PLATES", "Set of 6 red spotty paper plates"),
        ("RED  RETROSPOT JUMBO   BAG", "Red retrospot jumbo bag"),
        ("PAPER CHAIN KIT 50'S CHRISTMAS ", "Paper chain kit 50's Christmas"),
        ("VINTAGE UNION JACK BUNTING", "Vintage Union Jack bunting"),
        ("I LOVE LONDON MINI BACKPACK", "I love London mini backpack"),
        ("SALT & PEPPER,BLUE", "Salt & pepper, blue"),
        ("Dotcomgiftshop Gift Voucher £20.00", "Dotcomgiftshop Gift Voucher £20.00"),
        ("3D CHRISTMAS CARD A5", "3D Christmas card A5"),
    ],
)
def test_display_name(text: str, name: str) -> None:
    assert display_name(text) == name


@given(st.text(alphabet="ABC xyz-&,/1'", min_size=1, max_size=30))
def test_display_name_never_shouts_or_grows_gaps(text: str) -> None:
    name = display_name(text)
    assert "  " not in name
    assert name == name.strip()
    assert display_name(name) == name or any(c.islower() for c in text) or not any(c.islower() for c in name)


def test_category_is_the_first_that_fits() -> None:
    rules = {"Lighting": ("t-light", "candle"), "Home": ("heart", "box")}
    assert category("White heart T-light holder", rules) == "Lighting"
    assert category("Two Boxes", rules) == "Home"
    assert category("Candlestick maker", rules) == "other"


def test_declared_over_sold(place: Any) -> None:
    place.file(
        "o.csv",
        "order_id,sku,product,qty,date,price\n1,A,BLUE MUG,1,2024-01-01,2.00\n2,A,BLUE MUG,1,2024-01-02,3.00\n"
        "3,A,blue mug old,2,2024-01-03,9.00\n4,T,TEA TOWEL,1,2024-01-01,5.00\n5,POST,POSTAGE,1,2024-01-01,4.00\n",
    )
    place.file("p.csv", "product_id,name,price,in_stock\nT,Linen tea towel,6.50,no\nC,New thing,1.00,yes\n")
    sources = {
        "o": Source(path="o.csv", preset="order_lines", currency="GBP", categories={"Kitchen": ("mug", "towel")}),
        "p": Source(path="p.csv", holds="products", currency="GBP"),
    }
    place.ingest(sources)
    products = {p.product_id: p for p in load_products(place.warehouse.arrow(place.warehouse.table("product")))}
    assert sorted(products) == ["A", "C", "T"], "postage is no product"
    assert (products["A"].name, products["A"].price) == ("Blue mug", Money(300, "GBP")), "most said, median price"
    assert (products["T"].name, products["T"].category) == ("Linen tea towel", "Kitchen")
    assert (products["T"].price, products["T"].in_stock) == (Money(650, "GBP"), False)
    assert products["C"].category == "other"
    place.file("p.csv", "product_id,name,price,in_stock\nT,Linen tea towel,7.00,yes\n")
    place.ingest(sources, now=place.now.replace(day=2))
    product = next(r for r in place.rows("product") if r["product_id"] == "T")
    assert (product["price_minor"], product["in_stock"]) == (700, True), "the declaration seen last"
