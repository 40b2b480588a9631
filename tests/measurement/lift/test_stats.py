"""Sums per segment, lane and look against plain Python."""

from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.measurement.lift.stats import Cell, Moments, cell_sums, micros_per_minor, read_cells
from omnimix.store.warehouse import Warehouse

LANES = ["none", "broad", "segment"]
people_s = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(LANES)), min_size=1, max_size=6)
shown_s = st.lists(
    st.fixed_dictionaries(
        {"who": st.integers(0, 5), "week": st.integers(0, 4), "cost_micros": st.integers(0, 3_000_000)}
    ),
    max_size=8,
)
bought_s = st.lists(
    st.fixed_dictionaries(
        {"who": st.integers(0, 5), "week": st.integers(0, 4), "margin_minor": st.integers(-5000, 50000)}
    ),
    max_size=8,
)
LOOKS = 3


def oracle(people: Any, shown: Any, bought: Any, share: float) -> dict[Cell, Moments]:
    cells: dict[Cell, list[float]] = {}
    for look in range(1, LOOKS + 1):
        for place, (segment, lane) in enumerate(people):
            micros = sum(
                b["margin_minor"] * 10_000 for b in bought if b["who"] == place and b["week"] < look
            ) - sum(
                s["cost_micros"] + round(s["cost_micros"] * share)
                for s in shown
                if s["who"] == place and s["week"] < look
            )
            cells.setdefault(Cell(segment, lane, look), []).append(micros / 10_000 / look)
    return {c: Moments(len(v), sum(v), sum(x * x for x in v)) for c, v in cells.items()}


def trimmed(rows: list[dict[str, Any]], people: Any) -> list[dict[str, Any]]:
    return [row for row in rows if row["who"] < len(people)]


@settings(max_examples=6)  # compiling the expression takes most of a second
@given(people_s, shown_s, bought_s, st.sampled_from([0.0, 0.5]))
def test_sums_agree_with_plain_python(
    warehouse: Warehouse, campaign: Any, people: Any, shown: Any, bought: Any, share: float
) -> None:
    shown, bought = trimmed(shown, people), trimmed(bought, people)
    facts = campaign(people, shown, bought)

    def cells(given: Any) -> Any:
        made = cell_sums(*given.tables, campaign="spring", looks=LOOKS, currency="GBP", platform_share=share)
        return read_cells(warehouse.arrow(made), currency="GBP")

    found, wanted = cells(facts), oracle(people, shown, bought, share)
    assert set(found) == set(wanted)
    for cell, moments in wanted.items():
        assert found[cell].n == moments.n
        assert found[cell].total == pytest.approx(moments.total, abs=1e-3)
        assert found[cell].squares == pytest.approx(moments.squares, rel=1e-6, abs=1e-3)
    assert cells(facts.reversed()) == found  # to the last bit: sums are integers


def test_everybody_assigned_is_counted_at_every_look(warehouse: Warehouse, campaign: Any) -> None:
    facts = campaign([("a", "broad")] * 5 + [("b", "none")] * 2, [], [{"who": 0, "margin_minor": 100}])
    made = cell_sums(*facts.tables, campaign="spring", looks=4, currency="GBP")
    cells = read_cells(warehouse.arrow(made), currency="GBP")
    assert [m.n for m in cells.values()] == [5] * 4 + [2] * 4
    assert cells[Cell("a", "broad", 4)].mean == pytest.approx(100 / 5 / 4)
    assert cells[Cell("b", "none", 1)].variance == 0


def test_other_campaigns_stay_out(warehouse: Warehouse, campaign: Any) -> None:
    people, bought = [("a", "broad")], [{"who": 0, "margin_minor": 100}]
    both = [
        pa.concat_tables(pair)
        for pair in zip(
            campaign(people, [], bought)._all(),
            campaign(people, [], bought, campaign="other")._all(),
            strict=True,
        )
    ]
    made = cell_sums(*map(ibis.memtable, both), campaign="spring", looks=1, currency="GBP")
    assert read_cells(warehouse.arrow(made), currency="GBP") == {Cell("a", "broad", 1): Moments(1, 100, 10_000)}


def test_margin_before_the_campaign_counts_zero_for_the_unknown(warehouse: Warehouse, campaign: Any) -> None:
    facts = campaign([("a", "broad")] * 3, [], [{"who": 0, "margin_minor": 100}])
    before = ibis.memtable(pa.table({"profile_id": ["p0", "p1"], "margin_minor": [30, 40]}))
    made = cell_sums(*facts.tables, campaign="spring", looks=2, currency="GBP", before=before)
    found = read_cells(warehouse.arrow(made), currency="GBP")[Cell("a", "broad", 2)]
    assert (found.n, found.before, found.before_squares, found.crossed) == (3, 70, 2500, 50 * 30)


@pytest.mark.parametrize(("currency", "micros"), [("GBP", 10_000), ("JPY", 1_000_000), ("KWD", 1_000)])
def test_media_cost_is_in_millionths_of_the_major_unit(currency: str, micros: int) -> None:
    assert micros_per_minor(currency) == micros


@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=12), st.integers(0, 12))
def test_moments_of_parts_add_up(values: list[int], cut: int) -> None:
    def of(part: list[int]) -> Moments:
        return Moments(len(part), sum(part), sum(v * v for v in part))

    assert of(values[:cut]) + of(values[cut:]) == of(values)
    mean = sum(values) / len(values)
    assert of(values).variance == pytest.approx(
        sum((v - mean) ** 2 for v in values) / (len(values) - 1), rel=1e-6, abs=1e-3
    )
