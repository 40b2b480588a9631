"""Countries under any name become codes."""

import pyarrow as pa
import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from omnimix.data.source.country import read_country


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("United Kingdom", "GB"),
        ("EIRE", "IE"),
        ("USA", "US"),
        ("deutschland", "DE"),
        ("gb", "GB"),
        ("FRA", "FR"),
        (" Czech Republic ", "CZ"),
        ("European Community", None),
        ("Unspecified", None),
        ("", None),
        (None, None),
    ],
)
def test_names_and_codes(name: str | None, code: str | None) -> None:
    assert read_country(pa.array([name], pa.string())).to_pylist() == [code]


def test_every_english_name_is_its_code() -> None:
    names = {
        n: c
        for c, n in Locale.parse("en").territories.items()
        if len(c) == 2 and c not in ("EU", "EZ", "UN", "ZZ", "XA", "XB", "QO")
    }
    assert read_country(pa.array(list(names))).to_pylist() == list(names.values())


@given(st.lists(st.sampled_from(["GB", "Germany", None, "nowhere"]), max_size=12))
def test_order_and_length_stay(texts: list[str | None]) -> None:
    one_by_one = [read_country(pa.array([t], pa.string())).to_pylist()[0] for t in texts]
    assert read_country(pa.array(texts, pa.string())).to_pylist() == one_by_one
