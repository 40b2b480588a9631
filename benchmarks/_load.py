"""Load over HTTP from one process: the next request as soon as one is answered, or requests due at even intervals.

in   a port, a function that makes the n-th request's bytes
out  how many were answered, how many not with 200, seconds; how long each took from the moment it was due
"""

import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import get_context

HEAD = "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n{more}\r\n"
Make = Callable[[int], bytes]


@dataclass
class Took:
    """What came of a load."""

    answered: int = 0
    refused: int = 0
    seconds: float = 0.0
    times: list[float] = field(default_factory=list)  # seconds from when a request was due; of paced loads

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


def request(path: str, body: bytes, *, key: str = "") -> bytes:
    """A request as it goes over the wire. `key`: the value of an authorization header."""
    more = f"authorization: {key}\r\n" if key else ""
    return HEAD.format(path=path, size=len(body), more=more).encode() + body


def cores() -> tuple[set[int], set[int]]:
    """One core for the server, the others for the load; the same one where there is only one."""
    there = sorted(os.sched_getaffinity(0))
    return {there[0]}, set(there[1:]) or {there[0]}


def load(
    port: int, make: Make, *, seconds: float, connections: int = 64, rate: float = 0.0, first: int = 0
) -> Took:
    """Put a load on a server, from a process of its own on cores of its own. `rate` 0: as fast as it answers."""
    context = get_context("fork")
    here, there = context.Pipe()

    def run() -> None:
        os.sched_setaffinity(0, cores()[1])
        there.send(_Load(port, make, connections).run(seconds, rate, first))

    process = context.Process(target=run)
    process.start()
    there.close()
    try:
        found: Took = here.recv()
    finally:
        process.join()
    return found


class _Load:
    def __init__(self, port: int, make: Make, connections: int) -> None:
        self.port, self.make, self.connections = port, make, connections

    def run(self, seconds: float, rate: float, first: int) -> Took:
        """Send for so long; then wait for what is under way."""
        chosen = selectors.EpollSelector()
        free: deque[socket.socket] = deque()
        for _ in range(self.connections):
            one = socket.create_connection(("127.0.0.1", self.port))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            chosen.register(one, selectors.EVENT_READ)
            free.append(one)
        took, due_of, rest = Took(), {}, {}
        started = now = time.perf_counter()
        sent = 0
        while now < started + seconds or len(free) < self.connections:
            now = time.perf_counter()
            while free and now < started + seconds:
                due = started + sent / rate if rate else now
                if due > now:
                    break
                one = free.popleft()
                one.sendall(self.make(first + sent))
                due_of[one] = due
                sent += 1
            wait = max(0.0, started + sent / rate - time.perf_counter()) if rate and free else 1.0
            for key, _ in chosen.select(min(wait, 1.0)):
                one = key.fileobj
                answer = rest.pop(one, b"") + one.recv(1 << 16)
                if not _whole(answer):
                    rest[one] = answer
                    continue
                took.answered += 1
                took.refused += not answer.startswith(b"HTTP/1.1 200")
                if rate:
                    took.times.append(time.perf_counter() - due_of[one])
                free.append(one)
        took.seconds = time.perf_counter() - started
        for key in list(chosen.get_map().values()):
            key.fileobj.close()
        return took


def _whole(answer: bytes) -> bool:
    if not answer:
        raise ConnectionError("the server closed a connection")
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    at = answer.lower().find(b"content-length: ", 0, head)
    return len(answer) >= head + 4 + int(answer[at + 16 : answer.find(b"\r\n", at)])
