"""An order is what the file said of it last: a later export knows of refunds, corrections, voided orders.

in   the orders a file tells of, the parts of facts that hold what the same file said before
out  those parts without these orders; orders that the file no longer tells of stay
"""

from collections.abc import Collection

from omnimix.store.warehouse import Warehouse

LINES = "ingested_line"  # private fact: the id of every line that counted
TOLD = "told_order"  # staged only: every order a file tells of, also voided ones


def replace_told(warehouse: Warehouse, told: str | None, older: Collection[str]) -> None:
    """Take the orders staged at `told` out of the `older` parts and of what was replayed beside them.

    Until the new part is written a crash leaves less than there was; the next run reads the file anew.
    """
    if told is None or not older:
        return
    again = warehouse.connection.read_parquet(told).select("order_id").distinct()
    for part in warehouse.parts("order_line"):
        if part.partition("+")[0] not in older:
            continue
        lines = warehouse.table("order_line", [part])
        gone = warehouse.materialise(lines.semi_join(again, "order_id").select(row_id=lines["line_id"]))
        stay = warehouse.arrow(lines.anti_join(again, "order_id"))
        known = warehouse.table(LINES, [part])
        kept = warehouse.arrow(known.anti_join(gone, "row_id"))
        warehouse.write(LINES, kept, part=part)  # first: a line known but kept nowhere would be lost
        warehouse.write("order_line", stay, part=part)
