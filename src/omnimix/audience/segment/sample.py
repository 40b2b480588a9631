"""A sample of people chosen by what they do, not by what they are called.

in   FEATURE rows as a table expression
out  an expression with at most so many of the rows

Profile ids differ between two workspaces with the same customers, and so do the order of rows and of engines. The
sample must not: rows are put into an order that only their figures decide (two linear hashes modulo the prime
2³¹ - 1, in whole numbers, so that every engine comes to the same), and every (N/n)-th is taken. Rows that share
a place are alike in every figure, so it does not matter which of them is taken.
"""

import zlib
from collections.abc import Sequence

import ibis
import numpy as np
from ibis import _
from ibis.expr.types import IntegerValue, Table

from omnimix.audience.segment.features import BANDS, FEATURE, OTHER, SEASONS, WEEKDAYS
from omnimix.audience.segment.place import figure

_PRIME = 2_147_483_647
_SCALE = 1_000_000.0
_FIXED = {"hour_share": tuple(BANDS), "weekday_share": WEEKDAYS, "season_share": SEASONS}
_OPEN = ("category_share", "medium_share")


def share_keys(features: Table) -> Table:
    """`family, key`: every category and medium that occurs; the other shares have keys known beforehand."""
    parts = [
        features.select(family=ibis.literal(f), key=features[f].keys().unnest()).filter(_.key.notnull()).distinct()
        for f in _OPEN
    ]
    return ibis.union(*parts, distinct=False).order_by("family", "key")


def sample(features: Table, keys: Sequence[tuple[str, str]], *, people: int, most: int, seed: int) -> Table:
    """At most `most` of the `people` rows, each with the same chance; `keys` are the rows of `share_keys`."""
    if people <= most:
        return features
    words = [c for c, kind in FEATURE.items() if kind.is_string() and c != "profile_id"]
    columns = [c for c, kind in FEATURE.items() if kind.is_numeric()]
    columns += [f"{family}:{key}" for family, fixed in _FIXED.items() for key in (*fixed, OTHER)]
    columns += [f"{family}:{key}" for family, key in keys]
    marked = features.mutate(
        first_hash=_hash(features, columns, seed=seed), second_hash=_hash(features, columns, seed=seed + 1)
    )
    order = [_.first_hash, _.second_hash, *(marked[w] for w in words), _.profile_id]
    ranked = marked.mutate(place=ibis.row_number().over(ibis.window(order_by=order)).cast("int64"))
    taken = ((ranked["place"] + 1) * most // people) > (ranked["place"] * most // people)
    return ranked.filter(taken).drop("first_hash", "second_hash", "place")


def _hash(features: Table, columns: Sequence[str], *, seed: int) -> IntegerValue:
    terms = []
    for column in columns:
        factor = int(np.random.default_rng([seed, zlib.crc32(column.encode())]).integers(1, _PRIME))
        whole = (figure(features, column, home=None) * _SCALE + 0.5).floor().cast("int64")
        terms.append(((whole % _PRIME + _PRIME) % _PRIME) * factor % _PRIME)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total % _PRIME
