"""Chances in words that need no statistics.

in   a p-value
out  how often chance alone shows as much
"""

from math import floor, log10


def by_chance(p: float) -> str:
    """`1 in 800,000 by chance`, to one digit (two below a hundred); beyond a billion it says just that.

    `p` in [0, 1].
    """
    if p < 1e-9:
        return "less than 1 in 1,000,000,000 by chance"
    times = 1 / p
    digits = floor(log10(times)) - (1 if times < 100 else 0)
    return f"1 in {round(times, -max(0, digits)):,.0f} by chance"
