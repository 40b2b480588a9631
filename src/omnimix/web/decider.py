"""The decider of a worker process: requests that wait at the same time are decided in one turn of the store.

in   requests read and named
out  what was decided, once it is in the journal

It looks for a new release four times a second and changes over between two turns. What a
turn wrote survives the end of the process; a thread brings it to disk each second.
"""

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path

import structlog

from omnimix.activation.decide.decide import DICE, Made
from omnimix.activation.decide.purse import Purse
from omnimix.activation.decide.release import current, load
from omnimix.activation.decide.serving import Serving, serving
from omnimix.activation.decide.turn import Named, take_turn
from omnimix.core.clock import Clock
from omnimix.core.errors import OmnimixError
from omnimix.store.online import OnlineStore

log = structlog.get_logger("omnimix.decide")
_LOOK_SECONDS = 0.25  # for a release; leases are renewed as often
_FLUSH_SECONDS = 1.0
_MOST = 200  # requests of one turn: the loop is not held for longer


class _Group:
    """Requests that wait for the same turn."""

    __slots__ = ("done", "made", "named")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.named: list[Named] = []
        self.made: list[list[Made]] = []
        self.done: asyncio.Future[None] = loop.create_future()


class Decider:
    """Holds the release that is served. Call it from the worker's event loop alone."""

    def __init__(
        self, store: OnlineStore, releases: Path, stopped: Callable[[], frozenset[str]], clock: Clock
    ) -> None:
        self.store, self._releases, self._stopped, self._clock = store, releases, stopped, clock
        self.serving: Serving | None = None
        self.purse: Purse | None = None
        self.trouble: str | None = None
        self._group: _Group | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decide")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushed = time.monotonic()
        self._loading = False
        self._closed = False

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Load the current release and keep looking for the next. A second call changes nothing."""
        if self._loop is not None:
            return
        self._loop = loop
        try:
            self._adopt(self._newer())
        except OmnimixError as error:
            self.trouble = error.message
            log.error("the release cannot be served", why=str(error))
        self._look()

    def _now_us(self) -> int:
        return int(self._clock().replace(tzinfo=UTC).timestamp() * 1e6)

    def _newer(self) -> Serving | None:
        """The current release made ready, if it is another than the one served."""
        found = current(self._releases)
        if found is None or (self.serving is not None and self.serving.release.release_id == found):
            return None
        return serving(load(self._releases, found))

    def _adopt(self, found: Serving | None) -> None:
        if found is None:
            return
        self.serving, self.trouble = found, None
        paces = found.paces()
        if self.purse is not None:
            self.purse.adopt(paces)
        elif paces:
            self.purse = Purse(self.store, f"{os.getpid()}.{secrets.token_hex(6)}", paces)
        log.info("release", release=found.release.release_id)

    def _look(self) -> None:
        if self._closed or self._loop is None:
            return
        try:
            if self.purse is not None:
                self.purse.renew(self._now_us())
            served = self.serving.release.release_id if self.serving else None
            if not self._loading and current(self._releases) not in (None, served):
                self._loading = True
                self._loop.run_in_executor(self._thread, self._newer).add_done_callback(self._loaded)
            if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
                self._flushed = time.monotonic()
                self._loop.run_in_executor(self._thread, self.store.flush)
        except OmnimixError as error:
            self.trouble = error.message
            log.error("the online state does not answer", why=str(error))
        self._loop.call_later(_LOOK_SECONDS, self._look)

    def _loaded(self, found: "asyncio.Future[Serving | None]") -> None:
        self._loading = False
        try:
            self._adopt(found.result())
        except OmnimixError as error:
            log.error("the release cannot be served; the one before goes on", why=str(error))

    async def decide(self, named: Named) -> list[Made]:
        """What a request is to be shown; it is in the journal by then. Raises Unavailable."""
        group = self._group
        if group is None or len(group.named) >= _MOST:
            loop = asyncio.get_running_loop()
            group = self._group = _Group(loop)
            loop.call_soon(self._run, group)
        place = len(group.named)
        group.named.append(named)
        await group.done
        return group.made[place]

    def _run(self, group: _Group) -> None:
        if self._group is group:
            self._group = None
        found = self.serving
        if found is None:
            group.done.cancel()
            return
        try:
            slots = sum([n.request.slots or found.placements[n.placement].slots for n in group.named])
            group.made = take_turn(
                self.store,
                found,
                group.named,
                now_us=self._now_us(),
                dice=os.urandom(DICE * slots),
                stopped=self._stopped(),
                purse=self.purse,
            )
            group.done.set_result(None)
        except Exception as error:  # whatever it is, every request of the group gets to know it
            group.done.set_exception(error)

    def close(self) -> None:
        """Give back leases and bring everything to disk."""
        self._closed = True
        if self.purse is not None:
            self.purse.close(self._now_us())
        self._thread.shutdown(wait=True)
        self.store.flush()
