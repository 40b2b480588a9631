"""Robust common scales, so that no single column or outlier decides what is near.

in   a Matrix and the columns to compare people by
out  Axes that turn any Matrix into coordinates; they are frozen at fitting time

Amounts, counts and days are taken as signed logarithms, everything is winsorised at two quantiles, centred at the
median and divided by its spread. The columns of one family (shares by category, …) share one scale and together
weigh as much as one other column, so that a long catalogue does not drown the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from omnimix.audience.segment.matrix import FloatArray, Matrix

_MONTH = 30.0
"""Days are counted in months before the logarithm: today and last week are not as far apart as June and May."""


@dataclass(frozen=True, slots=True)
class Axis:
    """How one column becomes a coordinate: x ÷ unit, log, clip to [low, high], (x - centre) × factor."""

    column: str
    unit: float
    log: bool
    low: float
    high: float
    centre: float
    factor: float


def signed_log(values: FloatArray) -> FloatArray:
    """sign(x) · ln(1 + |x|): a logarithm that takes refunds and zeros."""
    logged: FloatArray = np.sign(values) * np.log1p(np.abs(values))
    return logged


def fit_axes(
    rows: Matrix, names: Sequence[str], *, winsor: float, weights: Mapping[str, float]
) -> tuple[Axis, ...]:
    """Axes for the columns and families in `names`; a column that never varies gets none.

    `winsor` is the share clipped at either end, in [0, 0.5). `weights` multiplies a name's axes (1 where absent).
    Raises InvalidInput for a name that is no feature.
    """
    axes: list[Axis] = []
    for name in names:
        family = rows.family(name)
        if not family:
            rows.column(name)  # raises where the name is no feature, and not just a family nobody has
        members = [_axis(rows, column, winsor=winsor) for column in family]
        spread = float(np.sqrt(sum(s * s for _, s in members)))
        if spread > 0:
            factor = weights.get(name, 1.0) / spread
            axes += [replace(axis, factor=factor) for axis, own in members if own > 0]
    return tuple(axes)


def _axis(rows: Matrix, column: str, *, winsor: float) -> tuple[Axis, float]:
    """The axis without its factor, and the column's own spread (standard deviation after winsorising)."""
    is_share = ":" in column or column.endswith("_share")
    unit = _MONTH if column.endswith("_days") else 1.0
    values = rows.column(column) / unit
    values = values if is_share else signed_log(values)
    low, high = (float(q) for q in np.quantile(values, [winsor, 1 - winsor]))
    clipped = np.clip(values, low, high)
    # The interquartile range is zero for most shares (most people have none), so the winsorised deviation is used.
    return Axis(column, unit, not is_share, low, high, float(np.median(clipped)), 1.0), float(clipped.std())


def coordinates(rows: Matrix, axes: Sequence[Axis]) -> FloatArray:
    """(profiles, axes) coordinates of `rows`, rounded to nine decimals so that no platform shows through."""
    if not axes:
        return np.zeros((len(rows.profiles), 0))
    placed = []
    for axis in axes:
        values = rows.column(axis.column) / axis.unit
        values = signed_log(values) if axis.log else values
        placed.append((np.clip(values, axis.low, axis.high) - axis.centre) * axis.factor)
    rounded: FloatArray = np.column_stack(placed).round(9)
    return rounded
