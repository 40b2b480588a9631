"""Who may be recognised: every objection counts, and what cannot be read is one."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.bid.gpp import opted_out, sections, us_privacy_opt_out
from omnimix.activation.bid.privacy import Leave, leave_of
from omnimix.activation.bid.request import read_request
from omnimix.activation.bid.spec import BidRules
from omnimix.core.errors import InvalidInput
from omnimix.governance.consent.signals import Signals

FIBONACCI = [1, 2, 3, 5, 8, 13, 21, 34]


def fibonacci(number: int) -> str:
    """The code word, by the specification's own recipe."""
    bits, rest = ["0"] * len(FIBONACCI), number
    for place in reversed(range(len(FIBONACCI))):
        if FIBONACCI[place] <= rest:
            rest -= FIBONACCI[place]
            bits[place] = "1"
    return "".join(bits).rstrip("0") + "1"


def sixes(bits: str) -> str:
    bits += "0" * (-len(bits) % 6)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(alphabet[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))


def header(ids: list[int]) -> str:
    items, last = "", 0
    for section in ids:
        items += "0" + fibonacci(section - last)
        last = section
    return sixes("000011" + "000001" + f"{len(ids):012b}" + items)


def us(answers: list[int]) -> str:
    return sixes("000001" + "".join(f"{a:02b}" for a in answers))


def leave(regs: dict | None = None, user: dict | None = None, device: dict | None = None, **rules: str) -> Leave:
    document = {"id": "r", "imp": [{"id": "1", "banner": {}}], "regs": regs, "user": user, "device": device}
    return leave_of(read_request(json.dumps(document).encode()), BidRules(**rules), Signals())


def test_headers_of_the_specification() -> None:
    assert sections("DBABM~x") == {2: "x"}
    assert sections("DBACNY~x~1YNN") == {2: "x", 6: "1YNN"}
    assert sections("DBABjw~x~y") == {5: "x", 6: "y"}
    with pytest.raises(InvalidInput):
        sections("DBACNY~x")


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6, unique=True).map(sorted))
@settings(max_examples=25)
def test_headers_are_read_back(ids: list[int]) -> None:
    text = "~".join([header(ids), *[str(i) for i in ids]])
    assert sections(text) == {i: str(i) for i in ids}


@pytest.mark.parametrize(("section", "places"), [(7, (6, 7, 8)), (8, (3, 4)), (9, (3, 4)), (11, (4, 5))])
def test_each_answer_of_the_united_states_counts(section: int, places: tuple[int, ...]) -> None:
    free = [2] * 24
    assert not opted_out(f"{header([section])}~{us(free)}", (section,))
    for place in places:
        said = [*free]
        said[place] = 1
        assert opted_out(f"{header([section])}~{us(said)}", (section,))
    assert opted_out(f"{header([section])}~{us(free)}.{sixes('011')}", (section,))  # Global Privacy Control
    assert not opted_out(f"{header([section])}~{us(free)}.{sixes('010')}", (section,))
    assert opted_out(f"{header([section])}~{us(free)[:2]}", (section,))  # cut short


@given(st.text(max_size=30) | st.binary(max_size=20).map(lambda b: base64.urlsafe_b64encode(b).decode()))
@settings(max_examples=80)
def test_what_cannot_be_read_is_an_objection(text: str) -> None:
    assert opted_out(text, (7,))
    assert not opted_out(text, (2,))


def test_us_privacy() -> None:
    assert not us_privacy_opt_out("1YNN")
    assert not us_privacy_opt_out("1---")
    assert us_privacy_opt_out("1YYN")
    assert us_privacy_opt_out("${malformed}")


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"regs": {"coppa": 1}}, "coppa"),
        ({"device": {"lmt": 1}}, "do not track"),
        ({"device": {"dnt": 1}}, "do not track"),
        ({"regs": {"ext": {"gpc": "1"}}}, "global privacy control"),
        ({"regs": {"us_privacy": "1YYN"}}, "us privacy"),
        ({"regs": {"ext": {"us_privacy": "nonsense"}}}, "us privacy"),
        ({"regs": {"gpp": f"{header([7])}~{us([1] * 24)}", "gpp_sid": [7]}}, "gpp"),
        ({"regs": {"gpp": "x", "gpp_sid": [21]}}, "gpp"),
        ({"regs": {"gdpr": 1}}, "gdpr"),
        ({"regs": {"ext": {"gdpr": 1}}, "user": {"ext": {"consent": "gdpr-consent-string"}}}, "gdpr"),
        ({"device": {"geo": {"country": "DEU"}}}, "gdpr"),
        ({"device": {"geo": {"country": "gb"}}}, "gdpr"),
        ({"user": {"consent": "nonsense"}}, "gdpr"),
    ],
)
def test_every_objection_withholds_the_person(part: dict, why: str) -> None:
    assert leave(**part) == Leave(person=False, bid=False, why=why)
    assert leave(**part, without_consent="contextual") == Leave(person=False, bid=True, why=why)


def test_without_objection_everything_may_be_used() -> None:
    assert leave() == Leave(person=True, bid=True)
    assert leave(regs={"gdpr": 0, "us_privacy": "1YNN"}, device={"geo": {"country": "USA"}}).person
    assert leave(regs={"gdpr": 0}, device={"geo": {"country": "DEU"}}).person
