"""Processes beside the workers: started and stopped with the server, started again when they end by themselves.

in   for each a name and what it runs
out  processes
"""

import multiprocessing
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from typing import Any

import structlog

log = structlog.get_logger("omnimix.serve")
_PAUSE_SECONDS = 2.0  # before a process that ended is started again
_STOP_SECONDS = 60.0  # for what it is doing when it is told to stop


class Beside:
    """The processes of one server, watched by a thread."""

    def __init__(self, targets: Mapping[str, Callable[[], None]]) -> None:
        self._targets = dict(targets)
        self._processes: dict[str, Any] = {}
        self._ended = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Start them all."""
        for name in self._targets:
            self._begin(name)
        if self._targets:
            self._watching.start()

    def _begin(self, name: str) -> None:
        process = multiprocessing.Process(target=self._targets[name], name=f"omnimix-{name}", daemon=True)
        process.start()
        self._processes[name] = process

    def _watch(self) -> None:
        while not self._ended.is_set():
            wait([p.sentinel for p in self._processes.values()], timeout=1)
            for name, process in list(self._processes.items()):
                if process.is_alive() or self._ended.is_set():
                    continue
                log.error(
                    "a process beside the workers ended; it is started again", name=name, code=process.exitcode
                )
                if not self._ended.wait(_PAUSE_SECONDS):
                    self._begin(name)

    def stop(self) -> None:
        """Tell them to stop, and wait until they have; what does not is killed."""
        self._ended.set()
        if self._watching.is_alive():
            self._watching.join()
        for process in self._processes.values():
            if process.is_alive():
                process.terminate()
        for process in self._processes.values():
            process.join(_STOP_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
