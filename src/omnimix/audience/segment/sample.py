"""A sample of people chosen by what they do, not by what they are called.

in   FEATURE rows as a table expression
out  an expression with at most so many of the rows

Profile ids differ between two workspaces with the same customers, and so do the order of rows and of engines. The
sample must not: rows are put into an order that only their figures decide, and every (N/n)-th is taken. The order
is that of a linear hash of the numbers (modulo the prime 2³¹ - 1, in whole numbers, so that every engine comes to
the same), then of the shares and words themselves. Rows that share a place are alike in every figure, so it does
not matter which of them is taken.
"""

import zlib

import ibis
import numpy as np
from ibis.expr.types import IntegerValue, Table, Value

from omnimix.audience.segment.features import FEATURE

_PRIME = 2_147_483_647
_SCALE = 1_000_000.0


def sample(features: Table, *, people: int, most: int, seed: int) -> Table:
    """At most `most` of the `people` rows, each with the same chance."""
    if people <= most:
        return features
    order: dict[str, Value] = {"h0": _hash(features, seed=seed), "h1": _hash(features, seed=seed + 1)}
    for column, kind in FEATURE.items():
        if kind.is_map():
            order |= {f"k{len(order)}": features[column].keys(), f"v{len(order)}": features[column].values()}
        elif kind.is_string() and column != "profile_id":
            order[f"w{len(order)}"] = features[column]
    keyed = features.select("profile_id", **order)
    by_content = ibis.window(order_by=[*(keyed[name] for name in order), keyed["profile_id"]])
    ranked = keyed.select("profile_id", place=ibis.row_number().over(by_content).cast("int64"))
    taken = ((ranked["place"] + 1) * most // people) > (ranked["place"] * most // people)
    return features.semi_join(ranked.filter(taken), "profile_id")


def _hash(features: Table, *, seed: int) -> IntegerValue:
    """A number below the prime that the numeric columns of a row decide."""
    total = ibis.literal(0, "int64")
    for column, kind in FEATURE.items():
        if kind.is_numeric():
            factor = int(np.random.default_rng([seed, zlib.crc32(column.encode())]).integers(1, _PRIME))
            whole = (features[column].cast("float64") * _SCALE + 0.5).floor().cast("int64")
            total = total + ((whole % _PRIME + _PRIME) % _PRIME) * factor % _PRIME
    return total % _PRIME
