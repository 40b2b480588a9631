"""Endpoints: one object answers one group of paths; the edge puts them together.

in   requests as granian's RSGI gives them
out  Answers, or Refused

An endpoint subclasses Endpoint, names its paths, and is listed in `web.server.endpoints_of`. What all of them need
stands here: the body within limits, and what CORS wants.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omnimix.web.answer import Answer, Headers, Refused
from omnimix.web.bodies import whole_body
from omnimix.web.desk import Desk
from omnimix.web.gate import check_length, check_type, origin_headers, plain, preflight_headers, too_large
from omnimix.web.tally import Counter, Histogram, Tally

_DRAIN = 8 << 20  # bytes of a body that is too large that are read, so that its sender sees the answer
Gauge = tuple[str, str, float]  # name without prefix, help, value


class Endpoint:
    """Answers requests to its `paths`; one that ends in `/` stands for all that begin with it.

    A new one is made of the Desk when rules are read anew; the one before answers what it has begun.
    """

    paths: Sequence[str] = ()
    routes: Mapping[str, "Route"] = {}  # by path; the edge fills it in
    limited = True  # refused with 429 while the worker has too many requests under way

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def answer(self, scope: Any, protocol: Any) -> Answer | None:
        """The answer to a request; None where the endpoint answers by itself, and then tells its Route.

        Raises Refused.
        """
        raise NotImplementedError

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called once in the worker, before any request."""

    def close(self) -> None:
        """Called once when the worker ends or newer rules took over."""

    def trouble(self) -> str | None:
        """Why it cannot do its work now, for /ready; None where it can."""
        return None

    def gauges(self) -> Iterable[Gauge]:
        """What /metrics tells besides tallies; worked out when it is asked for."""
        return ()


@dataclass(slots=True)
class Route:
    """One path: who answers, and what is counted."""

    endpoint: Endpoint
    name: str
    tally: Tally
    took: Histogram
    statuses: dict[int, Counter] = field(default_factory=dict)

    def done(self, status: int, started_ns: int) -> None:
        """Count an answer to a request that came at `started_ns` (time.perf_counter_ns)."""
        counter = self.statuses.get(status)
        if counter is None:
            counter = self.tally.counter("requests", path=self.name, status=str(status))
            self.statuses[status] = counter
        counter.add()
        self.took.took(time.perf_counter_ns() - started_ns)


async def body_of(headers: Any, protocol: Any, *, most: int, seconds: float) -> bytes:
    """A JSON body, unpacked, of at most `most` bytes. Raises Refused (400, 408, 413, 415)."""
    length = headers.get("content-length")
    try:
        check_length(length, most)
        check_type(headers.get("content-type"))
    except Refused:
        await drain(protocol, seconds=seconds)
        raise
    if length is None:
        body = await read(protocol, most=most, seconds=seconds)
    else:
        try:
            body = await whole_body(protocol, seconds)
        except TimeoutError:
            raise _too_slow() from None
    encoding = headers.get("content-encoding")
    return plain(body, encoding, most) if encoding else body


async def read(protocol: Any, *, most: int, seconds: float) -> bytes:
    """The body as it came, of a length that was not told. Raises Refused (413, 408)."""
    try:
        async with asyncio.timeout(seconds):
            pieces, size = [], 0
            async for piece in protocol:
                size += len(piece)
                if size > most:
                    raise too_large(most)
                pieces.append(piece)
    except TimeoutError:
        raise _too_slow() from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_slow() -> Refused:
    return Refused(408, "the body did not come in time")


async def drain(protocol: Any, *, seconds: float) -> None:
    """Read and forget a body, so that its sender, once done, sees the answer."""
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for piece in protocol:
                size += len(piece)
                if size > _DRAIN:
                    return
    except TimeoutError:
        return


def cors_of(scope: Any, desk: Desk) -> Headers:
    """CORS headers of a browser's request. Raises Refused (403) for a site that may not send."""
    return origin_headers(scope.headers.get("origin"), desk.collect.origins)


def preflight(scope: Any, desk: Desk) -> Answer:
    """The answer to OPTIONS. Raises Refused (403)."""
    return Answer(204, headers=preflight_headers(scope.headers.get("origin"), desk.collect.origins))
