"""A product as the later stages see it.

in   rows of the `product` fact
out  Product records
"""

from dataclasses import dataclass

from omnimix.core.money import Money


@dataclass(frozen=True, slots=True)
class Product:
    """One thing for sale. `margin_share` is contribution before marketing as a share of price, in [0, 1]."""

    product_id: str
    name: str
    category: str
    price: Money | None
    margin_share: float | None
    in_stock: bool
    url: str | None
    image: str | None
    description: str | None
    source: str
