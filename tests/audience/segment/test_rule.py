"""Short rules: measured honestly, short, and in round numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.audience.segment.matrix import matrix
from omnimix.audience.segment.rule import Condition, short_rule


@pytest.fixture
def rows(feature_table):
    rng = np.random.default_rng(2)
    count = 400
    return matrix(
        feature_table(
            count,
            {
                "recency_days": rng.integers(0, 365, count),
                "orders": rng.integers(1, 12, count),
                "average_order_minor": rng.uniform(500, 50_000, count),
            },
        )
    )


def test_a_planted_rule_is_found(rows) -> None:
    inside = (rows.column("recency_days") <= 63) & (rows.column("orders") >= 5)
    rule = short_rule(rows, inside, currency="GBP")
    assert rule.precision > 0.9
    assert rule.recall > 0.9
    assert "days since last order ≤" in rule.text
    assert "orders ≥ 5" in rule.text


def test_amounts_are_round_and_in_money(rows) -> None:
    rule = short_rule(rows, rows.column("average_order_minor") >= 20_000, currency="GBP")
    assert rule.text == "average order ≥ £200.00"
    assert rule.precision == pytest.approx(1)


@given(members=st.sets(st.integers(0, 399)), longest=st.integers(1, 3))
def test_precision_and_recall_are_those_of_some_rule_that_short(rows, members: set[int], longest: int) -> None:
    inside = np.isin(np.arange(400), sorted(members))
    rule = short_rule(rows, inside, currency=None, longest=longest)
    assert 0 <= rule.precision <= 1
    assert 0 <= rule.recall <= 1
    assert rule.text.count(" and ") < longest
    assert short_rule(rows, inside, currency=None, longest=longest) == rule


def test_the_figures_are_counted_on_everybody(rows) -> None:
    inside = rows.column("orders") >= 8
    rule = short_rule(rows, inside, currency=None, longest=1)
    picked = Condition("orders", True, 8.0).holds(rows)
    assert rule.text == "orders ≥ 8"
    assert (rule.precision, rule.recall) == (
        (picked & inside).sum() / picked.sum(),
        (picked & inside).sum() / inside.sum(),
    )
