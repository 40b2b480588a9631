"""What the eligibility rules need to know of people, gathered from the facts.

in   order lines with a profile_id; profiles permitted by purpose; languages; impressions of the running week
out  habits     profile_id, country, price_low, price_high    one row a profile with sales
     bought     profile_id, product_id                        bought lately and kept
     Audience   the same in columns, one entry for each person asked for
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _
from ibis.expr.types import Table

from omnimix.activation.experiment.eligibility import Audience

IntArray = npt.NDArray[np.int64]


def habits(order_lines: Table, *, as_of: dt.datetime) -> Table:
    """Where a profile last bought, and what it pays for one piece: 10th and 90th percentile, minor units.

    Only sales before `as_of` count.
    """
    sales = order_lines.filter(
        _.profile_id.notnull(), _.kind == "sale", _.quantity > 0, _.occurred_at < as_of
    ).mutate(price=_.amount_minor / _.quantity)
    latest = ibis.window(group_by="profile_id", order_by=[ibis.desc("occurred_at"), ibis.desc("line_id")])
    last = (
        sales.filter(_.country.notnull())
        .mutate(place=ibis.row_number().over(latest))
        .filter(_.place == 0)
        .select("profile_id", "country")
    )
    prices = sales.group_by("profile_id").aggregate(
        price_low=_.price.quantile(0.1).cast("float64"), price_high=_.price.quantile(0.9).cast("float64")
    )
    joined = prices.left_join(last, "profile_id")
    return joined.select("profile_id", "country", "price_low", "price_high")


def bought(order_lines: Table, *, as_of: dt.datetime, within_days: int) -> Table:
    """Products that a profile bought in the days before `as_of` and did not bring back since, each pair once."""
    since = as_of - dt.timedelta(days=within_days)
    lately = order_lines.filter(
        _.profile_id.notnull(), _.kind != "fee", _.occurred_at >= since, _.occurred_at < as_of
    )
    kept = lately.group_by("profile_id", "product_id").aggregate(pieces=_.quantity.sum())
    return kept.filter(_.pieces > 0).select("profile_id", "product_id")


def make_audience(
    profile_ids: pa.Array,
    *,
    permitted: Mapping[str, pa.Array],
    habits: pa.Table,
    bought: pa.Table,
    languages: pa.Table | None = None,
    impressions: pa.Table | None = None,
    like: pa.Array | None = None,
) -> Audience:
    """An Audience of N people in the order of `profile_ids`.

    `permitted`: purpose → profile ids that granted it; a purpose left out was granted by nobody. `habits` and
    `bought`: rows of the two tables above. `languages`: profile_id, language. `impressions`: profile_id and the
    impressions of the running week. `like` (N): whom each person resembles; what is known of those is taken over,
    except impressions.
    """
    own = _texts(profile_ids)
    source = own if like is None else pc.coalesce(_texts(like), own)
    count = len(own)
    where = pc.index_in(source, value_set=_texts(habits["profile_id"]))
    rows, products = _spread(source, bought)
    seen = np.zeros(count, dtype=np.int64)
    if impressions is not None:
        place = pc.index_in(own, value_set=_texts(impressions["profile_id"]))
        seen = pc.fill_null(_plain(impressions["impressions"]).take(place), 0).to_numpy(zero_copy_only=False)
    spoken = pa.nulls(count, pa.string())
    if languages is not None:
        place = pc.index_in(source, value_set=_texts(languages["profile_id"]))
        spoken = _texts(languages["language"]).take(place)
    return Audience(
        profile_ids=own.to_pylist(),
        consents={
            str(purpose): pc.is_in(source, value_set=_texts(granted)).to_numpy(zero_copy_only=False)
            for purpose, granted in permitted.items()
        },
        languages=_words(spoken),
        countries=_words(_texts(habits["country"]).take(where)),
        bought_rows=rows,
        bought_products=products,
        price_low=_floats(habits["price_low"], where),
        price_high=_floats(habits["price_high"], where),
        impressions=np.asarray(seen, dtype=np.int64),
    )


def _spread(source: Any, bought: pa.Table) -> tuple[IntArray, npt.NDArray[np.str_]]:
    """(row, product) for every person and product; several people may resemble one buyer."""
    people = pa.table({"profile_id": source, "row": pa.array(np.arange(len(source)))})
    pairs = pa.table({"profile_id": _texts(bought["profile_id"]), "product_id": _texts(bought["product_id"])})
    joined = people.join(pairs, "profile_id", join_type="inner").sort_by([("row", "ascending")])
    rows = _plain(joined["row"]).to_numpy(zero_copy_only=False).astype(np.int64)
    return rows, _words(joined["product_id"])


def _plain(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _texts(column: Any) -> Any:
    return _plain(column).cast(pa.string())


def _words(column: Any) -> npt.NDArray[np.str_]:
    return np.array(pc.fill_null(_texts(column), "").to_pylist(), dtype=np.str_)


def _floats(column: Any, where: Any) -> npt.NDArray[np.float64]:
    found = pc.fill_null(_plain(column).cast(pa.float64()).take(where), np.nan)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)
