"""What people pay and what they are worth: price range, expected margin, and the chances of what they do next.

in   a Matrix, PROFILE_VALUE rows where there are any
out  the Matrix with the value columns; metrics for them; the price range
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from omnimix.audience.persona.evidence import Method
from omnimix.audience.persona.figure import Mask, Metric, Side
from omnimix.audience.persona.persona import Kind, PriceRange
from omnimix.audience.segment.matrix import FloatArray, Matrix

VALUES = ("clv_minor", "p_buy", "p_churn", "p_respond")
_ALL = "among all customers"


def with_value(people: Matrix, value: pa.Table | None) -> Matrix:
    """`people` with the columns of VALUES; NaN for whom nothing is known."""
    known: dict[str, FloatArray] = {name: np.full(len(people.profiles), np.nan) for name in VALUES}
    if value is not None and value.num_rows:
        place = {profile: i for i, profile in enumerate(people.profiles)}
        rows = [place.get(p, -1) for p in value["profile_id"].to_pylist()]
        at = np.array(rows)
        for name in VALUES:
            told = value[name].cast(pa.float64()).to_numpy()
            known[name][at[at >= 0]] = told[at >= 0]
    values = np.column_stack([people.values, *known.values()])
    return Matrix(people.profiles, (*people.columns, *VALUES), values)


def price_range(people: Matrix, inside: Mask, *, least: int) -> PriceRange | None:
    """What eight members in ten usually pay apiece; None with fewer than `least` who bought."""
    prices, bought = people.column("median_price_minor"), people.column("orders") > 0
    own, every = prices[inside & bought], prices[bought]
    if len(own) < least:
        return None
    low, middle, high = (float(v) for v in np.quantile(own, (0.1, 0.5, 0.9)))
    base = [float(v) for v in np.quantile(every, (0.1, 0.5, 0.9))]
    return PriceRange(low, high, middle, base[0], base[2], base[1], len(own))


def worth(rows: Matrix) -> tuple[Metric, ...]:
    """The metrics that the columns of `rows` allow: the chances and the expected margin only with `with_value`."""
    return tuple(m for m in _WORTH if m.kind is not Kind.VALUE or set(VALUES) <= set(rows.columns))


def _column(name: str) -> Callable[[Matrix], FloatArray]:
    return lambda rows: rows.column(name)


def _known(name: str) -> Callable[[Matrix], Mask]:
    def applies(rows: Matrix) -> Mask:
        there: Mask = np.isfinite(rows.column(name))
        return there

    return applies


def _bought(rows: Matrix) -> Mask:
    bought: Mask = rows.column("orders") > 0
    return bought


_WORTH = (
    Metric(
        Kind.RANGE,
        "lowest usual unit price of nine in ten",
        "minor",
        Method.LOW,
        _column("median_price_minor"),
        _bought,
        Side(
            f"Few look for less: nine in ten usually pay {{value}} apiece or more, against {{base}} {_ALL}.",
            "leave the cheapest things alone",
        ),
        Side(
            f"They go for the cheapest too: one in ten usually pays {{value}} apiece or less, against {{base}} "
            f"{_ALL}.",
            "also buy the cheapest things",
        ),
        subject="price range from",
    ),
    Metric(
        Kind.RANGE,
        "highest usual unit price of nine in ten",
        "minor",
        Method.HIGH,
        _column("median_price_minor"),
        _bought,
        Side(
            f"Some go far up: one in ten usually pays {{value}} apiece or more, against {{base}} {_ALL}.",
            "go far up in price",
        ),
        Side(
            f"They stop early: nine in ten usually pay {{value}} apiece at most, against {{base}} {_ALL}.",
            "stay below a price",
        ),
        subject="price range to",
    ),
    Metric(
        Kind.VALUE,
        "expected margin",
        "minor",
        Method.MEDIAN,
        _column("clv_minor"),
        _known("clv_minor"),
        Side(
            f"They are worth more than most: typically {{value}} of margin is to be expected, against {{base}} "
            f"{_ALL}.",
            "are worth more than most",
        ),
        Side(
            f"They are worth less than most: typically {{value}} of margin is to be expected, against {{base}} "
            f"{_ALL}.",
            "are worth less than most",
        ),
        subject="value",
    ),
    Metric(
        Kind.VALUE,
        "chance of an order soon",
        "share",
        Method.MEAN,
        _column("p_buy"),
        _known("p_buy"),
        Side(
            f"They are likely to order soon: a chance of {{value}} on average, against {{base}} {_ALL}.",
            "are likely to order soon",
        ),
        Side(
            f"They are unlikely to order soon: a chance of {{value}} on average, against {{base}} {_ALL}.",
            "are unlikely to order soon",
        ),
        subject="buy",
    ),
    Metric(
        Kind.VALUE,
        "chance of staying away",
        "share",
        Method.MEAN,
        _column("p_churn"),
        _known("p_churn"),
        Side(
            f"Many may be lost: the chance that they stay away is {{value}} on average, against {{base}} {_ALL}.",
            "may be lost",
        ),
        Side(
            f"They stay: the chance that they stay away is only {{value}} on average, against {{base}} {_ALL}.",
            "stay",
        ),
        subject="churn",
    ),
    Metric(
        Kind.VALUE,
        "chance of an answer when contacted",
        "share",
        Method.MEAN,
        _column("p_respond"),
        _known("p_respond"),
        Side(
            f"They answer when written to: a chance of {{value}} on average, against {{base}} {_ALL}.",
            "answer when written to",
        ),
        Side(
            f"They rarely answer: a chance of {{value}} on average when written to, against {{base}} {_ALL}.",
            "rarely answer",
        ),
        subject="respond",
    ),
)
