"""Personas: planted differences are told, chance is not, and every sentence quotes its figures."""

import datetime as dt
import re

import numpy as np
import pyarrow as pa
import pytest

from omnimix.audience.persona.fit import (
    BROAD,
    PersonaRules,
    candidates,
    fit_base_portrait,
    fit_personas,
    supported,
)
from omnimix.audience.persona.persona import Kind, Persona
from omnimix.audience.segment.cluster import SegmentRules, fit_segments, members
from omnimix.audience.segment.matrix import matrix
from omnimix.audience.segment.segment import REST
from omnimix.core.errors import InvalidInput
from omnimix.core.grade import Grade

AS_OF = dt.datetime(2026, 6, 1)
QUICK = SegmentRules(fewest=4, most=4, resamples=2, starts=2, min_size=20)


def portrayed(table: pa.Table) -> tuple[Persona, ...]:
    found = fit_segments(table, QUICK, seed=1, currency="GBP")
    return fit_personas(table, members(table, found, as_of=AS_OF), found, currency="GBP")


def test_planted_differences_are_told(shop_like) -> None:
    personas = {p.segment.name: p for p in portrayed(shop_like(600, 3))}
    assert personas.keys() == {"Lapsed one-time buyers", "Loyal regulars", "Bulk buyers", "Candles shoppers"}
    candles = personas["Candles shoppers"].of_kind(Kind.CATEGORY)[0]
    assert candles.subject == "Candles"
    assert re.fullmatch(
        r"On average 7\d% of their spending goes on candles, against 2\d% among all customers\.", candles.text
    )
    assert candles.low < candles.value < candles.high
    assert candles.base < candles.low
    lapsed = {s.subject: s for s in personas["Lapsed one-time buyers"].statements}
    assert lapsed["second order"].value == 1
    assert "100% have ordered only once" in lapsed["second order"].text
    assert "absence" in lapsed
    assert "stock up" in personas["Bulk buyers"].of_kind(Kind.MOTIVATION)[0].text
    dear = personas["Candles shoppers"].of_kind(Kind.PRICE)[0]
    assert re.search(r"typically £2\d\.\d\d apiece", dear.text)


def test_every_statement_carries_its_evidence(shop_like) -> None:
    for persona in portrayed(shop_like(600, 3)):
        assert persona.statements
        assert persona.headline.startswith(f"{persona.segment.name}: 150 customers (25% of all) who ")
        for statement in persona.statements:
            assert statement.n >= 30
            assert statement.base < statement.low or statement.base > statement.high
            assert statement.grade is Grade.MODEL
            assert statement.metric
            assert statement.method
            assert statement.unit in {"share", "days", "minor", "count"}
            assert re.fullmatch(r"[A-Z0-9].*\d.*\d.*\.", statement.text)
            assert not set("{}_") & set(statement.text)
        kinds = [s.kind for s in persona.statements]
        assert max(kinds.count(k) for k in kinds) <= PersonaRules().most_per_kind


def test_the_same_rows_in_any_order_give_the_same_personas(shop_like) -> None:
    table = shop_like(240, 3)
    again = table.take(np.random.default_rng(0).permutation(table.num_rows))
    assert portrayed(again) == portrayed(table)


def random_shop(feature_table, count: int, seed: int) -> pa.Table:
    """Customers of one kind only: everything is drawn alike for everybody."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([0.5, 0.4, 0.3, 0.2], count)
    days = rng.dirichlet([0.3] * 3, count)
    return feature_table(
        count,
        {
            "orders": rng.geometric(0.4, count),
            "recency_days": rng.integers(0, 365, count),
            "units_per_line": np.exp(rng.normal(2, 1, count)),
            "average_order_minor": np.exp(rng.normal(9, 1, count)),
            "median_price_minor": np.exp(rng.normal(5, 0.5, count)),
            "lines_per_order": rng.integers(1, 20, count),
            "breadth": rng.integers(1, 9, count),
            "discount_share": rng.beta(0.4, 3, count),
            "return_share": rng.beta(0.1, 3, count),
            "category_share": [list(zip("ABCD", row, strict=True)) for row in shares.tolist()],
            "weekday_share": [
                list(zip(("Monday", "Friday", "Sunday"), row, strict=True)) for row in days.tolist()
            ],
        },
    )


def test_labels_drawn_by_lot_support_next_to_nothing(feature_table) -> None:
    tried = kept = nominal = 0
    rules = PersonaRules(least_effect=0.0)  # chance alone has to be held back by the tests
    for seed in range(20):
        people = matrix(random_shop(feature_table, 400, seed))
        lot = np.random.default_rng(100 + seed).permutation(400) % 4
        every = candidates(people, {str(k): lot == k for k in range(4)}, rules=rules)
        tried += len(every)
        kept += len(supported(every, rules=rules))
        nominal += sum(c.evidence.p < 0.05 for c in every)
    assert tried > 800
    assert nominal > 0, "with thousands of candidates some must look significant before the control"
    assert kept / tried <= 0.05
    assert kept / tried <= 0.005, "and the control of false discoveries leaves far less than one in twenty"


def test_without_support_a_persona_is_silent_and_says_so(feature_table) -> None:
    table = random_shop(feature_table, 200, 4)
    lot = {f"p{i:05d}": ("left" if i % 2 else "right") for i in range(200)}
    found = fit_segments(table, SegmentRules(most=4, resamples=2, starts=1, min_size=20, least=0.0), seed=1)
    halves = members(table, found, as_of=AS_OF)
    keys = [s.key for s in found.segments if s.key != REST][:2]
    assert len(keys) == 2, "the test needs two segments to relabel"
    relabelled = pa.table(
        {
            "profile_id": halves["profile_id"],
            "segment": [keys[lot[p] == "left"] for p in halves["profile_id"].to_pylist()],
        }
    )
    for persona in fit_personas(table, relabelled, found, currency="GBP"):
        assert persona.statements == ()
        assert persona.headline.endswith("Nothing that was measured sets them apart with enough certainty.")


def test_few_members_support_nothing(shop_like) -> None:
    table = shop_like(100, 3)
    assert all(not p.statements for p in portrayed(table))


def test_the_rest_is_no_persona(shop_like) -> None:
    table = shop_like(10, 3)
    assert portrayed(table) == ()


def test_members_of_other_people_are_refused(shop_like) -> None:
    table = shop_like(200, 3)
    found = fit_segments(table, QUICK, seed=1)
    rows = members(table, found, as_of=AS_OF).slice(1)
    with pytest.raises(InvalidInput, match="not the profiles"):
        fit_personas(table, rows, found, currency="GBP")


def test_the_base_is_portrayed_without_comparison(shop_like, feature_table) -> None:
    portrait = fit_base_portrait(shop_like(400, 3), currency="GBP")
    assert (portrait.segment.key, portrait.segment.size) == (BROAD, 400)
    assert all(s.value == s.base and s.n >= 30 for s in portrait.statements)
    assert {Kind.PRICE, Kind.CATEGORY, Kind.CHALLENGE} <= {s.kind for s in portrait.statements}
    assert all("{" not in s.text and "against" not in s.text for s in portrait.statements)
    assert fit_base_portrait(shop_like(5, 3), currency="GBP").statements == ()
    with pytest.raises(InvalidInput, match="no customers"):
        fit_base_portrait(feature_table(0), currency="GBP")
