"""Tokens: what was signed is read again, and nothing else is."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.decide.token import KINDS, Tokens
from omnimix.core.errors import NotAllowed
from omnimix.governance.keys import WorkspaceKey

KEY = WorkspaceKey(bytes(range(32)))
TOKENS = Tokens(KEY)
MINUTE = 60_000_000
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=150)
HEX = st.text("0123456789abcdef", min_size=20, max_size=20)
IDS = st.one_of(TEXT, HEX, HEX.map("dec_".__add__), HEX.map("pf_".__add__), st.just("user:" + "ab" * 16))
SAID = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "decision_id": IDS,
        "variant_id": IDS,
        "campaign": IDS,
        "person": IDS,
        "expires_us": st.integers(0, 1 << 51).map(lambda m: m // MINUTE * MINUTE),
        "bound": TEXT,
    }
)
USUAL: dict[str, Any] = {
    "kind": "click",
    "decision_id": "dec_" + "0a" * 10,
    "variant_id": "gift-buyers-proof-1a2b3c4d",
    "campaign": "spring-sale",
    "person": "pf_" + "ff" * 10,
    "expires_us": 1_800_000_000_000_000,
    "bound": "https://shop.example/sale",
}


def refused(text: str, *, tokens: Tokens = TOKENS, bound: str = str(USUAL["bound"])) -> bool:
    try:
        tokens.read(text, bound=bound)
    except NotAllowed:
        return True
    return False


@given(SAID)
def test_what_was_signed_is_read_again(said: dict[str, Any]) -> None:
    token = TOKENS.read(TOKENS.signed(**said), bound=said["bound"])
    assert {name: getattr(token, name) for name in said if name != "bound"} | {"bound": said["bound"]} == said
    assert token.lapsed(said["expires_us"])
    assert not token.lapsed(said["expires_us"] - 1)


@given(said=SAID, place=st.integers(0, 10_000), character=st.sampled_from("AZaz09-_=+/. \n"))
def test_no_change_is_accepted(said: dict[str, Any], place: int, character: str) -> None:
    text = TOKENS.signed(**said)
    place %= len(text)
    for changed in (
        text[:place] + character + text[place + 1 :],
        text[:place] + character + text[place:],
        text[:place],
    ):
        assert changed == text or refused(changed, bound=said["bound"])


@given(one=SAID, other=SAID)
def test_halves_of_two_tokens_make_none(one: dict[str, Any], other: dict[str, Any]) -> None:
    a, b = TOKENS.signed(**one), TOKENS.signed(**other)
    mixed = a[: len(a) // 2] + b[len(a) // 2 :]
    assert mixed in (a, b) or refused(mixed, bound=one["bound"])


@given(
    st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda b: base64.urlsafe_b64encode(b).decode()))
)
def test_made_up_texts_are_no_tokens(text: str) -> None:
    assert refused(text)


@given(TEXT)
def test_a_link_leads_nowhere_else(url: str) -> None:
    text = TOKENS.signed(**USUAL)
    assert refused(text, bound=url) == (url != USUAL["bound"])


def test_another_workspace_and_another_kind_of_key() -> None:
    text = TOKENS.signed(**USUAL)
    assert refused(text, tokens=Tokens(WorkspaceKey(bytes(32))))
    assert refused(text, tokens=Tokens(KEY, (2,)))


def test_keys_turn() -> None:
    old, turned = TOKENS.signed(**USUAL), Tokens(KEY, (1, 2))
    assert turned.read(old, bound=USUAL["bound"]).campaign == "spring-sale"
    new = turned.signed(**USUAL)
    assert refused(new)  # whoever does not know the second key yet
    assert not refused(new, tokens=Tokens(KEY, (2,)))


@pytest.mark.parametrize("kind", KINDS)
def test_short_and_telling_nothing(kind: str) -> None:
    text = TOKENS.signed(**USUAL | {"kind": kind})
    assert len(text) <= 120
    raw = base64.urlsafe_b64decode(text + "==")
    assert b"spring" not in raw
    assert bytes.fromhex("0a" * 10) not in raw
    assert bytes.fromhex("ff" * 10) not in raw
