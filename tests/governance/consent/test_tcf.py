"""TC strings as answers: what they consist of, vendors, legitimate interest, restrictions; what is no string."""

import base64
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.core.errors import InvalidInput
from omnimix.governance.consent import Purpose
from omnimix.governance.consent.signals import ConsentRules, Signals
from omnimix.governance.consent.tcf import CONSISTS_OF, answer_of, read_tcf
from omnimix.testing.consent import tcf_string

AT = datetime(2026, 10, 5)
PURPOSES = st.sets(st.integers(1, 11))
ALL = range(1, 12)


def granted(text: str, *, vendor: int | None = None, interest: bool = False) -> set[Purpose]:
    return {p for p, yes in read_tcf(text, vendor=vendor, legitimate_interest=interest).granted.items() if yes}


@given(consents=PURPOSES, interests=PURPOSES, rely=st.booleans())
def test_a_purpose_is_granted_where_all_it_consists_of_is(
    consents: set[int], interests: set[int], rely: bool
) -> None:
    effective = consents | (interests & {2, 7, 8, 9} if rely else set())
    wanted = {p for p, parts in CONSISTS_OF.items() if effective.issuperset(parts)}
    assert granted(tcf_string(consents, interests=interests, at=AT), interest=rely) == wanted


@given(consents=PURPOSES)
def test_more_consent_never_takes_a_purpose_away(consents: set[int]) -> None:
    before = granted(tcf_string(consents, at=AT))
    assert all(granted(tcf_string({*consents, more}, at=AT)) >= before for more in ALL)


@pytest.mark.parametrize(
    ("vendors", "interest_vendors", "restrictions", "wanted"),
    [
        ((), (), (), set()),
        ((700,), (), (), set(CONSISTS_OF)),
        ((699, 701), (700,), (), set()),
        ((700,), (), ((5, 0, 700),), {Purpose.MEASUREMENT, Purpose.ADVERTISING}),
        ((700,), (), ((5, 0, 11),), set(CONSISTS_OF)),
        ((700,), (), ((8, 2, 700),), {Purpose.PERSONALISATION, Purpose.ADVERTISING}),
        ((700,), (700,), ((8, 2, 700),), set(CONSISTS_OF)),
    ],
)
def test_with_a_vendor_id_it_is_asked_for_us(vendors, interest_vendors, restrictions, wanted) -> None:  # type: ignore[no-untyped-def]
    text = tcf_string(
        ALL, interests=(8,), vendors=vendors, interest_vendors=interest_vendors, restrictions=restrictions, at=AT
    )
    assert granted(text, vendor=700, interest=True) == wanted


def test_a_restriction_to_consent_rules_out_a_legitimate_interest() -> None:
    text = tcf_string((1, 9), interests=(8,), vendors=(7,), interest_vendors=(7,), at=AT)
    assert granted(text, vendor=7, interest=True) == {Purpose.MEASUREMENT}
    only = tcf_string(
        (1, 9), interests=(8,), vendors=(7,), interest_vendors=(7,), restrictions=((8, 1, 7),), at=AT
    )
    assert granted(only, vendor=7, interest=True) == set()


def test_the_time_is_the_strings_own_and_email_is_not_its_business() -> None:
    found = read_tcf(tcf_string(ALL, at=AT), vendor=None, legitimate_interest=False)
    assert found.decided_at == AT
    assert Purpose.EMAIL not in found.granted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no TCF"),
        ("hello world", "no TCF"),
        ("CPabc!", "no TCF"),
        ("A" * 20_000, "no TCF"),
        (tcf_string(ALL, at=AT, version=1), "version 1"),
        ("BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "version 1"),
    ],
)
def test_what_is_no_string_is_said(text: str, why: str) -> None:
    found = answer_of(text, Signals())
    assert isinstance(found, InvalidInput)
    assert why in found.message


@given(st.integers(1, 150))
def test_a_string_cut_short_is_never_a_yes(length: int) -> None:
    whole = tcf_string((), vendors=(3,), at=AT)
    found = answer_of(whole[:length], Signals())
    assert isinstance(found, InvalidInput)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for start in (b"", b"\x08"):
        text = base64.urlsafe_b64encode(start + content).decode().rstrip("=")
        assert answer_of(text, Signals()) is not None


def test_settings_are_checked() -> None:
    with pytest.raises(InvalidInput, match="vendor id"):
        Signals(tcf_vendor=0)
    rules = ConsentRules(categories={"Targeting": Purpose.ADVERTISING}, assume=(Purpose.EMAIL,))
    assert rules.signals == Signals(categories={"Targeting": Purpose.ADVERTISING})
    assert rules.purposes["Targeting"] == rules.purposes["advertising"] == Purpose.ADVERTISING
