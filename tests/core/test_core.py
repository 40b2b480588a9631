"""The floor: money, hashing, errors, findings."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.chance import by_chance
from omnimix.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, OmnimixError, Unavailable
from omnimix.core.finding import Finding, Severity, is_blocked, sorted_findings
from omnimix.core.grade import Grade, weakest
from omnimix.core.hashing import canonical_json, digest, stable_id, unit_interval
from omnimix.core.money import Money
from omnimix.core.record import config
from omnimix.core.secret import Secret


@given(st.integers(-(10**12), 10**12), st.sampled_from(["GBP", "JPY", "KWD"]))
def test_money_text_round_trip(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.parse(str(money.major()), currency) == money


@given(st.integers(), st.integers())
def test_money_adds_and_subtracts(a: int, b: int) -> None:
    assert Money(a, "GBP") + Money(b, "GBP") - Money(b, "GBP") == Money(a, "GBP")


def test_money_reads_like_money() -> None:
    assert str(Money(-123456, "GBP")) == "-£1,234.56"
    assert str(Money(500, "JPY")) == "¥500"
    assert str(Money(1500, "CHF")) == "15.00 CHF"


def test_money_refuses_to_mix_currencies() -> None:
    with pytest.raises(InvalidInput, match="cannot combine GBP with EUR"):
        Money(1, "GBP") + Money(1, "EUR")


def test_money_refuses_words() -> None:
    with pytest.raises(InvalidInput, match="'twelve' is not an amount"):
        Money.parse("twelve", "GBP")


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_digest_ignores_key_order(value: dict[str, int | str | None]) -> None:
    assert digest(value) == digest(dict(reversed(list(value.items()))))


def test_digest_sees_every_change() -> None:
    assert digest({"a": [1, 2]}) != digest({"a": [2, 1]})
    assert digest({"on": date(2026, 1, 1)}) != digest({"on": date(2026, 1, 2)})
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"é","b":1}'


def test_stable_id_is_stable_for_ever() -> None:
    assert stable_id("p", "a", "b") == "p_f04cdced9736a69da610"
    assert stable_id("p", "ab") != stable_id("p", "a", "b")


@given(st.text(), st.text())
def test_unit_interval_is_in_range_and_repeatable(salt: str, key: str) -> None:
    assert 0 <= unit_interval(salt, key) < 1
    assert unit_interval(salt, key) == unit_interval(salt, key)


def test_unit_interval_is_uniform() -> None:
    n = 20_000
    counts = [0] * 20
    for i in range(n):
        counts[int(unit_interval("salt", str(i)) * 20)] += 1
    chi2 = sum((c - n / 20) ** 2 / (n / 20) for c in counts)
    assert chi2 < 43.8  # 0.999 quantile of χ² with 19 degrees of freedom


def test_error_is_one_line_with_place_and_step() -> None:
    error = NotFound("no file\n'orders.csv'", where="omnimix.toml: sources.orders", fix="check the path")
    assert str(error) == "omnimix.toml: sources.orders: no file 'orders.csv' → check the path"


@pytest.mark.parametrize(
    ("kind", "code"), [(InvalidInput, 2), (NotFound, 2), (NotAllowed, 1), (Conflict, 1), (Unavailable, 3)]
)
def test_exit_codes(kind: type[OmnimixError], code: int) -> None:
    assert kind("x").exit_code == code


def test_blocking_findings_come_first() -> None:
    note = Finding("a", Severity.NOTE, "here", "why")
    stop = Finding("z", Severity.BLOCKING, "there", "why")
    assert sorted_findings([note, stop]) == (stop, note)
    assert is_blocked([note, stop])
    assert not is_blocked([note])


def test_a_number_is_as_good_as_its_weakest_input() -> None:
    assert weakest(Grade.RANDOMISED, Grade.ASSUMED, Grade.MODEL) is Grade.ASSUMED


def test_secret_prints_as_stars() -> None:
    secret = Secret("hunter2")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")


def test_config_records_are_frozen_and_keyword_only() -> None:
    @config
    class Rules:
        gap: int = 30

    assert Rules(gap=5).gap == 5
    with pytest.raises(AttributeError):
        Rules().gap = 7  # type: ignore[misc]
    with pytest.raises(TypeError):
        Rules(5)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (1.0, "1 in 1 by chance"),
        (0.34, "1 in 3 by chance"),
        (0.013, "1 in 77 by chance"),
        (1.2e-6, "1 in 800,000 by chance"),
        (0.0, "less than 1 in 1,000,000,000 by chance"),
    ],
)
def test_a_p_value_in_plain_words(p: float, words: str) -> None:
    assert by_chance(p) == words


@given(st.floats(1e-9, 1))
def test_the_words_are_within_a_digit_of_the_chance(p: float) -> None:
    times = int(by_chance(p).split()[2].replace(",", ""))
    assert 0.6 < times * p < 1.7
