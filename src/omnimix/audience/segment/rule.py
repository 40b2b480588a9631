"""A short rule for a segment: at most three conditions with thresholds a person would choose.

in   a Matrix and who is inside
out  a Rule with the share of those it picks who are members (precision) and of members it picks (recall)

A beam search over conditions `column ≥ t` and `column ≤ t`; each step keeps the best few by F_½, which counts
precision double (van Rijsbergen 1979), and a further condition must earn its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omnimix.audience.segment.matrix import FloatArray, Matrix
from omnimix.core.money import Money

Mask = npt.NDArray[np.bool_]

_COLUMNS = (
    "recency_days",
    "tenure_days",
    "orders",
    "average_order_minor",
    "sales_minor",
    "items",
    "units_per_line",
    "lines_per_order",
    "median_price_minor",
    "breadth",
    "discount_share",
    "return_share",
    "visits",
)
_BEAM = 8
_LEAST_GAIN = 0.01  # in F_½, for a further condition
_SAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule as a sentence, and how well it picks the members; shares in [0, 1]."""

    text: str
    precision: float
    recall: float
    conditions: "tuple[Condition, ...]" = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """`column` at least (or at most) `threshold`."""

    column: str
    at_least: bool
    threshold: float

    def holds(self, rows: Matrix) -> Mask:
        """Who meets it."""
        values = rows.column(self.column)
        met: Mask = values >= self.threshold if self.at_least else values <= self.threshold
        return met

    def text(self, currency: str | None) -> str:
        """In words, e.g. `orders ≥ 5`."""
        sign = "≥" if self.at_least else "≤"
        return f"{_label(self.column)} {sign} {_amount(self.column, self.threshold, currency)}"


def short_rule(rows: Matrix, inside: Mask, *, currency: str | None, longest: int = 3) -> Rule:
    """The best rule of at most `longest` conditions for the people `inside`, measured on everybody in `rows`."""
    step = max(1, -(-len(inside) // _SAMPLE))
    sampled = np.zeros(len(inside), dtype=bool)
    sampled[::step] = True
    part, target = rows.rows(sampled), inside[sampled]
    conditions = tuple(_conditions(part))
    chosen = _search(conditions, part, target, longest=longest)
    picked = np.ones(len(inside), dtype=bool)
    for condition in chosen:
        picked &= condition.holds(rows)
    hits = int((picked & inside).sum())
    text = " and ".join(c.text(currency) for c in chosen) or "everybody"
    return Rule(text, hits / max(1, int(picked.sum())), hits / max(1, int(inside.sum())), chosen)


def _search(
    conditions: tuple[Condition, ...], rows: Matrix, inside: Mask, *, longest: int
) -> tuple[Condition, ...]:
    if not conditions or not inside.any() or inside.all():
        return ()
    met = np.array([c.holds(rows) for c in conditions])
    as_numbers = met.astype(np.float32)
    everyone = np.ones(len(inside), dtype=bool)
    best_score, best = _score(float(inside.sum()), float(len(inside)), float(inside.sum())), ()
    beam: list[tuple[int, ...]] = [()]
    winner: tuple[int, ...] = best
    for _length in range(longest):
        grown: dict[tuple[int, ...], float] = {}
        for path in beam:
            mask = np.logical_and.reduce(met[list(path)]) if path else everyone
            hits = as_numbers @ (mask & inside).astype(np.float32)
            picked = as_numbers @ mask.astype(np.float32)
            scores = _scores(hits, picked, float(inside.sum()))
            for index in np.argsort(-scores, kind="stable")[: 4 * _BEAM]:
                grown[tuple(sorted({*path, int(index)}))] = float(scores[index])
        beam = sorted(grown, key=lambda p: (-grown[p], p))[:_BEAM]
        if grown[beam[0]] < best_score + _LEAST_GAIN:
            break
        best_score, winner = grown[beam[0]], beam[0]
    return tuple(conditions[i] for i in winner)


def _score(hits: float, picked: float, wanted: float) -> float:
    return float(_scores(np.array([hits]), np.array([picked]), wanted)[0])


def _scores(hits: npt.NDArray[np.floating], picked: npt.NDArray[np.floating], wanted: float) -> FloatArray:
    """F_½ = 1.25 · hits ÷ (0.25 · wanted + picked), rounded so that equals stay equal."""
    share: FloatArray = 1.25 * hits.astype(np.float64) / (0.25 * wanted + picked)
    scores: FloatArray = share.round(6)
    return scores


def _conditions(rows: Matrix) -> Iterable[Condition]:
    shares = tuple(c for c in rows.columns if c.startswith(("category_share:", "season_share:")))
    for column in (*_COLUMNS, *shares):
        values = rows.column(column)
        if values.size and values.min() < values.max():
            for threshold in _thresholds(column, values):
                yield Condition(column, True, threshold)
                yield Condition(column, False, threshold)


def _thresholds(column: str, values: FloatArray) -> list[float]:
    """Round numbers near the quantiles of the values."""
    quantiles = np.quantile(values, np.linspace(0.02, 0.98, 25))
    return sorted({_round(column, float(q)) for q in quantiles})


def _round(column: str, value: float) -> float:
    if ":" in column or column.endswith("_share"):
        return round(round(value * 20) / 20, 2)
    if column.endswith("_days"):
        steps = (1, 7) if value < 60 else (30, 30)
        return float(round(value / steps[1]) * steps[1]) if value >= 7 else float(round(value))
    if value < 10 and not column.endswith("_minor"):
        return float(round(value))
    magnitude = 10.0 ** max(0, int(np.floor(np.log10(max(1.0, abs(value))))) - 1)
    step = magnitude * (5 if abs(value) / magnitude >= 20 else 1)
    return float(round(value / step) * step)


_LABELS = {
    "recency_days": "days since last order",
    "tenure_days": "days since first order",
    "average_order_minor": "average order",
    "sales_minor": "total spend",
    "units_per_line": "units per product line",
    "lines_per_order": "products per order",
    "median_price_minor": "usual unit price",
    "breadth": "categories bought from",
    "discount_share": "share bought below usual price",
    "return_share": "share returned",
}


def _label(column: str) -> str:
    family, _, key = column.partition(":")
    if key:
        what = {"category_share": "spend on", "season_share": "orders in"}[family]
        return f"share of {what} {key}"
    return _LABELS.get(column, column.replace("_", " "))


def _amount(column: str, value: float, currency: str | None) -> str:
    if ":" in column or column.endswith("_share"):
        return f"{value:.0%}"
    if column.endswith("_minor"):
        return str(Money(round(value), currency)) if currency else f"{value / 100:,.2f}"
    return f"{value:,.0f}"
