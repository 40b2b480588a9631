"""Rewards: margin per exposed profile-week by segment, variant, rung and week, weighted by the logged probability.

in   EXPOSURE and CONVERSION of one campaign
out  exact integer sums per (segment, variant, rung, week); order counts by week made and week known

A reward belongs to a profile, a week and a variant it saw in that week: the margin of the orders it made in
the week, less that exposure's media cost and the refunds that came in. Bot clicks play no part, for no click
does. People whose lane told a story (`sequence`) are left out: their variant was picked by what they had
engaged with, so good customers would make late steps look good.

Choices were made by a bandit, so popular weeks and people are unevenly spread over the variants. Each row
counts with 1 / probability, as Horvitz and Thompson (JASA 47, 1952) weight a sample; probabilities below 0.02
count as 0.02, which trades a little bias for much variance (Ionides, JCGS 17, 2008).
"""

import ibis
from ibis import Deferred, _
from ibis.expr.types import Table

from omnimix.activation.experiment.ladder import Rung
from omnimix.measurement.lift.stats import micros_per_minor
from omnimix.store.facts import CONVERSION, EXPOSURE, check
from omnimix.store.instants import seconds

LOWEST = 0.02  # of a probability, in weights
WEIGHT_UNIT = 1000  # weights are integers of 1 / 1000, so that sums are exact in any order of rows
_WEEK_SECONDS = 7 * 24 * 3600


def reward_sums(
    exposures: Table, conversions: Table, *, campaign: str, starts_at_epoch: int, weeks: int, currency: str
) -> Table:
    """Weighted sums of rewards over the campaign's first `weeks` weeks.

    `starts_at_epoch` is the instant the campaign started, in seconds since 1970 UTC. Out: segment,
    variant_id, rung, week, rows, w (Σ weight), ww, wo, woo, wr, wrr, wor: o is the margin of orders, r
    refunds and media cost, micros.
    """
    shown = check(exposures, EXPOSURE, name="exposure").filter(
        (_.campaign == campaign) & (_.rung != str(Rung.SEQUENCE)) & (_.week >= 0) & (_.week < weeks)
    )
    units = shown.group_by("profile_id", "week", "variant_id", "segment", "rung").aggregate(
        probability=_.probability.max(), cost=_.cost_micros.sum()
    )
    bought = _bought(conversions, campaign, starts_at_epoch, weeks).mutate(
        orders=_.orders * micros_per_minor(currency), refunds=_.refunds * micros_per_minor(currency)
    )
    joined = units.left_join(bought, ["profile_id", "week"]).select(
        "segment",
        "variant_id",
        "rung",
        "week",
        w=(WEIGHT_UNIT / ibis.greatest(_.probability, LOWEST)).round().cast("decimal(19, 0)"),
        o=_.orders.fill_null(0).cast("decimal(19, 0)"),
        r=(_.refunds.fill_null(0) - _.cost).cast("decimal(19, 0)"),
    )
    return joined.group_by("segment", "variant_id", "rung", "week").aggregate(
        rows=_.count(),
        w=_.w.sum(),
        ww=(_.w * _.w).sum(),
        wo=(_.w * _.o).sum(),
        woo=(_.w * _.o * _.o).sum(),
        wr=(_.w * _.r).sum(),
        wrr=(_.w * _.r * _.r).sum(),
        wor=(_.w * _.o * _.r).sum(),
    )


def lag_counts(conversions: Table, *, campaign: str, starts_at_epoch: int, weeks: int) -> Table:
    """Orders by the week they were made in and the week they became known in: made, known, orders."""
    rows = _known(conversions, campaign, starts_at_epoch, weeks).filter(~_.refund)
    return rows.group_by("made", "known").aggregate(orders=_.count())


def _known(conversions: Table, campaign: str, starts_at_epoch: int, weeks: int) -> Table:
    """Conversions known within `weeks`, with the week they were made in."""
    rows = check(conversions, CONVERSION, name="conversion").filter(
        (_.campaign == campaign) & (_.week >= 0) & (_.week < weeks)
    )
    return rows.select(
        "profile_id", "refund", "margin_minor", made=_week(_.occurred_at, starts_at_epoch), known=_.week
    )


def _bought(conversions: Table, campaign: str, starts_at_epoch: int, weeks: int) -> Table:
    """Margin of orders by the week they were made in, of refunds by the week they came in."""
    rows = _known(conversions, campaign, starts_at_epoch, weeks)
    placed = rows.mutate(week=_.refund.ifelse(_.known, _.made))
    return placed.group_by("profile_id", "week").aggregate(
        orders=_.refund.ifelse(0, _.margin_minor).sum(), refunds=_.refund.ifelse(_.margin_minor, 0).sum()
    )


def _week(instant: Deferred, starts_at_epoch: int) -> Deferred:
    return ((seconds(instant) - starts_at_epoch) / _WEEK_SECONDS).floor().cast("int64")
