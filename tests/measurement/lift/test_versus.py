"""Variants against each other: symmetry, width, winners, broken splits; the promise before the start."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.measurement.lift.stats import Moments
from omnimix.measurement.lift.versus import compare, smallest_found, smallest_rise

HALF = {"a": 0.5, "b": 0.5}


def clicks(n: int, k: int) -> Moments:
    return Moments(n, k, k)


@given(st.integers(200, 5000), st.integers(1, 199), st.integers(1, 199))
def test_the_order_of_names_does_not_matter(n: int, first: int, second: int) -> None:
    one = compare({"a": clicks(n, first), "b": clicks(n, second)}, HALF).differences[0]
    other = compare({"a": clicks(n, second), "b": clicks(n, first)}, HALF).differences[0]
    assert one.estimate == pytest.approx(-other.estimate)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_a_clear_difference_has_a_winner_and_a_small_one_has_none() -> None:
    told = compare({"a": clicks(5000, 150), "b": clicks(5000, 300)}, HALF)
    assert (told.winner, told.trusted) == ("b", True)
    told = compare({"a": clicks(5000, 150), "b": clicks(5000, 160)}, HALF)
    assert told.winner is None
    assert told.differences[0].low < 0 < told.differences[0].high


def test_three_variants_need_a_lead_over_both() -> None:
    shares = dict.fromkeys("abc", 1 / 3)
    equal = {"a": clicks(5000, 100), "b": clicks(5000, 300), "c": clicks(5000, 305)}
    assert compare(equal, shares).winner is None
    assert compare(equal | {"b": clicks(5000, 120)}, shares).winner == "c"


def test_a_broken_split_has_no_winner() -> None:
    told = compare({"a": clicks(26_000, 500), "b": clicks(24_000, 1500)}, HALF)
    assert (told.winner, told.trusted) == (None, False)


def test_few_people_say_nothing_and_more_people_say_more() -> None:
    assert math.isinf(compare({"a": clicks(50, 1), "b": clicks(50, 40)}, HALF).differences[0].high)
    widths = [
        compare({"a": clicks(n, n // 10), "b": clicks(n, n // 10)}, HALF).differences[0].high for n in (500, 5000)
    ]
    assert widths[1] < widths[0]


def test_it_is_wider_than_an_interval_for_one_look_and_less_than_twice() -> None:
    n = 10_000
    told = compare({"a": clicks(n, 1000), "b": clicks(n, 1000)}, HALF).differences[0]
    once = 1.96 * math.sqrt(2 * 0.09 / n)
    assert once < told.high < 2 * once


def test_what_can_be_found_shrinks_with_people_and_grows_with_pairs() -> None:
    found = [smallest_found(0.03, (n, n)) for n in (1000, 4000)]
    assert found[1] < found[0]
    assert smallest_found(0.03, (1000, 1000), pairs=6) > found[0]
    assert smallest_found(0.03 * 0.97, (4000, 4000)) < smallest_rise(0.03, (4000, 4000))
    assert math.isinf(smallest_found(0.03, (10, 10)))


def test_one_variant_is_no_experiment() -> None:
    with pytest.raises(InvalidInput):
        compare({"a": clicks(100, 1)}, {"a": 1.0})
