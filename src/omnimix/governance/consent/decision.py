"""Which decision holds: the latest one that a person really made.

in   the consent fact with a profile_id, profiles
out  the profiles for whom a purpose is permitted
"""

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.governance.consent.purpose import Purpose


def decisions(consent: Table) -> Table:
    """The rows of `consent` (with profile_id) that are decisions.

    Many clients send a person's answers along with every event (`repeated`). Such a row is a decision only where
    it differs from the one before it of the same source; otherwise an old yes, sent again, would outlive a later
    no.
    """
    told = consent.filter(consent["profile_id"].notnull())
    before = ibis.window(
        group_by=["profile_id", "purpose", "source"],
        order_by=["decided_at", ibis.desc("granted"), "consent_id"],
    )
    seen = told.mutate(as_before=told["granted"] == told["granted"].lag().over(before))
    again = seen["repeated"].fill_null(False) & seen["as_before"].fill_null(False) & seen["granted"]
    return seen.filter(~again).drop("as_before")


def latest(consent: Table) -> Table:
    """The decision in force for each profile and purpose: the latest; of two at the same instant the refusal.

    in   consent with profile_id
    out  profile_id, purpose, granted, decided_at, source: one row for each pair
    """
    newest = ibis.window(
        group_by=["profile_id", "purpose"],
        order_by=[ibis.desc("decided_at"), "granted", "consent_id"],
    )
    return (
        decisions(consent)
        .mutate(place=ibis.row_number().over(newest))
        .filter(_.place == 0)
        .select("profile_id", "purpose", "granted", "decided_at", "source")
    )


def permitted(profiles: Table, consent: Table, purpose: Purpose, *, assume: bool) -> Table:
    """The rows of `profiles` (with profile_id) for whom `purpose` is permitted.

    `assume` says what holds for people who were never asked: False where the law asks for an opt-in.
    """
    decided = latest(consent.filter(_.purpose == str(purpose)))
    if assume:
        return profiles.anti_join(decided.filter(~_.granted), "profile_id")
    return profiles.semi_join(decided.filter(_.granted), "profile_id")


def withheld(profiles: Table, consent: Table, purpose: Purpose, *, assume: bool) -> Table:
    """The opposite of `permitted`, as profile_id: all of `profiles` who are not permitted, and refusers
    besides."""
    decided = latest(consent.filter(_.purpose == str(purpose)))
    if assume:
        return decided.filter(~_.granted).select("profile_id")
    return profiles.select("profile_id").anti_join(decided.filter(_.granted), "profile_id")
