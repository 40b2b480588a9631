"""[prove openrtb] Samples, fuzzed bodies, and an exchange whose invoice the books must match.

in   169 requests of Prebid Server's tests (proofs/data/openrtb); bodies spoilt with a seed; simulated auctions
out  statuses against what OpenRTB says; faults; spend in the books against what was billed

The server is `omnimix serve` as processes of its own. What a request must be answered is worked out a second time
by `_openrtb_oracle`. Where Prebid Server refuses and OpenRTB does not, the rule is counted by name. Auctions are
held by `omnimix.testing.exchange`: simulated; notices come twice, in any order, some never, some forged, and the
server is killed (SIGKILL) in between.
"""

import gzip
import json
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from omnimix.app import machine_of, settings_of
from omnimix.flow.bids import book_bids
from omnimix.flow.collect import settle_waiting
from omnimix.measurement.books.entry import Account, totals
from omnimix.measurement.books.journal import journal
from omnimix.testing.collector import Collector
from omnimix.testing.evidence import Figure, at_most, equal
from omnimix.testing.exchange import EXCHANGE_KEY, Exchange, made_up_request, publish_made_up, tables
from proofs._openrtb_oracle import TOLERATED, bid_upon, broken, faults
from proofs.data import shipped

FUZZED, AUCTIONS, CAPPED = 10_000, 3_000, 1_500
_PATH = f"/openrtb2/bid?key={EXCHANGE_KEY}"
_PUBLIC = 'public_url = "https://o.shop.example"'


def figures() -> Iterator[Figure]:
    """Samples, fuzz, books, budget."""
    for part in (_samples, _fuzz, _books, _budget):
        with tempfile.TemporaryDirectory() as folder:
            yield from part(Path(folder))


def _bidder(folder: Path, *, lines: str = "", exchange: str = "", daily: int = 10_000_000_000) -> Collector:
    collector = Collector(folder, serve=_PUBLIC, tables=tables(lines, exchange))
    publish_made_up(folder, daily=daily)
    return collector


def sample(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The body of a sample, and what the sample itself says of it. A file that is no JSON is sent as it is."""
    text = path.read_bytes()
    try:
        said = json.loads(text)
    except ValueError:
        return text, {"expectedReturnCode": 400}
    request = said.get("mockBidRequest") or said.get("requestPayload") or said.get("incomingRequest", {})
    return json.dumps(request.get("ortbRequest", request)).encode(), said


def _samples(folder: Path) -> Iterator[Figure]:
    seen, wrong = Counter[str](), Counter[str]()
    with _bidder(folder).start("--no-settle") as collector:
        _warm(collector)
        for path in sorted((shipped("openrtb") / "requests").glob("*.json")):
            body, said = sample(path)
            status, answer = collector.ask("POST", _PATH, body, Content_Type="application/json")
            rule, right = _right(body)
            seen[str(status)] += 1
            if status != right:
                wrong[f"{path.name}: {status}, not {right} ({rule})"] += 1
            if status == 200:
                wrong.update(f"{path.name}: {fault}" for fault in faults(json.loads(body), json.loads(answer)))
            if said.get("expectedReturnCode") == 400 and status != 400:
                seen[_tolerance(said)] += 1
            if said.get("expectedReturnCode") == 400 and status == 400:
                seen["refused by both"] += 1
    total = sum(seen[s] for s in seen if s.isdecimal())
    yield equal("samples answered", total, 169)
    yield equal("samples answered with 5xx", sum(n for s, n in seen.items() if s.startswith("5")), 0)
    yield equal("samples not answered as the specification says", wrong.total(), 0)
    for name in list(wrong)[:10]:
        yield Figure(f"wrong: {name}", "1", "= 0", False)
    yield equal("refused by Prebid Server, by no rule", seen["no rule"], 0)
    told = ", ".join(f"{name}: {n}" for name, n in sorted(seen.items()))
    yield Figure("samples by answer", told, "(no goal)", True)


def _right(body: bytes) -> tuple[str, int]:
    """The rule that decides, and the status it calls for."""
    try:
        document = json.loads(body)
    except ValueError:
        return "not JSON", 400
    rule = broken(document)
    if rule:
        return rule, 400
    return ("can be bid upon", 200) if bid_upon(document) else ("cannot be bid upon", 204)


def _tolerance(said: dict[str, Any]) -> str:
    """Why OpenRTB does not refuse what Prebid Server refuses."""
    why = str(said.get("expectedErrorMessage", ""))
    request = json.dumps(said.get("mockBidRequest", {}))
    named = next((name for words, name in TOLERATED if words in why), "")
    if not named and ("plcmttype" in request or '\\"type\\": 364' in request or '\\"type\\":364' in request):
        named = "unknown values of lists are passed over (implementation guide)"
    if not named and "no sizes" in why:
        named = "sizes are recommended, not required (3.2.6)"
    return f"tolerated, {named}" if named else "no rule"


def _warm(collector: Collector) -> None:
    """The first request reads the release."""
    body = json.dumps(made_up_request(random.Random(0), 0)).encode()
    for _ in range(3):
        collector.ask("POST", _PATH, body, Content_Type="application/json")


def _fuzz(folder: Path) -> Iterator[Figure]:
    rng, statuses = random.Random(7), Counter[int]()
    collector = _bidder(folder)
    with collector.start("--no-settle"):
        for number in range(FUZZED):
            body, headers = spoilt(rng, number)
            status, _ = collector.ask("POST", _PATH, body, **headers)
            statuses[status] += 1
    log = collector.log.read_text(encoding="utf-8")
    yield equal(f"{FUZZED:,} fuzzed bodies, answered with 5xx", sum(n for s, n in statuses.items() if s >= 500), 0)
    yield equal("faults in the server's log", log.count('"a fault in'), 0)
    yield Figure("fuzzed bodies by status", str(dict(sorted(statuses.items()))), "(no goal)", True)


def spoilt(rng: random.Random, number: int) -> tuple[bytes, dict[str, str]]:
    """A body with something wrong, rarely nothing, and its headers."""
    request: Any = made_up_request(rng, number)
    for _ in range(rng.randint(0, 3)):
        _spoil(rng, request)
    body, headers = json.dumps(request).encode(), {"Content_Type": "application/json"}
    choice = rng.random()
    if choice < 0.1:
        body = body[: rng.randrange(len(body))]
    elif choice < 0.2:
        place = rng.randrange(len(body))
        body = body[:place] + rng.randbytes(rng.randint(1, 4)) + body[place + 1 :]
    elif choice < 0.25:
        body, headers["Content_Encoding"] = gzip.compress(body), "gzip"
    elif choice < 0.27:
        body, headers["Content_Encoding"] = gzip.compress(body)[:-9], "gzip"
    elif choice < 0.28:
        body = b"[" * 5_000 + body
    return body, headers


_ODD = ("null", "true", "-1", "0", "1", "1e30", "1e308", "-0.5", '""', '"x"', '"\\ud800"', '"' + "a" * 3_000 + '"')
_ODD += ("[]", "{}", "[1]", "[{}]", "[null]", '{"a": 1}')  # as JSON, so that each is a value of its own


def _spoil(rng: random.Random, document: Any) -> None:
    """Change, remove or add one thing somewhere."""
    at = document
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = at[key]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.75:
            at = inner
            continue
        if rng.random() < 0.3 and isinstance(at, dict):
            del at[key]
        else:
            at[key] = json.loads(rng.choice(_ODD))
        return


def _books(folder: Path) -> Iterator[Figure]:
    rng = random.Random(3)
    collector = _bidder(folder, lines="life_seconds = 1").start("--no-settle")
    _warm(collector)
    exchange = Exchange(collector.port, seed=4)
    never, waiting, refused = set[str](), list[str](), 0
    for number in range(AUCTIONS):
        if number == AUCTIONS // 2:
            collector.kill()
            collector.start("--no-settle")
            exchange.reconnect()
            _warm(collector)
        at = rng.choice((1, 2))
        request = made_up_request(rng, number, at=at, test=int(rng.random() < 0.02))
        response = exchange.ask(request)
        calls = exchange.auction(request, response, at=at)
        if request["test"]:
            exchange.forget(response)  # a test is not billed; its notices come all the same
        elif len(calls) == 2 and rng.random() < 0.02:
            never.add(str(exchange.forget(response)))
            calls = calls[:1]
        waiting += calls * rng.choice((1, 1, 1, 2))
        rng.shuffle(waiting)
        while len(waiting) > 20:
            call = waiting.pop()
            refused += exchange.call(call) != 204
            if rng.random() < 0.02:  # a bill made of a win, a price that is higher: nobody believes them
                forged = call.replace("/win/", "/bill/").replace("/loss/", "/bill/")
                refused += exchange.call(forged) != (204 if forged == call else 404)
    refused += sum(exchange.call(call) != 204 for call in waiting)
    exchange.close()
    collector.stop()
    yield from _reconciled(folder, exchange, never, refused)


def _reconciled(folder: Path, exchange: Exchange, never: set[str], refused: int) -> Iterator[Figure]:
    with machine_of(settings_of(folder, os.environ), os.environ) as machine:
        settle_waiting(machine)
        found, _ = book_bids(machine)
        _, again = book_bids(machine)
        spend = machine.warehouse.arrow(machine.warehouse.table("spend"))
        with machine.ledger() as session:
            balance = totals(journal(session, "spring"))
    nano = sum(a.nano for a in found)
    minor = int((exchange.billed * 100).to_integral_value())
    yield Figure("auctions held (simulated)", f"{exchange.won:,} won, {exchange.lost:,} lost", "(no goal)", True)
    yield equal("notices not acknowledged", refused, 0)
    yield equal("bills in the books", sum(a.billed for a in found), len(exchange.invoice))
    yield equal("their sum, in billionths", nano, int(exchange.billed * 10**9))
    yield equal("spend, in pence", sum(spend["cost_minor"].to_pylist()), minor)
    yield equal("media in the campaign's books, in pence", balance[Account.MEDIA], minor)
    yield equal("wins that were never billed", sum(a.unbilled for a in found), len(never))
    yield equal("entries posted when it is done again", again, 0)


def _budget(folder: Path) -> Iterator[Figure]:
    cap = Decimal("0.50")
    collector = _bidder(folder, daily=int(cap * 10**6), lines="life_seconds = 2").start("--no-settle")
    exchange, rng = Exchange(collector.port, seed=6), random.Random(6)
    _warm(collector)
    for number in range(CAPPED):
        request = made_up_request(rng, number)
        for call in exchange.auction(request, exchange.ask(request)):
            exchange.call(call)
    exchange.close()
    collector.stop()
    yield at_most(f"billed of a day's budget of {cap}", float(exchange.billed), float(cap))
    yield Figure("… of which was used", f"{exchange.billed / cap:.1%}", "(no goal)", True)
