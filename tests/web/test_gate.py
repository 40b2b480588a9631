"""What stands before a body is read: keys, types, sizes, encodings, origins, addresses."""

import base64
import gzip
import ipaddress
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.data.live.call import MOST_BODY
from omnimix.web.answer import Refused
from omnimix.web.gate import (
    PATHS,
    WriteKeys,
    basic_key,
    check_length,
    check_type,
    client_address,
    origin_headers,
    plain,
)

PROXIES = [ipaddress.ip_network("10.0.0.0/8")]


def status(act: Callable[..., Any], *arguments: Any) -> int:
    try:
        act(*arguments)
    except Refused as refused:
        return refused.answer.status
    return 200


def test_every_path_of_the_specification() -> None:
    for call in ("identify", "track", "page", "screen", "group", "alias", "batch"):
        assert PATHS[f"/v1/{call}"] == call
    assert (PATHS["/v1/t"], PATHS["/v1/a"], PATHS["/v1/import"]) == ("track", "alias", "batch")


@given(st.text(max_size=20), st.text(max_size=20))
def test_only_the_right_key_opens(given_key: str, header: str) -> None:
    keys = WriteKeys({"web": "the-right-key"})
    assert keys.source("the-right-key") == "web"
    assert status(keys.source, given_key) in ((200,) if given_key == "the-right-key" else (401,))
    assert status(basic_key, header) in (200, 401)


def test_the_key_is_the_user_name_of_basic() -> None:
    coded = base64.b64encode(b"key:").decode()
    assert basic_key(f"Basic {coded}") == "key"
    assert basic_key(f"basic {coded}") == "key"
    assert basic_key(None) is None
    assert status(basic_key, f"Bearer {coded}") == 401


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (None, 200),
        ("application/json", 200),
        ("application/json; charset=UTF-8", 200),
        ("text/plain;charset=utf-8", 200),
        ("text/html", 415),
        ("application/json; charset=latin-1", 415),
    ],
)
def test_types(kind: str | None, wanted: int) -> None:
    assert status(check_type, kind) == wanted


def test_lengths() -> None:
    assert status(check_length, None) == 200
    assert status(check_length, str(MOST_BODY)) == 200
    assert status(check_length, str(MOST_BODY + 1)) == 413
    assert status(check_length, "-1") == 400


@given(st.binary(max_size=2_000))
def test_gzip_comes_back_and_anything_else_is_told(body: bytes) -> None:
    packed = gzip.compress(body)
    assert plain(packed, "gzip") == body
    assert plain(body, None) == body
    assert status(plain, packed[:-5], "gzip") == 400
    assert status(plain, b"no" + packed, "gzip") == 400
    assert status(plain, packed, "br") == 415


def test_a_bomb_is_not_unpacked() -> None:
    assert status(plain, gzip.compress(bytes(50 << 20)), "gzip") == 413
    assert len(plain(gzip.compress(bytes(MOST_BODY)), "gzip")) == MOST_BODY


def test_origins() -> None:
    assert origin_headers(None, ("https://shop.example",)) == ()
    assert dict(origin_headers("https://a.example", ("*",)))["access-control-allow-origin"] == "https://a.example"
    assert status(origin_headers, "https://evil.example", ("https://shop.example",)) == 403


@pytest.mark.parametrize(
    ("peer", "forwarded", "wanted"),
    [
        ("203.0.113.9:1234", None, "203.0.113.9"),
        ("203.0.113.9:1234", "1.2.3.4", "203.0.113.9"),  # nobody vouches for what it says
        ("10.0.0.1:1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1:1", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        ("10.0.0.1:1", "nonsense", "10.0.0.1"),
        ("[::1]:80", None, "::1"),
    ],
)
def test_the_clients_address(peer: str, forwarded: str | None, wanted: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == wanted
