"""A sample by content: the same people whatever they are called and however the rows lie."""

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.audience.segment.cluster import fit_segments
from omnimix.audience.segment.matrix import matrix
from omnimix.audience.segment.rules import SegmentRules
from omnimix.audience.segment.sample import sample
from omnimix.store.warehouse import Warehouse
from omnimix.testing.profiles import profiles

QUICK = SegmentRules(most=5, resamples=2, starts=1, bootstraps=2, min_size=20)


def renamed(table: pa.Table, seed: int) -> pa.Table:
    """The same customers under other ids, in another order."""
    rng = np.random.default_rng(seed)
    ids = pa.array([f"other{i}" for i in rng.permutation(table.num_rows)])
    return table.set_column(0, "profile_id", ids).take(rng.permutation(table.num_rows))


@pytest.mark.parametrize("seed", [1, 2])
def test_segments_do_not_depend_on_what_people_are_called(shop_like, seed: int) -> None:
    table = shop_like(240, 4)
    assert fit_segments(renamed(table, seed), QUICK, seed=9) == fit_segments(table, QUICK, seed=9)


def test_nor_does_a_sample_of_them_and_what_is_fitted_to_it(warehouse: Warehouse) -> None:
    table = profiles(3_000, seed=5)
    # Many who are alike in every number but not in their shares: the hash alone cannot tell them apart.
    alike = profiles(600, seed=6)
    for name in table.column_names[1:]:
        if not pa.types.is_map(table.schema.field(name).type):
            at = alike.column_names.index(name)
            alike = alike.set_column(at, alike.schema.field(at), pa.chunked_array([alike[name].slice(0, 1)] * 600))
    table = pa.concat_tables([table, alike.set_column(0, table.schema.field(0), [[f"q{i}" for i in range(600)]])])
    drawn = [
        warehouse.arrow(sample(ibis.memtable(t), people=3_600, most=700, seed=3))
        for t in (table, renamed(table, 1), renamed(table, 2))
    ]
    assert [d.num_rows for d in drawn] == [700] * 3
    first, *others = (matrix(d).by_content() for d in drawn)
    assert all((first.values == other.values).all() for other in others)
    fitted = [fit_segments(d, QUICK, seed=1, people=3_600) for d in drawn]
    assert fitted[0] == fitted[1] == fitted[2]
    assert fitted[0].people == 3_600
    assert fitted[0].fitted_on == 700


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 50))
@settings(max_examples=6)
def test_exactly_as_many_as_asked_and_everybody_where_there_are_fewer(count: int, most: int, seed: int) -> None:
    rows = WAREHOUSE["one"].arrow(
        sample(ibis.memtable(profiles(count, seed=seed)), people=count, most=most, seed=seed)
    )
    assert rows.num_rows == min(count, most)
    assert len(set(rows["profile_id"].to_pylist())) == rows.num_rows


def test_everybody_has_the_same_chance(warehouse: Warehouse) -> None:
    """Over many seeds each of 40 is drawn as often: χ² of the counts stays below its 99.9 % quantile."""
    table = warehouse.materialise(ibis.memtable(profiles(40, seed=1)))
    counts: dict[str, int] = {}
    for seed in range(8):
        for profile in warehouse.arrow(sample(table, people=40, most=10, seed=seed))["profile_id"].to_pylist():
            counts[profile] = counts.get(profile, 0) + 1
    seen = np.array([*counts.values(), *[0] * (40 - len(counts))])
    assert seen.sum() == 80
    assert ((seen - 2) ** 2 / (2 * 0.75)).sum() < 72


WAREHOUSE: dict[str, Warehouse] = {}


@pytest.fixture(autouse=True)
def at_hand(warehouse: Warehouse) -> None:
    """What the property needs, kept beside it."""
    WAREHOUSE["one"] = warehouse
