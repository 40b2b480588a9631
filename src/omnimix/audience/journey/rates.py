"""Rates of people: intervals, differences and how many of many differences are real.

in   counts
out  shares with intervals, p-values, q-values; everything in closed form

Interval of a share: Wilson (1927). Of a difference of two shares: Newcombe (1998), method 10. Test of a
difference: the score test with a pooled share. q-values: Benjamini and Hochberg (1995). Sums over people: the
delete-a-group jackknife (Kott 2001), where each person is in one of `BLOCKS` groups and the estimate is made again
without each.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtr, stdtrit

Floats = npt.NDArray[np.float64]
BLOCKS = 20  # groups of people that the jackknife leaves out in turn
_Z = 1.959963984540054


def wilson(part: float, whole: float) -> tuple[float, float]:
    """The 95 % interval of part / whole; (0, 1) for nobody."""
    if not whole:
        return 0.0, 1.0
    share, z2 = part / whole, _Z * _Z / whole
    middle = (share + z2 / 2) / (1 + z2)
    half = _Z / (1 + z2) * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole))
    return max(0.0, middle - half), min(1.0, middle + half)


def difference(part: float, whole: float, rest: float, rest_whole: float) -> tuple[float, float, float, float]:
    """Difference of two shares, its 95 % interval, and the two-sided p-value of there being none.

    Counts of moves come divided by their design effect.
    """
    p, q = part / whole, rest / rest_whole
    low, high = wilson(part, whole)
    rest_low, rest_high = wilson(rest, rest_whole)
    gap = p - q
    below = gap - math.hypot(p - low, rest_high - q)
    above = gap + math.hypot(high - p, q - rest_low)
    pooled = (part + rest) / (whole + rest_whole)
    error = math.sqrt(pooled * (1 - pooled) * (1 / whole + 1 / rest_whole))
    p_value = float(2 * ndtr(-abs(gap) / error)) if error > 0 else 1.0
    return gap, below, above, p_value


def design_effect(done: int, of: int, squares: int, cross: int, of_squares: int) -> float:
    """How many moves of the same people say as much as one of different people; at least 1.

    From sums over people of done, of, done², done × of and of²: the variance of a ratio by linearisation over that
    of a binomial share (Rao and Scott 1992).
    """
    if not 0 < done < of:
        return max(1.0, of_squares / of)
    share = done / of
    spread = squares - 2 * share * cross + share * share * of_squares
    return max(1.0, spread / (of * share * (1 - share)))


def q_values(p_values: Sequence[float]) -> Floats:
    """The rate of false findings among all that are at least as sure as each one."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    found = np.empty(len(p))
    found[order] = np.minimum(1.0, np.minimum.accumulate(raised[::-1])[::-1])
    return found


def jackknife(whole: Any, without: Floats) -> tuple[Floats, Floats]:
    """95 % intervals of an estimate from the estimates `without` each block (first axis). Shapes of `whole`."""
    blocks = len(without)
    error = np.sqrt((blocks - 1) / blocks * np.square(without - without.mean(axis=0)).sum(axis=0))
    half = float(stdtrit(blocks - 1, 0.975)) * error
    return np.asarray(whole) - half, np.asarray(whole) + half


def jackknife_p(whole: float, without: Floats) -> float:
    """Two-sided p-value of the estimate being zero."""
    blocks = len(without)
    error = math.sqrt((blocks - 1) / blocks * float(np.square(without - without.mean()).sum()))
    if not error:
        return 1.0
    return float(2 * stdtr(blocks - 1, -abs(whole) / error))
