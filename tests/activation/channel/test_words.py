import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.channel.countries import GEO_TARGET, NUMBER
from omnimix.activation.channel.words import amount, meaning, money, word
from omnimix.core.errors import InvalidInput
from omnimix.core.money import Money


@given(st.integers(-(10**12), 10**12), st.sampled_from(["GBP", "EUR", "JPY", "KWD"]))
def test_money_reads_back_in_every_currency(minor, currency):
    text = amount(Money(minor, currency), currency, where="here")
    assert money(text, currency, where="here") == Money(minor, currency)


def test_money_is_written_in_major_units():
    assert amount(Money(1250, "GBP"), "GBP", where="x") == "12.50"
    assert amount(Money(1250, "JPY"), "JPY", where="x") == "1250"
    with pytest.raises(InvalidInput, match="EUR cannot go to an account in GBP"):
        amount(Money(1, "EUR"), "GBP", where="x")
    with pytest.raises(InvalidInput, match="not an amount"):
        money("twelve", "GBP", where="x")


def test_words_and_meanings_are_each_others_inverse_and_unknown_ones_list_the_known():
    words = {"a": "Apple", "b": "Bread"}
    assert all(meaning(words, word(words, k, where="x"), where="x") == k for k in words)
    with pytest.raises(InvalidInput, match="use one of a, b"):
        word(words, "c", where="x")
    with pytest.raises(InvalidInput, match="Apple, Bread"):
        meaning(words, "Cake", where="x")


def test_countries_are_all_there_and_known_ones_have_their_numbers():
    assert len(NUMBER) == len(set(NUMBER.values())) == 249
    assert [GEO_TARGET[c] for c in ("GB", "US", "DE", "AF", "ZW")] == ["2826", "2840", "2276", "2004", "2716"]
