"""A simulated market: people who buy, see ads, click, buy more or less for it, and ask for refunds.

in   a planted Truth, ASSIGNMENT rows, a seed; each week what the campaign chose to show to whom
out  EXPOSURE and CONVERSION rows, marked simulated, whose causes are known by formula

A week of one person: an exposure happens with chance `reach`, in one medium. The purchase rate is that of the
segment plus the effect of what was seen, divided by the margin of an order. Orders become known late, some are
refunded later still, some clicks are bots'. Every number is drawn from (seed, week), so a run can be repeated.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import Conflict, InvalidInput
from omnimix.core.money import exponent
from omnimix.store.facts import CONVERSION, EXPOSURE, MEMBER
from omnimix.testing.truth import Truth

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CLICK_WINDOW = 1  # an order counts for a variant clicked in its own week or so many weeks before
_WEEK = 7 * 24 * 3600 * 10**6  # microseconds
_SEEN = 3 * _WEEK // 7  # ads are seen in the first three days, so that what they cause comes after


@dataclass(frozen=True, slots=True)
class MarketWeek:
    """What became known in one week. `expected_minor`: the mean margin of this week's treatment, by person."""

    exposures: pa.Table  # EXPOSURE
    conversions: pa.Table  # CONVERSION
    expected_minor: FloatArray  # (people,), net of refunds, before media cost, whenever it becomes known
    refused: int  # served rows that were not shown: not deployed, or the budget was spent


def people(members: pa.Table, *, n: int, seed: int) -> pa.Table:
    """`n` lookalikes of the members, drawn with replacement: MEMBER rows and `like`, whom each resembles."""
    if n and not members.num_rows:
        raise InvalidInput("there is nobody to resemble", where="market.people", fix="ingest customers first")
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, members.num_rows, n) if n else np.zeros(0, dtype=np.int64)
    picked = members.take(pa.array(rows)).combine_chunks()
    ids = pa.array([f"sim_{seed:x}_{i:07d}" for i in range(n)], pa.string())
    made = pa.table({"profile_id": ids, "segment": picked["segment"], "as_of": picked["as_of"]})
    return made.cast(MEMBER.to_pyarrow()).append_column("like", picked["profile_id"])


class Market:
    """The market in front of one campaign. Weeks are asked for in order; it remembers who saw and clicked what."""

    def __init__(
        self,
        truth: Truth,
        assigned: pa.Table,
        *,
        campaign: str,
        currency: str,
        starts_at: datetime,
        seed: int,
    ) -> None:
        """`assigned` holds ASSIGNMENT rows, one a person. Raises InvalidInput for a segment without truth."""
        table = assigned.combine_chunks()
        self.truth, self.campaign, self.currency = truth, campaign, currency
        self.seed, self.starts_at = seed, starts_at
        self.ids = _chunk(table["profile_id"])
        if len(pc.unique(self.ids)) != len(self.ids):
            raise InvalidInput("a person is assigned twice", where="market")
        encoded = pc.dictionary_encode(_chunk(table["segment"]))
        self.segments: list[str] = encoded.dictionary.to_pylist()
        unknown = sorted(set(self.segments) - set(truth.segments))
        if unknown:
            raise InvalidInput(f"no planted truth for segment {unknown[0]!r}", where="market")
        self.segment_of: IntArray = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self.lane_of = _chunk(table["lane"])
        known = [truth.segments[s] for s in self.segments]
        self._order = np.array([k.margin_per_order_minor for k in known])[self.segment_of]
        self._base = np.array([truth.baseline(s) for s in self.segments])[self.segment_of]
        count = len(self.ids)
        self._exposed = np.zeros(count, dtype=np.int64)  # weeks in which the person saw an ad
        self._clicked = np.full(count, -1, dtype=np.int64)  # place in _variants of the last variant clicked
        self._clicked_in = np.full(count, -(10**6), dtype=np.int64)
        self._variants: list[str] = []
        self._pending: dict[int, list[pa.Table]] = {}  # week in which they become known → conversions
        self._next = 0

    def week(
        self,
        week: int,
        served: pa.Table,
        *,
        live: Set[str] | None = None,
        budget_minor: float | None = None,
    ) -> MarketWeek:
        """Live one week with what was served (SERVED rows), at most one row a person, in any order.

        Whoever has no row is not advertised to, and still buys. `live`: the variants deployed (None: all);
        `budget_minor`: media money of the week, spent in random order. Raises Conflict when the weeks come out of
        order, InvalidInput for a person who is not in the market.
        """
        if week != self._next:
            raise Conflict(f"the market is at week {self._next}, not {week}", where="market")
        self._next += 1
        rng = np.random.default_rng([self.seed, week])
        served = served.filter(pc.is_valid(served["variant_id"]))
        rows = self._rows(served)
        queue = np.argsort(rows)  # the order of rows must not matter to what is drawn
        rows, served = rows[queue], served.take(pa.array(queue)).combine_chunks()
        effect = self._effects(served, rows)
        expected = self._base.copy()
        expected[rows] += self.truth.reach * effect
        shown = self._shown(served, week, rng, live, budget_minor)
        margin = self._base.copy()
        margin[rows[shown.places]] += effect[shown.places]
        exposures = self._exposures(served, rows, week, shown)
        self._remember(served, rows, week, shown)
        self._buy(margin, rows[shown.places], week, rng)
        return MarketWeek(exposures, self._known(week), expected, served.num_rows - shown.possible)

    def settle(self) -> pa.Table:
        """Conversions that become known only after the last week lived, with the week each becomes known in."""
        late = [self._known(week) for week in sorted(self._pending)]
        return pa.concat_tables([CONVERSION.to_pyarrow().empty_table(), *late])

    def _rows(self, served: pa.Table) -> IntArray:
        found = pc.index_in(_chunk(served["profile_id"]), value_set=self.ids)
        if found.null_count:
            raise InvalidInput("somebody was served who is not in the market", where="market.week")
        rows: IntArray = found.to_numpy(zero_copy_only=False).astype(np.int64)
        if len(np.unique(rows)) != len(rows):
            raise InvalidInput("somebody was served twice in a week", where="market.week")
        return rows

    def _effects(self, served: pa.Table, rows: IntArray) -> FloatArray:
        """Margin each served row adds if seen: (effect of rung + of variant) × freshness - irrelevance."""
        rungs, rung_of = _coded(served["rung"])
        variants, variant_of = _coded(served["variant_id"])
        by_rung = np.array([[self.truth.effect(r, s) for s in self.segments] for r in rungs])
        by_variant = np.array([[self.truth.variant_effect(v, s) for s in self.segments] for v in variants])
        segment = self.segment_of[rows]
        added = np.zeros(len(rows))
        if len(rows):
            added = by_rung[rung_of, segment] + by_variant[variant_of, segment]
        fresh = np.exp(-self.truth.fatigue * self._exposed[rows])
        lost = np.array([self.truth.irrelevance_in(s) for s in self.segments])
        irrelevant = served["irrelevant"].to_numpy().astype(np.float64)
        return np.asarray(added * fresh - irrelevant * lost[segment])

    def _shown(
        self,
        served: pa.Table,
        week: int,
        rng: np.random.Generator,
        live: Set[str] | None,
        budget_minor: float | None,
    ) -> "_Shown":
        """Draw who sees it, where, how often; the budget is spent in random order."""
        count = served.num_rows
        deployed = np.ones(count, dtype=np.bool_)
        if live is not None:
            deployed = pc.is_in(served["variant_id"], value_set=pa.array(sorted(live), pa.string())).to_numpy()
        deployed &= pc.not_equal(served["rung"], str(Rung.NONE)).to_numpy()
        seen = (rng.random(count) < self.truth.reach) & deployed
        media = list(self.truth.media.values())
        shares = np.cumsum([m.share for m in media])
        medium = np.minimum(np.searchsorted(shares / shares[-1], rng.random(count), side="right"), len(media) - 1)
        impressions = 1 + rng.poisson(np.array([max(m.impressions - 1, 0.0) for m in media])[medium])
        unit = 10.0 ** (6 - exponent(self.currency))  # micros of the major unit in one minor unit
        micros = np.rint(impressions * np.array([m.cost_per_mille_minor for m in media])[medium] / 1000 * unit)
        possible = int(deployed.sum())
        if budget_minor is not None:
            queue = rng.permutation(np.nonzero(seen)[0])
            spent = np.cumsum(micros[queue]) > budget_minor * unit
            seen[queue[spent]] = False
            possible -= int(spent.sum())
        places = np.nonzero(seen)[0]
        rates = np.array([m.click_rate for m in media])[medium[places]]
        bots = self.truth.bots / (1 - self.truth.bots)
        return _Shown(
            places=places,
            medium=medium[places],
            impressions=impressions[places],
            clicks=rng.binomial(impressions[places], rates),
            bot_clicks=rng.poisson(impressions[places] * rates * bots),
            cost_micros=micros[places].astype(np.int64),
            at=self._instant(week) + rng.integers(0, _SEEN, len(places)),
            possible=possible,
        )

    def _exposures(self, served: pa.Table, rows: IntArray, week: int, shown: "_Shown") -> pa.Table:
        picked = served.take(pa.array(shown.places))
        people_there = rows[shown.places]
        count = len(shown.places)
        names = pa.array(list(self.truth.media), pa.string())
        columns = {
            "exposure_id": self._named("e", week, picked["profile_id"]),
            "campaign": pa.repeat(self.campaign, count),
            "profile_id": picked["profile_id"],
            "segment": pa.array(self.segments, pa.string()).take(pa.array(self.segment_of[people_there])),
            "lane": self.lane_of.take(pa.array(people_there)),
            "rung": picked["rung"],
            "channel": names.take(pa.array(shown.medium)),
            "variant_id": picked["variant_id"],
            "probability": picked["probability"],
            "snapshot_id": picked["snapshot_id"],
            "occurred_at": pa.array(shown.at, pa.timestamp("us")),
            "week": pa.repeat(week, count),
            "impressions": pa.array(shown.impressions),
            "clicks": pa.array(shown.clicks),
            "bot_clicks": pa.array(shown.bot_clicks),
            "cost_micros": pa.array(shown.cost_micros),
            "currency": pa.repeat(self.currency, count),
            "irrelevant": picked["irrelevant"],
            "simulated": pa.repeat(True, count),
        }
        return pa.table(columns).cast(EXPOSURE.to_pyarrow())

    def _remember(self, served: pa.Table, rows: IntArray, week: int, shown: "_Shown") -> None:
        there = rows[shown.places]
        self._exposed[there] += 1
        names, variant_of = _coded(served["variant_id"])
        known = {v: i for i, v in enumerate(self._variants)}
        for name in names:
            if name not in known:
                known[name] = len(self._variants)
                self._variants.append(name)
        place = np.array([known[v] for v in names], dtype=np.int64)
        hit = shown.clicks > 0
        if hit.any():
            self._clicked[there[hit]] = place[variant_of[shown.places[hit]]]
            self._clicked_in[there[hit]] = week

    def _buy(self, margin: FloatArray, exposed: IntArray, week: int, rng: np.random.Generator) -> None:
        """Draw the orders, their delays and their refunds; file each under the week it becomes known in."""
        truth = self.truth
        counts = rng.poisson(np.maximum(margin, 0.0) / np.where(self._order > 0, self._order, 1.0))
        buyer = np.repeat(np.arange(len(counts)), counts)
        size = np.log(1 + truth.order_cv**2)
        draws = rng.normal(-size / 2, np.sqrt(size), len(buyer))
        amount = np.rint(self._order[buyer] / (1 - truth.refunds) * np.exp(draws)).astype(np.int64)
        known = week + rng.choice(len(truth.lag), len(buyer), p=truth.lag)
        wait = rng.choice(len(truth.refund_lag), len(buyer), p=truth.refund_lag)
        returned = rng.random(len(buyer)) < truth.refunds
        saw = np.zeros(len(counts), dtype=np.bool_)
        saw[exposed] = True
        point = rng.random(len(buyer))
        after = np.where(saw[buyer], _SEEN, 0)
        at = self._instant(week) + (after + point * (_WEEK - after)).astype(np.int64)
        number = np.arange(len(buyer)) - np.repeat(np.cumsum(counts) - counts, counts)
        ids = self._named("o", week, self.ids.take(pa.array(buyer)), number)
        self._file(ids, buyer, amount, known, at, week, refund=False)
        back = np.nonzero(returned)[0]
        when = known[back] + wait[back]
        returned_at = self._instant(0) + when * _WEEK + (point[back] * _WEEK).astype(np.int64)
        # An order known and refunded within one week must not come back before it was made.
        returned_at = np.maximum(returned_at, at[back] + 1)
        refund_ids = pc.binary_join_element_wise(ids.take(pa.array(back)), "refund", ":")
        self._file(refund_ids, buyer[back], -amount[back], when, returned_at, week, refund=True)

    def _file(
        self,
        ids: Any,
        buyer: IntArray,
        amount: IntArray,
        known: IntArray,
        at: IntArray,
        week: int,
        *,
        refund: bool,
    ) -> None:
        count = len(buyer)
        lately = (week - self._clicked_in[buyer] <= CLICK_WINDOW) & (self._clicked[buyer] >= 0)
        clicked = pa.array(self._clicked[buyer], mask=~lately)
        revenue = np.rint(amount / self.truth.margin_share).astype(np.int64)
        table = pa.table(
            {
                "conversion_id": ids,
                "campaign": pa.repeat(self.campaign, count),
                "profile_id": self.ids.take(pa.array(buyer)),
                "occurred_at": pa.array(at, pa.timestamp("us")),
                "week": pa.array(known.astype(np.int64)),
                "revenue_minor": pa.array(revenue),
                "margin_minor": pa.array(amount),
                "refund": pa.repeat(refund, count),
                "variant_id": pa.array(self._variants, pa.string()).take(clicked),
                "currency": pa.repeat(self.currency, count),
                "simulated": pa.repeat(True, count),
            }
        ).cast(CONVERSION.to_pyarrow())
        for when in np.unique(known).tolist():
            self._pending.setdefault(when, []).append(table.filter(pa.array(known == when)))

    def _known(self, week: int) -> pa.Table:
        tables = self._pending.pop(week, [])
        return pa.concat_tables([CONVERSION.to_pyarrow().empty_table(), *tables])

    def _instant(self, week: int) -> int:
        """Microseconds since 1970 at the start of a week."""
        return int(np.datetime64(self.starts_at + timedelta(weeks=week), "us").astype(np.int64))

    def _named(self, kind: str, week: int, ids: Any, number: IntArray | None = None) -> Any:
        head = f"{self.campaign}:{kind}{week}"
        if number is None:
            return pc.binary_join_element_wise(head, _chunk(ids), ":")
        return pc.binary_join_element_wise(head, _chunk(ids), pa.array(number).cast(pa.string()), ":")


@dataclass(frozen=True, slots=True)
class _Shown:
    """The exposures of a week, one entry each; `places` are rows of `served`."""

    places: IntArray
    medium: IntArray
    impressions: IntArray
    clicks: IntArray
    bot_clicks: IntArray
    cost_micros: IntArray
    at: IntArray
    possible: int  # rows that could have been seen: deployed and paid for


def _chunk(column: Any) -> Any:
    """A column as one plain array, whatever its chunks and its dictionary."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.cast(pa.string())


def _coded(column: Any) -> tuple[list[str], IntArray]:
    """The different texts of a column, and the place of each row among them."""
    encoded = pc.dictionary_encode(_chunk(column))
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
