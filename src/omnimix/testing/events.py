"""Made-up visits to a shop, as many as wanted, for measuring speed and for trying things out.

in   how many events, a seed
out  Arrow tables of the event fact with `profile_id`, or one Parquet file of them

Not a model of anybody's shop: lengths of visits, returns and the way through a shop have plausible shapes, so that
sorting and counting meet what they would meet. The same seed gives the same events.
"""

from pathlib import Path

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omnimix.store.facts import EVENT

Ints = npt.NDArray[np.int64]

NAMES = (
    "Product Viewed",
    "Product List Viewed",
    "Page Viewed",
    "Products Searched",
    "Product Added",
    "Cart Viewed",
    "Checkout Started",
    "Order Completed",
    "Product Removed",
    "Coupon Entered",
    "Product Added to Wishlist",
    "Product Shared",
    "Email Link Clicked",
    "Account Created",
)
# Chances of what comes next, by what was last (rows and columns as NAMES); rows are scaled to sum to 1.
_NEXT = np.array(
    [
        [30, 25, 6, 6, 14, 3, 1, 0, 0, 0, 3, 1, 0, 0],
        [60, 20, 6, 6, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        [30, 30, 25, 10, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1],
        [65, 15, 4, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [25, 20, 3, 4, 8, 30, 12, 0, 2, 0, 0, 0, 0, 0],
        [18, 14, 3, 3, 2, 8, 35, 0, 10, 4, 0, 0, 0, 0],
        [5, 4, 4, 1, 1, 12, 8, 58, 1, 5, 0, 0, 0, 2],
        [30, 25, 35, 5, 0, 1, 0, 0, 0, 0, 0, 1, 0, 3],
        [30, 25, 4, 4, 5, 25, 6, 0, 2, 0, 0, 0, 0, 0],
        [3, 3, 2, 1, 0, 15, 60, 15, 1, 2, 0, 0, 0, 0],
        [50, 30, 5, 5, 6, 2, 0, 0, 0, 0, 4, 1, 0, 0],
        [50, 30, 10, 5, 2, 1, 0, 0, 0, 0, 1, 1, 0, 0],
        [50, 30, 15, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [35, 30, 20, 10, 2, 2, 1, 0, 0, 0, 0, 0, 0, 0],
    ],
    dtype=np.float64,
)
_FIRST = np.array([22, 18, 34, 8, 0, 2, 0, 0, 0, 0, 0, 0, 15, 1], dtype=np.float64)
# How a visit came about: medium, utm_source, click id, referrer, and its share.
_ARRIVALS = (
    (None, None, None, None, 34),
    (None, None, None, "www.google.com", 20),
    ("cpc", "google", "gclid", "www.google.com", 12),
    ("paid_social", "facebook", "fbclid", "l.facebook.com", 10),
    ("email", "newsletter", None, None, 12),
    (None, None, None, "www.bing.com", 4),
    (None, None, None, "www.pinterest.co.uk", 4),
    (None, None, None, "blog.example", 3),
    ("affiliate", "vouchers", None, "vouchers.example", 1),
)
_LONGEST = 80  # events in one visit
_SECONDS = 365 * 86_400
_START = np.datetime64("2025-01-01T00:00:00", "us")


def make_events(count: int, *, seed: int, first: int = 0) -> pa.Table:
    """`count` events in order of time, numbered from `first`. One visit in twenty is of nobody known."""
    rng = np.random.default_rng(seed)
    lengths = _visit_lengths(rng, count)
    visits = len(lengths)
    names = _walk(rng, lengths)
    visit = np.repeat(np.arange(visits), lengths)
    opens = np.repeat(np.cumsum(lengths) - lengths, lengths)
    pause = np.round(rng.lognormal(3.3, 1.1, size=count)).clip(1, 1_700) * 1_000_000
    total = np.cumsum(pause)
    at = rng.integers(0, _SECONDS, size=visits)[visit] * 1_000_000 + (total - total[opens])
    # Returning is uneven: a few people come often. The numbers of one call do not meet those of another.
    people = first + np.floor(rng.pareto(1.3, size=visits) * max(1, visits // 12)).astype(np.int64) % (
        visits // 2 + 1
    )
    known = rng.random(visits) >= 0.05
    shares = np.array([a[4] for a in _ARRIVALS], dtype=np.float64)
    arrival = rng.choice(len(_ARRIVALS), size=visits, p=shares / shares.sum())
    # The landing page says where the visit came from; the pages after it do not.
    signed = np.where(np.arange(count) == opens, arrival[visit], 0)
    order = np.argsort(at, kind="stable")
    return _table(first + np.arange(count), names[order], at[order], visit[order], people, known, signed[order])


def write_events(path: Path, count: int, *, seed: int, part: int = 1_000_000) -> None:
    """Write `count` events to one Parquet file, `part` at a time so that memory stays flat."""
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
        for place, start in enumerate(range(0, count, part)):
            rows = make_events(min(part, count - start), seed=seed + place, first=start)
            writer.write_table(rows, row_group_size=122_880)


def _visit_lengths(rng: np.random.Generator, count: int) -> Ints:
    """Lengths of visits that add up to `count`: many short ones, few long ones, on average about six events."""
    drawn = np.minimum(_LONGEST, np.ceil(rng.lognormal(1.3, 0.95, size=count // 2 + 1))).astype(np.int64)
    ends = np.cumsum(drawn)
    visits = int(np.searchsorted(ends, count)) + 1
    lengths = drawn[:visits].copy()
    lengths[-1] -= ends[visits - 1] - count
    return lengths


def _walk(rng: np.random.Generator, lengths: Ints) -> Ints:
    """The names of all events, visit after visit: a Markov chain over NAMES, all visits a step at a time."""
    starts = np.cumsum(lengths) - lengths
    cumulative = np.cumsum(_NEXT / _NEXT.sum(axis=1, keepdims=True), axis=1)
    names = np.zeros(int(lengths.sum()), dtype=np.int64)
    current = rng.choice(len(NAMES), size=len(lengths), p=_FIRST / _FIRST.sum())
    alive = np.arange(len(lengths))
    names[starts] = current
    for place in range(1, int(lengths.max(initial=1))):
        alive = alive[lengths[alive] > place]
        drawn = rng.random(len(alive))[:, None]
        current[alive] = np.minimum((drawn > cumulative[current[alive]]).sum(axis=1), len(NAMES) - 1)
        names[starts[alive] + place] = current[alive]
    return names


def _table(
    numbers: Ints,
    names: Ints,
    at: npt.NDArray[np.float64],
    visit: Ints,
    people: Ints,
    known: npt.NDArray[np.bool_],
    signed: Ints,
) -> pa.Table:
    count = len(numbers)
    codes = [pa.array(list(column)) for column in zip(*(a[:4] for a in _ARRIVALS), strict=True)]
    medium, utm, click, referrer = (c.cast(pa.string()).take(pa.array(signed)) for c in codes)
    orders = names == NAMES.index("Order Completed")
    person = pc.binary_join_element_wise("p", pa.array(people).cast(pa.string()), "")
    person = pc.if_else(pa.array(known), person, None).take(pa.array(visit))
    event_id = pc.binary_join_element_wise("e", pa.array(numbers).cast(pa.string()), "")
    given = {
        "event_id": event_id,
        "source": pa.repeat("made", count),
        "name": pa.array(NAMES).take(pa.array(names)),
        "occurred_at": pa.array(_START + at.astype("timedelta64[us]")),
        "person_key": person,
        "revenue_minor": pa.array(np.where(orders, 1_000 + numbers % 9_000, 0), mask=~orders),
        "medium": medium,
        "utm_source": utm,
        "click_id_kind": click,
        "referrer_host": referrer,
        "profile_id": person,
    }
    arrays = [given[f.name] if f.name in given else pa.nulls(count, f.type) for f in _SCHEMA]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


_SCHEMA = ibis.schema(dict(EVENT.items()) | {"profile_id": "string"}).to_pyarrow()
