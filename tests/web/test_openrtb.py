"""An exchange over HTTP: bids, no-bids, notices that count once, books that match."""

import gzip
import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from omnimix.app import machine_of, settings_of
from omnimix.cli.main import main
from omnimix.flow.bids import book_bids
from omnimix.flow.collect import settle_waiting
from omnimix.testing.collector import Collector
from omnimix.testing.exchange import EXCHANGE_KEY, Exchange, made_up_request, publish_made_up, tables

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.xdist_group("server")]
PATH = f"/openrtb2/bid?key={EXCHANGE_KEY}"
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def bidder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    root = tmp_path_factory.mktemp("bidder")
    collector = Collector(
        root,
        serve='public_url = "https://o.shop.example"',
        tables=tables("life_seconds = 1", 'no_bid = "reason"\neids = ["id.example"]'),
    )
    publish_made_up(root, variants=6, features=8)
    with collector.start("--no-settle"):
        yield collector


def asked(collector: Collector, document: Any) -> tuple[int, dict[str, Any]]:
    status, body = collector.ask("POST", PATH, json.dumps(document).encode(), **JSON)
    return status, json.loads(body)


def request(number: int = 0, **fields: Any) -> dict[str, Any]:
    return made_up_request(random.Random(number), number, **{"tmax": 0, **fields})


def test_a_bid_names_everything_an_exchange_needs(bidder: Collector) -> None:
    imp = {"id": "7", "banner": {"w": 300, "h": 250}, "bidfloor": 0.2, "secure": 1}
    regs = {"ext": {"dsa": {"dsarequired": 2}}}
    status, answer = asked(bidder, request(imp=[imp], regs=regs))
    assert status == 200
    (bid,) = answer["seatbid"][0]["bid"]
    assert (bid["impid"], bid["w"], bid["h"], bid["mtype"], answer["cur"]) == ("7", 300, 250, 1, "GBP")
    assert 0.16 <= bid["price"] <= 20
    assert bid["adomain"] == ["shop.example"]
    assert bid["ext"]["dsa"]["behalf"] == "Test shop"
    assert 'href="${CLICK_URL}https%3A%2F%2Fo.shop.example%2Fc%2F' in bid["adm"]
    assert "${AUCTION_PRICE}" in bid["burl"]
    assert "${AUCTION_LOSS}" in bid["lurl"]


@pytest.mark.parametrize(
    ("fields", "nbr"),
    [
        ({"regs": {"gdpr": 1}}, 8),
        ({"regs": {"coppa": 1}}, 8),
        ({"bcat": ["IAB22"]}, 500),
        ({"bseat": ["omnimix"]}, 501),
        ({"imp": [{"id": "1", "banner": {"w": 300, "h": 250}, "bidfloor": 900}]}, 503),
        ({"tmax": 1}, 15),
        ({"device": {"ua": "Googlebot/2.1 (+http://www.google.com/bot.html)"}}, 4),
    ],
)
def test_no_bids_say_why(bidder: Collector, fields: dict[str, Any], nbr: int) -> None:
    assert asked(bidder, request(**fields)) == (200, {"id": request()["id"], "nbr": nbr})


def test_what_is_no_request_is_refused(bidder: Collector) -> None:
    assert bidder.ask("POST", PATH, b"{", **JSON)[0] == 400
    assert bidder.ask("POST", "/openrtb2/bid?key=wrong", b"{}", **JSON)[0] == 401
    assert bidder.ask("GET", PATH)[0] == 405
    packed = gzip.compress(json.dumps(request()).encode())
    assert bidder.ask("POST", PATH, packed, Content_Encoding="gzip", **JSON)[0] == 200
    assert bidder.ask("GET", "/openrtb2/bill/x?b=demo~1~w~GBP~0&k=00")[0] == 404


def test_the_books_match_the_invoice(bidder: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    exchange, rng = Exchange(bidder.port, seed=2), random.Random(2)
    for number in range(60):
        asking = made_up_request(rng, number, tmax=0, at=1 + number % 2)
        for call in exchange.auction(asking, exchange.ask(asking), at=1 + number % 2):
            assert [exchange.call(call) for _ in range(2)] == [204, 204]
    exchange.close()
    assert exchange.won > 5
    assert exchange.lost > 5
    time.sleep(1.5)  # for the worker to read what became of its bids
    with machine_of(settings_of(bidder.root, os.environ), os.environ) as machine:
        settle_waiting(machine)
        (account,), _ = book_bids(machine)
        online = machine.online()
        journalled = len(online.entries(0, 1000))
        online.close()
    assert account.billed == len(exchange.invoice) == journalled
    assert account.nano == int(exchange.billed * 10**9)
    assert main(["bid", "books", "--workspace", str(bidder.root)]) == 0
    assert main(["bid", "curves", "--workspace", str(bidder.root)]) == 0
    assert "demo" in capsys.readouterr().out


def test_people_are_matched(bidder: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    table, asking = bidder.root / "match.csv", bidder.root / "request.json"
    table.write_text("theirs-1,a-1\ntheirs-2,a-2\n", encoding="utf-8")
    asking.write_text(json.dumps(request(user={"buyeruid": "theirs-1"})), encoding="utf-8")
    where = ["--workspace", str(bidder.root)]
    assert main(["bid", "match", "demo", str(table), *where]) == 0
    assert main(["bid", "try", "demo", str(asking), "--json", *where]) == 0
    assert '"seatbid"' in capsys.readouterr().out
    assert main(["bid", "match", "nobody", str(table), *where]) == 2
