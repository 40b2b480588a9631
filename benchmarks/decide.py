"""[bench decide] Decisions over HTTP beside a bare server that reads JSON and answers JSON, in the same run.

in   100,000 made-up people in the online state; a release of 20 variants, a moment model of 32 features, every
     hard rule switched on; everybody known is on the `moment` rung, the dearest one
out  share of the bare server's throughput, decisions/s, times at half of that; the same with feedback and events
     mixed in, one of each

Both servers run under granian with one worker, pinned to one core; the load comes from another. They take turns,
several times, and the shares are of sums. A decision is journalled and counted before it is answered. Settling is
switched off: it would be another process. `OMNIMIX_BENCH_PART` (0–1) makes everything smaller.
"""

import base64
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from benchmarks._load import Took, cores, load, request
from omnimix.activation.decide.release import FOLDER, point, save
from omnimix.activation.decide.state import alias_key, packed, state_key
from omnimix.activation.experiment.ladder import Ladder
from omnimix.app import KEY_FILE, STATE
from omnimix.core.clock import micros, utc_now
from omnimix.flow.follow import position_key
from omnimix.governance.keys import load_key
from omnimix.governance.pseudonym import KeyKind, Pseudonyms
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.store.online.port import Change
from omnimix.testing.collector import WRITE_KEY, Collector, free_port
from omnimix.testing.decisions import PLACEMENTS, RULES, release_of, request_of, state_of
from omnimix.testing.evidence import Figure, at_least, at_most

PART = float(os.environ.get("OMNIMIX_BENCH_PART", "1"))
PEOPLE, VARIANTS, CALLS = int(100_000 * PART), 20, 20_000
ROUNDS, SECONDS = 3, 8 * PART + 1
KEY = "Basic " + base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
_ALL_MOMENT = Ladder(none=0, broad=0, relevant=0, segment=0, sequence=0, moment=1)


def figures() -> Iterator[Figure]:
    """Alone, at half load, mixed."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("OMNIMIX_BENCH_FOLDER")) as folder:
        calls = prepare(Path(folder))
        with _pinned(Collector(Path(folder), lines="waiting_mb = 16384")) as ours, _bare() as bare:
            yield from _compared(ours.port, bare, calls)


def _compared(ours: int, bare: int, calls: list[bytes]) -> Iterator[Figure]:
    def one(n: int) -> bytes:
        return calls[n % len(calls)]

    def mixed(n: int) -> bytes:
        return (one, _feedback, _event)[n % 3](n // 3)

    load(ours, one, seconds=2)
    load(bare, one, seconds=1)
    alone, both, echo = [], [], []
    for turn in range(ROUNDS):
        echo.append(load(bare, one, seconds=SECONDS))
        alone.append(load(ours, one, seconds=SECONDS, first=turn * 7_001))
        both.append(load(ours, mixed, seconds=SECONDS, first=turn * 1_000_000))
    bare_rate, rate, mixed_rate = (sum(t.rate for t in took) / ROUNDS for took in (echo, alone, both))
    refused = sum(t.refused for took in (echo, alone, both) for t in took)
    yield Figure("bare RSGI server that reads and answers JSON", f"{bare_rate:,.0f} requests/s", "(no goal)", True)
    yield Figure("requests not answered with 200", str(refused), "= 0", refused == 0)
    yield at_least("decisions, one worker on one core", rate, 4_000, unit="/s")
    yield at_least("share of the bare server", rate / bare_rate, 0.5)
    half: Took = load(ours, one, seconds=SECONDS * 2, rate=rate / 2)
    yield at_most("p99 at half of that load", float(np.percentile(half.times, 99)) * 1e3, 10, unit=" ms")
    yield Figure("median at half load", f"{np.median(half.times) * 1e3:.2f} ms", "(no goal)", half.refused == 0)
    yield at_least("share with feedback and events, 1:1:1", mixed_rate / bare_rate, 0.4)


def prepare(folder: Path) -> list[bytes]:
    """Lay out a workspace with a release and people; calls for them."""
    Collector(folder)
    now = utc_now()
    # Quiet hours that are not now: else there would be nothing to choose at night.
    rules = replace(RULES, quiet_hours=f"{(now.hour + 8) % 24}-{(now.hour + 16) % 24}")
    release = release_of(seed=1, variants=VARIANTS, ladder=_ALL_MOMENT, rules=rules, now_us=micros(now))
    releases = folder / STATE / FOLDER
    save(release, releases)
    point(releases, release.release_id)
    pseudonyms = Pseudonyms(load_key(path=folder / KEY_FILE))
    rng = random.Random(7)
    store = LmdbStore(folder / STATE / "online")
    for start in range(0, PEOPLE, 1_000):
        values: dict[bytes, bytes | None] = {}
        for number in range(start, min(start + 1_000, PEOPLE)):
            state = state_of(rng, f"pf_{number:020x}", now_us=micros(now))
            values[alias_key(pseudonyms.of(KeyKind.USER, f"u{number}"))] = state.person.encode()
            values[state_key(state.person)] = packed(state)
        store.change([], lambda _, v=values: Change(v))
    store.change([], lambda _: Change(position_key({})))  # the facts know nobody: nothing is to be rebuilt
    store.close()
    return [_call(rng) for _ in range(CALLS)]


def _call(rng: random.Random) -> bytes:
    said = request_of(rng, slots=1)
    said = msgspec.structs.replace(
        said, placement=rng.choice(tuple(PLACEMENTS)), user_id=f"u{rng.randrange(PEOPLE)}"
    )
    return request("/v1/decide", msgspec.json.encode(said), key=KEY)


def _feedback(number: int) -> bytes:
    said = {
        "kind": "view",
        "decisionId": f"dec_{number:020x}",
        "variantId": "broad-autumn-00",
        "campaign": "autumn",
    }
    return request("/v1/feedback", json.dumps({"feedback": [said]}).encode(), key=KEY)


def _event(number: int) -> bytes:
    said = {
        "messageId": f"bench-{number}",
        "event": "Product Viewed",
        "userId": f"u{number % PEOPLE}",
        "properties": {"product_id": "sku1", "price": 4.5, "currency": "GBP"},
    }
    return request("/v1/track", json.dumps(said).encode(), key=KEY)


@contextmanager
def _pinned(collector: Collector) -> Iterator[Collector]:
    """Our server, all its processes on one core."""
    there = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores()[0])
    try:
        collector.start("--no-settle")
    finally:
        os.sched_setaffinity(0, there)
    with collector:
        yield collector


@contextmanager
def _bare() -> Iterator[int]:
    """The bare server on the same core; its port."""
    port = free_port()
    there = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores()[0])
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.decide", str(port)])
    os.sched_setaffinity(0, there)
    try:
        for _ in range(1_200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


_ANSWER = {"slots": [{"decision_id": "dec_0", "variant": "a", "probability": 0.5}], "release": "rel_0"}


async def echo(_scope: object, protocol: object) -> None:
    """Read a body as JSON, answer a little JSON: what any decision over HTTP must do at least."""
    msgspec.json.decode(await protocol())  # type: ignore[operator]
    body = msgspec.json.encode(_ANSWER)
    protocol.response_bytes(200, [("content-type", "application/json")], body)  # type: ignore[attr-defined]


def _loaded() -> object:
    return echo


if __name__ == "__main__":
    Server(
        "benchmarks.decide",
        port=int(sys.argv[1]),
        interface=Interfaces.RSGI,
        websockets=False,
        log_level=LogLevels.error,
    ).serve(target_loader=_loaded, wrap_loader=False)
