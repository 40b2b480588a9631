"""The edge: the Segment HTTP API as an RSGI application (granian's interface).

in   requests
out  200 once every event of the request is on disk and known by its id; else the status that says what is wrong

| path | what it does |
|---|---|
| POST /v1/{identify,track,page,screen,group,alias,batch} | collect (also /v1/import, one-letter paths) |
| GET /omnimix.js | the browser snippet |
| GET /health, /ready | alive; able to accept |

Nothing of a request is logged but its status.
"""

import asyncio
import gc
import ipaddress
import os
import signal
import traceback
from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import structlog

from omnimix.core.clock import Clock
from omnimix.core.errors import InvalidInput
from omnimix.data.live.call import MOST_BODY, Envelope, Sender, packed, read_call
from omnimix.data.live.spec import Collect
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Entry, Inbox
from omnimix.web.answer import ACCEPTED, Answer, Headers, Refused, told
from omnimix.web.commits import Commits
from omnimix.web.gate import (
    PATHS,
    WriteKeys,
    basic_key,
    check_length,
    check_type,
    client_address,
    origin_headers,
    plain,
    preflight_headers,
    too_large,
)
from omnimix.web.snippet import snippet

_READ_SECONDS = 30  # a body that comes more slowly is not waited for
_DRAIN = 8 << 20  # bytes of a body that is too large that are read, so that its sender sees the answer
_RETRY_SECONDS = 10
_LONGEST_AGENT = 512
_CACHE = (("cache-control", "public, max-age=3600"), ("access-control-allow-origin", "*"))

log = structlog.get_logger("omnimix.collect")


@dataclass(frozen=True, slots=True)
class Desk:
    """What the edge works with. `secret` keys the ids of events that have none."""

    rules: Collect
    inbox: Inbox
    seal: Seal
    secret: bytes
    clock: Clock


class Edge:
    """The application of one worker process."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._keys = WriteKeys(desk.rules.write_keys)
        self._trusted = [ipaddress.ip_network(n, strict=False) for n in desk.rules.trusted_proxies]
        self._commits = Commits(desk.inbox, bound=desk.rules.waiting_mb << 20)
        self.statuses: Counter[int] = Counter()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        gc.freeze()  # what is loaded by now stays: it need not be looked through again and again
        loop.call_later(1, self._watch, loop, os.getppid())

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        self._commits.close()
        log.info("worker stopped", answered={str(s): n for s, n in sorted(self.statuses.items())})

    def _watch(self, loop: asyncio.AbstractEventLoop, parent: int) -> None:
        """A worker whose parent was killed must not keep the port."""
        if os.getppid() != parent:
            signal.raise_signal(signal.SIGTERM)
        loop.call_later(1, self._watch, loop, parent)

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close(1003)
            return
        try:
            answer = await self._answer(scope, protocol)
        except Refused as refused:
            answer = refused.answer
        except OSError as error:
            log.error("the inbox cannot be written", error=type(error).__name__, number=error.errno)
            answer = _later("the collector's disk refuses; nothing was accepted")
        except Exception as error:  # a fault of ours: the sender keeps its events and tries again
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("a fault in the edge", error=type(error).__name__, at=f"{place.filename}:{place.lineno}")
            answer = _later("try again later; nothing was accepted")
        self.statuses[answer.status] += 1
        body = b"" if scope.method == "HEAD" else answer.body
        protocol.response_bytes(answer.status, list(answer.headers), body)

    async def _answer(self, scope: Any, protocol: Any) -> Answer:
        call = PATHS.get(scope.path)
        if call is None:
            return self._other(scope)
        headers = scope.headers
        if scope.method == "OPTIONS":
            return Answer(204, headers=preflight_headers(headers.get("origin"), self._desk.rules.origins))
        if scope.method != "POST":
            raise Refused(405, "events are sent with POST", ("allow", "POST, OPTIONS"))
        cors: Headers = ()
        try:
            cors = origin_headers(headers.get("origin"), self._desk.rules.origins)
            return (await self._collect(call, scope, headers, protocol)).with_headers(cors)
        except Refused as refused:
            return refused.answer.with_headers(cors)

    def _other(self, scope: Any) -> Answer:
        if scope.path not in ("/health", "/ready", "/omnimix.js"):
            raise Refused(404, "there is nothing here: events go to /v1/batch")
        if scope.method not in ("GET", "HEAD"):
            raise Refused(405, "this is read with GET", ("allow", "GET, HEAD"))
        if scope.path == "/omnimix.js":
            return Answer(200, snippet(), (("content-type", "text/javascript; charset=utf-8"), *_CACHE))
        if scope.path == "/ready" and self._commits.is_full():
            return _later("the inbox is full")
        return told(200, status="ok")

    async def _collect(self, call: str, scope: Any, headers: Any, protocol: Any) -> Answer:
        key = basic_key(headers.get("authorization"))
        source = self._keys.source(key) if key is not None else None
        try:
            check_length(headers.get("content-length"))
            check_type(headers.get("content-type"))
        except Refused:
            await _drain(protocol)
            raise
        body = plain(await _read(protocol), headers.get("content-encoding"))
        try:
            found = read_call(call, body, secret=self._desk.secret)
        except InvalidInput as error:
            raise Refused(400, error.message) from None
        source = source or self._keys.source(found.write_key)
        if not found.keys:
            return ACCEPTED
        if self._commits.is_full():
            raise Refused(
                429, "too much waits to be settled: try again later", ("retry-after", str(_RETRY_SECONDS))
            )
        envelope = Envelope(_now_us(self._desk.clock), source, call, self._sender(scope, headers), found.ids, body)
        await self._commits.put(Entry(found.keys, self._desk.seal.close(packed(envelope))))
        return ACCEPTED

    def _sender(self, scope: Any, headers: Any) -> Sender:
        agent = headers.get("user-agent")
        return Sender(
            user_agent=agent[:_LONGEST_AGENT] if agent else None,
            address=client_address(scope.client, headers.get("x-forwarded-for"), self._trusted),
            gpc=headers.get("sec-gpc") == "1",
            purpose=(headers.get("sec-purpose") or headers.get("purpose") or "")[:_LONGEST_AGENT] or None,
        )


def _now_us(clock: Clock) -> int:
    return int(clock().replace(tzinfo=UTC).timestamp() * 1e6)


def _later(why: str) -> Answer:
    return Refused(503, why, ("retry-after", str(_RETRY_SECONDS))).answer


async def _read(protocol: Any) -> bytes:
    """The body, as long as it is not too large. Raises Refused (413, 408)."""
    pieces, size = [], 0
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for piece in protocol:
                size += len(piece)
                if size > MOST_BODY:
                    raise too_large()
                pieces.append(piece)
    except TimeoutError:
        raise Refused(408, "the body did not come in time") from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def _drain(protocol: Any) -> None:
    size = 0
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for piece in protocol:
                size += len(piece)
                if size > _DRAIN:
                    return
    except TimeoutError:
        return
