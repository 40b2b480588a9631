"""Order lines: what was sold, what came back, what was no merchandise.

in   typed columns of order lines
out  rows of `order_line`
"""

import fnmatch
import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.data.canon.discount import discounted
from omnimix.data.canon.table import (
    LINE,
    SUFFIX,
    Rows,
    Whole,
    column,
    constant,
    masked,
    minor,
    numbers,
    person_key,
)
from omnimix.data.source.mapping import Shape
from omnimix.data.source.parse import mask

REFUND = "(refund)"  # product id of a refund that names no product
_SEPARATORS = re.compile(r"[\s_-]+")


def order_rows(form: Shape, table: pa.Table, lines: Whole) -> Rows:
    """One `order_line` a line, and one more for an order's refund that is told as a sum."""
    currency = pc.fill_null(column(table, "currency"), form.source.currency or "")
    quantity = numbers(column(table, "quantity"))
    micros = _micros(table, quantity)
    back = _cancellations(form, table)
    micros = np.where(back & (micros > 0), -micros, micros)
    people = person_key(table)
    amount = discounted(table, minor(micros, currency), currency)
    size = table.num_rows
    base = pa.table(
        {
            LINE: pa.array(lines),
            SUFFIX: constant("", size),
            "source": constant(form.key, size),
            "order_id": column(table, "order_id"),
            "person_key": people,
            "occurred_at": column(table, "occurred_at"),
            "product_id": column(table, "product_id"),
            "description": column(table, "description"),
            "quantity": pa.array(np.where(back & (quantity > 0), -quantity, quantity)),
            "amount_minor": pa.array(amount),
            "currency": currency,
            "country": column(table, "country"),
            "kind": _kinds(form, table, quantity, amount, back, people),
        }
    )
    identity = [base[name].combine_chunks() for name in ("source", "order_id", "product_id", "occurred_at")]
    identity += [pa.array(quantity), pa.array(micros), currency]
    return Rows(
        {"order_line": pa.concat_tables([base, _refunds(base, table, currency)])},
        identity,
        ignored=_void(form, table),
    )


def _micros(table: pa.Table, quantity: Whole) -> Whole:
    """The line's amount in millionths: quantity × unit price, else the amount given with the quantity's sign."""
    price, amount = column(table, "unit_price"), numbers(column(table, "amount"))
    given = np.where((quantity < 0) & (amount > 0), -amount, amount)
    return np.where(np.asarray(pc.is_valid(price)), quantity * numbers(price), given)


def _cancellations(form: Shape, table: pa.Table) -> npt.NDArray[np.bool_]:
    if not form.cancellation_prefix:
        return np.zeros(table.num_rows, dtype=np.bool_)
    return mask(pc.starts_with(column(table, "order_id"), form.cancellation_prefix))


def _kinds(
    form: Shape,
    table: pa.Table,
    quantity: Whole,
    amount: Whole,
    back: npt.NDArray[np.bool_],
    people: pa.Array,
) -> pa.Array:
    is_fee = _is_fee(form, column(table, "product_id"))
    # Lines of nobody at no price are stock found, lost or written off: an adjustment, neither a sale nor a return.
    adjusted = (amount == 0) & np.asarray(pc.is_null(people))
    returned = back | (quantity < 0) | (amount < 0)
    kinds = np.where(is_fee | adjusted, "fee", np.where(returned, "return", "sale"))
    return pa.array(kinds.astype(object), pa.string())


def _is_fee(form: Shape, products: pa.Array) -> npt.NDArray[np.bool_]:
    if not form.fees:
        return np.zeros(len(products), dtype=np.bool_)
    coded = products.dictionary_encode()
    fits = re.compile("|".join(fnmatch.translate(p.lower()) for p in form.fees))
    fees = np.array([bool(fits.fullmatch(p.lower())) for p in coded.dictionary.to_pylist()] or [False])
    return np.asarray(fees[np.asarray(coded.indices)], dtype=np.bool_)


def _void(form: Shape, table: pa.Table) -> npt.NDArray[np.bool_]:
    void = {_SEPARATORS.sub(" ", s.lower()) for s in form.void_statuses}
    status = column(table, "status").to_pylist() if void else []
    return np.array([_SEPARATORS.sub(" ", (s or "").lower()) in void for s in status] or [False] * table.num_rows)


def _refunds(base: pa.Table, table: pa.Table, currency: pa.Array) -> pa.Table:
    told = column(table, "refunded")
    refunded = masked(minor(numbers(told), currency), told)
    some = pa.array(mask(pc.greater(refunded, 0)))
    rows = base.filter(some)
    size = rows.num_rows
    replaced = {
        SUFFIX: constant(".refund", size),
        "product_id": constant(REFUND, size),
        "description": constant(None, size),
        "quantity": pa.array(np.full(size, -1, dtype=np.int64)),
        "amount_minor": pc.negate(refunded.filter(some)),
        "kind": constant("return", size),
    }
    for name, values in replaced.items():
        rows = rows.set_column(rows.column_names.index(name), name, values)
    return rows
