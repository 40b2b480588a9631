"""Made-up profiles with features, as many as wanted, for measuring speed and for trying things out.

in   how many profiles, a seed
out  Arrow tables of `segments.FEATURE` rows, or one Parquet file of them

Five kinds of customer that overlap, so that clusters exist and are not trivial. Not a model of anybody's shop. The
same seed gives the same profiles.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omnimix.audience.segment.features import BANDS, FEATURE, SEASONS, WEEKDAYS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CATEGORIES = ("Bags", "Candles", "Garden", "Jewellery", "Kitchen", "Lighting", "Party", "Toys")
MEDIA = ("cpc", "direct", "email", "organic", "social")
STAGES = ("active", "at_risk", "first_time", "lapsed", "loyal")
_KINDS = 5
_CHUNK = 100_000


def profile_ids(first: int, count: int) -> pa.Array:
    """`p` and the profile's number, as in `testing.events`."""
    return pc.binary_join_element_wise("p", pa.array(np.arange(first, first + count)).cast(pa.string()), "")


def profiles(count: int, *, seed: int, first: int = 0) -> pa.Table:
    """`count` FEATURE rows, ids from number `first`."""
    rng = np.random.default_rng([seed, first])
    kind = rng.integers(_KINDS, size=count)
    columns = _numbers(kind, rng) | _shares(kind, rng)
    columns["profile_id"] = profile_ids(first, count)
    columns["country"] = pa.array(np.array(["GB", "FR", "DE"])[rng.choice(3, count, p=[0.8, 0.12, 0.08])])
    columns["stage"] = pa.array(np.array(STAGES)[kind])
    wanted = FEATURE.to_pyarrow()
    return pa.Table.from_arrays([columns[f.name].cast(f.type) for f in wanted], schema=wanted)


def write_profiles(file: Path, count: int, *, seed: int) -> None:
    """Write `count` FEATURE rows to a Parquet file, a part at a time."""
    with pq.ParquetWriter(file, FEATURE.to_pyarrow(), compression="zstd") as writer:
        for first in range(0, count, _CHUNK):
            writer.write_table(profiles(min(_CHUNK, count - first), seed=seed, first=first))


def _numbers(kind: Ints, rng: np.random.Generator) -> dict[str, pa.Array]:
    def amount(middle: tuple[float, ...], spread: float = 0.5) -> Floats:
        drawn: Floats = np.array(middle)[kind] * np.exp(rng.normal(0, spread, kind.size))
        return drawn

    orders = 1 + rng.poisson(np.array([0.3, 8, 2, 1, 4])[kind])
    average = amount((1_800, 3_000, 45_000, 9_000, 4_000))
    sales = np.round(orders * average)
    returned = np.where(rng.random(kind.size) < 0.1, rng.random(kind.size) * 0.4, 0.0)
    recency = np.minimum(np.round(amount((250, 15, 60, 120, 40))), 700)
    views = rng.poisson(np.array([3, 40, 10, 8, 60])[kind])
    found = {
        "recency_days": recency,
        "tenure_days": recency + orders * 30,
        "orders": orders,
        "returns": (returned > 0).astype(np.int64),
        "sales_minor": sales,
        "revenue_minor": np.round(sales * (1 - returned)),
        "margin_minor": np.round(sales * (1 - returned) * 0.4),
        "average_order_minor": average,
        "items": np.maximum(1, np.round(orders * amount((4, 8, 90, 6, 10)))),
        "lines_per_order": amount((3, 12, 8, 5, 6)),
        "units_per_line": amount((2, 4, 60, 3, 5)),
        "products": 1 + rng.poisson(orders * 3),
        "breadth": 1 + rng.binomial(7, np.array([0.1, 0.6, 0.3, 0.2, 0.4])[kind]),
        "median_price_minor": amount((300, 250, 180, 1_500, 400)),
        "discount_share": np.clip(amount((0.2, 0.1, 0.5, 0.05, 0.3)), 0, 1),
        "return_share": returned,
        "visits": 1 + views // 4,
        "views": views,
        "carts": views // 6,
        "checkouts": orders + views // 20,
        "emails_opened": rng.poisson(np.array([0.5, 6, 1, 1, 2])[kind]),
    }
    return {name: pa.array(np.asarray(values)) for name, values in found.items()}


def _shares(kind: Ints, rng: np.random.Generator) -> dict[str, pa.Array]:
    return {
        "category_share": _two_keys(CATEGORIES, (kind * 2) % len(CATEGORIES), rng),
        "hour_share": _two_keys(tuple(BANDS), kind, rng),
        "weekday_share": _two_keys(WEEKDAYS, kind, rng),
        "season_share": _two_keys(SEASONS, kind % len(SEASONS), rng),
        "medium_share": _two_keys(MEDIA, kind, rng),
    }


def _two_keys(keys: tuple[str, ...], favourite: Ints, rng: np.random.Generator) -> pa.Array:
    """Maps with two different keys: mostly the favourite, the rest another; shares sum to one."""
    other = (favourite + rng.integers(1, len(keys), size=favourite.size)) % len(keys)
    swapped = rng.random(favourite.size) < 0.25
    first, second = np.where(swapped, other, favourite), np.where(swapped, favourite, other)
    share = np.round(0.55 + 0.44 * rng.random(favourite.size), 3)
    words = pa.array(keys).take(pa.array(np.column_stack([first, second]).ravel()))
    amounts = pa.array(np.column_stack([share, 1 - share]).ravel())
    return pa.MapArray.from_arrays(
        pa.array(np.arange(0, 2 * favourite.size + 1, 2, dtype=np.int32)), words, amounts
    )
