"""[prove crash] The whole server killed a hundred times while it collects, decides and takes feedback.

in   events, calls for decisions and feedback, made with a seed; a campaign whose budget runs out
out  what was acknowledged against what stands in the facts; online state against the facts; money against its cap

Every kill is a SIGKILL to all processes of the server at once: workers, follower, settler. Whoever got no answer
asks again. An event, a feedback or a decision counts as acknowledged when its sender got 200 (a picture, a
redirect). `OMNIMIX_PROOF_PART` (0–1) makes everything smaller.
"""

import http.client
import json
import os
import random
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec

from omnimix.activation.decide.pacing import Pace, Way
from omnimix.activation.decide.release import FOLDER, Release, named, point, save
from omnimix.activation.decide.state import DAY_US
from omnimix.activation.experiment.eligibility import Eligibility
from omnimix.app import STATE, machine_of, settings_of
from omnimix.flow.collect import settle_waiting
from omnimix.flow.decisions import settle_decisions
from omnimix.flow.machine import Machine
from omnimix.flow.online import disagreements
from omnimix.testing.collector import WRITE_KEY, Collector, batch_of, made_up
from omnimix.testing.decisions import release_of
from omnimix.testing.evidence import Figure, equal
from omnimix.web.server import serve

PART = float(os.environ.get("OMNIMIX_PROOF_PART", "1"))
KILLS, BATCH, PEOPLE = max(3, round(100 * PART)), 20, 400
COST, SHOWINGS = 10_000, max(50, round(1_500 * PART))  # micros of a showing; as many fit into the day's cap
_JSON = {"Content_Type": "application/json"}


def figures() -> Iterator[Figure]:
    """Kill, then count."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        collector = Collector(root, lines="settle_seconds = 1", port=_port())
        publish(root)
        events, calls = _Events(collector), _Calls(collector)
        settling = _kills(collector, [events, calls])
        with machine_of(settings_of(root, os.environ), os.environ) as machine:
            settle_waiting(machine)
            settle_decisions(machine)
            yield Figure(f"{KILLS} kills", f"{settling} while settling", "(no goal)", True)
            yield from _facts(machine, events, calls)
            yield from _states(machine)
            yield from _money(machine)


def _port() -> int:
    """A free port from which the system takes none for outgoing connections: while the server is down, one of its
    clients could otherwise be given the server's own port.
    """
    return next(port for port in range(20_000 + os.getpid() % 9_000, 32_000) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def publish(root: Path) -> Release:
    """A release that runs now, with a budget that is spent before the end."""
    made = release_of(seed=3, variants=8, varied=False, moment=False, rules=Eligibility(impressions_per_week=0))
    now = int(time.time() * 1e6)
    (running,) = made.campaigns
    pace = Pace(campaign=running.campaign, daily=COST * SHOWINGS, way=Way.AT_ONCE, cost=COST)
    running = msgspec.structs.replace(
        running, starts_us=now - DAY_US, ends_us=now + 9 * DAY_US, pace=pace, features=None
    )
    release = named(msgspec.structs.replace(made, campaigns=(running,)))
    save(release, root / STATE / FOLDER)
    point(root / STATE / FOLDER, release.release_id)
    return release


class _Sender(threading.Thread):
    """Asks until it is told to stop; what got no answer is asked again."""

    def __init__(self, collector: Collector) -> None:
        super().__init__(daemon=True)
        self.collector, self.halt = collector, threading.Event()

    def run(self) -> None:
        number = 0
        while not self.halt.is_set():
            self.step(number)
            number += 1
            time.sleep(0.005)

    def step(self, number: int) -> None:
        """One thing acknowledged."""
        raise NotImplementedError

    def ask(self, method: str, path: str, body: bytes = b"", *, again: bool = True) -> bytes | None:
        """The answer; None where there was none, or it was refused, and it is not to be asked again."""
        while not self.halt.is_set():
            try:
                status, answer = self.collector.ask(method, path, body, **_JSON)
                if status in (200, 302):
                    return answer
            except (OSError, http.client.HTTPException):
                pass
            if not again:
                return None
            time.sleep(0.02)
        return None


class _Events(_Sender):
    """Sends batches of events; every fifth visitor signs in."""

    def __init__(self, collector: Collector) -> None:
        super().__init__(collector)
        self.acknowledged: set[str] = set()

    def step(self, number: int) -> None:
        events = made_up(BATCH, seed=number, source="crash")
        for event in events:
            who = int(event["anonymousId"][2:]) % PEOPLE
            event["anonymousId"] = f"a-{who}"
            event["timestamp"] = datetime.now(UTC).isoformat()
            if who % 5 == 0:
                event["userId"] = f"u-{who}"
        if self.ask("POST", "/v1/batch", batch_of(events)) is not None:
            self.acknowledged.update(event["messageId"] for event in events)


class _Calls(_Sender):
    """Calls for decisions, looks at what is shown, reports an order now and then."""

    def __init__(self, collector: Collector) -> None:
        super().__init__(collector)
        self.decided: set[str] = set()
        self.viewed: set[str] = set()
        self.ordered: set[str] = set()
        self.nothing = 0
        self._rng = random.Random(5)

    def step(self, number: int) -> None:
        who = self._rng.randrange(PEOPLE)
        said = {
            "anonymous_id": f"a-{who}",
            "placement": "home",
            "writeKey": WRITE_KEY,
            "consent": {"advertising": True},
        }
        answer = self.ask("POST", "/v1/decide", json.dumps(said).encode(), again=False)
        if answer is None:
            return
        (slot,) = json.loads(answer)["slots"]
        self.decided.add(slot["decision_id"])
        if not slot.get("variant"):
            self.nothing += 1
            return
        if self.ask("GET", slot["seen"]) is not None:
            self.viewed.add(slot["decision_id"])
        if number % 4 == 0:
            mark = f"order-{number}"
            told = {
                "kind": "conversion",
                "decisionId": slot["decision_id"],
                "variantId": slot["variant"],
                "campaign": slot["campaign"],
                "messageId": mark,
                "anonymousId": f"a-{who}",
                "orderId": mark,
                "revenue": 12.5,
                "currency": "GBP",
            }
            body = json.dumps({"writeKey": WRITE_KEY, "feedback": [told]}).encode()
            if self.ask("POST", "/v1/feedback", body) is not None:
                self.ordered.add(mark)


def _serve(root: Path) -> None:
    os.setsid()  # so that all processes of the server can be killed at once
    log = os.open(root / "serve.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    settings = settings_of(root, os.environ)
    serve(settings, settings.file.serve)


def _kills(collector: Collector, senders: list[_Sender]) -> int:
    """Start and kill; how many kills left a settling unfinished. All was told to stop at the end, gracefully."""
    rng, settling, seen = random.Random(11), 0, set[Path]()
    for number in range(KILLS):
        process = get_context("fork").Process(target=_serve, args=(collector.root,))
        process.start()
        collector.wait()
        if not number:
            for sender in senders:
                sender.start()
        time.sleep(rng.uniform(0.1, 3.0))
        os.killpg(process.pid or 0, 9)
        process.join()
        while not _is_free(collector.port):  # a killed worker takes a moment to go
            time.sleep(0.01)
        left = set((collector.root / STATE / "staging").glob("*"))
        settling, seen = settling + bool(left - seen), seen | left
    process = get_context("fork").Process(target=_serve, args=(collector.root,))
    process.start()
    collector.wait()
    time.sleep(2)
    for sender in senders:
        sender.halt.set()
    for sender in senders:
        sender.join(60)
    process.terminate()
    process.join()
    return settling


def _facts(machine: Machine, events: _Events, calls: _Calls) -> Iterator[Figure]:
    rows = machine.warehouse.arrow(machine.warehouse.table("event").select("event_id", "name", "properties"))
    ids = Counter(rows["event_id"].to_pylist())
    yield Figure("events acknowledged", f"{len(events.acknowledged):,}", "(no goal)", True)
    yield equal("events acknowledged and lost", len(events.acknowledged - ids.keys()), 0)
    yield equal("events doubled", sum(1 for n in ids.values() if n > 1), 0)
    views = Counter(
        _property(row["properties"], "decision_id") for row in rows.to_pylist() if row["name"] == "Ad Viewed"
    )
    told = len(calls.viewed) + len(calls.ordered)
    lost = len(calls.viewed - views.keys()) + len(calls.ordered - ids.keys())
    yield Figure("feedback acknowledged", f"{told:,}", "> 0", told > 0)
    yield equal("feedback acknowledged and lost", lost, 0)
    yield equal("feedback doubled", sum(1 for n in views.values() if n > 1), 0)
    made = Counter(_column(machine, "decision", "decision_id"))
    yield Figure("decisions acknowledged", f"{len(calls.decided):,}", "> 0", len(calls.decided) > 0)
    yield equal("decisions acknowledged and lost", len(calls.decided - made.keys()), 0)
    yield equal("decisions doubled", sum(1 for n in made.values() if n > 1), 0)


def _states(machine: Machine) -> Iterator[Figure]:
    found = disagreements(machine)
    people = len(set(_column(machine, "link", "profile_id")))
    yield Figure("people whose state was compared with the facts", f"{people:,}", "> 0", people > 0)
    yield equal("fields in which state and facts differ", len(found), 0)


def _money(machine: Machine) -> Iterator[Figure]:
    """Spending is what was decided to show; a day is a day of UTC here."""
    table = machine.warehouse.table("decision")
    table = table.filter(table["variant_id"].notnull())
    spent: Counter[str] = Counter()
    for row in machine.warehouse.arrow(table.select("decided_at", "cost_micros")).to_pylist():
        spent[f"{row['decided_at']:%Y-%m-%d}"] += row["cost_micros"]
    cap, most = COST * SHOWINGS, max(spent.values(), default=0)
    yield Figure("most spent in a day, of its cap", f"{most / cap:.1%}", "≤ 100 %", most <= cap)


def _column(machine: Machine, fact: str, column: str) -> list[Any]:
    found: list[Any] = machine.warehouse.arrow(machine.warehouse.table(fact).select(column))[column].to_pylist()
    return found


def _property(text: str | None, name: str) -> str:
    return str(json.loads(text or "{}").get(name) or "")
