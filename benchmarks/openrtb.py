"""[bench openrtb] Bids a second over HTTP, one worker pinned to one core; times at half of the goal.

in   requests of about 1 kB with page, device and ids, a fifth of them native; 20,000 known people, half of the
     requests about one of them; a release of 20 variants with a model of 32 features, paid from a budget
out  bids/s, p99 of requests that are due at 1,250/s

Every answer is a bid: decided, priced, paid from the purse, with markup, tokens and notices. The load comes from
another core. `OMNIMIX_BENCH_PART` (0-1) makes everything smaller.
"""

import json
import os
import random
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks._load import cores, load, request
from omnimix.activation.decide.state import State, alias_key, packed, state_key
from omnimix.activation.experiment.ladder import Ladder
from omnimix.app import KEY_FILE, STATE
from omnimix.flow.follow import position_key
from omnimix.governance.keys import load_key
from omnimix.governance.pseudonym import KeyKind, Pseudonyms
from omnimix.store.online.lmdb_store import LmdbStore
from omnimix.store.online.port import Change
from omnimix.testing.collector import Collector
from omnimix.testing.evidence import Figure, at_least, at_most
from omnimix.testing.exchange import EXCHANGE_KEY, made_up_request, publish_made_up, tables

PART = float(os.environ.get("OMNIMIX_BENCH_PART", "1"))
PEOPLE, CALLS, FEATURES = int(20_000 * PART), 20_000, 32
ROUNDS, SECONDS, GOAL = 3, 8 * PART + 1, 2_500


def figures() -> Iterator[Figure]:
    """As fast as it answers, then at half of the goal."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("OMNIMIX_BENCH_FOLDER")) as folder:
        collector = Collector(
            Path(folder),
            serve='public_url = "https://o.shop.example"',
            tables=tables("life_seconds = 30", 'user_ids = "ours"\nno_bid = "reason"'),
        )
        calls = prepare(Path(folder))
        there = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores()[0])
        try:
            collector.start("--no-settle")
        finally:
            os.sched_setaffinity(0, there)
        with collector:
            yield from _measured(collector.port, calls)
            yield _answered(collector)


def _measured(port: int, calls: list[bytes]) -> Iterator[Figure]:
    def one(number: int) -> bytes:
        return calls[number % len(calls)]

    load(port, one, seconds=2)
    took = [load(port, one, seconds=SECONDS, first=turn * 7_001) for turn in range(ROUNDS)]
    rate = sum(t.rate for t in took) / ROUNDS
    yield at_least("bids, one worker on one core", rate, GOAL, unit="/s")
    half = load(port, one, seconds=SECONDS * 2, rate=GOAL / 2)
    yield at_most("p99 at half of that", float(np.percentile(half.times, 99)) * 1e3, 20, unit=" ms")
    yield Figure("median at half of that", f"{np.median(half.times) * 1e3:.2f} ms", "(no goal)", True)
    refused = sum(t.refused for t in (*took, half))
    yield Figure("requests not answered with 200", str(refused), "= 0", refused == 0)


def _answered(collector: Collector) -> Figure:
    """How many requests got a bid, as the server counts."""
    text = collector.ask("GET", "/metrics")[1].decode()
    found = {m[1]: float(m[2]) for m in re.finditer(r'bid_requests_total\{answer="(\w+)"\} (\S+)', text)}
    others = {name: int(count) for name, count in found.items() if name != "bid" and count}
    share = found["bid"] / sum(found.values())
    return Figure("requests that got a bid", f"{share:.2%}, others {others}", "≥ 99 %", share >= 0.99)


def prepare(folder: Path) -> list[bytes]:
    """Publish a release, put people into the online state; calls of an exchange."""
    ladder = Ladder(none=0, broad=0, relevant=0, segment=0, sequence=0, moment=1)  # the dearest rung for all
    publish_made_up(folder, variants=20, features=FEATURES, ladder=ladder, daily=10**13)
    of = Pseudonyms(load_key(path=folder / KEY_FILE)).of
    rng = random.Random(5)
    store = LmdbStore(folder / STATE / "online")
    for start in range(0, PEOPLE, 1_000):
        values: dict[bytes, bytes | None] = {}
        for number in range(start, min(start + 1_000, PEOPLE)):
            person = f"pf_{number:020x}"
            values[alias_key(of(KeyKind.ANONYMOUS, f"b-{number}"))] = person.encode()
            state = State(person, published_us=1, profile_id=person, segment=rng.choice(("s0", "s1")))
            values[state_key(person)] = packed(state)
        store.change([], lambda _, v=values: Change(v))
    store.change([], lambda _: Change(position_key({})))  # the facts know nobody: nothing is to be rebuilt
    store.close()
    return [_call(rng, number) for number in range(CALLS)]


def _call(rng: random.Random, number: int) -> bytes:
    asked = made_up_request(rng, number, tmax=10_000)  # late answers are answers here: their time is measured
    if number % 2 and PEOPLE:
        asked["user"]["buyeruid"] = f"b-{rng.randrange(PEOPLE)}"
    return request(f"/openrtb2/bid?key={EXCHANGE_KEY}", json.dumps(asked).encode())
