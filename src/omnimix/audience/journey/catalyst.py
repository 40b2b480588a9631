"""Catalysts: events after which people buy more often than matched people who did not do the event.

in   events         the event fact with profile_id
out  event_periods  profile_id, period, event, times, …         who did which event in which period
     panel          profile_id, period, alike, times, block, before, after        one row per active profile-period
     strata         event (null: anybody), period, alike, busy, block, people, before, after        small
     doers          event, profiles
     Catalysts

Time is cut into periods counted back from the day. A profile that did an event in a period is compared with
profiles active in the same period that did not, alike in what was known two periods earlier (lifecycle stage,
recency, prior activity) and in how much else they did in the period: coarsened exact matching (Iacus, King and
Porro 2012). Weights are those of the people who did it; who resembles nobody is left out and counted. The outcome
is a purchase in the following period. The placebo is the same difference in the period *before*, which the event
cannot have caused: where that is not near zero, the matched people differ in what was not matched, and the claim
is suppressed (negative control outcome: Lipsitch, Tchetgen Tchetgen and Cohen 2010). What is left is an
association, evidence grade `model`.
"""

from calendar import timegm
from dataclasses import dataclass, replace
from datetime import datetime

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _
from ibis.expr.types import IntegerValue, StringValue, Table

from omnimix.audience.journey.insight import Catalyst, Catalysts
from omnimix.audience.journey.rates import BLOCKS, Floats, jackknife, jackknife_p, q_values
from omnimix.audience.journey.rules import Lifecycle
from omnimix.audience.journey.sessions import ORDER, REFUND
from omnimix.audience.journey.stages import stage_of
from omnimix.store.instants import seconds

PERIODS = 8  # periods looked at, besides the two before the first
LEAST = 30  # matched profile-periods of an event that is judged
MOST = 40  # events looked at
_DAY = 86_400
_TELLS = 0.5  # a placebo difference of at least this part of the claimed one suppresses it, however unsure


def event_periods(events: Table, *, as_of: datetime, period_days: int) -> Table:
    """What each profile did in each period: 0 is the last before `as_of`, −1 the one before."""
    known = events.filter(_.profile_id.notnull(), _.occurred_at < ibis.literal(as_of, "timestamp(6)"))
    dated = known.select(
        "profile_id", "occurred_at", "revenue_minor", event=known.name, period=_period(known, as_of, period_days)
    )
    return dated.group_by("profile_id", "period", "event").aggregate(
        times=_.count(),
        revenue_minor=_.revenue_minor.sum().fill_null(0).cast("int64"),
        first_at=_.occurred_at.min(),
        last_at=_.occurred_at.max(),
    )


def _period(events: Table, as_of: datetime, period_days: int) -> IntegerValue:
    age = timegm(as_of.timetuple()) - 1 - seconds(events.occurred_at)
    return -(age // (period_days * _DAY))


def panel(made: Table, blocks: Table, lifecycle: Lifecycle, *, as_of: datetime, period_days: int) -> Table:
    """Active profile-periods with what makes them alike, and whether they bought just before and just after."""
    never = ibis.null("timestamp(6)")
    did = made.group_by("profile_id", "period").aggregate(
        times=_.times.sum().cast("int64"),
        bought=(_.event == ORDER).ifelse(_.times, 0).sum().cast("int64"),
        refunds=(_.event == REFUND).ifelse(_.times, 0).sum().cast("int64"),
        revenue_minor=_.revenue_minor.sum().cast("int64"),
        ordered_at=(_.event == ORDER).ifelse(_.last_at, never).max(),
        seen_at=_.last_at.max(),
        first_at=_.first_at.min(),
    )
    earlier = ibis.range_window(group_by="profile_id", order_by="period", preceding=(None, 2))
    just_before = ibis.range_window(group_by="profile_id", order_by="period", preceding=(1, 1))
    just_after = ibis.range_window(group_by="profile_id", order_by="period", following=(1, 1))
    seen = did.select(
        "profile_id",
        "period",
        "times",
        "bought",
        before=(_.bought.sum().over(just_before) > 0).fill_null(False).cast("int64"),
        after=(_.bought.sum().over(just_after) > 0).fill_null(False).cast("int64"),
        orders=_.bought.sum().over(earlier),
        refunds=_.refunds.sum().over(earlier),
        revenue_minor=_.revenue_minor.sum().over(earlier),
        ordered_at=_.ordered_at.max().over(earlier),
        seen_at=_.seen_at.max().over(earlier),
        first_at=_.first_at.min().over(earlier),
        events=_.times.sum().over(earlier),
    )
    rows = seen.filter(seen.period < 0, seen.period >= -PERIODS)
    now = timegm(as_of.timetuple()) + (rows.period - 1) * period_days * _DAY
    dated = rows.mutate(
        recency_days=(now - seconds(rows.ordered_at)) // _DAY,
        seen_days=(now - seconds(rows.seen_at)) // _DAY,
        tenure_days=(now - seconds(rows.first_at)) // _DAY,
    )
    alike = _alike(dated, lifecycle, period_days)
    return dated.select("profile_id", "period", "times", "before", "after", alike=alike).join(blocks, "profile_id")


def _alike(rows: Table, lifecycle: Lifecycle, period_days: int) -> StringValue:
    """Stage, recency and activity before the placebo; whether they bought in the period itself."""
    known = rows.seen_at.notnull()
    stage = known.ifelse(stage_of(rows, lifecycle), ibis.literal("(new)"))
    recency = ibis.cases(
        (rows.seen_days < period_days, "recent"), (rows.seen_days < 3 * period_days, "lately"), else_="long ago"
    )
    activity = _band(rows.events.fill_null(0))
    bought = (rows.bought > 0).ifelse("bought", "")
    return stage + "|" + known.ifelse(recency, ibis.literal("")) + "|" + activity.cast("string") + "|" + bought


def _band(times: IntegerValue) -> IntegerValue:
    """Counts in bands that double: 0, 1, 2–3, 4–7 …, 64 and more."""
    return ibis.cases(*((times < 2**k, k) for k in range(7)), else_=7).cast("int64")


def strata(rows: Table, made: Table, events: tuple[str, ...]) -> Table:
    """People who are alike, by period: everybody (event null), and those who did each of `events`.

    `busy` is the band of what they did in the period; of those who did an event, once with it (`with_event`, to be
    taken off everybody) and once without it (to be compared).
    """
    anybody = rows.mutate(event=ibis.null("string"), busy=_band(rows.times), with_event=ibis.literal(True))
    theirs = made.filter(made.event.isin(events)).select("event", own="times", doer="profile_id", then="period")
    joined = rows.join(theirs, (rows.profile_id == theirs.doer) & (rows.period == theirs.then))
    taken = joined.mutate(busy=_band(joined.times), with_event=ibis.literal(True))
    compared = joined.mutate(busy=_band(joined.times - joined.own), with_event=ibis.literal(False))
    names = list(_STRATA)
    every = ibis.union(*(t.select(names[:-1]).cast(_KEYS) for t in (anybody, taken, compared)))
    return every.group_by("event", "with_event", "period", "alike", "busy", "block").aggregate(
        people=_.count(), before=_.before.sum().cast("int64"), after=_.after.sum().cast("int64")
    )


_KEYS = {
    "event": "string",
    "with_event": "boolean",
    "period": "int64",
    "alike": "string",
    "busy": "int64",
    "block": "int64",
    "before": "int64",
    "after": "int64",
}
_STRATA = (*_KEYS, "people")


def doers(made: Table) -> Table:
    """How many profiles did each event in the periods looked at."""
    looked = made.filter(_.period < 0, _.period >= -PERIODS).select("event", "profile_id").distinct()
    return looked.group_by("event").aggregate(profiles=_.count())


def candidates(did: pa.Table, *, most: int = MOST) -> tuple[str, ...]:
    """The events worth looking at: not the purchase itself, done by enough people, the most frequent `most`."""
    rows = [r for r in did.to_pylist() if r["event"] not in (ORDER, REFUND) and r["profiles"] >= LEAST]
    return tuple(r["event"] for r in sorted(rows, key=lambda r: (-r["profiles"], r["event"]))[:most])


@dataclass(frozen=True, slots=True)
class _Cells:
    """Counts by stratum (rows) and block (columns): people, who bought before, who bought after."""

    with_event: Floats  # [3, strata, blocks]
    without: Floats

    def estimates(self, less: int | None = None) -> tuple[Floats, Floats, float]:
        """Matched rates (before, after) with the event and without it, and how many with it were matched.

        `less`: without that block of people.
        """
        done, others = (
            a.sum(axis=2) - (a[:, :, less] if less is not None else 0) for a in (self.with_event, self.without)
        )
        matched = (done[0] > 0) & (others[0] > 0)
        weight = done[0][matched]
        total = float(weight.sum())
        if not total:
            return np.zeros(2), np.zeros(2), 0.0
        treated = done[1:, matched].sum(axis=1) / total
        control = (others[1:, matched] / others[0][matched] * weight).sum(axis=1) / total
        return treated, control, total


def fit_catalysts(
    counted: pa.Table,
    did: pa.Table,
    *,
    as_of: datetime,
    first_at: datetime | None,
    period_days: int,
    rate: float = 0.05,
) -> Catalysts:
    """Compare, for every event, those who did it with those alike who did not; claim what survives all doubts."""
    profiles = {r["event"]: r["profiles"] for r in did.to_pylist()}
    days = (as_of - first_at).days if first_at else 0
    # Before the second full period nobody has a past to be alike in, and no placebo could show anything.
    known = counted.filter(pc.greater_equal(counted["period"], 2 - days // period_days))
    found = [_judged(event, cells, profiles[event]) for event, cells in sorted(_cells(known).items())]
    enough = [c for c in found if c.treated >= LEAST]
    q = dict(zip((c.event for c in enough), q_values([c.p_value for c in enough]).tolist(), strict=True))
    items = [_verdict(replace(c, q_value=q.get(c.event, 1.0)), rate) for c in found]
    items.sort(key=lambda c: (_ORDER.index(c.verdict), -abs(c.difference), c.event))
    return Catalysts(as_of, ORDER, period_days, rate, tuple(items))


_ORDER = ("claimed", "suppressed", "not sure", "too few")


def _cells(counted: pa.Table) -> dict[str, _Cells]:
    stratum = pc.binary_join_element_wise(
        pc.cast(counted["period"], pa.string()), counted["alike"], pc.cast(counted["busy"], pa.string()), "|"
    )
    keys = pc.unique(stratum).sort()
    place = pc.index_in(stratum, keys).to_numpy()
    block = counted["block"].to_numpy()
    sums = np.stack([counted[name].to_numpy() for name in ("people", "before", "after")])
    event = counted["event"].to_numpy(zero_copy_only=False)
    whole = counted["with_event"].to_numpy(zero_copy_only=False).astype(bool)

    def cells(rows: npt.NDArray[np.bool_]) -> Floats:
        table = np.zeros((3, len(keys), BLOCKS))
        for layer, values in zip(table, sums, strict=True):
            np.add.at(layer, (place[rows], block[rows]), values[rows])
        return table

    nobody = pc.is_null(counted["event"]).to_numpy(zero_copy_only=False)
    anybody = cells(nobody)
    names = sorted(set(event[~nobody]))
    return {e: _Cells(cells((event == e) & ~whole), anybody - cells((event == e) & whole)) for e in names}


def _judged(event: str, cells: _Cells, profiles: int) -> Catalyst:
    treated, control, total = cells.estimates()
    gap = treated - control
    others = [cells.estimates(b) for b in range(BLOCKS)]
    without = np.array([t - c for t, c, _n in others])
    low, high = jackknife(gap, without)
    done = float(cells.with_event[0].sum())
    return Catalyst(
        event=event,
        profiles=profiles,
        treated=round(total),
        unmatched=round(done - total),
        rate=float(treated[1]),
        control_rate=float(control[1]),
        difference=float(gap[1]),
        low=float(low[1]),
        high=float(high[1]),
        p_value=jackknife_p(float(gap[1]), without[:, 1]),
        q_value=1.0,
        placebo=float(gap[0]),
        placebo_low=float(low[0]),
        placebo_high=float(high[0]),
        verdict="",
        why="",
    )


def _verdict(c: Catalyst, rate: float) -> Catalyst:
    """Too few, not sure, suppressed by its placebo, or claimed; with the reason."""
    if c.treated < LEAST:
        return replace(c, verdict="too few", why=f"fewer than {LEAST} could be matched")
    if c.q_value > rate:
        return replace(c, verdict="not sure", why="may be chance, as many events were looked at")
    sure = c.placebo_low > 0 or c.placebo_high < 0
    large = c.placebo * c.difference > 0 and abs(c.placebo) >= _TELLS * abs(c.difference)
    if sure or large:
        why = "those who did it bought more or less often already before it: the people differ, not the event"
        return replace(c, verdict="suppressed", why=why)
    return replace(
        c, verdict="claimed", why="an association: people alike in what is known, without the event, did otherwise"
    )
