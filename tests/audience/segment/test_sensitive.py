"""Sensitive attributes never become features, whatever they are called."""

import pyarrow as pa
import pytest

from omnimix.audience.segment.features import FEATURE
from omnimix.audience.segment.matrix import matrix
from omnimix.audience.segment.sensitive import is_sensitive, refuse_sensitive
from omnimix.core.errors import InvalidInput


@pytest.mark.parametrize(
    "column",
    [
        *("gender", "Age", "customer_age", "dateOfBirth", "religion", "ethnic_group", "health_score", "Pregnant"),
        *("income", "political-party", "sexualOrientation", "disabilities", "credit_score", "maritalStatus"),
    ],
)
def test_sensitive_columns_are_refused(column: str) -> None:
    with pytest.raises(InvalidInput, match="sensitive"):
        refuse_sensitive(["orders", column])


@pytest.mark.parametrize("column", [*FEATURE.names, "page_path", "average", "image", "homepage", "storage"])
def test_harmless_columns_pass(column: str) -> None:
    refuse_sensitive([column])


def test_headings_are_judged_by_what_they_give_away() -> None:
    assert is_sensitive("Fertility & pregnancy")
    assert is_sensitive("Health")
    assert not is_sensitive("Birthday cards")
    assert not is_sensitive("Storage & tidying")


def test_a_sensitive_heading_does_not_become_a_column(feature_table) -> None:
    table = feature_table(2, {"category_share": [[("Health", 0.5), ("Mugs", 0.5)], [("Mugs", 1.0)]]})
    assert matrix(table).family("category_share") == ("category_share:Mugs",)


def test_a_sensitive_column_stops_the_run(feature_table) -> None:
    table = feature_table(2).append_column("gender", pa.array(["f", "m"]))
    with pytest.raises(InvalidInput, match="'gender' is a sensitive attribute"):
        matrix(table)
