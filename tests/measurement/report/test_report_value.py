"""The value section: every test has its panel, every measure its row, and nothing known is said in words."""

import re
from dataclasses import replace
from datetime import datetime

import pytest

from omnimix.audience.value.record import (
    Backtest,
    Bin,
    Decile,
    Parameter,
    Propensity,
    Score,
    Used,
    ValueReport,
    Worth,
)
from omnimix.creative.brand import Brand
from omnimix.measurement.report.page import render_report
from omnimix.measurement.report.record import Report
from omnimix.measurement.report.value import calibration_plot, decile_plot, score_rows

WHEN = datetime(2026, 1, 1)


def backtest(name: str, unit: str, scale: float) -> Backtest:
    bins = tuple(
        Bin(str(i), 20, i * scale, i * scale * 1.1, i * scale * 0.9, i * scale * 1.3) for i in range(1, 11)
    )
    scores = (
        Score("calibration error", scale, scale / 2, scale * 2, scale * 3, scale * 2, scale, scale * 3),
        Score("share of the top tenth", 0.4, 0.3, 0.5, 0.45, -0.05, -0.1, 0.02),
    )
    return Backtest(name, unit, WHEN, datetime(2026, 5, 1), 200, scale * 5, scale * 6, bins, scores)


def worth(**changed: object) -> Worth:
    made = Worth(
        customers=200,
        fitted_on=200,
        orders=tuple(Parameter(n, 1.0, 0.1) for n in ("r", "alpha", "a", "b")),
        log_likelihood=-100.0,
        spend=(),
        refunds=(),
        association=0.0,
        deciles=tuple(Decile(i, 20, 1000.0 * i, 0.0, 2000.0 * i, 1.0, 0.5, 0.1) for i in range(1, 11)),
        tests=(backtest("orders", "days with an order", 0.3), backtest("margin", "minor units", 900.0)),
        coverage=0.93,
        level=0.9,
    )
    return replace(made, **changed)


def report(value: ValueReport | None) -> str:
    brand = Brand(name="Shop", website="https://www.example.com", promise="Good things.", sells="things")
    return render_report(Report(brand=brand, currency="GBP", made_at=WHEN, value=value))


VALUE = ValueReport(
    as_of=WHEN,
    currency="GBP",
    horizon_days=365,
    customers=200,
    note="A note <with> signs.",
    worth=worth(),
    propensities=(
        Propensity("buy", 30, Used.MODEL, "Better.", 200, 60, backtest("buy", "chance", 0.08)),
        Propensity("churn", 90, Used.BASELINE, "No better.", 200, 60, backtest("churn", "chance", 0.02)),
        Propensity("respond", 30, Used.NOTHING, "Cannot be known yet."),
    ),
)


def test_every_test_has_a_panel_with_ten_points() -> None:
    drawn = str(calibration_plot(VALUE))
    assert drawn.count("<circle") == 4 * 10
    for title in ("Orders per customer, 120 days", "Buys within 30 days", "Stays away for 90 days"):
        assert title in drawn
    places = [float(v) for v in re.findall(r'c[xy]="([-\d.]+)"', drawn)]
    assert all(0 <= v <= 760 for v in places)
    assert "nan" not in drawn
    assert str(decile_plot(VALUE)).count("<rect") == 10


def test_every_measure_has_a_row_and_says_whether_it_is_beyond_chance() -> None:
    rows = score_rows(VALUE)
    assert len(rows) == 4 * 2
    assert [beats for *_words, beats in rows] == [True, False] * 4
    assert "£9.00" in rows[2][2]
    assert "£" not in rows[3][2]


@pytest.mark.parametrize(
    "value", [VALUE, replace(VALUE, worth=None), replace(VALUE, worth=worth(tests=(), coverage=None))]
)
def test_the_section_is_written_whatever_there_is(value: ValueReport) -> None:
    page = report(value)
    assert "What customers are worth" in page
    assert "A note &lt;with&gt; signs." in page
    assert "Cannot be known yet." in page
    assert page.count("cannot be known") >= 1


def test_a_report_without_value_says_so() -> None:
    assert "Nothing is known of value yet" in report(None)


def test_predictions_of_nothing_are_drawn_too() -> None:
    flat = backtest("orders", "days with an order", 0.0)
    assert "<circle" in calibration_plot(replace(VALUE, worth=worth(tests=(flat,)), propensities=()))
