"""TC strings decoded: the specification's own example, ranges as bit fields, nothing read beyond the end."""

import base64
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.governance.consent.tc_string import among, read_tc_string

NUMBERS = st.sets(st.integers(1, 60))
LISTS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 5)), max_size=4)  # first, how many more
# The example of the specification ("TC String Format", v2): purposes 1 to 3; vendors 2, 6 and 8.
EXAMPLE = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA"


def numbers(mask: int) -> set[int]:
    return {n for n in range(mask.bit_length()) if among(mask, n)}


def encoded(bits: str) -> str:
    bits += "0" * (-len(bits) % 8)
    packed = int(bits, 2).to_bytes(len(bits) // 8)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def head(purposes: set[int], *, tenths: int = 0) -> str:
    fields = f"{2:06b}{0:036b}{tenths:036b}" + "0" * 54 + f"{4:06b}" + "00" + "0" * 12
    return fields + field(purposes, 24) + "0" * 24 + "0" * 13


def field(chosen: set[int], width: int) -> str:
    return "".join(str(int(n + 1 in chosen)) for n in range(width))


def ranges(listed: list[tuple[int, int]]) -> str:
    entries = (f"1{a:016b}{a + more:016b}" if more else f"0{a:016b}" for a, more in listed)
    return f"{len(listed):012b}" + "".join(entries)


def test_the_example_of_the_specification() -> None:
    found = read_tc_string(EXAMPLE + ".YAAAAAAAAAA")
    assert found.last_updated == datetime(2020, 2, 20, 23, 57, 39, 300_000)
    assert (numbers(found.consents), numbers(found.vendors)) == ({1, 2, 3}, {2, 6, 8})
    assert (numbers(found.interests), numbers(found.interest_vendors)) == (set(), {2, 6, 8})
    assert found.restrictions == ()


@given(purposes=st.sets(st.integers(1, 24)), chosen=NUMBERS, listed=LISTS, tenths=st.integers(0, 2**36 - 1))
def test_what_is_written_is_read(
    purposes: set[int], chosen: set[int], listed: list[tuple[int, int]], tenths: int
) -> None:
    """Consent as a bit field, interest as ranges, one restriction of the same vendors."""
    among_ranges = {n for a, more in listed for n in range(a, a + more + 1)}
    text = head(purposes, tenths=tenths) + f"{60:016b}0" + field(chosen, 60) + f"{60:016b}1" + ranges(listed)
    text += f"{1:012b}{7:06b}{1:02b}" + ranges(listed)
    found = read_tc_string(encoded(text))
    assert (numbers(found.consents), numbers(found.vendors)) == (purposes, chosen)
    assert numbers(found.interest_vendors) == among_ranges
    (restriction,) = found.restrictions
    assert (restriction.purpose, restriction.kind, numbers(restriction.vendors)) == (7, 1, among_ranges)
    assert round((found.last_updated - datetime(1970, 1, 1)).total_seconds() * 10) == tenths


@given(st.integers(0, len(EXAMPLE) - 1))
def test_a_part_of_a_string_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput):
        read_tc_string(EXAMPLE[:length])


def test_a_range_that_runs_backwards_is_refused() -> None:
    text = head({1}) + f"{60:016b}1{1:012b}1{9:016b}{3:016b}" + f"{0:016b}0{0:012b}"
    with pytest.raises(InvalidInput, match="vendors 9 to 3"):
        read_tc_string(encoded(text))
