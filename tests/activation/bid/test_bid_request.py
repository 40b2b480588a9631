"""What is a bid request, what is none, and what of an odd one is passed over."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.activation.bid.native import native_answer, read_native
from omnimix.activation.bid.request import read_request
from omnimix.activation.bid.validate import check_request
from omnimix.core.errors import InvalidInput

GOOD = {"id": "r", "imp": [{"id": "1", "banner": {"format": [{"w": 300, "h": 250}]}}], "site": {"page": "p"}}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def read(document: object) -> object:
    request = read_request(json.dumps(document).encode())
    check_request(request)
    return request


def changed(path: str, value: object) -> dict:
    document = json.loads(json.dumps(GOOD))
    *way, last = path.split(".")
    at = document
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
    at[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("imp", []),
        ("imp.0.id", ""),
        ("imp.0.banner", {"w": 300}),
        ("imp.0.banner.w", -1),
        ("imp.0.banner.format", [{}]),
        ("imp.0.banner.format", [{"w": 10, "h": 10, "wratio": -1}]),
        ("imp.0.bidfloor", -0.1),
        ("imp.0.video", {}),
        ("imp.0.audio", {"mimes": ["a/b"], "sequence": -1}),
        ("imp.0.metric", [{}]),
        ("imp.0.native", {}),
        ("imp.0.native", {"request": "{"}),
        ("imp.0.pmp", {"deals": [{"bidfloor": 1}]}),
        ("app", {}),
        ("regs.gdpr", 2),
        ("regs.ext", "malformed"),
        ("user.ext.consent", 2),
        ("device.geo.accuracy", -1),
        ("id", 5),
    ],
)
def test_what_the_specification_rules_out_is_refused(path: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        read(changed(path, value))


@given(extra=st.dictionaries(st.text(min_size=9, max_size=12), VALUES, max_size=3))
@settings(max_examples=25)
def test_unknown_fields_and_absent_values_change_nothing(extra: dict) -> None:
    document = changed("imp.0.banner.pos", 4711)
    nothing = dict.fromkeys(("app", "dooh", "device", "user", "regs", "cur", "bcat", "tmax"))
    odd = extra | document | nothing | {"ext": extra}
    odd["imp"] = [extra | document["imp"][0] | {"pmp": None, "exp": None}]
    assert read(odd) == read(document)


@given(body=st.binary(max_size=40) | VALUES.map(lambda v: json.dumps(v).encode()))
@settings(max_examples=80)
def test_anything_else_is_refused_and_nothing_breaks(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_request(body)


def test_two_impressions_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidInput, match="same id"):
        read(GOOD | {"imp": GOOD["imp"] * 2})


@pytest.mark.parametrize(
    "assets",
    [
        [{"id": 1, "title": {"len": 9}}, {"id": 1, "img": {}}],
        [{"id": 1, "title": {"len": 9}}, {"img": {}}],
        [{"id": 1, "title": {"len": 9}, "img": {}}],
        [{"id": 1, "data": {}}],
        [{"id": 1, "video": {"mimes": ["v"], "minduration": 1, "maxduration": 2}}],
        [],
    ],
)
def test_native_requests_that_contradict_themselves_are_refused(assets: list) -> None:
    with pytest.raises(InvalidInput):
        read_native(json.dumps({"assets": assets}))


def test_native_ads_answer_every_asset_they_can(creative) -> None:  # type: ignore[no-untyped-def]
    asked = {
        "ver": "1.2",
        "assets": [
            {"id": 7, "required": 1, "title": {"len": 90}},
            {"id": 8, "required": 1, "img": {"type": 3, "wmin": 300, "hmin": 250}},
            {"id": 9, "data": {"type": 1}},
            {"id": 10, "data": {"type": 555}},
        ],
        "eventtrackers": [{"event": 1, "methods": [1]}],
    }
    request = read_native(json.dumps(asked))
    ad = json.loads(
        native_answer(request, creative, ver=None, link="https://l", pixel="https://p", secure=True) or b""
    )
    assert [a["id"] for a in ad["assets"]] == [7, 8, 9]
    assert ad["assets"][1]["img"] == {"url": "https://cdn.example/a.png", "w": 300, "h": 250}
    assert ad["link"] == {"url": "https://l"}
    assert ad["eventtrackers"] == [{"event": 1, "method": 1, "url": "https://p"}]
    old = json.loads(
        native_answer(request, creative, ver="1.1", link="https://l", pixel="https://p", secure=True) or b""
    )
    assert old["native"]["imptrackers"] == ["https://p"]
    asked["assets"][0]["title"]["len"] = 3
    short = read_native(json.dumps(asked))
    assert native_answer(short, creative, ver=None, link="l", pixel="p", secure=True) is None
