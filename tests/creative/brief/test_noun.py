"""Nouns: heads of real product names, number, articles, casing."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.creative.brief.noun import article, cased, is_plural, noun_of, plural, singular, tidy

KEEP = ("T-light", "LED", "Regency", "Union flag", "Spaceboy")


@pytest.mark.parametrize(
    ("name", "head", "heads", "single"),
    [
        ("Regency three-tier cake stand", "cake stand", "cake stands", "a cake stand"),
        ("WHITE HANGING HEART T-LIGHT HOLDER", "T-light holder", "T-light holders", "a T-light holder"),
        ("Vintage Union flag bunting", "bunting", "bunting", None),
        ("Set of three pantry cake tins", "cake tin", "cake tins", None),
        ("Jam making set with jars", "jam making set", "jam making sets", "a jam making set"),
        ("Roses Regency teacup and saucer", "teacup", "teacups", "a teacup"),
        ("Keep calm and come in doormat", "doormat", "doormats", "a doormat"),
        ("Mini cases in assorted colours", "mini case", "mini cases", None),
        ("Red Bakelite-style alarm clock", "alarm clock", "alarm clocks", "an alarm clock"),
        ("Antique white three-hook photo shelf", "photo shelf", "photo shelves", "a photo shelf"),
        ("Felt doll Molly", "doll", "dolls", "a doll"),
        ("Ivory kitchen scales", "kitchen scales", "kitchen scales", None),
        ("Grow your own flytrap or sunflower", "sunflower", "sunflowers", "a sunflower"),
        ("Home building block word", None, None, None),
        ("杯子", None, None, None),
        ("", None, None, None),
    ],
)
def test_heads_of_names(name: str, head: str | None, heads: str | None, single: str | None) -> None:
    noun = noun_of(name, KEEP)
    assert (noun.head, noun.heads, noun.single) == (head, heads, single)


def test_nearly_every_name_of_the_demo_shop_has_a_head(shop) -> None:
    nouns = [noun_of(p.name, shop.brand.words.keep) for p in shop.products]
    assert sum(n.head is not None for n in nouns) >= 0.97 * len(nouns)
    for noun in nouns:
        assert not re.search(r"\b[A-Z]{3,}\b", noun.name.replace("LED", ""))


def test_names_keep_their_own_capitals_and_lose_codes() -> None:
    assert tidy("Felt doll Molly") == "felt doll Molly"
    assert tidy("Union flag doormat", KEEP) == "Union flag doormat"
    assert tidy("85123A MUG") == "mug"
    assert cased("RED LED LAMP FROM LONDON") == "red LED lamp from London"


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("umbrella", "an"), ("union flag", "a"), ("hour glass", "an"), ("LED lamp", "an"), ("USB cable", "a"),
        ("egg cup", "an"), ("one-off", "a"), ("useful box", "a"), ("Advent calendar", "an"), ("heirloom", "an"),
        ("Edwardian parasol", "an"), ("European tin", "a"),
    ],
)  # fmt: skip
def test_articles_follow_the_sound(phrase: str, expected: str) -> None:
    assert article(phrase) == expected


@pytest.mark.parametrize("word", ["knife", "shelf", "box", "bag", "lunch box", "toy", "diary", "brush", "photo"])
def test_plural_and_singular_undo_each_other(word: str) -> None:
    last = word.split()[-1]
    assert plural(word) != word
    assert singular(plural(last)) == last
    assert is_plural(plural(last))
    assert not is_plural(last)


@settings(max_examples=25)
@given(st.text(max_size=40))
def test_any_name_is_read_without_a_fault(name: str) -> None:
    noun = noun_of(name)
    assert noun == noun_of(name)
    assert "  " not in noun.name
    assert (noun.head is None) == (noun.heads is None)
