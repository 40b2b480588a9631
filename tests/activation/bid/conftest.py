import pytest

from omnimix.activation.bid.creative import Creative, Picture


@pytest.fixture
def creative() -> Creative:
    return Creative(
        variant_id="broad-price-1",
        campaign="spring",
        digest="d",
        headlines=("A mug for the morning",),
        descriptions=("Stoneware, made to last",),
        call_to_action="Shop now",
        brand="Shop",
        domain="shop.example",
        landing="https://shop.example/mug",
        pictures=(
            Picture("https://cdn.example/a.png", 300, 250),
            Picture("https://cdn.example/b.png", 728, 90),
            Picture("http://cdn.example/c.png", 160, 600),
        ),
        language="en",
        categories=("IAB22-1",),
    )
