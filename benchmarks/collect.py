"""[bench collect] Durable ingest: over HTTP with one worker, and in process beside raw append + fdatasync.

in   batches of 100 made-up events (about 50 kB), every event with an id of its own
out  events/s, times of a batch at half that goal, memory over five million events, share of raw append's speed

Every answer means that the batch is on disk (fdatasync) and its ids are known. Settling is switched off while
answers are timed, and measured by itself. The raw peer writes the very same bytes and flushes as often; the two
take turns, so that what else the machine does in between counts for both. Memory is what is private to the worker
process (RssAnon): pages of the index are the page cache's, which the machine takes back when it needs them. Half
load is 10,000 events/s, each request counted from the moment it was due.
"""

import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from omnimix.app import machine_of, settings_of
from omnimix.data.live.call import Envelope, Sender, packed, read_call
from omnimix.flow.collect import settle_waiting
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Entry, Inbox
from omnimix.testing.collector import Collector, batch_of, made_up
from omnimix.testing.evidence import Figure, at_least, at_most
from omnimix.web.endpoint import Route
from omnimix.web.tally import Tally

SIZE, GOAL = 100, 20_000  # events of a batch; events/s
SENDERS, FAST_SECONDS, HALF_SECONDS = 8, 20, 20
LASTING = 5_000_000  # events over which memory is watched
ALONE = 2_000  # batches in process
SETTLED = 200_000  # events whose settling is timed
_KEY = WorkspaceKey(bytes(range(32)))
_HEAD = b"POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def figures() -> Iterator[Figure]:
    """In process beside raw append; over HTTP; memory; settling; what counting a request costs."""
    for part in (_in_process, _over_http, _settling, _counted):
        with tempfile.TemporaryDirectory(dir=os.environ.get("OMNIMIX_BENCH_FOLDER")) as folder:
            yield from part(Path(folder))


def template() -> bytes:
    """A batch's body with a place for a number in every id."""
    body = batch_of(made_up(SIZE, seed=1)).replace(b"%", b"%%")
    return re.sub(rb"b-00000001-(\d{5})", rb"b-%08d-\1", body)


def body_of(form: bytes, number: int) -> bytes:
    """The body of batch `number`: ids that no other has."""
    return form % ((number,) * SIZE)


def _in_process(folder: Path) -> Iterator[Figure]:
    inbox, seal, secret = Inbox(folder / "inbox"), Seal(_KEY, "inbox"), _KEY.subkey("live ids")
    form, sender = template(), Sender("Mozilla/5.0", "127.0.0.1", False, None)
    raw = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT)
    ours = peer = 0.0
    for number in range(ALONE):
        body = body_of(form, number)
        before = inbox.waiting()
        started = time.perf_counter()
        call = read_call("batch", body, secret=secret)
        envelope = Envelope(1_790_000_000_000_000, "live", "batch", sender, call.ids, body)
        inbox.put([Entry(call.keys, seal.close(packed(envelope)))])
        ours += time.perf_counter() - started
        frame = os.urandom(inbox.waiting() - before)
        started = time.perf_counter()
        os.write(raw, frame)
        os.fdatasync(raw)
        peer += time.perf_counter() - started
    inbox.close()
    yield Figure("in process, one batch a flush", f"{ALONE * SIZE / ours:,.0f} events/s", "(no goal)", True)
    yield Figure("raw append + fdatasync, same bytes", f"{ALONE * SIZE / peer:,.0f} events/s", "(no goal)", True)
    yield at_least("share of raw append + fdatasync", peer / ours, 0.25)


@dataclass
class Load:
    """What senders share: the next batch's number, when to stop, how long each took, what went wrong."""

    port: int
    form: bytes
    until: float = 0.0
    most: int = 1 << 60
    pause: float = 0.0  # seconds between two batches that are due, over all senders
    number: int = 0
    took: list[float] = field(default_factory=list)
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    started: float = field(default_factory=time.perf_counter)

    def next(self) -> tuple[int, float] | None:
        """The next batch and the moment it is due."""
        with self.lock:
            number, self.number = self.number, self.number + 1
        due = self.started + number * self.pause if self.pause else time.perf_counter()
        return None if number >= self.most or due >= self.until else (number, due)


def _sender(load: Load, first: int) -> None:
    with socket.create_connection(("127.0.0.1", load.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (turn := load.next()) is not None:
            number, due = turn
            body = body_of(load.form, first + number)
            if (early := due - time.perf_counter()) > 0:
                time.sleep(early)
            connection.sendall(_HEAD % len(body) + body)
            answer = b""
            while not answer.endswith(b'{"success":true}'):
                piece = connection.recv(4096)
                answer += piece
                if not piece or b" 200 " not in answer:
                    load.refused += 1
                    break
            load.took.append(time.perf_counter() - due)


def _send(load: Load, first: int) -> float:
    """Run the senders; seconds until the last batch was answered."""
    load.started = time.perf_counter()
    threads = [threading.Thread(target=_sender, args=(load, first)) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - load.started


def _load(port: int, first: int, seconds: float, pause: float, most: int) -> tuple[list[float], int, float]:
    """Times of every batch, how many were refused, seconds. In a process of its own: it has a lock of its own."""
    load = Load(port, template(), until=time.perf_counter() + seconds, pause=pause, most=most)
    taken = _send(load, first)
    return load.took, load.refused, taken


def _private(pid: int) -> int:
    """Private memory of a process, kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])  # type: ignore[index]


def _workers(pid: int) -> list[int]:
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _over_http(folder: Path) -> Iterator[Figure]:
    with (
        Collector(folder, lines="waiting_mb = 16384").start("--no-settle") as collector,
        get_context("fork").Pool(1) as pool,
    ):
        assert collector.process is not None
        (worker,) = _workers(collector.process.pid)
        pool.apply(_load, (collector.port, 90_000_000, 3, 0.0, 1 << 60))  # warm
        took, refused, seconds = pool.apply(_load, (collector.port, 80_000_000, FAST_SECONDS, 0.0, 1 << 60))
        yield Figure("batches refused", str(refused), "= 0", refused == 0)
        yield at_least("over HTTP, one worker", len(took) * SIZE / seconds, GOAL, unit=" events/s")
        took, refused, _ = pool.apply(
            _load, (collector.port, 70_000_000, HALF_SECONDS, SIZE / (GOAL / 2), 1 << 60)
        )
        yield at_most("p99 of a batch at half load", float(np.percentile(took, 99)) * 1e3, 25, unit=" ms")
        yield Figure(
            "median of a batch at half load", f"{np.median(took) * 1e3:.2f} ms", "(no goal)", refused == 0
        )
        memory = []
        for part in range(10):
            pool.apply(_load, (collector.port, part * LASTING // SIZE, 1e9, 0.0, LASTING // SIZE // 10))
            memory.append(_private(worker) / 1024)
        whole = ", ".join(f"{m:.0f}" for m in memory)
        yield Figure(f"private memory of the worker, {LASTING:,} events", f"{whole} MB", "(no goal)", True)
        yield at_most("its growth after the first tenth", max(memory) - memory[0], 8, unit=" MB")


def _settling(folder: Path) -> Iterator[Figure]:
    with Collector(folder).start("--no-settle") as collector:
        _load(collector.port, 0, 1e9, 0.0, SETTLED // SIZE)
    with machine_of(settings_of(folder, os.environ), os.environ) as machine:
        started = time.perf_counter()
        counts = settle_waiting(machine)["live"]
        seconds = time.perf_counter() - started
    right = counts.accepted == counts.lines_read == SETTLED
    yield Figure("settling", f"{SETTLED / seconds:,.0f} events/s", "all accepted", right)


def _counted(folder: Path) -> Iterator[Figure]:
    """What it costs to count a request by path, status and time: the best of many rounds."""
    tally = Tally(folder)
    route = Route(None, "/v1/batch", tally, tally.histogram("request", path="/v1/batch"))
    took = []
    for _ in range(200):
        started = time.perf_counter()
        for _ in range(1_000):
            route.done(200, time.perf_counter_ns())
        took.append((time.perf_counter() - started) * 1e3)
    tally.close()
    yield at_most("counting one request", min(took), 2, unit=" µs")
