"""Fits lifetime value, holds it against what happened later, and sums it up.

in   HISTORY rows of today and of an earlier day, with what came of the latter; the same once more for the baseline
out  a Worth record, and Values of everybody; None where it cannot be known

The test is out of time: the model knows only what was known on the earlier day. Its peer is the mean outcome by
tenths of recency, taken from the window before, and it predicts the same later window.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from omnimix.audience.value.calibration import (
    OF_COUNTS,
    OF_MONEY,
    FloatArray,
    fit_steps,
    group_bins,
    rank_bins,
    scores,
)
from omnimix.audience.value.record import Backtest, Decile, Parameter, Worth
from omnimix.audience.value.rules import ValueRules
from omnimix.audience.value.worth import Histories, Model, Values, fit_model, read_histories, values

_BY_ORDERS = ((1, "1"), (2, "2"), (3, "3"), (5, "4–5"), (9, "6–9"))
_MORE = "10 and more"


@dataclass(frozen=True, slots=True)
class Later:
    """Customers as they were known at `after`, and what they did by `upto`."""

    people: Histories
    orders: FloatArray
    margin: FloatArray  # refunds taken off
    after: datetime
    upto: datetime

    @property
    def days(self) -> int:
        """Length of the window."""
        return (self.upto - self.after).days

    @property
    def recency(self) -> FloatArray:
        """Days since the last order."""
        return (self.people.known_days - self.people.span_days).astype(np.float64)


def read_later(histories: pa.Table, outcomes: pa.Table, *, after: datetime, upto: datetime) -> Later:
    """HISTORY rows of a day and OUTCOME rows of the window after it."""
    rows = histories.join(
        outcomes.select(["profile_id", "orders", "margin_minor"]), "profile_id", right_suffix="_then"
    ).sort_by("profile_id")
    orders, margin = (rows[n].to_numpy().astype(np.float64) for n in ("orders", "margin_minor_then"))
    return Later(read_histories(rows), orders, margin, after, upto)


def knowable(people: Histories, rules: ValueRules) -> bool:
    """Whether enough customers ordered again to learn from."""
    return int((people.order_days > 1).sum()) >= rules.least


def fit_worth(
    now: Histories, tested: Later | None, before: Later | None, rules: ValueRules, *, rng: np.random.Generator
) -> tuple[Worth, Values] | None:
    """The model of today and the value of everybody in `now`, in its order; None where too few ordered again.

    `tested` is the window to test on and `before` the one the baseline is taken from; without them, or with too
    few people in them, the test is left out.
    """
    if not knowable(now, rules):
        return None
    model = fit_model(now, sample=rules.sample, rng=rng)
    found = _values(now, model, rules, days=rules.horizon_days, discount=rules.discount, rng=rng)
    tests: tuple[Backtest, ...] = ()
    coverage = None
    if tested and before and knowable(tested.people, rules) and knowable(before.people, rules):
        tests, coverage = backtest(tested, before, rules, rng=rng)
    worth = Worth(
        customers=len(now.order_days),
        fitted_on=model.customers,
        orders=model.bgnbd.parameters(),
        log_likelihood=model.bgnbd.log_likelihood,
        spend=model.spend.parameters(),
        refunds=(Parameter("share", model.refunds.share, model.refunds.error),),
        association=_rank_correlation(now.orders, now.mean),
        deciles=deciles(found),
        tests=tests,
        coverage=coverage,
        level=rules.level,
    )
    return worth, found


def _values(
    people: Histories, model: Model, rules: ValueRules, *, days: int, discount: float, rng: np.random.Generator
) -> Values:
    return values(people, model, days=days, discount=discount, draws=rules.draws, level=rules.level, rng=rng)


def backtest(
    tested: Later, before: Later, rules: ValueRules, *, rng: np.random.Generator
) -> tuple[tuple[Backtest, ...], float]:
    """Orders and margin predicted for the later window against those seen; and the intervals' coverage."""
    model = fit_model(tested.people, sample=rules.sample, rng=rng)
    guess = _values(tested.people, model, rules, days=tested.days, discount=0.0, rng=rng)
    group = np.searchsorted([most for most, _label in _BY_ORDERS], tested.people.order_days)
    labels = [*(label for _most, label in _BY_ORDERS), _MORE]
    found = []
    for name, unit, predicted, seen, earlier, measures in (
        ("orders", "days with an order", guess.expected_orders, tested.orders, before.orders, OF_COUNTS),
        ("margin", "minor units", guess.value, tested.margin, before.margin, OF_MONEY),
    ):
        baseline = fit_steps(before.recency, earlier)(tested.recency)
        found.append(
            Backtest(
                name=name,
                unit=unit,
                fitted_at=tested.after,
                tested_at=tested.upto,
                people=len(seen),
                predicted=float(np.sort(predicted).mean()),
                seen=float(np.sort(seen).mean()),
                bins=rank_bins(predicted, seen, chance=False),
                scores=scores(predicted, baseline, seen, measures, resamples=rules.resamples, rng=rng),
                by_orders=group_bins(group, labels, predicted, seen, chance=False),
            )
        )
    inside = (tested.margin >= np.floor(guess.low)) & (tested.margin <= np.ceil(guess.high))
    return tuple(found), float(inside.mean())


def deciles(found: Values) -> tuple[Decile, ...]:
    """Tenths of the customers by value, the most valuable first."""
    order = np.lexsort((found.high, found.low, found.p_alive, found.expected_orders, found.value))[::-1]
    whole = float(found.value[order].sum())
    return tuple(
        Decile(
            decile=number,
            people=len(part),
            clv_minor=float(found.value[part].mean()),
            low=float(found.low[part].mean()),
            high=float(found.high[part].mean()),
            expected_orders=float(found.expected_orders[part].mean()),
            p_alive=float(found.p_alive[part].mean()),
            share=float(found.value[part].sum()) / whole if whole > 0 else 0.0,
        )
        for number, part in enumerate(np.array_split(order, 10), start=1)
        if len(part)
    )


def _ranks(values: FloatArray) -> FloatArray:
    """1-based ranks; equals share their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: FloatArray = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _rank_correlation(a: FloatArray, b: FloatArray) -> float:
    """Spearman's; 0 where one never varies."""
    one, other = _ranks(a), _ranks(b)
    if min(one.std(), other.std()) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
