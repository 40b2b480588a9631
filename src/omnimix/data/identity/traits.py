"""What is known of a profile: of each trait the newest value, with its source and time. Nothing is overwritten.

in   the trait and link facts
out  one row for each profile and trait; the history stays in the trait fact
"""

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.data.identity.resolve import resolve


def trait_history(traits: Table, links: Table) -> Table:
    """Every value ever told of each profile: the trait fact with `profile_id`, without rows of nobody known."""
    return resolve(traits, links).filter(_.profile_id.notnull())


def traits_of(traits: Table, links: Table) -> Table:
    """The newest value of each trait of each profile.

    Columns: profile_id, trait, value, source, provider, observed_at, confidence, person_key (who it was told of),
    values (how many different ones were ever told). At the same instant what a person said goes before what was
    bought, then the id decides.
    """
    of_trait = ibis.window(group_by=["profile_id", "trait"])
    by_value = ibis.window(group_by=["profile_id", "trait"], order_by="value")
    newest = ibis.window(
        group_by=["profile_id", "trait"],
        order_by=[ibis.desc("observed_at"), ibis.desc("said"), "trait_id"],
    )
    told = trait_history(traits, links).mutate(said=_.provider.isnull().cast("int8"))
    placed = told.mutate(place=ibis.row_number().over(newest), rank=ibis.dense_rank().over(by_value))
    placed = placed.mutate(
        values=(_.rank.max().over(of_trait) + 1).cast("int64")
    )  # distinct ones, on every engine
    return placed.filter(_.place == 0).select(
        "profile_id", "trait", "value", "source", "provider", "observed_at", "confidence", "person_key", "values"
    )
