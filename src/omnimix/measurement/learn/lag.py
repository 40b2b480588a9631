"""Delays: what share of a week's orders is known after so many weeks.

in   orders by week made and week known
out  the share known by the end of each week after, estimated by the chain ladder

Recent weeks are known only in part. The chain ladder (Mack, ASTIN Bulletin 23, 1993) multiplies development
factors, each from the weeks old enough to show it, so weeks that are still young do not make delays look
shorter than they are.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def matured(counts: Sequence[tuple[int, int, int]], *, weeks: int) -> FloatArray:
    """(weeks,) share of a week's orders known by the end of the week itself, of the next, and so on.

    `counts` holds (week made, week known, orders), of weeks 0 … `weeks` − 1. Never falls, ends in 1: orders
    that take longer than the weeks seen so far cannot be known of. Without orders everything counts as known
    at once.
    """
    table = np.zeros((weeks, weeks))
    for made, known, orders in counts:
        if 0 <= made <= known < weeks:
            table[made, known - made] += orders
    total = table.cumsum(axis=1)
    share = np.ones(weeks)
    for late in range(weeks - 1, 0, -1):
        old_enough = slice(0, weeks - late)  # weeks whose orders `late` weeks later have been seen
        before, after = total[old_enough, late - 1].sum(), total[old_enough, late].sum()
        share[late - 1] = share[late] * (before / after if after else 1.0)
    return share
