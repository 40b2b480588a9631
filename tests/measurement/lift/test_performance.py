"""Counts add up to the facts, whatever they are grouped by."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.measurement.lift.performance import GROUPS, NOBODY, performance
from omnimix.store.warehouse import Warehouse

people_s = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["none", "broad"])), min_size=1, max_size=4
)
variant_s = st.sampled_from(["v1", "v2"])
shown_s = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.integers(0, 3),
            "week": st.integers(0, 2),
            "channel": st.sampled_from(["email_files", "meta_bulk"]),
            "variant_id": variant_s,
            "impressions": st.integers(1, 5),
            "clicks": st.integers(0, 2),
            "bot_clicks": st.integers(0, 2),
            "cost_micros": st.integers(0, 10**6),
        }
    ),
    max_size=8,
)
bought_s = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.integers(0, 3),
            "week": st.integers(0, 2),
            "margin_minor": st.integers(-500, 500),
            "variant_id": st.one_of(st.none(), variant_s),
        }
    ),
    max_size=8,
)


@settings(max_examples=8)  # compiling the expression takes most of a second
@given(people_s, shown_s, bought_s, st.sets(st.sampled_from(GROUPS)))
def test_counts_add_up_to_the_facts(
    warehouse: Warehouse, campaign: Any, people: Any, shown: Any, bought: Any, by: set[str]
) -> None:
    shown = [s for s in shown if s["who"] < len(people)]
    bought = [b for b in bought if b["who"] < len(people)]
    facts = campaign(people, shown, bought)
    rows = warehouse.arrow(performance(*facts.tables, by=sorted(by), currency="GBP")).to_pylist()
    assert len({tuple(row[name] for name in sorted(by)) for row in rows}) == len(rows)

    def total(name: str) -> int:
        return sum(row[name] for row in rows)

    for name in ("impressions", "clicks", "bot_clicks", "cost_micros"):
        assert total(name) == sum(s[name] for s in shown)
    assert total("conversions") + total("refunds") == len(bought)
    assert total("margin_minor") == sum(b["margin_minor"] for b in bought)
    assert total("revenue_minor") - total("refunded_minor") == sum(2 * b["margin_minor"] for b in bought)


def test_last_click_takes_the_order(warehouse: Warehouse, campaign: Any) -> None:
    facts = campaign(
        [("a", "broad")],
        [
            {"who": 0, "week": 0, "channel": "meta_bulk", "clicks": 1},
            {"who": 0, "week": 1, "channel": "email_files", "clicks": 1},
            {"who": 0, "week": 1, "channel": "microsoft_bulk", "clicks": 0},  # seen, not clicked
            {"who": 0, "week": 1, "channel": "google_ads_editor", "clicks": 1, "variant_id": "v2"},
            {"who": 0, "week": 2, "channel": "meta_bulk", "clicks": 1},  # after the order
        ],
        [
            {"who": 0, "week": 1, "margin_minor": 50, "variant_id": "v1"},
            {"who": 0, "week": 1, "margin_minor": 70, "variant_id": None},
        ],
    )
    rows = warehouse.arrow(performance(*facts.tables, by=["channel", "rung"], currency="GBP")).to_pylist()
    earned = {(row["channel"], row["rung"]): row["margin_minor"] for row in rows if row["conversions"]}
    assert earned == {("email_files", "broad"): 50, (NOBODY, NOBODY): 70}


def test_ratios_leave_bots_out_and_divide_by_nothing_never(warehouse: Warehouse, campaign: Any) -> None:
    shown = [{"who": 0, "impressions": 10, "clicks": 1, "bot_clicks": 4, "cost_micros": 500_000}]
    bought = [{"who": 0, "margin_minor": 100, "variant_id": "v1"}]
    facts = campaign([("a", "broad")], shown, bought)
    (row,) = warehouse.arrow(performance(*facts.tables, by=[], currency="GBP")).to_pylist()
    assert (row["ctr"], row["cpa_minor"], row["roas"]) == (0.1, 50.0, 4.0)
    assert row["grade"] == "model"
    (row,) = warehouse.arrow(performance(*campaign([("a", "broad")]).tables, by=[], currency="GBP")).to_pylist()
    assert (row["impressions"], row["ctr"], row["cpa_minor"], row["roas"]) == (0, None, None, None)


def test_unknown_column_is_named(campaign: Any) -> None:
    with pytest.raises(InvalidInput, match="'weather'"):
        performance(*campaign([("a", "broad")]).tables, by=["weather"], currency="GBP")
