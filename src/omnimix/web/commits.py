"""Group commit: requests that wait at the same time are put on disk together.

in   entries of concurrent requests
out  for each, once it is on disk, how many of its events were new

While one group is being flushed the next gathers; nobody waits for a timer.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from omnimix.store.inbox import Entry, Inbox

_MOST_IN_MEMORY = 64 << 20  # bytes of entries that wait for the disk
_LOOK_SECONDS = 0.25  # how old the measured size of the inbox may be


class Commits:
    """The one writer of a worker process. Call everything but `close` from its event loop."""

    def __init__(self, inbox: Inbox, *, bound: int) -> None:
        self._inbox, self._bound = inbox, bound
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._group: list[tuple[Entry, asyncio.Future[int]]] = []
        self._held = 0  # bytes in memory
        self._stored = 0  # bytes on disk, as last measured and since added
        self._looked = 0.0
        self._task: asyncio.Task[None] | None = None

    def is_full(self) -> bool:
        """Whether no more may be accepted until what waits is settled."""
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._stored, self._looked = self._inbox.waiting(), time.monotonic()
        return self._stored + self._held >= self._bound or self._held >= _MOST_IN_MEMORY

    def waiting(self) -> int:
        """Bytes that were acknowledged and are not settled, as last measured."""
        self.is_full()
        return self._stored

    async def put(self, entry: Entry) -> int:
        """How many of the entry's events were new; they are on disk now. Raises OSError when the disk refuses."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()
        self._group.append((entry, done))
        self._held += len(entry.sealed)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._flush(loop))
        return await done

    async def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._group:
            group, self._group = self._group, []
            entries = [entry for entry, _ in group]
            size = sum(len(entry.sealed) for entry in entries)
            try:
                fresh = await loop.run_in_executor(self._thread, self._inbox.put, entries)
                self._stored += size
                for (_, done), count in zip(group, fresh, strict=True):
                    if not done.done():
                        done.set_result(count)
            except Exception as error:  # whatever it is, every request of the group gets to know it
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
            finally:
                self._held -= size

    def close(self) -> None:
        """Finish what is being flushed and let the inbox go."""
        self._thread.shutdown(wait=True)
        self._inbox.close()
