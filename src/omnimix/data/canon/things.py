"""Declared products, and what ad platforms say they delivered.

in   typed columns of products or of platform reports
out  rows of `declared_product` and `reported_spend`, from which the facts `product` and `spend` are made
"""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.data.canon.table import LINE, SUFFIX, Rows, Whole, column, constant, masked, minor, numbers
from omnimix.data.source.mapping import Shape
from omnimix.data.source.parse import mask


def product_rows(form: Shape, table: pa.Table, lines: Whole, *, now: datetime) -> Rows:
    """One declared product a line. A product without `in_stock` is taken to be for sale."""
    size = table.num_rows
    currency = pc.fill_null(column(table, "currency"), form.source.currency or "")
    price = column(table, "price")
    rows = {
        LINE: pa.array(lines),
        SUFFIX: constant("", size),
        "product_id": column(table, "product_id"),
        "name": column(table, "name"),
        "category": column(table, "category"),
        "price_minor": masked(minor(numbers(price), currency), price),
        "currency": pc.if_else(pc.is_valid(price), currency, pa.scalar(None, pa.string())),
        "margin_share": pc.divide(column(table, "margin_share").cast(pa.float64()), 1e6),
        "in_stock": pc.fill_null(column(table, "in_stock"), True),
        "url": column(table, "url"),
        "image": column(table, "image"),
        "description": column(table, "description"),
        "source": constant(form.key, size),
        "seen_at": pa.repeat(pa.scalar(now, pa.timestamp("us")), size),
    }
    identity = [constant(form.key, size), *(column(table, f.name) for f in form.fields)]
    return Rows({"declared_product": pa.table(rows)}, identity)


def spend_rows(form: Shape, table: pa.Table, lines: Whole, *, now: datetime) -> Rows:
    """One reported row a line; rows without campaign, ad group and ad are a report's totals."""
    size = table.num_rows
    currency = pc.fill_null(column(table, "currency"), form.source.currency or "")
    value = column(table, "conversion_value")
    rows = {
        LINE: pa.array(lines),
        SUFFIX: constant("", size),
        "source": constant(form.key, size),
        "spent_on": column(table, "spent_on"),
        "channel": pc.fill_null(column(table, "channel"), form.source.channel or form.key),
        "campaign": column(table, "campaign"),
        "ad_group": column(table, "ad_group"),
        "ad": column(table, "ad"),
        "impressions": pa.array(numbers(column(table, "impressions"))),
        "clicks": pa.array(numbers(column(table, "clicks"))),
        "cost_minor": pa.array(minor(numbers(column(table, "cost")), currency)),
        "currency": currency,
        "claimed_conversions": pc.divide(column(table, "conversions").cast(pa.float64()), 1e6),
        "claimed_value_minor": masked(minor(numbers(value), currency), value),
        "seen_at": pa.repeat(pa.scalar(now, pa.timestamp("us")), size),
    }
    identity = [constant(form.key, size), *(column(table, f.name) for f in form.fields)]
    return Rows({"reported_spend": pa.table(rows)}, identity)


def is_total(table: pa.Table) -> np.ndarray:
    """Which rows of canonical text name neither campaign, ad group nor ad: a report's totals."""
    named = pc.coalesce(*(column(table, name) for name in ("campaign", "ad_group", "ad")))
    return mask(pc.is_null(named))
