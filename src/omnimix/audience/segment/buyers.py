"""How many people bought what, by segment and over the whole base.

in   lines     order lines with profile_id
     members   MEMBER rows
out  buyers    segment, product_id, buyers: distinct profiles with a sale of the product
"""

import ibis
from ibis import _
from ibis.expr.types import Table


def buyers(lines: Table, members: Table, *, everybody: str) -> Table:
    """Count distinct buyers per product in each segment, and of the whole base under the name `everybody`.

    Lines of unknown people do not count: a person is counted once, and they cannot be told apart.
    """
    sold = lines.filter((_.kind == "sale") & _.profile_id.notnull()).select("profile_id", "product_id").distinct()
    in_segments = sold.join(members.select("profile_id", "segment"), "profile_id")
    grouped = in_segments.group_by("segment", "product_id").aggregate(buyers=_.count())
    overall = sold.group_by("product_id").aggregate(buyers=_.count()).mutate(segment=ibis.literal(everybody))
    return grouped.union(overall.select("segment", "product_id", "buyers"), distinct=False)
