"""What a provider says of people against what they said or did themselves.

in   traits      the trait fact with profile_id
     order_lines, events   with profile_id: where people have things sent to, and which language they read
out  compared    provider, trait, claimed, truth, origin, people: people by what the provider claims and what is
                 true (null: not known); each person counts once in each provider's trait
     suppliers   provider, trait, source: which source brought it
"""

from collections.abc import Mapping

import ibis
from ibis import _
from ibis.expr.types import Table

SAID, ORDERS, EVENTS = "said", "orders", "events"


def compared(traits: Table, order_lines: Table, events: Table, *, names: Mapping[str, str]) -> Table:
    """Count people by what a provider claims of them and what is known. `names`: their trait → ours."""
    claims = _newest(traits.filter(_.provider.notnull()), "provider").mutate(known_as=_ours(names))
    truth = truths(traits, order_lines, events).select(
        truth_profile="profile_id", truth_trait="trait", truth="value", origin="origin"
    )
    met = claims.left_join(truth, [claims.profile_id == truth.truth_profile, claims.known_as == truth.truth_trait])
    named = met.select("provider", "trait", claimed=met.value, truth=met.truth, origin=met.origin)
    return named.group_by("provider", "trait", "claimed", "truth", "origin").aggregate(people=_.count())


def suppliers(traits: Table) -> Table:
    """Which sources brought which provider's traits."""
    return traits.filter(_.provider.notnull()).select("provider", "trait", "source").distinct()


def truths(traits: Table, order_lines: Table, events: Table) -> Table:
    """profile_id, trait, value, origin: what people said last; else what they do most, in `country` and
    `language`.

    Of two equally frequent the first in alphabetical order counts.
    """
    said = _newest(traits.filter(_.provider.isnull())).select(
        "profile_id", "trait", "value", rank=ibis.literal(0), origin=ibis.literal(SAID)
    )
    sales = order_lines.filter((_.kind == "sale") & _.profile_id.notnull() & _.country.notnull())
    read = events.filter(_.profile_id.notnull() & _.language.notnull())
    done = ibis.union(
        _habit(sales, "country", ORDERS, rank=1), _habit(read, "language", EVENTS, rank=2), distinct=False
    )
    types = {"rank": "int64", "origin": "string", "trait": "string", "value": "string", "profile_id": "string"}
    every = ibis.union(said.cast(types), done.cast(types).select(said.columns), distinct=False)
    best = ibis.window(group_by=["profile_id", "trait"], order_by=["rank", "value"])
    ranked = every.mutate(place=ibis.row_number().over(best))
    return ranked.filter(_.place == 0).select("profile_id", "trait", "value", "origin")


def _habit(rows: Table, column: str, origin: str, *, rank: int) -> Table:
    counted = rows.group_by("profile_id", value=rows[column]).aggregate(times=_.count())
    most = ibis.window(group_by="profile_id", order_by=[ibis.desc("times"), "value"])
    first = counted.mutate(place=ibis.row_number().over(most)).filter(_.place == 0)
    return first.select(
        "profile_id", "value", trait=ibis.literal(column), rank=ibis.literal(rank), origin=ibis.literal(origin)
    )


def _newest(traits: Table, *by: str) -> Table:
    newest = ibis.window(group_by=["profile_id", "trait", *by], order_by=[ibis.desc("observed_at"), "trait_id"])
    known = traits.filter(_.profile_id.notnull()).mutate(place=ibis.row_number().over(newest))
    return known.filter(_.place == 0)


def _ours(names: Mapping[str, str]) -> ibis.Deferred:
    if not names:
        return _.trait
    return ibis.cases(*((_.trait == theirs, ours) for theirs, ours in names.items()), else_=_.trait)
