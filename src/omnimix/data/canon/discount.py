"""A discount told for the whole order is taken off its lines.

in   typed order lines with amounts in minor units, the order's discount on one of its lines
out  the amounts after it, in proportion, to the last penny
"""

from collections import defaultdict

import numpy as np
import pyarrow as pa

from omnimix.data.canon.table import Whole, column, masked, minor, numbers


def discounted(table: pa.Table, amount: Whole, currency: pa.Array) -> Whole:
    """Amounts of lines (minor units) after their order's discount. Lines that are nothing or come back bear none.

    Where a subtotal of the goods is told too, the discount is at most what the lines exceed it by: the rest was
    taken off postage.
    """
    told = minor(numbers(column(table, "discount")), currency)
    if not told.any():
        return amount
    orders = column(table, "order_id").to_pylist()
    after = masked(minor(numbers(column(table, "subtotal")), currency), column(table, "subtotal")).to_pylist()
    off: dict[str, int] = {}
    for place in np.flatnonzero(told > 0).tolist():
        off.setdefault(orders[place], place)
    lines: dict[str, list[int]] = defaultdict(list)
    for line, order in enumerate(orders):
        if order in off and amount[line] > 0:
            lines[order].append(line)
    net = amount.copy()
    for order, places in lines.items():
        first = off[order]
        before = int(amount[places].sum())
        most = before if after[first] is None else max(before - after[first], 0)
        share = min(int(told[first]), most)
        upto = [share * int(c) // before for c in np.cumsum(amount[places])]
        net[places] -= np.diff([0, *upto])
    return net
