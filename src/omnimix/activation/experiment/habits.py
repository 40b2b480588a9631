"""What eligibility needs to know of people, from their order lines.

in   lines      order lines with profile_id
out  price_range   profile_id, price_low, price_high: what they usually pay for one piece, minor units
     recent        profile_id, product_id: bought since an instant
     countries     profile_id, country: of the latest line
"""

from datetime import datetime

import ibis
from ibis import _
from ibis.expr.types import Table


def price_range(lines: Table) -> Table:
    """The 10 % and 90 % quantiles of the price of a piece, over the lines of each person's sales."""
    sold = lines.filter((_.kind == "sale") & (_.quantity > 0) & _.profile_id.notnull())
    return (
        sold.mutate(piece=_.amount_minor / _.quantity)
        .group_by("profile_id")
        .aggregate(price_low=_.piece.quantile(0.1), price_high=_.piece.quantile(0.9))
    )


def recent(lines: Table, *, since: datetime) -> Table:
    """What each person bought since then, each product once."""
    return (
        lines.filter((_.kind == "sale") & _.profile_id.notnull() & (_.occurred_at >= since))
        .select("profile_id", "product_id")
        .distinct()
    )


def countries(lines: Table) -> Table:
    """The country each person last ordered to; people whose lines name none are left out."""
    newest = ibis.window(group_by="profile_id", order_by=[ibis.desc("occurred_at"), "line_id"])
    return (
        lines.filter(_.profile_id.notnull() & _.country.notnull())
        .mutate(place=ibis.row_number().over(newest))
        .filter(_.place == 0)
        .select("profile_id", "country")
    )
