"""[prove collect] Three unmodified clients, 200 kills, 10,000 fuzzed requests.

in   the Segment and Rudder clients for Python, the Segment client for Node; batches and requests made with a seed
out  events stored against events sent; events lost and doubled after kills; statuses against those that are right

Every server is `omnimix serve` as processes of its own, killed all at once by a real SIGKILL. An event counts as
stored when it is a row of the event fact after everything is settled.
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

from omnimix.app import machine_of, settings_of
from omnimix.core.errors import Unavailable
from omnimix.flow.collect import settle_waiting
from omnimix.testing.collector import WRITE_KEY, Collector, batch_of, made_up
from omnimix.testing.evidence import Figure, equal
from omnimix.web.server import serve
from proofs._collect_requests import requests, send

ROOT = Path(__file__).parents[1]
EACH, KILLS, SENDERS, BATCH, FUZZED = 10_000, 200, 2, 20, 10_000
_NODE = ROOT / "tests" / "web" / "node"


def figures() -> Iterator[Figure]:
    """Clients, kills, fuzz."""
    for part in (_clients, _kills, _fuzz):
        with tempfile.TemporaryDirectory() as folder:
            yield from part(Path(folder))


def stored(root: Path) -> Counter[str]:
    """How often each event id is a row of the event fact, when all that waits is settled."""
    with machine_of(settings_of(root, os.environ), os.environ) as machine:
        settle_waiting(machine)
        ids = machine.warehouse.arrow(machine.warehouse.table("event").select("event_id"))["event_id"]
        return Counter(ids.to_pylist())


def senders(url: str, count: int) -> dict[str, list[str]]:
    """The commands that send `count` events with each client."""
    python = [sys.executable, str(ROOT / "tests" / "web" / "senders.py")]
    node = str(Path(sys.executable).with_name("node"))
    return {
        "segment-analytics-python": [*python, "segment", url, WRITE_KEY, str(count), "sp"],
        "rudder-sdk-python": [*python, "rudder", url, WRITE_KEY, str(count), "rp"],
        "@segment/analytics-node": [node, str(_NODE / "send.mjs"), url, WRITE_KEY, str(count), "sn"],
    }


def _clients(folder: Path) -> Iterator[Figure]:
    if not (_NODE / "node_modules").exists():
        raise Unavailable("the client for Node is not installed", fix="make prove installs it")
    with Collector(folder, lines="settle_seconds = 5").start() as collector:
        commands = senders(collector.url, EACH)
        running = {name: subprocess.Popen(c, cwd=_NODE, stdout=subprocess.DEVNULL) for name, c in commands.items()}
        codes = {name: process.wait() for name, process in running.items()}
    found = stored(folder)
    who = Counter(_client_of(folder))
    for name in commands:
        # An identify call names a person and is no event of the journey; each Python client sends one.
        yield equal(f"{name}: delivered (exit code)", codes[name], 0)
    yield equal("events of three clients known once", sum(who.values()), 3 * EACH)
    yield equal("ids stored more than once", sum(1 for n in found.values() if n > 1), 0)


def _client_of(root: Path) -> Iterator[str]:
    """One item for each call that was taken in once: events, and calls that only name a person."""
    with machine_of(settings_of(root, os.environ), os.environ) as machine:
        ids = machine.warehouse.arrow(machine.warehouse.table("ingested_line").select("row_id").distinct())
        yield from ids["row_id"].to_pylist()


class _Sender(threading.Thread):
    """Sends batch after batch; one that was not acknowledged is sent again until it is."""

    def __init__(self, collector: Collector, name: str, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.collector, self.source, self.halt = collector, name, stop
        self.acknowledged: set[str] = set()
        self.tries = 0

    def run(self) -> None:
        number = 0
        while not self.halt.is_set():
            events = made_up(BATCH, seed=number, source=self.source)
            self._deliver(batch_of(events))
            self.acknowledged.update(e["messageId"] for e in events)
            number += 1
            time.sleep(0.01)

    def _deliver(self, body: bytes) -> None:
        while True:
            self.tries += 1
            try:
                if self.collector.ask("POST", "/v1/batch", body, Content_Type="application/json")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)


def _serve(root: Path) -> None:
    os.setsid()  # so that all processes of the server can be killed at once
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    settings = settings_of(root, os.environ)
    serve(settings, settings.file.serve)


def _kills(folder: Path) -> Iterator[Figure]:
    rng = random.Random(11)
    collector = Collector(folder, lines="settle_seconds = 1")
    stop = threading.Event()
    threads = [_Sender(collector, f"k{n}", stop) for n in range(SENDERS)]
    settling, seen = 0, set[Path]()
    for number in range(KILLS):
        process = get_context("fork").Process(target=_serve, args=(folder,))
        process.start()
        collector.wait()
        if not number:
            for thread in threads:
                thread.start()
        time.sleep(rng.uniform(0.1, 3.0))
        os.killpg(process.pid or 0, 9)
        process.join()
        left = set((folder / ".omnimix" / "staging").glob("*"))
        settling, seen = settling + bool(left - seen), seen | left
    process = get_context("fork").Process(target=_serve, args=(folder,))
    process.start()
    collector.wait()
    stop.set()
    for thread in threads:
        thread.join(60)
    process.terminate()
    process.join()
    found = stored(folder)
    sent = {i for thread in threads for i in thread.acknowledged}
    yield Figure(f"{KILLS} kills", f"{settling} while settling", "> 0 while settling", settling > 0)
    yield Figure("events acknowledged between kills", f"{len(sent):,}", "(no goal)", True)
    yield equal("acknowledged events lost", len(sent - found.keys()), 0)
    yield equal("events doubled", sum(1 for n in found.values() if n > 1), 0)


def _fuzz(folder: Path) -> Iterator[Figure]:
    wrong: Counter[str] = Counter()
    failed = 0
    with Collector(folder).start("--no-settle") as collector:
        for asked in requests(FUZZED, seed=5):
            status = send(collector.port, asked)
            failed += status >= 500
            if status not in asked.right:
                wrong[f"{asked.kind}: {status}"] += 1
        good = made_up(10, seed=1, source="last")
        status, _ = collector.ask("POST", "/v1/batch", batch_of(good), Content_Type="application/json")
    found = stored(folder)
    yield equal(f"{FUZZED:,} fuzzed requests, answered with 5xx", failed, 0)
    yield equal("answered with a wrong status", wrong.total(), 0)
    for kind, count in wrong.most_common(10):
        yield Figure(f"wrong: {kind}", str(count), "= 0", False)
    yield equal("a good batch after all that", status, 200)
    yield equal("its events stored", sum(found[e["messageId"]] for e in good), len(good))
