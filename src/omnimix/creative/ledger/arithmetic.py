"""Prices by arithmetic: several of one product, products together, a price after an offer.

in   a told price, the sentence it stands in, the products spoken of, the ledger
out  the ground of the price it was reckoned from, or None where the sum does not come out
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date

from omnimix.creative.ledger.ground import Ground, Ledger
from omnimix.creative.ledger.meaning import CONDITIONS, EVERY, Bound, Meaning, Quantity

MONEY = frozenset("£$€¥")
_TOGETHER = re.compile(r"\b(?:and|both|together|pair|plus|all)\b|&", re.IGNORECASE)
_OFF = re.compile(r"\b(?:off|save|saving|discount)\b", re.IGNORECASE)
_PLAIN = frozenset({"code", "save", "discount"}) | EVERY
_MANY = 20


def worth(text: str, products: frozenset[str], ledger: Ledger) -> float:
    """What a reader buys at least: the cheapest of the products, or all when the text puts them together."""
    prices = [float(g.price.major()) for g in _prices(products, ledger) if g.price is not None]
    if not prices or len(prices) < len(products):
        return 0.0
    return sum(prices) if len(prices) > 1 and _TOGETHER.search(text) else min(prices)


def reckoned(
    told: Quantity,
    text: str,
    meaning: Meaning,
    products: frozenset[str],
    ledger: Ledger,
    last_day: date,
    *,
    counted: bool = False,
) -> Ground | None:
    """The price ground that `told` follows from by a sum; None where it follows from none.

    `counted`: only sums of several count. Once an offer is named (by its code, or by what it asks: "subscribe"),
    the price must be the one after it.
    """
    grounds = _prices(products, ledger)
    if not grounds or len(grounds) < len(products):
        return None
    for amount, by_sum in _before_offers(text, meaning, grounds):
        if counted and not by_sum:
            continue
        named = [o for o in _offers(ledger, last_day) if (o.meaning.stems - _PLAIN) & meaning.stems]
        after = [_after(amount, o, meaning) for o in named]
        amounts = [a for a in after if a is not None] or ([amount] if by_sum and not after else [])
        if any(told.follows_from(Quantity(told.unit, round(a, 2))) for a in amounts):
            return grounds[0]
    return None


def _before_offers(text: str, meaning: Meaning, grounds: list[Ground]) -> Iterator[tuple[float, bool]]:
    """Each amount the text may mean, and whether it is more than the price of one product."""
    prices = [float(g.price.major()) for g in grounds if g.price is not None]
    if len(prices) > 1:
        if _TOGETHER.search(text):
            yield sum(prices), True
        return
    yield prices[0], False
    held = {q.value for q in grounds[0].meaning.quantities}
    for quantity in meaning.quantities:
        count = quantity.value
        if quantity.unit in ("", "piece") and count == int(count) and 2 <= count <= _MANY and count not in held:
            yield prices[0] * count, True


def _prices(products: Iterable[str], ledger: Ledger) -> list[Ground]:
    wanted = frozenset(products)
    found = [g for g in ledger.grounds if g.price is not None and g.about in wanted]
    return sorted(found, key=lambda g: g.source)


def _offers(ledger: Ledger, last_day: date) -> Iterator[Ground]:
    for ground in ledger.grounds:
        lasts = ground.expires_on is None or ground.expires_on >= last_day
        if ground.about is None and lasts and _OFF.search(ground.text):
            yield ground


def _after(amount: float, offer: Ground, meaning: Meaning) -> float | None:
    """`amount` after an offer; None where one of its conditions does not hold."""
    if not (offer.meaning.stems & CONDITIONS) <= meaning.stems:
        return None
    least = [q for q in offer.meaning.quantities if q.unit in MONEY and q.bound is not Bound.EXACT]
    if any(q.bound not in (Bound.OVER, Bound.LEAST) or not reaches(amount, q) for q in least):
        return None
    for quantity in offer.meaning.quantities:
        if quantity.bound is Bound.EXACT and quantity.unit == "%":
            return amount * (1 - quantity.value / 100)
        if quantity.bound is Bound.EXACT and quantity.unit in MONEY:
            return amount - quantity.value
    return None


def reaches(amount: float, threshold: Quantity) -> bool:
    """Whether an amount of money fulfils "over £50" or "at least £50"."""
    return amount > threshold.value or (amount == threshold.value and threshold.bound is Bound.LEAST)
