"""What the report says of value and propensities: pictures of what was predicted against what was seen.

in   ValueReport
out  SVG markup and words, empty where there is nothing to show
"""

import math

from markupsafe import Markup

from omnimix.audience.value.record import Backtest, ValueReport
from omnimix.measurement.report.charts import Bar, bars
from omnimix.measurement.report.svg import drawing, stroke, tag, words
from omnimix.measurement.report.wording import ratio, share, whole

_WIDTH, _PANEL, _SIDE = 760, 250, 168
_TITLES = {
    "orders": "Orders per customer, {} days",
    "margin": "Margin per customer, {} days",
    "buy": "Buys within {} days",
    "churn": "Stays away for {} days",
    "respond": "Answers within {} days",
}


def tests_of(report: ValueReport) -> tuple[tuple[str, Backtest], ...]:
    """Every test there is with its title: value first, then the propensities."""
    worth = report.worth.tests if report.worth else ()
    lengths = [(t, (t.tested_at - t.fitted_at).days) for t in worth]
    lengths += [(p.test, p.days) for p in report.propensities if p.test]
    return tuple((_TITLES[test.name].format(days), test) for test, days in lengths)


def decile_plot(report: ValueReport) -> Markup:
    """How unevenly value is spread over the customers."""
    if report.worth is None:
        return Markup("")
    items = []
    for d in report.worth.deciles:
        end = {1: " (most valuable)", 10: " (least valuable)"}.get(d.decile, "")
        each = whole(d.clv_minor, report.currency)
        items.append(Bar(f"Tenth {d.decile}{end}", d.share, f"{share(d.share)} · {each} each"))
    return bars(items, title="Lifetime value by tenths of the customers")


def calibration_plot(report: ValueReport) -> Markup:
    """Small multiples, one a test: predicted against seen by tenths; on the line the prediction was right."""
    tests = tests_of(report)
    if not tests:
        return Markup("")
    parts: list[Markup] = []
    for place, (title, test) in enumerate(tests):
        parts += _panel(title, test, 5 + (place % 3) * _PANEL, (place // 3) * (_SIDE + 78), report.currency)
    height = -(-len(tests) // 3) * (_SIDE + 78)
    return drawing(_WIDTH, height, parts, title="Predicted against seen, by tenths of the prediction")


def _panel(title: str, test: Backtest, x: float, y: float, currency: str) -> list[Markup]:
    """One test: a square with its diagonal, a point for each tenth and the interval of what was seen."""
    points = [(b.predicted, b.seen, b.low, b.high) for b in test.bins]
    logs = test.unit != "chance" and all(v[0] > 0 for v in points)
    least = min(v[0] for v in points) / 3 if logs else 0.0
    most = max(max(p, s) for p, s, _, _ in points) * (1.3 if logs else 1.06) or 1.0
    left, top = x + 44, y + 30

    def place(value: float) -> float:
        if logs:
            value = max(value, least)
            return _SIDE * min(1.0, math.log(value / least) / math.log(most / least))
        return _SIDE * min(1.0, max(0.0, value) / most)

    parts = [
        words(left - 36, y + 18, title, "label"),
        stroke(left, top + _SIDE, left + _SIDE, top + _SIDE, "zero"),
        stroke(left, top, left, top + _SIDE, "zero"),
        stroke(left, top + _SIDE, left + _SIDE, top, "span unknown"),
        words(left + _SIDE / 2, top + _SIDE + 32, "predicted", "axis", "middle"),
        words(left - 6, top + _SIDE / 2, "seen", "axis", "end"),
        words(left - 6, top + 10, _figure(most, test, currency), "axis", "end"),
        words(left + _SIDE, top + _SIDE + 15, _figure(most, test, currency), "axis", "middle"),
        words(left, top + _SIDE + 15, _figure(least, test, currency), "axis", "middle"),
    ]
    for predicted, seen, low, high in points:
        class_ = "good" if low <= predicted <= high else "bad"
        at = left + place(predicted)
        ends = (top + _SIDE - place(low), top + _SIDE - place(high))
        parts.append(stroke(at, ends[0], at, ends[1], f"span {class_}", 3))
        parts.append(tag("circle", cx=at, cy=top + _SIDE - place(seen), r=3.6, class_=f"mark {class_}"))
    return parts


def _figure(value: float, test: Backtest, currency: str) -> str:
    if test.unit == "chance":
        return share(value)
    return whole(value, currency) if test.name == "margin" else f"{value:.1f}"


def score_rows(report: ValueReport) -> list[tuple[str, str, str, str, str, bool]]:
    """Test, measure, model with interval, baseline, gain with interval, whether it is beyond chance."""
    rows = []
    for title, test in tests_of(report):
        for s in test.scores:
            amount = test.name == "margin" and s.name != "share of the top tenth"
            model, low, high, baseline, gain, least, most = (
                whole(v, report.currency) if amount else ratio(v, 3)
                for v in (s.model, s.low, s.high, s.baseline, s.gain, s.gain_low, s.gain_high)
            )
            spans = f"{model} ({low} to {high})", baseline, f"{gain} ({least} to {most})"
            rows.append((title, s.name, *spans, s.beats))
    return rows
