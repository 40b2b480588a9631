"""Rates with intervals that know how alike the visits of one person are.

in   visits, successes, a design effect
out  Intervals (95 %)
"""

from math import sqrt

from omnimix.audience.journey.pain.record import Interval

Z95 = 1.959963984540054


def rate_of(successes: float, tries: float, *, effect: float = 1.0) -> Interval:
    """A rate with Wilson's interval (1927), on counts divided by the design effect. Nothing tried: 0 to 1."""
    if tries <= 0:
        return Interval(0.0, 0.0, 1.0)
    n, p = tries / effect, successes / tries
    middle, half = p + Z95**2 / (2 * n), Z95 * sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    return Interval(p, max(min((middle - half) / scale, p), 0.0), min(max((middle + half) / scale, p), 1.0))


def difference(one: Interval, other: Interval) -> Interval:
    """The difference of two rates, by Newcombe's square-and-add of their intervals (1998, method 10)."""
    gap = one.value - other.value
    low = gap - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = gap + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Interval(gap, low, high)


def times(one: Interval, other: Interval) -> Interval:
    """The product of two amounts from 0 up, from the ends of both: wider than needed, never narrower."""
    a, b = _from_zero(one), _from_zero(other)
    return Interval(a.value * b.value, a.low * b.low, a.high * b.high)


def _from_zero(found: Interval) -> Interval:
    return Interval(max(found.value, 0.0), max(found.low, 0.0), max(found.high, 0.0))
