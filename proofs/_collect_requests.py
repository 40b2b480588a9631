"""Requests by the thousand, right and wrong, each with the statuses that are right for it.

in   a seed
out  Asked: the bytes of a request and the statuses that may come back
"""

import base64
import gzip
import json
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from omnimix.testing.collector import WRITE_KEY, made_up

LIMIT = 500 << 10
CALLS = ("identify", "track", "page", "screen", "group", "alias")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request on a connection of its own. `kind` names what is wrong with it, if anything."""

    kind: str
    request: bytes
    right: frozenset[int]


def requests(count: int, *, seed: int) -> Iterator[Asked]:
    """So many requests of every kind in turn."""
    rng = random.Random(seed)
    kinds = list(_KINDS.items())
    for number in range(count):
        kind, make = kinds[number % len(kinds)]
        request, right = make(rng, number)
        yield Asked(kind, request, frozenset(right))


def send(port: int, asked: Asked, *, seconds: float = 10) -> int:
    """The status that came back; 0 when the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            connection.sendall(asked.request)
            if b" HTTP/1.1\r\n" not in asked.request:
                connection.shutdown(socket.SHUT_WR)  # nothing more comes: it need not wait for the end of a head
        except OSError:
            pass  # refused before all of it was sent: the answer is there all the same
        answer = b""
        try:
            while b"\r\n" not in answer and (piece := connection.recv(4096)):
                answer += piece
        except OSError:
            return 0
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


Made = tuple[bytes, set[int]]


def _http(
    body: bytes,
    *,
    method: str = "POST",
    path: str = "/v1/batch",
    key: str | None = WRITE_KEY,
    kind: str | None = "application/json",
    more: bytes = b"",
    length: bool = True,
) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    if key is not None:
        head += f"authorization: Basic {base64.b64encode(f'{key}:'.encode()).decode()}\r\n"
    if kind is not None:
        head += f"content-type: {kind}\r\n"
    if length:
        head += f"content-length: {len(body)}\r\n"
    return head.encode("latin-1") + more + b"\r\n" + body


def _batch(rng: random.Random, number: int, **more: object) -> bytes:
    events = made_up(rng.randint(1, 5), seed=number, source="f")
    return json.dumps({"batch": events, "sentAt": "2026-10-01T12:00:00Z", **more}).encode()


def _call(rng: random.Random, number: int) -> Made:
    (event,) = made_up(1, seed=number, source="c")
    name = rng.choice(CALLS)
    body = {**event, "type": name, "groupId": "g", "previousId": "old", "traits": {"plan": "free"}}
    return _http(json.dumps(body).encode(), path=f"/v1/{name}"), {200}


def _key_in_body(rng: random.Random, number: int) -> Made:
    return _http(_batch(rng, number, writeKey=WRITE_KEY), key=None, kind="text/plain;charset=UTF-8"), {200}


def _gzipped(rng: random.Random, number: int) -> Made:
    return _http(gzip.compress(_batch(rng, number)), more=b"content-encoding: gzip\r\n"), {200}


def _torn_gzip(rng: random.Random, number: int) -> Made:
    whole = gzip.compress(_batch(rng, number))
    torn = whole[: rng.randrange(0, len(whole) - 9)] if number % 2 else b"x" + whole
    return _http(torn, more=b"content-encoding: gzip\r\n"), {400}


def _bomb(_rng: random.Random, _number: int) -> Made:
    return _http(gzip.compress(b" " * (20 << 20), 9), more=b"content-encoding: gzip\r\n"), {413}


def _encoding(rng: random.Random, number: int) -> Made:
    name = rng.choice((b"br", b"deflate", b"zstd", b"gzip, gzip", b"?"))
    return _http(_batch(rng, number), more=b"content-encoding: " + name + b"\r\n"), {415}


def _media(rng: random.Random, number: int) -> Made:
    name = rng.choice(
        ("text/html", "application/xml", "multipart/form-data", "application/json; charset=utf-16", "?")
    )
    return _http(_batch(rng, number), kind=name), {415}


def _no_key(rng: random.Random, number: int) -> Made:
    return _http(_batch(rng, number), key=rng.choice((None, "", "wrong-key-of-nobody", "ключ"))), {401}


def _bad_basic(rng: random.Random, number: int) -> Made:
    value = rng.choice(
        (b"Basic", b"Basic %%%", b"Bearer abc", b"Basic " + b"/" * 4001, b"\xff\xfe", b"Basic //8=")
    )
    return _http(_batch(rng, number), key=None, more=b"authorization: " + value + b"\r\n"), {400, 401}


def _no_json(rng: random.Random, number: int) -> Made:
    body = rng.choice((b"", b"{", b"\xff\xfe", b"null", b"[]", b"1", b'"x"', b"{}", b'{"batch": {}}', b"[" * 5000))
    return _http(body + b" " * (number % 3)), {400}


def _many(_rng: random.Random, _number: int) -> Made:
    return _http(b'{"batch":[' + b",".join([b"{}"] * 2501) + b"]}"), {400}


def _mutated(rng: random.Random, number: int) -> Made:
    body = bytearray(_batch(rng, number))
    for _ in range(rng.randint(1, 12)):
        place = rng.randrange(len(body))
        if rng.random() < 0.3:
            del body[place : place + rng.randint(1, 20)]
        else:
            body[place] = rng.randrange(256)
    return _http(bytes(body)), {200, 400}


def _junk_events(rng: random.Random, number: int) -> Made:
    junk = [1, None, "x", [], {}, {"messageId": 5}, {"messageId": "\ud800"}, {"type": 7}, {"timestamp": "soon"}]
    junk += [{"userId": {"a": 1}, "type": "track", "event": ["x"], "sentAt": 1e308}, {"context": 3, "n": number}]
    junk += [{"type": "track", "event": "x", "properties": {"a": "y" * (40 << 10)}, "n": number}]
    return _http(json.dumps({"batch": rng.choices(junk, k=4), "context": rng.choice(junk)}).encode()), {200, 400}


def _nested(_rng: random.Random, number: int) -> Made:
    depth = 10 ** (number % 4 + 1)
    return _http(b'{"batch":[{"a":' + b"[" * depth + b"]" * depth + b"}]}"), {200, 400}


def _too_large(rng: random.Random, number: int) -> Made:
    body = b'{"batch":["' + b"x" * (LIMIT + rng.randrange(1, 200_000)) + b'"]}'
    if number % 2:
        return _http(body), {413}
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(p), p) for p in (body[i : i + 65_536] for i in range(0, len(body), 65_536))
    )
    return _http(chunks + b"0\r\n\r\n", more=b"transfer-encoding: chunked\r\n", length=False), {413}


def _method(rng: random.Random, _number: int) -> Made:
    return _http(b"", method=rng.choice(("GET", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"))), {405}


def _path(rng: random.Random, number: int) -> Made:
    path = rng.choice(
        ("/", "/v1", "/v1/", "/v1/batches", "/v2/batch", "/../etc/passwd", "/v1/track/%00", "/v1/Batch")
    )
    return _http(_batch(rng, number), path=path), {404}


def _length(rng: random.Random, number: int) -> Made:
    value = rng.choice((b"-1", b"abc", b"1e3", b"99999999999999999999999"))
    return _http(_batch(rng, number), length=False, more=b"content-length: " + value + b"\r\n"), {0, 400, 413}


def _headers(rng: random.Random, number: int) -> Made:
    more = b"user-agent: " + bytes(rng.choices(range(0x20, 0x7F), k=rng.randrange(2_000))) + b"\r\n"
    more += b"x-forwarded-for: " + rng.choice((b"1.2.3.4, x", b",,,", b"::1", b"\xe4")) + b"\r\nsec-gpc: 2\r\n"
    return _http(_batch(rng, number), more=more + b"referer: \xff\xfe\r\npurpose: \xc3\xa4\r\n"), {200, 400}


def _garbage(rng: random.Random, _number: int) -> Made:
    return rng.randbytes(rng.randrange(1, 3_000)), {0, 400}


_KINDS: dict[str, Callable[[random.Random, int], Made]] = {
    "a batch": lambda rng, number: (_http(_batch(rng, number)), {200}),
    "a call": _call,
    "key in the body, as sendBeacon sends it": _key_in_body,
    "gzip": _gzipped,
    "gzip torn": _torn_gzip,
    "gzip bomb": _bomb,
    "unknown encoding": _encoding,
    "unknown type": _media,
    "no key or a wrong one": _no_key,
    "broken authorization": _bad_basic,
    "no JSON, no call": _no_json,
    "too many events": _many,
    "bytes changed": _mutated,
    "events that are none": _junk_events,
    "nested deeply": _nested,
    "too large": _too_large,
    "wrong method": _method,
    "wrong path": _path,
    "broken length": _length,
    "strange headers": _headers,
    "no HTTP": _garbage,
}
