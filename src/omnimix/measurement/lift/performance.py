"""Performance: what the logs count, per any of channel, segment, lane, rung, variant and week.

in   ASSIGNMENT, EXPOSURE, CONVERSION
out  one row a group: impressions, clicks, bot clicks, conversions, revenue, refunds, margin, cost, ratios

These are counts of the kind that ad platforms show: an order is counted for the variant that was clicked
last, whether the click caused it or not. Their grade is therefore `model`; what the money caused is in
`effect`. Orders that follow no click stay in the table under `(none)`, so that every column adds up to the
total of the facts.
"""

from collections.abc import Sequence

import ibis
from ibis import _
from ibis.expr.types import Table

from omnimix.core.errors import InvalidInput
from omnimix.core.grade import Grade
from omnimix.measurement.lift.stats import micros_per_minor, nullable
from omnimix.store.facts import ASSIGNMENT, CONVERSION, EXPOSURE, check

GROUPS = ("channel", "segment", "lane", "rung", "variant_id", "week")
NOBODY = "(none)"
_SUMS = (
    "impressions",
    "clicks",
    "bot_clicks",
    "cost_micros",
    "conversions",
    "revenue_minor",
    "refunds",
    "refunded_minor",
    "margin_minor",
)


def performance(
    assignments: Table, exposures: Table, conversions: Table, *, by: Sequence[str], currency: str
) -> Table:
    """Count per the columns `by`, any of GROUPS; none of them gives one row of totals.

    Out, beside the columns of `by`: impressions, clicks (human), bot_clicks, cost_micros, conversions
    (orders, refunds apart), revenue_minor (gross of refunds), refunds, refunded_minor (positive),
    margin_minor (net of refunds, before media), ctr (clicks / impressions), cpa_minor (cost / conversions),
    roas (revenue net of refunds / cost), grade, simulated. Ratios are null where nothing is divided by.
    Raises InvalidInput for an unknown column.
    """
    unknown = [name for name in by if name not in GROUPS]
    if unknown:
        raise InvalidInput(f"cannot group by {unknown[0]!r}", where="performance", fix=f"choose from {GROUPS}")
    shown = _shown(check(exposures, EXPOSURE, name="exposure"))
    bought = _bought(
        check(assignments, ASSIGNMENT, name="assignment"),
        check(exposures, EXPOSURE, name="exposure"),
        check(conversions, CONVERSION, name="conversion"),
    )
    rows = nullable(shown).union(nullable(bought), distinct=False)
    sums = {name: _[name].sum().fill_null(0) for name in _SUMS}
    grouped = rows.group_by(*by) if by else rows
    summed = grouped.aggregate(**sums, simulated=_.simulated.any())
    cost = _.cost_micros / micros_per_minor(currency)
    return summed.mutate(
        ctr=_.clicks / _.impressions.nullif(0),
        cpa_minor=cost / _.conversions.nullif(0),
        roas=(_.revenue_minor - _.refunded_minor) / cost.nullif(0),
        grade=ibis.literal(str(Grade.MODEL)),
    )


def _shown(exposures: Table) -> Table:
    nothing = ibis.literal(0, "int64")
    return exposures.select(
        *GROUPS,
        "impressions",
        "clicks",
        "bot_clicks",
        "cost_micros",
        conversions=nothing,
        revenue_minor=nothing,
        refunds=nothing,
        refunded_minor=nothing,
        margin_minor=nothing,
        simulated=_.simulated,
    )


def _bought(assignments: Table, exposures: Table, conversions: Table) -> Table:
    """One row a conversion, with the channel and rung of the last click on its variant, and its person's lane."""
    people = assignments.select("campaign", "profile_id", "segment", "lane")
    clicked = exposures.filter(_.clicks > 0).select(
        "campaign", "profile_id", "variant_id", "channel", "rung", "exposure_id", shown_at=_.occurred_at
    )
    nothing = ibis.literal(0, "int64")
    last = ibis.window(group_by="conversion_id", order_by=[ibis.desc("shown_at"), ibis.desc("exposure_id")])
    matched = (
        conversions.join(
            clicked,
            [
                conversions.campaign == clicked.campaign,
                conversions.profile_id == clicked.profile_id,
                conversions.variant_id == clicked.variant_id,
                clicked.shown_at <= conversions.occurred_at,
            ],
        )
        .select("conversion_id", "channel", "rung", "shown_at", "exposure_id")
        .mutate(place=ibis.row_number().over(last))
        .filter(_.place == 0)
        .select("conversion_id", "channel", "rung")
    )
    placed = conversions.left_join(matched, "conversion_id").drop("conversion_id_right")
    whole = placed.left_join(people, ["campaign", "profile_id"])
    gross = _.refund.ifelse(0, _.revenue_minor)
    return whole.select(
        channel=_.channel.fill_null(NOBODY),
        segment=_.segment.fill_null(NOBODY),
        lane=_.lane.fill_null(NOBODY),
        rung=_.rung.fill_null(NOBODY),
        variant_id=_.variant_id.fill_null(NOBODY),
        week=_.week,
        impressions=nothing,
        clicks=nothing,
        bot_clicks=nothing,
        cost_micros=nothing,
        conversions=_.refund.ifelse(0, 1).cast("int64"),
        revenue_minor=gross.cast("int64"),
        refunds=_.refund.ifelse(1, 0).cast("int64"),
        refunded_minor=_.refund.ifelse(-_.revenue_minor, 0).cast("int64"),
        margin_minor=_.margin_minor,
        simulated=_.simulated,
    )
