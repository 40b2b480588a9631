"""Rows about keys become rows about profiles.

in   a table with person_key, the link fact
out  the table with profile_id; rows that name nobody keep a null profile_id
"""

from ibis.expr.types import Table


def resolve(table: Table, links: Table) -> Table:
    """`table` with a `profile_id` for its `person_key`; no row is lost or doubled, since a key has one link."""
    known = links.select(linked_key=links["key"], profile_id=links["profile_id"])
    if "profile_id" in table.columns:
        table = table.drop("profile_id")
    joined = table.left_join(known, table["person_key"] == known["linked_key"])
    return joined.drop("linked_key")
