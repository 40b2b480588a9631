"""Feature rows as numbers."""

import numpy as np
import pyarrow as pa
import pytest

from omnimix.audience.segment.features import OTHER
from omnimix.audience.segment.matrix import ABROAD, matrix
from omnimix.core.errors import InvalidInput


def test_maps_are_spread_and_rows_sorted(feature_table) -> None:
    table = feature_table(
        3,
        {
            "profile_id": ["c", "a", "b"],
            "orders": [3, 1, 2],
            "category_share": [[("Mugs", 0.7), (OTHER, 0.3)], [("Bags", 1.0)], []],
            "country": ["FR", "GB", "GB"],
        },
    )
    rows = matrix(table)
    assert rows.profiles == ("a", "b", "c")
    assert rows.family("category_share") == ("category_share:Bags", "category_share:Mugs")
    assert rows.column("orders").tolist() == [1, 2, 3]
    assert rows.column("category_share:Mugs").tolist() == [0, 0, 0.7]
    assert rows.column(ABROAD).tolist() == [0, 0, 1]
    assert rows.column("category_share:nobody's").tolist() == [0, 0, 0]
    assert rows.rows(np.array([True, False, True])).profiles == ("a", "c")


def test_no_rows_give_an_empty_matrix(feature_table) -> None:
    assert matrix(feature_table(0)).values.shape[0] == 0


def test_faults_are_named(feature_table) -> None:
    with pytest.raises(InvalidInput, match="lack the column 'orders'"):
        matrix(feature_table(2).drop_columns(["orders"]))
    with pytest.raises(InvalidInput, match="twice"):
        matrix(feature_table(2, {"profile_id": ["a", "a"]}))
    with pytest.raises(InvalidInput, match="not a finite number"):
        matrix(feature_table(2, {"units_per_line": [1.0, float("nan")]}))
    with pytest.raises(InvalidInput, match="no feature 'orderz'"):
        matrix(feature_table(2)).column("orderz")


def test_a_missing_number_is_not_taken_for_zero(feature_table) -> None:
    table = feature_table(2)
    at = table.column_names.index("orders")
    with pytest.raises(InvalidInput, match="finite"):
        matrix(table.set_column(at, "orders", pa.array([None, 1], pa.int64())))


def test_a_missing_map_and_a_slice_of_rows_are_read_right(feature_table) -> None:
    table = feature_table(
        4, {"medium_share": [[("cpc", 0.5), ("email", 0.5)], None, [("email", 1.0)], [("cpc", 1.0)]]}
    )
    assert matrix(table).column("medium_share:email").tolist() == [0.5, 0, 1, 0]
    assert matrix(table.slice(1)).column("medium_share:cpc").tolist() == [0, 0, 1]
