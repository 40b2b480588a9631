"""Bodies that come in time: one timer for all requests, where `asyncio.timeout` needs one for each.

in   granian's protocol, the seconds a body may take
out  the body; TimeoutError, up to LOOK_SECONDS late
"""

import asyncio
import time
from typing import Any

LOOK_SECONDS = 1.0

_until: dict["asyncio.Task[Any]", float] = {}  # request that reads → when it has read for too long
_late: set["asyncio.Task[Any]"] = set()
_looking: set[asyncio.AbstractEventLoop] = set()


async def whole_body(protocol: Any, seconds: float) -> bytes:
    """The body, whose length was told and is not too large. Raises TimeoutError."""
    task = asyncio.current_task()
    if task is None:
        async with asyncio.timeout(seconds):
            return bytes(await protocol())
    _until[task] = time.monotonic() + seconds
    if not _looking:
        _look(asyncio.get_running_loop())
    try:
        return bytes(await protocol())
    except asyncio.CancelledError:
        if task not in _late:
            raise
        _late.discard(task)
        task.uncancel()
        raise TimeoutError from None
    finally:
        del _until[task]


def _look(loop: asyncio.AbstractEventLoop) -> None:
    """End what has waited for too long; look again while anybody waits."""
    now = time.monotonic()
    for task, until in list(_until.items()):
        if until < now and task not in _late:
            _late.add(task)
            task.cancel()
    if _until:
        _looking.add(loop)
        loop.call_later(LOOK_SECONDS, _look, loop)
    else:
        _looking.discard(loop)
