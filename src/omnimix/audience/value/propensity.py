"""Propensities: the chance that a person buys, stays away or answers within so many days.

in   HABIT and OUTCOME rows of earlier days, HABIT rows of today
out  a Propensity record, and a chance for every row of today

Logistic regression on the logarithms of a person's own habits: how lately, how often, how long, how much, how
active, how they answered. No trait and nothing about what was bought: a sensitive attribute cannot be among
them. It is fitted on earlier windows, tested on the latest, against the rate by tenths of recency in the same
earlier windows. Only when it beats that baseline in log loss beyond chance is it used; otherwise the baseline
is. What is used is then fitted anew on all these windows. Windows do not overlap; of few people more windows
are taken, each a horizon long, the newest first, and a person is resampled with all of theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.optimize import minimize
from scipy.special import expit

from omnimix.audience.value.calibration import OF_CHANCES, FloatArray, Steps, fit_steps, rank_bins, scores
from omnimix.audience.value.record import Backtest, Propensity, Score, Used, Weight
from omnimix.audience.value.rules import ValueRules

NAMES = ("buy", "churn", "respond")
_SURE = 1e-4  # no chance is nearer to 0 or 1 than this: nobody's future is certain
_RIDGE = 0.1  # a weight of 0.3 is expected beforehand; by cross-validation within the windows fitted on
_TESTED, _FITTED = 200, 500  # of the rarer outcome: with so many, no further window is looked at
_MOST_TESTED, _MOST = 6, 18  # windows
_RECENCY = {"buy": "since_order", "churn": "since_order", "respond": "since_response"}


@dataclass(frozen=True, slots=True)
class Window:
    """What was known at `after`, and what came of it by `upto`: arrays by column, one entry a person."""

    people: npt.NDArray[np.str_]  # profile ids
    habits: Mapping[str, FloatArray]
    outcome: FloatArray  # 0 or 1
    after: datetime
    upto: datetime

    @property
    def rare(self) -> int:
        """People of the rarer of both outcomes."""
        return int(min(self.outcome.sum(), (1 - self.outcome).sum()))


@dataclass(frozen=True, slots=True)
class Logistic:
    """Chances from habits: weights are per standard deviation of the fitted people."""

    columns: tuple[str, ...]
    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    intercept: float

    def __call__(self, habits: Mapping[str, FloatArray]) -> FloatArray:
        """The chance of each person."""
        described = design(habits)
        rows = np.column_stack([described[c] for c in self.columns])
        odds = ((rows - self.centre) / self.scale) @ self.weights + self.intercept
        chance: FloatArray = np.clip(1 / (1 + np.exp(-odds)), _SURE, 1 - _SURE)
        return chance


def columns_of(rows: pa.Table) -> dict[str, FloatArray]:
    """The numbers of HABIT or OUTCOME rows as arrays."""
    return {n: rows[n].to_numpy().astype(np.float64) for n in rows.column_names if n != "profile_id"}


def window(habits: pa.Table, outcomes: pa.Table, name: str, *, after: datetime, upto: datetime) -> Window:
    """The people who could have had the outcome `name`, as 0 or 1.

    buy: everybody; churn: whoever had ordered; respond: whoever was contacted in the window.
    """
    rows = habits.join(outcomes, "profile_id", right_suffix="_then").sort_by("profile_id")
    columns = columns_of(rows)
    then = {n.removesuffix("_then"): v for n, v in columns.items() if n.endswith("_then")}
    outcome = {"buy": then["orders"] > 0, "churn": then["orders"] == 0, "respond": then["responses"] > 0}[name]
    asked = {"churn": columns["orders"] > 0, "respond": then["contacts"] > 0}.get(
        name, np.full(len(outcome), True)
    )
    known = {n: v[asked] for n, v in columns.items() if not n.endswith("_then")}
    people = rows["profile_id"].to_numpy()[asked].astype(np.str_)
    return Window(people, known, outcome[asked].astype(np.float64), after, upto)


def pool(windows: Sequence[Window]) -> Window:
    """Several windows as one, from the first `after` to the last `upto`."""
    return Window(
        np.concatenate([w.people for w in windows]),
        {n: np.concatenate([w.habits[n] for w in windows]) for n in windows[0].habits},
        np.concatenate([w.outcome for w in windows]),
        min(w.after for w in windows),
        max(w.upto for w in windows),
    )


def blocks(newest_first: Iterator[Window]) -> tuple[Window | None, Window | None]:
    """The windows to test on, and the earlier ones to fit on; no more are drawn than are needed."""
    tested: list[Window] = []
    fitted: list[Window] = []
    for found in newest_first:
        full = sum(w.rare for w in tested) >= _TESTED or len(tested) >= _MOST_TESTED
        (fitted if full else tested).append(found)
        if sum(w.rare for w in fitted) >= _FITTED or len(tested) + len(fitted) >= _MOST:
            break
    if len(tested) > 1 and not fitted:  # a short history: half of it for each
        half = len(tested) // 2
        tested, fitted = tested[:half], tested[half:]
    return pool(tested) if tested else None, pool(fitted) if fitted else None


def design(habits: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """What the chances are reckoned from: logarithms, rhythm, and whether there was anything at all."""
    h = habits
    gap = h["span_days"] / np.maximum(h["orders"] - 1, 1)  # days between orders
    repeat = h["orders"] > 1
    return {
        "days since the last order": np.log1p(h["since_order"]),
        "the same, squared": np.log1p(h["since_order"]) ** 2,
        "days known": np.log1p(h["known_days"]),
        "orders": np.log1p(h["orders"]),
        "orders in 30 days": np.log1p(h["orders_30"]),
        "orders in 90 days": np.log1p(h["orders_90"]),
        "ordered again": repeat.astype(np.float64),
        "never ordered": (h["orders"] == 0).astype(np.float64),
        "late for the own rhythm": np.where(repeat, np.log1p(h["since_order"]) - np.log1p(gap), 0.0),
        "margin of an order": np.log1p(h["margin_minor"] / np.maximum(h["orders"], 1)),
        "share that went back": np.minimum(h["refund_minor"] / np.maximum(h["margin_minor"], 1), 1),
        "visits and other actions": np.log1p(h["actions"]),
        "actions in 30 days": np.log1p(h["actions_30"]),
        "days since the last action": np.where(h["actions"] > 0, np.log1p(h["since_action"]), 0.0),
        "contacts": np.log1p(h["contacts"]),
        "responses": np.log1p(h["responses"]),
        "share of contacts answered": np.minimum(h["responses"] / np.maximum(h["contacts"], 1), 1),
        "days since the last response": np.where(h["contacts"] > 0, np.log1p(h["since_response"]), 0.0),
    }


def fit_logistic(people: Window) -> Logistic:
    """Maximum likelihood with a ridge on the weights. What never varies has no weight."""
    described = design(people.habits)
    kept = {n: v for n, v in described.items() if v.std() > 1e-9}
    rows = np.column_stack(list(kept.values()))
    order = np.lexsort((people.outcome, *rows.T))  # the order of the people leaves no trace in the last bits
    rows, outcome = rows[order], people.outcome[order]
    centre, scale = rows.mean(axis=0), rows.std(axis=0)
    weights = _most_likely(np.column_stack([(rows - centre) / scale, np.ones(len(rows))]), outcome)
    return Logistic(tuple(kept), centre, scale, weights[:-1], float(weights[-1]))


def _most_likely(rows: FloatArray, outcome: FloatArray) -> FloatArray:
    """The weight of each column of `rows`; the last, the constant, has no ridge."""
    ridge = np.full(rows.shape[1], 1 / _RIDGE)
    ridge[-1] = 0.0

    def loss(weights: FloatArray) -> tuple[float, FloatArray]:
        odds = rows @ weights
        off = expit(odds) - outcome
        value = np.logaddexp(0, odds).sum() - odds @ outcome + (ridge * weights**2).sum() / 2
        return float(value), off @ rows + ridge * weights

    def bend(weights: FloatArray) -> FloatArray:
        chance = expit(rows @ weights)
        curve: FloatArray = (rows.T * (chance * (1 - chance))) @ rows + np.diag(ridge)
        return curve

    start = np.zeros(rows.shape[1])
    found: FloatArray = minimize(loss, start, jac=True, hess=bend, method="trust-exact", tol=1e-8).x
    return found


def fit_baseline(people: Window, name: str) -> Steps:
    """The rate of the outcome by tenths of recency."""
    return fit_steps(people.habits[_RECENCY[name]], people.outcome)


def fit_propensity(
    name: str,
    days: int,
    tested: Window | None,
    fitted: Window | None,
    now: Mapping[str, FloatArray],
    rules: ValueRules,
    *,
    rng: np.random.Generator,
) -> tuple[Propensity, FloatArray | None]:
    """Test, choose, fit anew, and give every person in `now` a chance; None where it cannot be known."""
    if tested is None or tested.rare < rules.least:
        seen = tested.rare if tested else 0
        note = f"Cannot be known yet: {seen} people of the rarer outcome, and at least {rules.least} are needed."
        return Propensity(name, days, Used.NOTHING, note), None
    everything = pool([tested, fitted] if fitted else [tested])
    baseline = fit_baseline(everything, name)
    chances = np.clip(baseline(now[_RECENCY[name]]), _SURE, 1 - _SURE)
    people, outcomes = len(everything.outcome), int(everything.outcome.sum())
    if fitted is None or fitted.rare < rules.least:
        note = "The history is too short to test a model on a later time: the rate by recency is used, untested."
        return Propensity(name, days, Used.BASELINE, note, people, outcomes), chances
    test = _test(name, tested, fitted, rules, rng)
    verdict = next(s for s in test.scores if s.name == "log loss")
    if not verdict.beats:
        note = "No better than recency alone, tested on a later time: the rate by recency is used. " + _said(
            verdict
        )
        return Propensity(name, days, Used.BASELINE, note, people, outcomes, test), chances
    model = fit_logistic(everything)
    order = np.argsort(-np.abs(model.weights), kind="stable")
    weights = tuple(Weight(model.columns[i], float(model.weights[i])) for i in order)
    note = "Better than recency alone, tested on a later time. " + _said(verdict)
    return Propensity(name, days, Used.MODEL, note, people, outcomes, test, weights), model(now)


def _said(s: Score) -> str:
    return f"Gain in log loss {s.gain:.3f}, 95 % interval {s.gain_low:.3f} to {s.gain_high:.3f}."


def _test(name: str, tested: Window, fitted: Window, rules: ValueRules, rng: np.random.Generator) -> Backtest:
    """Fitted on the one, looked at on the other."""
    predicted = fit_logistic(fitted)(tested.habits)
    baseline = np.clip(fit_baseline(fitted, name)(tested.habits[_RECENCY[name]]), _SURE, 1 - _SURE)
    return Backtest(
        name=name,
        unit="chance",
        fitted_at=fitted.upto,
        tested_at=tested.upto,
        people=len(tested.outcome),
        predicted=float(np.sort(predicted).mean()),
        seen=float(tested.outcome.mean()),
        bins=rank_bins(predicted, tested.outcome, chance=True),
        scores=scores(
            predicted,
            baseline,
            tested.outcome,
            OF_CHANCES,
            resamples=rules.resamples,
            rng=rng,
            people=tested.people,
        ),
    )
