"""Lint: every fault is found, clean lines pass, widths count wide characters twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.creative.copy.columns import columns
from omnimix.creative.copy.lint import House, faults

HOUSE = House(frozenset({"Wickerwren", "Regency"}), frozenset({"AUTUMN15"}))


@pytest.mark.parametrize(
    "line",
    [
        "Have a good rummage",
        "An LED lamp for the hall",
        "Fancy an egg cup?",
        "Regency cake stands",
        "AUTUMN15 at the checkout",
        "Welcome to Wickerwren",
        "T-light holders for Christmas",
    ],
)
def test_clean_headlines_pass(line: str) -> None:
    assert faults(line, limit=30, sentence=False, house=HOUSE) == ()


@pytest.mark.parametrize(
    "line",
    [
        "",
        " Mugs",
        "Mugs  and cups",
        "Mugs , cups",
        "Mugs and and cups",
        "A egg cup",
        "An mug",
        "This bags",
        "Another bags",
        "mugs and cups",
        "Mugs And Cups",
        "GREAT mugs",
        "WHITE HANGING HEART",
        "Mug 85123A",
        "Mugs for {place}",
        "Mugs and…",
        "Mugs and cups...",
        "Mugs and cups.",
        "Mugs and cups!",
        "Mugs and the",
        "A mug and our",
        "Mugs (and cups",
        "Mugs -",
        "Mugs\u0007",
    ],
)
def test_faulty_headlines_are_refused(line: str) -> None:
    assert faults(line, limit=30, sentence=False, house=HOUSE)


def test_sentences_end_and_headlines_do_not() -> None:
    assert faults("Come and see", limit=90, sentence=True, house=HOUSE)
    assert faults("Come and see.", limit=90, sentence=True, house=HOUSE) == ()


def test_wide_characters_count_twice() -> None:
    assert columns("漢字") == 4
    assert columns("cafe\u0301") == 4
    assert faults("漢" * 16, limit=30, sentence=False, house=HOUSE)


@given(st.text(max_size=60))
def test_width_lies_between_none_and_two_for_each_character(text: str) -> None:
    assert 0 <= columns(text) <= 2 * len(text)
    if text.isascii():
        assert columns(text) == len(text)
