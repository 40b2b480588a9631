"""What to bid: never above the value, never below the floor, and in a first-price auction below the value.

in   the value of an impression, the floor, the auction's type, a win curve, a number drawn from [0, 1)
out  a price, or None

Prices are integers: millionths of the workspace's currency per thousand impressions (`cpm`), so that 1,000 of them
are one micro per impression. In a second-price auction the value is the best bid (Vickrey 1961). In a first-price
auction the bid maximises (value - bid) · P(win | bid) ("bid shading"): with the log-logistic curve of `win_curve`
the derivative has one zero, found by halving.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

from omnimix.activation.bid.win_curve import Curve
from omnimix.activation.decide.choice import FloatArray

CPM = 1_000_000  # of one unit of the currency per thousand
STEP = 1_000  # bids are multiples: one micro per impression
_SECOND_PRICE, _FIXED = 2, 3
_SPAN = 0.35  # a price that is tried lies within e ** ±_SPAN of the best


def value_of(margins: FloatArray, *, quantile: float, caused: float, minor_units: int) -> int:
    """The value (cpm) of an impression whose margin, in minor units, has posterior draws `margins` (K,).

    `minor_units`: how many make one unit of the currency. Below 0 there is none.
    """
    margin = float(np.sort(margins)[int(quantile * (len(margins) - 1))])  # the draw below which that share lies
    return max(int(margin * caused / minor_units * 1000 * CPM), 0)


def price_of(
    value: int, floor: int, *, auction: int, curve: Curve, most: int, explore: float = 0.0, draw: float = 1.0
) -> int | None:
    """The bid (cpm), a multiple of STEP; None where the value does not reach the floor or one STEP.

    `floor` is the lowest price that still counts. `auction`: 1 first price, 2 second price, 3 the floor is the
    price; any other is taken for a first price. A share `explore` of first-price bids tries a price near the best.
    """
    least, worth = _up(max(floor, STEP)), min(value, most) // STEP * STEP
    if worth < least:
        return None
    if auction == _FIXED:
        return least
    if auction == _SECOND_PRICE:
        return worth
    best = curve.best_soon(worth)
    if draw < explore:
        best *= float(np.exp(_SPAN * (2 * draw / explore - 1)))
    return min(max(_up(int(best)), least), worth)


def _up(cpm: int) -> int:
    return -(-cpm // STEP) * STEP


def cpm_of(price: Decimal | float, rate: Decimal, *, up: bool) -> int:
    """A price in another currency as ours; `rate`: how much of it one unit of ours buys."""
    exact = Decimal(repr(price) if isinstance(price, float) else price) / rate * CPM
    return int(exact.to_integral_value(ROUND_CEILING if up else ROUND_FLOOR))


def told_price(cpm: int, rate: Decimal) -> float:
    """A bid of ours in another currency, rounded down to STEP: what stands in `bid.price`."""
    return int(cpm * rate) // STEP * STEP / CPM


def micros_of(cpm: int) -> int:
    """What one impression costs at most, in micros, rounded up."""
    return -(-cpm // 1000)
