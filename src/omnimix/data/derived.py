"""Facts made from facts: events of orders, spend as last reported. (Products: see `catalogue`.)

in   order lines; reported spend
out  one Order Completed for each order with merchandise, one Order Refunded for each with returns; the spend fact
"""

import ibis
import ibis.expr.datatypes as dt
from ibis import _
from ibis.expr.types import Table

from omnimix.store.facts import EVENT

COMPLETED, REFUNDED = "Order Completed", "Order Refunded"


_PRODUCTS = dt.dtype("array<struct<product_id: string, quantity: int64, amount_minor: int64>>")


def _json_of(value: object) -> str:
    """The engine's own `to_json`."""
    raise NotImplementedError("only the engine runs this")


_to_json = ibis.udf.scalar.builtin(_json_of, name="to_json", signature=((_PRODUCTS,), dt.string))


def order_events(order_lines: Table) -> Table:
    """Events of orders, from all lines of a source.

    Revenue is that of merchandise, signed; fees such as postage are in no revenue (as in Segment's
    spec). Σ revenue of events + Σ amounts of fee lines = Σ amounts of all lines.
    """
    sales = _events(order_lines, kind="sale", name=COMPLETED)
    returns = _events(order_lines, kind="return", name=REFUNDED)
    return sales.union(returns)


def _events(order_lines: Table, *, kind: str, name: str) -> Table:
    product = ibis.struct(
        {
            "product_id": order_lines["product_id"],
            "quantity": order_lines["quantity"],
            "amount_minor": order_lines["amount_minor"],
        }
    )
    lines = order_lines.filter(order_lines["kind"] == kind)
    orders = (
        lines.mutate(product=product)
        .group_by("source", "order_id")
        .aggregate(
            occurred_at=_.occurred_at.min(),
            person_key=_.person_key.min(),
            quantity=_.quantity.sum().cast("int64"),
            revenue_minor=_.amount_minor.sum().cast("int64"),
            currency=_.currency.min(),
            country=_.country.min(),
            products=_.product.collect(order_by=_.line_id),
        )
    )
    mark = ibis.literal(f"{name.split()[1].lower()}:")
    named = orders.mutate(
        event_id=mark.concat(orders["source"], ":", orders["order_id"]),
        name=ibis.literal(name),
        properties=ibis.literal('{"products":').concat(_to_json(orders["products"]), "}"),
    )
    unknown = [column for column in EVENT.names if column not in named.columns]
    return named.mutate(**{column: ibis.null("string") for column in unknown}).select(*EVENT.names)


def last_reported(reported: Table) -> Table:
    """The spend fact: platforms restate recent days, so that of each row the last report counts.

    A row is known by day, channel, campaign, ad group and ad, and by its place among rows of the same name in one
    report.
    """
    named = ["source", "spent_on", "channel", "campaign", "ad_group", "ad"]
    of_report = ibis.window(group_by=[*named, "seen_at"], order_by="row_id")
    placed = reported.mutate(place=ibis.row_number().over(of_report))
    newest = ibis.window(group_by=[*named, "place"], order_by=[ibis.desc("seen_at"), "row_id"])
    return (
        placed.mutate(age=ibis.row_number().over(newest))
        .filter(_.age == 0)
        .mutate(spend_id=_.row_id)
        .drop("age", "place", "seen_at", "row_id")
    )
