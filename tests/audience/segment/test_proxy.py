"""Proxies: a planted one is found, chance finds none, and what is not known is not claimed."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from omnimix.audience.segment.proxy import Proxy, Verdict, fit_proxies, is_protected
from omnimix.audience.segment.rules import SegmentRules

RULES = SegmentRules()


def proxy(table: list[list[int]], values: tuple[str, ...] = ("f", "m"), *, seed: int = 1) -> Proxy:
    rows = [
        {"trait": "gender", "segment": f"s{i}", "value": v, "people": n}
        for i, row in enumerate(table)
        for v, n in zip(values, row, strict=True)
        if n
    ]
    schema = pa.schema({"trait": pa.string(), "segment": pa.string(), "value": pa.string(), "people": pa.int64()})
    (found,) = fit_proxies(pa.Table.from_pylist(rows, schema=schema), RULES, attributes=("gender",), seed=seed)
    return found


def test_a_planted_proxy_is_found_and_its_auc_is_the_closed_form() -> None:
    found = proxy([[900, 100], [100, 900]])
    assert found.verdict is Verdict.PROXY
    assert found.auc == pytest.approx(0.9, abs=0.01)
    assert found.low < 0.9 < found.high
    # Mutual information of a symmetric channel with error 0.1, over ln 2.
    assert found.information == pytest.approx(1 + (0.9 * np.log2(0.9) + 0.1 * np.log2(0.1)), abs=1e-6)
    assert "gives away gender" in found.why


def test_segments_that_say_nothing_are_no_proxy() -> None:
    found = proxy([[500, 500], [300, 300], [100, 100]])
    assert found.verdict is Verdict.NO_PROXY
    assert abs(found.auc - 0.5) < 0.06


@pytest.mark.parametrize("table", [[[90, 60]], [[10, 5], [3, 8]], [[300, 0], [200, 10]], []])
def test_what_is_known_of_too_few_is_not_testable(table: list[list[int]]) -> None:
    found = proxy(table)
    assert found.verdict is Verdict.NOT_TESTABLE
    assert found.why.startswith("Not testable")


def test_chance_makes_no_proxies() -> None:
    """Twenty segments and 400 people without any link: hardly ever a proxy, though in-sample AUCs are high."""
    rng = np.random.default_rng(3)
    runs, found, inside = 150, 0, []
    for run in range(runs):
        table = rng.multinomial(400, np.full(40, 1 / 40)).reshape(20, 2)
        result = proxy(table.tolist(), seed=run)
        found += result.verdict is Verdict.PROXY
        inside.append(result.low <= 0.5)
    assert found <= binom.ppf(0.999, runs, 0.01)
    assert np.mean(inside) >= 0.9


def test_many_numbers_are_cut_in_two() -> None:
    ages = tuple(str(a) for a in range(20, 60))
    young = [20 if a < 40 else 0 for a in range(20, 60)]
    found = proxy([young, [20 - y for y in young]], ages)
    assert found.verdict is Verdict.PROXY
    assert found.auc > 0.9
    assert found.value in {"up to 39", "above 39"}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8), st.integers(0, 9))
@settings(max_examples=25)
def test_figures_stay_in_their_ranges_and_repeat(table: list[tuple[int, int]], seed: int) -> None:
    found = proxy([list(row) for row in table], seed=seed)
    assert 0 <= found.low <= found.auc <= found.high <= 1
    assert 0 <= found.information <= 1 + 1e-12
    assert found.people == sum(map(sum, table))
    assert proxy([list(row) for row in table], seed=seed) == found


@pytest.mark.parametrize(("trait", "protected"), [("gender", True), ("dateOfBirth", True), ("plan", False)])
def test_protected_traits_are_known_by_name(trait: str, protected: bool) -> None:
    assert is_protected(trait) is protected
