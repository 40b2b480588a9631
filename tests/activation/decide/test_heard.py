"""Rows of the facts as events of online state: whatever a sender puts into them."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.decide.feedback import FEEDBACK
from omnimix.activation.decide.heard import heard, person_told
from omnimix.data.live.seen import COLUMNS

ROW = dict.fromkeys(COLUMNS) | {"source": "live", "name": "Product Viewed", "occurred_at": 5}


def test_what_a_row_says() -> None:
    row = ROW | {
        "product_id": "P1",
        "properties": '{"category":"Kitchen","price":"4.505","variant_id":"v1"}',
        "medium": "cpc",
    }
    event = heard("e1", row, decimals=2)
    assert (event.name, event.at_us, event.product, event.category) == ("Product Viewed", 5, "P1", "Kitchen")
    assert (event.price_minor, event.variant, event.medium, event.quantity) == (450, "v1", "cpc", 1)
    assert heard("e1", row, decimals=0).price_minor == 5


def test_an_order_has_the_products_of_its_lines() -> None:
    lines = '{"products":[{"product_id":"A"},{"sku":"B"},{"name":"?"},7]}'
    assert heard("e", ROW | {"name": "Order Completed", "properties": lines}, decimals=2).products == ("A", "B")
    assert heard("e", ROW | {"properties": lines}, decimals=2).products == ()


def test_robots_and_calls_that_only_name_somebody_are_no_behaviour() -> None:
    assert not heard("e", ROW | {"robot": "known agent"}, decimals=2).behaviour
    assert not heard("e", None, decimals=2).behaviour
    assert heard("e", ROW, decimals=2).behaviour


def test_only_feedback_may_name_a_person() -> None:
    named = ROW | {"properties": '{"person":"pf_1"}'}
    assert person_told(named | {"source": FEEDBACK}) == "pf_1"
    assert person_told(named) == person_told(None) == ""


@given(st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.integers()), st.booleans()))
def test_nonsense_prices_are_none(price: object) -> None:
    text = msgspec.json.encode({"price": price, "products": price}).decode()
    event = heard("e", ROW | {"name": "Order Completed", "properties": text}, decimals=2)
    assert 0 <= event.price_minor < 10**15
