"""Segments: planted groups are found, nobody is lost, the same input gives the same result."""

import datetime as dt
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from omnimix.audience.segment.cluster import PROSPECTS, SegmentRules, fit_segments, members
from omnimix.audience.segment.segment import REST
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.core.errors import InvalidInput

AS_OF = dt.datetime(2026, 6, 1)
QUICK = SegmentRules(most=6, resamples=4, starts=2, min_size=20)


def labels(table: pa.Table, found: Segmentation) -> dict[str, str]:
    rows = members(table, found, as_of=AS_OF)
    assert set(rows["as_of"].to_pylist()) <= {AS_OF}
    return dict(zip(rows["profile_id"].to_pylist(), rows["segment"].to_pylist(), strict=True))


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    return table.take(np.random.default_rng(seed).permutation(table.num_rows))


def test_planted_groups_are_found_and_named(shop_like) -> None:
    table = shop_like(400, 1)
    found = fit_segments(table, QUICK, seed=3, currency="GBP")
    placed = labels(table, found)
    planted = [int(p[1:]) % 4 for p in sorted(placed)]
    assert adjusted_rand_score(planted, [placed[p] for p in sorted(placed)]) > 0.98
    assert {s.name for s in found.segments} == {
        "Lapsed one-time buyers",
        "Loyal regulars",
        "Bulk buyers",
        "Candles shoppers",
    }
    assert all(s.precision > 0.9 and s.recall > 0.9 for s in found.segments)
    assert "adjusted Rand index" in found.note


def test_everybody_is_in_exactly_one_segment(shop_like, feature_table) -> None:
    lookers = feature_table(80, {"profile_id": [f"q{i}" for i in range(80)], "visits": [2] * 80})
    returners = feature_table(3, {"profile_id": ["r0", "r1", "r2"], "returns": [1] * 3, "return_share": [1.0] * 3})
    table = pa.concat_tables([shop_like(200, 2), lookers, returners])
    found = fit_segments(table, QUICK, seed=3)
    placed = labels(table, found)
    assert Counter(placed.values()) == {s.key: s.size for s in found.segments}
    assert sum(s.size for s in found.segments) == table.num_rows == len(placed)
    assert sum(s.share for s in found.segments) == pytest.approx(1)
    prospects = found.segment(found.segments[0].key)
    assert prospects.name == "Visitors yet to buy"
    assert {placed[f"q{i}"] for i in range(80)} == {prospects.key} == {PROSPECTS}
    assert {placed[f"r{i}"] for i in range(3)} == {REST}
    assert found.segments[-1].key == REST
    assert len({s.name for s in found.segments}) == len(found.segments)


def test_neither_row_order_nor_a_second_run_changes_anything(shop_like) -> None:
    table = shop_like(240, 4)
    first = fit_segments(table, QUICK, seed=9)
    assert fit_segments(table, QUICK, seed=9) == first
    again = shuffled(table, 5)
    assert fit_segments(again, QUICK, seed=9) == first
    assert labels(again, first) == labels(table, first)


def test_too_small_clusters_join_the_nearest(shop_like, feature_table) -> None:
    rng = np.random.default_rng(0)
    odd = feature_table(
        5,
        {
            "profile_id": [f"z{i}" for i in range(5)],
            "orders": [40] * 5,
            "units_per_line": rng.uniform(3_000, 4_000, 5),
            "average_order_minor": rng.uniform(4e6, 5e6, 5),
        },
    )
    table = pa.concat_tables([shop_like(240, 4), odd])
    found = fit_segments(table, QUICK, seed=1)
    assert all(s.size >= QUICK.min_size for s in found.segments if s.key != REST)
    assert sum(s.size for s in found.segments) == 245


def test_new_people_are_placed_by_the_same_centres(shop_like) -> None:
    found = fit_segments(shop_like(240, 4), QUICK, seed=9)
    newcomers = labels(shop_like(80, 77), found)
    of_kind = [{newcomers[f"p{i:05d}"] for i in range(kind, 80, 4)} for kind in range(4)]
    assert [len(keys) for keys in of_kind] == [1, 1, 1, 1]
    assert len(set.union(*of_kind)) == 4


def test_nobody_is_an_error_that_says_what_to_do(feature_table) -> None:
    with pytest.raises(InvalidInput, match=r"no customers.*→ check that the sources"):
        fit_segments(feature_table(0), QUICK, seed=1)


@pytest.mark.parametrize("count", [1, 2, 39])
def test_too_few_people_are_one_segment(shop_like, count: int) -> None:
    table = shop_like(count, 1)
    found = fit_segments(table, QUICK, seed=1)
    assert [(s.key, s.name, s.size) for s in found.segments] == [(REST, "Everyone", count)]
    assert "too few to divide" in found.note
    assert set(labels(table, found).values()) == {REST}


def test_people_who_are_all_alike_are_one_segment(feature_table) -> None:
    table = feature_table(200, {"orders": [1] * 200, "sales_minor": [500] * 200})
    found = fit_segments(table, QUICK, seed=1)
    assert [s.name for s in found.segments] == ["Everyone"]


def test_what_cannot_be_found_twice_is_not_sold_as_segments(feature_table) -> None:
    rng = np.random.default_rng(5)
    columns = {
        c: np.exp(rng.normal(5, 1, 300)) for c in ("average_order_minor", "units_per_line", "median_price_minor")
    }
    table = feature_table(300, {"orders": [2] * 300, **columns})
    found = fit_segments(table, SegmentRules(fewest=4, most=6, resamples=4, starts=1, least=0.7), seed=1)
    assert [s.name for s in found.segments] == ["Everyone"]
    assert "came out the same twice" in found.note
    assert len(found.candidates) == 3


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (SegmentRules(fewest=9), "fewest"),
        (SegmentRules(min_share=0.7), "min_share"),
        (SegmentRules(resamples=1), "resamples"),
        (SegmentRules(features=("shoe_size",)), "shoe_size"),
    ],
)
def test_wrong_rules_are_named(shop_like, rules: SegmentRules, names: str) -> None:
    with pytest.raises(InvalidInput, match=names):
        fit_segments(shop_like(200, 1), rules, seed=1)
