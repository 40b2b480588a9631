"""The edge: the endpoints of one worker process as an RSGI application (granian's interface).

in   requests
out  answers; each counted by path, status and time

Whatever goes wrong becomes a status here. Nothing of a request is logged but its path's name and its status.
"""

import asyncio
import gc
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from omnimix.core.errors import OmnimixError
from omnimix.settings import Settings
from omnimix.web.answer import Answer, Refused
from omnimix.web.desk import RETRY_SECONDS, Desk
from omnimix.web.endpoint import Endpoint, Route
from omnimix.web.operations import Operations

log = structlog.get_logger("omnimix.edge")
_COLLECT = (20_000, 20, 50)  # requests leave few cycles behind: they need not be looked for after every tenth
_WATCH_SECONDS, _STOPS_SECONDS = 1.0, 0.25


class Edge:
    """The application. `make` makes the endpoints of a Desk; `read` reads the settings anew."""

    def __init__(
        self, desk: Desk, make: Callable[[Desk], Sequence[Endpoint]], read: Callable[[], Settings]
    ) -> None:
        self._make, self._read = make, read
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way = 0
        self._routes: dict[str, Route]
        self._install(desk)

    def _install(self, desk: Desk) -> None:
        endpoints = tuple(self._make(desk))
        endpoints = (*endpoints, Operations(desk, endpoints))
        if self._loop is not None:
            for endpoint in endpoints:
                endpoint.begin(self._loop)
        nowhere = Endpoint(desk)
        self._routes = {}
        for endpoint in endpoints:
            endpoint.routes = {path: _route(endpoint, path, desk) for path in endpoint.paths}
            self._routes |= endpoint.routes
        self._nowhere = _route(nowhere, "other", desk)
        self._desk, self._endpoints, self._most = desk, endpoints, desk.serve.waiting

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        for endpoint in self._endpoints:
            endpoint.begin(loop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.call_later(_WATCH_SECONDS, self._watch, loop, os.getppid())
        loop.call_later(_STOPS_SECONDS, self._renew_stops, loop)
        gc.collect()
        gc.set_threshold(*_COLLECT)
        gc.freeze()  # what is loaded by now stays: it need not be looked through again and again

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        for endpoint in self._endpoints:
            endpoint.close()
        self._desk.commits.close()
        self._desk.decider.close()
        self._desk.online.close()
        self._desk.tally.close()

    def _watch(self, loop: asyncio.AbstractEventLoop, parent: int) -> None:
        """A worker whose parent was killed must not keep the port."""
        if os.getppid() != parent:
            signal.raise_signal(signal.SIGTERM)
        loop.call_later(_WATCH_SECONDS, self._watch, loop, parent)

    def _renew_stops(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read what is stopped, in a thread. While the store is away, what was stopped stays so."""

        def done(found: "asyncio.Future[None]") -> None:
            if error := found.exception():
                log.error("what is stopped cannot be read", error=type(error).__name__)
            loop.call_later(_STOPS_SECONDS, self._renew_stops, loop)

        loop.run_in_executor(None, self._desk.stops.renew).add_done_callback(done)

    def _reload(self) -> None:
        """Read the settings anew, in a thread; requests meanwhile and after are answered without a pause."""
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, self._read).add_done_callback(self._reloaded)

    def _reloaded(self, found: "asyncio.Future[Settings]") -> None:
        before = self._endpoints
        try:
            self._install(replace(self._desk, settings=found.result()))
        except OmnimixError as error:
            log.error("the rules stay as they were: the new ones have faults", why=str(error))
            return
        for endpoint in before:
            endpoint.close()
        log.info("rules read anew")

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close(1003)
            return
        started = time.perf_counter_ns()
        path = scope.path
        route = self._routes.get(path)
        if route is None:
            route = self._routes.get(path[: path.find("/", 1) + 1], self._nowhere)
        self._under_way += 1
        try:
            answer = await self._answer(route, scope, protocol)
        finally:
            self._under_way -= 1
        if answer is None:
            return
        body = b"" if scope.method == "HEAD" else answer.body
        protocol.response_bytes(answer.status, list(answer.headers), body)
        route.done(answer.status, started)

    async def _answer(self, route: Route, scope: Any, protocol: Any) -> Answer | None:
        if route is self._nowhere:
            return Refused(404, "there is nothing here: events go to /v1/batch").answer
        if self._under_way > self._most and route.endpoint.limited:
            return Refused(429, "too many requests at once: try again", ("retry-after", "1")).answer
        try:
            return await route.endpoint.answer(scope, protocol)
        except Refused as refused:
            return refused.answer
        except OSError as error:  # TimeoutError is one
            log.error("the disk does not take what came", error=type(error).__name__, number=error.errno)
            return _later("the collector's disk refuses; nothing was accepted")
        except Exception as error:  # a fault of ours: the sender keeps its events and tries again
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("a fault in the edge", error=type(error).__name__, at=f"{place.filename}:{place.lineno}")
            return _later("try again later; nothing was accepted")


def _route(endpoint: Endpoint, name: str, desk: Desk) -> Route:
    return Route(endpoint, name, desk.tally, desk.tally.histogram("request", path=name))


def _later(why: str) -> Answer:
    return Refused(503, why, ("retry-after", str(RETRY_SECONDS))).answer
