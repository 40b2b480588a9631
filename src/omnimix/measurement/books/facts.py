"""From facts to entries: media by week and channel, margin and refunds by week, what was made and reviewed.

in   EXPOSURE and CONVERSION of one campaign; the `[costs]` table; how many variants and profiles there are
out  Entry records with keys that say where they come from, so that a week is posted once
"""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pyarrow as pa
from ibis import _
from ibis.expr.types import Table

from omnimix.core.money import Money
from omnimix.measurement.books.entry import Account, Entry, cost_entry, margin_entry
from omnimix.measurement.lift.costs import Costs
from omnimix.measurement.lift.stats import micros_per_minor
from omnimix.store.facts import CONVERSION, EXPOSURE, check


def media_sums(exposures: Table, *, campaign: str) -> Table:
    """Media cost per week and channel: week, channel, cost_micros, simulated."""
    rows = check(exposures, EXPOSURE, name="exposure").filter(_.campaign == campaign)
    return rows.group_by("week", "channel").aggregate(cost_micros=_.cost_micros.sum(), simulated=_.simulated.any())


def margin_sums(conversions: Table, *, campaign: str) -> Table:
    """Margin of orders and of refunds per week they became known: week, orders_minor, refunds_minor, simulated."""
    rows = check(conversions, CONVERSION, name="conversion").filter(_.campaign == campaign)
    return rows.group_by("week").aggregate(
        orders_minor=_.refund.ifelse(0, _.margin_minor).sum(),
        refunds_minor=_.refund.ifelse(-_.margin_minor, 0).sum(),
        simulated=_.simulated.any(),
    )


def media_entries(
    sums: pa.Table, *, campaign: str, starts_on: date, platform_share: float, currency: str
) -> tuple[Entry, ...]:
    """Two entries a week and channel: media, and the platform fee on it. Rounded once each, half to even."""
    made: list[Entry | None] = []
    for row in _ordered(sums, "week", "channel"):
        spent = Decimal(row["cost_micros"]) / micros_per_minor(currency)
        where = f"week {row['week'] + 1}, {row['channel']}"
        amounts = (
            (Account.MEDIA, spent, f"media, {where}"),
            (Account.PLATFORM, spent * Decimal(str(platform_share)), f"platform fee on media, {where}"),
        )
        for account, amount, memo in amounts:
            entry = cost_entry(
                campaign,
                f"{account}:week{row['week']}:{row['channel']}",
                on=_week_end(starts_on, row["week"]),
                account=account,
                minor=int(amount.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)),
                memo=memo,
                currency=currency,
                simulated=row["simulated"],
            )
            made.append(entry)
    return tuple(entry for entry in made if entry)


def margin_entries(sums: pa.Table, *, campaign: str, starts_on: date, currency: str) -> tuple[Entry, ...]:
    """One entry a week: margin of the orders that became known in it, and what refunds took back."""
    made = (
        margin_entry(
            campaign,
            f"margin:week{row['week']}",
            on=_week_end(starts_on, row["week"]),
            orders_minor=int(row["orders_minor"]),
            refunds_minor=int(row["refunds_minor"]),
            memo=f"orders and refunds known in week {row['week'] + 1}",
            currency=currency,
            simulated=row["simulated"],
        )
        for row in _ordered(sums, "week")
    )
    return tuple(entry for entry in made if entry)


def making_entries(
    costs: Costs,
    *,
    campaign: str,
    on: date,
    variant_ids: Iterable[str],
    profiles: int,
    currency: str,
    simulated: bool,
) -> tuple[Entry, ...]:
    """What was made before the first week: one creative and one review entry a variant, one for data."""
    made: list[Entry | None] = []
    for variant_id in sorted(set(variant_ids)):
        for account, price in (
            (Account.CREATIVE, costs.creative_per_variant),
            (Account.REVIEW, costs.review_per_variant),
        ):
            entry = cost_entry(
                campaign,
                f"{account}:{variant_id}",
                on=on,
                account=account,
                minor=Money.parse(str(price), currency).minor,
                memo=f"{account} of {variant_id}",
                currency=currency,
                simulated=simulated,
            )
            made.append(entry)
    data = cost_entry(
        campaign,
        "data:profiles",
        on=on,
        account=Account.DATA,
        minor=profiles * Money.parse(str(costs.data_per_profile), currency).minor,
        memo=f"data for {profiles} profiles",
        currency=currency,
        simulated=simulated,
    )
    return tuple(entry for entry in (*made, data) if entry)


def _ordered(sums: pa.Table, *by: str) -> list[dict[str, Any]]:
    return sorted(sums.to_pylist(), key=lambda row: tuple(row[name] for name in by))


def _week_end(starts_on: date, week: int) -> date:
    return starts_on + timedelta(days=7 * week + 6)
