"""Text into values: what is written can be read back; what cannot be read is told."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.data.source.parse import (
    MICRO,
    by_distinct,
    read_date,
    read_instant,
    read_number,
    read_truth,
    read_whole,
    trimmed,
)

INSTANTS = st.datetimes(datetime(1991, 1, 1), datetime(2090, 1, 1))
AMOUNTS = st.decimals(-999_999, 999_999, places=2)


@given(
    st.lists(AMOUNTS, min_size=1, max_size=12), st.sampled_from(["plain", "grouped", "sign", "bracket", "comma"])
)
def test_amounts_as_people_write_them(amounts: list[Decimal], style: str) -> None:
    shown = {
        "plain": lambda a: f"{a:f}",
        "grouped": lambda a: f"{a:,.2f}",
        "sign": lambda a: f"-£{-a:,.2f}" if a < 0 else f"£{a:,.2f}",
        "bracket": lambda a: f"({-a:,.2f})" if a < 0 else f"{a:,.2f}",
        "comma": lambda a: f"{a:,.2f}".translate(str.maketrans(",.", ".,")),
    }[style]
    text = pa.array([shown(a) for a in amounts])
    reading = read_number(text, decimal_comma=style == "comma")
    assert reading.values.to_pylist() == [int(a * MICRO) for a in amounts]
    assert not reading.bad.any()


@pytest.mark.parametrize(
    "text", ["two", "1,23", "1.2.3", "1e400", "£", "12 apples", "0x10", "99999999999999999999"]
)
def test_not_a_number(text: str) -> None:
    reading = read_number(pa.array([text, None, "1"]))
    assert reading.values.to_pylist() == [None, None, MICRO]
    assert reading.bad.tolist() == [True, False, False]


def test_whole_numbers() -> None:
    reading = read_whole(pa.array(["6", "6.0", "6.5", "1,000", "-3", None]))
    assert reading.values.to_pylist() == [6, 6, None, 1000, -3, None]
    assert reading.bad.tolist() == [False, False, True, False, False, False]


@given(st.lists(INSTANTS, min_size=1, max_size=8), st.integers(-14 * 60, 14 * 60))
def test_instants_with_an_offset(instants: list[datetime], minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    text = pa.array([i.replace(tzinfo=UTC).astimezone(zone).isoformat() for i in instants])
    assert read_instant(text, zone="Asia/Tokyo", day_first=True).values.to_pylist() == instants


NEAR = st.datetimes(datetime(1991, 1, 1), datetime(2037, 1, 1))  # Arrow knows summer time until 2037


@given(st.lists(NEAR, min_size=1, max_size=8), st.sampled_from(["Europe/London", "America/New_York", "UTC"]))
def test_local_instants(instants: list[datetime], zone: str) -> None:
    there = ZoneInfo(zone)
    local = [i.replace(tzinfo=UTC).astimezone(there).replace(tzinfo=None) for i in instants]
    found = read_instant(pa.array([i.isoformat(sep=" ") for i in local]), zone=zone, day_first=True).values
    for at, clock, back in zip(instants, local, found.to_pylist(), strict=True):
        twice = clock.replace(tzinfo=there).utcoffset() != clock.replace(tzinfo=there, fold=1).utcoffset()
        assert back == at or twice, "an hour that happens twice is the first of the two"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024-02-29", datetime(2024, 2, 29)),
        ("29/02/2024 8:05", datetime(2024, 2, 29, 8, 5)),
        ("29.02.2024", datetime(2024, 2, 29)),
        ("20240229", datetime(2024, 2, 29)),
        ("29 Feb 2024", datetime(2024, 2, 29)),
        ("Feb 29, 2024 08:05 am", datetime(2024, 2, 29, 8, 5)),
        ("1709193900", datetime(2024, 2, 29, 8, 5)),
        ("1709193900123", datetime(2024, 2, 29, 8, 5, 0, 123000)),
        ("2023-02-29", None),
        ("31/02/2024", None),
        ("2024-13-01", None),
        ("soon", None),
        ("10:00", None),
    ],
)
def test_dates_as_people_write_them(text: str, wanted: datetime | None) -> None:
    reading = read_instant(pa.array([text]), zone="UTC", day_first=True)
    assert reading.values.to_pylist() == [wanted]
    assert reading.bad.tolist() == [wanted is None]


def test_month_first_and_given_format() -> None:
    assert str(read_date(pa.array(["3/4/2024"]), day_first=False).values[0]) == "2024-03-04"
    assert str(read_date(pa.array(["2024|04|03"]), day_first=True, given="%Y|%m|%d").values[0]) == "2024-04-03"


def test_truth_and_blanks() -> None:
    assert read_truth(pa.array(["Yes", "0", "maybe", None])).values.to_pylist() == [True, False, None, None]
    assert trimmed(pa.array([" a ", "--", "n/a", "", None, "null", "0"])).to_pylist() == [
        "a", None, None, None, None, None, "0",
    ]  # fmt: skip


@given(st.lists(st.sampled_from(["1", "2.5", "x", None]), max_size=12))
def test_reading_distinct_values_is_reading_all(texts: list[str | None]) -> None:
    column = pa.array(texts, pa.string())
    once, each = by_distinct(column, read_number), read_number(column)
    assert once.values.equals(each.values)
    assert once.bad.tolist() == each.bad.tolist()
