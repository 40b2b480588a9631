"""Consent by purpose: who may be measured, addressed personally, shown advertising, written to.

in   the consent fact with a profile_id, profiles
out  the profiles for whom a purpose is permitted
"""

from enum import StrEnum

import ibis
from ibis import _
from ibis.expr.types import Table


class Purpose(StrEnum):
    """What personal data may be used for, each asked for by itself."""

    MEASUREMENT = "measurement"
    PERSONALISATION = "personalisation"
    ADVERTISING = "advertising"
    EMAIL = "email"


def latest(consent: Table) -> Table:
    """The decision in force for each profile and purpose: the latest; of two at the same instant the refusal.

    in   consent with profile_id
    out  profile_id, purpose, granted, decided_at: one row for each pair
    """
    newest = ibis.window(
        group_by=["profile_id", "purpose"],
        order_by=[ibis.desc("decided_at"), "granted", "consent_id"],
    )
    return (
        consent.filter(_.profile_id.notnull())
        .mutate(place=ibis.row_number().over(newest))
        .filter(_.place == 0)
        .select("profile_id", "purpose", "granted", "decided_at")
    )


def permitted(profiles: Table, consent: Table, purpose: Purpose, *, assume: bool) -> Table:
    """The rows of `profiles` (with profile_id) for whom `purpose` is permitted.

    `assume` says what holds for people who were never asked: False where the law asks for an opt-in.
    """
    decided = latest(consent).filter(_.purpose == str(purpose))
    if assume:
        return profiles.anti_join(decided.filter(~_.granted), "profile_id")
    return profiles.semi_join(decided.filter(_.granted), "profile_id")
