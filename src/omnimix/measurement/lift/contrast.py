"""Contrasts: weighted sums of lane means with their standard error, and variance taken out by earlier margin.

in   (weight, Moments) pairs; Cells with margin before the campaign
out  Contrast records; Cells of adjusted margin

Welch's degrees of freedom follow Satterthwaite (Biometrics Bulletin 2, 1946). The adjustment is CUPED (Deng,
Xu, Kohavi and Walker, WSDM 2013) with one slope per segment and look, fitted within lanes.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from scipy import special

from omnimix.measurement.lift.looks import critical
from omnimix.measurement.lift.stats import Cell, Cells, Moments


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of means: its estimate, standard error and degrees of freedom."""

    estimate: float
    error: float  # infinite while a part has fewer than two people, or nothing varies
    freedom: float

    def bound(self, tail: float) -> float:
        """How far the bound lies from the estimate that leaves the chance `tail` on one side."""
        return critical(tail, freedom=self.freedom) * self.error if math.isfinite(self.error) else math.inf

    def chance(self) -> float:
        """One-sided p-value of "not above zero"; 1 while nothing can be said."""
        if not math.isfinite(self.error):
            return 1.0
        return float(special.stdtr(self.freedom, -self.estimate / self.error))


def contrast(parts: Iterable[tuple[float, Moments]], *, shift: float = 0.0) -> Contrast:
    """Σ weight·mean − `shift`, with Welch–Satterthwaite error. Parts are independent groups of people."""
    estimate, variance, spread = -shift, 0.0, 0.0
    for weight, group in parts:
        if group.n < 2:
            return Contrast(0.0, math.inf, 1.0)
        part = weight**2 * group.variance / group.n
        estimate += weight * group.mean
        variance += part
        spread += part**2 / (group.n - 1)
    if variance <= 0:
        return Contrast(estimate, math.inf, 1.0)
    return Contrast(estimate, math.sqrt(variance), variance**2 / spread)


def adjusted(cells: Cells) -> dict[Cell, Moments]:
    """Cells of y − θ(b − b̄), b the margin before the campaign and b̄ its mean over the segment.

    Lanes are drawn at random, so the adjustment moves no difference in expectation; it only takes away the
    part of the variance that earlier margin explains. Where b does not vary the cells come back as they were.
    """
    groups: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for cell in cells:
        groups[cell.segment, cell.look].append(cell)
    return {
        cell: changed
        for members in groups.values()
        for cell, changed in _adjust({c: cells[c] for c in members}).items()
    }


def _adjust(lanes: dict[Cell, Moments]) -> dict[Cell, Moments]:
    whole = sum(lanes.values(), Moments())
    within = sum(m.before_squares - m.before**2 / m.n for m in lanes.values() if m.n)
    if within <= 1e-9 * max(1.0, whole.before_squares):
        return lanes
    slope = sum(m.crossed - m.total * m.before / m.n for m in lanes.values() if m.n) / within
    centre = whole.before / whole.n
    return {cell: _shift(m, slope, centre) for cell, m in lanes.items()}


def _shift(m: Moments, slope: float, centre: float) -> Moments:
    crossed = m.crossed - centre * m.total
    squares = m.before_squares - 2 * centre * m.before + m.n * centre**2
    return Moments(
        n=m.n,
        total=m.total - slope * (m.before - m.n * centre),
        squares=m.squares - 2 * slope * crossed + slope**2 * squares,
    )
