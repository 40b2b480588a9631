"""Feature rows for the tests of segments and personas."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest

from omnimix.audience.segment.features import FEATURE

FeatureTable = Callable[..., pa.Table]


def _feature_table(count: int, columns: Mapping[str, Sequence[object] | np.ndarray] | None = None) -> pa.Table:
    """`count` FEATURE rows: zeros and empty maps but for the columns given; profiles p00000, p00001, …"""
    given = {"profile_id": [f"p{i:05d}" for i in range(count)], **(columns or {})}
    arrays = []
    for name, kind in zip(FEATURE.names, FEATURE.to_pyarrow().types, strict=True):
        if name in given:
            values = given[name]
            values = values.tolist() if isinstance(values, np.ndarray) else list(values)
        elif pa.types.is_map(kind):
            values = [[] for _ in range(count)]
        elif name in ("country", "stage"):
            values = [None] * count
        else:
            values = [0] * count
        arrays.append(pa.array(values, kind))
    return pa.Table.from_arrays(arrays, names=list(FEATURE.names))


@pytest.fixture
def feature_table() -> FeatureTable:
    """A maker of feature rows."""
    return _feature_table


def _shop_like(count: int, seed: int) -> pa.Table:
    """Four planted kinds of customer in equal parts, profile i of kind i mod 4."""
    rng = np.random.default_rng(seed)
    kind = np.arange(count) % 4
    orders = np.select(
        [kind == 0, kind == 1, kind == 2], [1, rng.integers(8, 15, count), 3], rng.integers(2, 5, count)
    )
    recency = np.select([kind == 0, kind == 1], [rng.integers(250, 350, count), rng.integers(0, 15, count)], 60)
    units = np.where(kind == 2, rng.uniform(80, 120, count), rng.uniform(2, 5, count))
    average = np.where(kind == 2, rng.uniform(40_000, 60_000, count), rng.uniform(2_000, 4_000, count))
    price = np.where(kind == 3, rng.uniform(2_000, 3_000, count), rng.uniform(200, 400, count))
    candles = np.where(kind == 3, rng.uniform(0.6, 0.9, count), rng.uniform(0.0, 0.2, count))
    return _feature_table(
        count,
        {
            "orders": orders,
            "recency_days": recency,
            "tenure_days": recency + 30,
            "units_per_line": units,
            "average_order_minor": average,
            "sales_minor": (average * orders).astype(int),
            "median_price_minor": price,
            "category_share": [[("Candles", c), ("Kitchen & baking", 1 - c)] for c in candles.tolist()],
            "lines_per_order": rng.uniform(1, 9, count),
        },
    )


@pytest.fixture
def shop_like() -> Callable[[int, int], pa.Table]:
    """A maker of feature rows with four planted kinds of customer."""
    return _shop_like
