"""Exports as real people have them, where a part of them was once overlooked."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from omnimix.data.source.batch import ROWS
from omnimix.data.source.spec import Source

FIXTURES = Path(__file__).parent / "fixtures"
HEAD = "order_id,product_id,quantity,occurred_at,unit_price,email,opt_in\n"


def test_nested_parquet_says_what_json_says(place: Any) -> None:
    lines = [json.loads(line) for line in (FIXTURES / "ga4_events.jsonl").read_text().splitlines() if line.strip()]
    pq.write_table(pa.Table.from_pylist(lines), place.root / "ga4.parquet")
    place.ingest({"s": Source(path="ga4.parquet", preset="ga4_events")})
    assert place.quarantined() == []
    events = {e["name"]: e for e in place.rows("event")}
    assert events["Page Viewed"]["medium"] == "cpc"
    assert events["Order Completed"]["revenue_minor"] == 3050
    assert events["Product Viewed"]["product_id"] == "CAN-01"


def test_a_field_that_first_appears_late_in_json_is_read(place: Any) -> None:
    page = '{{"type":"page","messageId":"{}","anonymousId":"a","timestamp":"2024-01-01T00:00:00Z"}}\n'
    order = {
        "type": "track",
        "event": "Order Completed",
        "messageId": "o",
        "userId": "u",
        "timestamp": "2024-01-02T00:00:00Z",
        "properties": {"order_id": "9", "revenue": 12.5, "currency": "GBP"},
    }
    place.file("web.jsonl", "".join(page.format(n) for n in range(ROWS)) + json.dumps(order) + "\n")
    place.ingest({"s": Source(path="web.jsonl", preset="segment_jsonl")})
    (last,) = (e for e in place.rows("event") if e["name"] == "Order Completed")
    assert (last["order_id"], last["revenue_minor"]) == ("9", 1250)
    assert last["person_key"].startswith("user:")


def test_consent_told_by_an_order_is_kept(place: Any) -> None:
    place.file("o.csv", HEAD + "1,A,1,2024-01-01,2.00,a@x.com,no\n2,A,1,2024-01-02,2.00,,yes\n")
    asked = {"advertising": "opt_in"}
    place.ingest({"o": Source(path="o.csv", preset="order_lines", currency="GBP", consent=asked)})
    (told,) = place.rows("consent")
    assert (told["purpose"], told["granted"]) == ("advertising", False)
    assert str(told["decided_at"]) == "2024-01-01 00:00:00", "a decision is as old as its order"


def test_consent_told_by_an_identify_call_is_kept(place: Any) -> None:
    call = {
        "type": "identify",
        "userId": "u",
        "messageId": "1",
        "timestamp": "2024-01-01T00:00:00Z",
        "traits": {"optIn": False},
    }
    place.file("w.jsonl", json.dumps(call) + "\n")
    place.ingest({"w": Source(path="w.jsonl", preset="segment_jsonl", consent={"email": "traits.optIn"})})
    assert [(c["purpose"], c["granted"]) for c in place.rows("consent")] == [("email", False)]


def test_an_address_in_a_url_or_a_search_is_veiled(place: Any) -> None:
    calls = [
        {"url": "https://s.example/account/Ada@example.com", "query": "order of ada@example.com"},
        {"url": "https://s.example/a?utm_campaign=ada%40example.com&utm_source=x", "query": "mug"},
        {"url": "https://s.example/u/ada%40example.com/orders", "products": [{"note": "ada@example.com"}]},
    ]
    lines = [
        {"type": "page", "userId": "u", "messageId": str(n), "timestamp": "2024-01-01T00:00:00Z", "properties": p}
        for n, p in enumerate(calls)
    ]
    place.file("w.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    place.ingest({"w": Source(path="w.jsonl", preset="segment_jsonl")})
    kept = json.dumps(place.facts(), default=str).lower()
    assert "ada@" not in kept
    assert "ada%40" not in kept
    assert {e["page_path"] for e in place.rows("event")} == {"/account/(e-mail)", "/a", "/u/(e-mail)/orders"}
    assert len(place.rows("event")) == 3


def amounts(place: Any) -> list[tuple[str, int]]:
    return sorted((line["order_id"], line["amount_minor"]) for line in place.rows("order_line"))


def test_what_a_file_says_of_an_order_now_replaces_what_it_said_before(place: Any) -> None:
    source = {"o": Source(path="o*.csv", preset="order_lines", currency="GBP")}
    old = "1,A,1,2024-01-01,2.00,a@x.com,\n2,A,1,2024-01-01,7.00,a@x.com,\n2,B2,1,2024-01-01,1.00,a@x.com,\n"
    new = "2,A,1,2024-01-01,9.00,a@x.com,\n3,A,1,2024-01-03,5.00,a@x.com,\n"
    place.file("o.csv", HEAD + old)
    place.ingest(source)
    place.file("o.csv", HEAD + new)
    assert place.ingest(source).total.adds_up
    assert amounts(place) == [("1", 200), ("2", 900), ("3", 500)], (
        "order 1 stays: exports may be of recent days only"
    )
    before = place.facts()
    place.ingest(source)
    assert place.facts() == before
    place.file("o.csv", HEAD + old)
    place.ingest(source)
    assert amounts(place) == [("1", 200), ("2", 100), ("2", 700), ("3", 500)]
    place.file("o-1.csv", HEAD + old)
    place.file("o.csv", HEAD + "2,A,1,2024-01-01,4.00,a@x.com,\n")
    place.ingest(source)
    assert ("2", 700) in amounts(place), "content that is still there under another name is not replaced"


def test_a_refund_and_a_voided_order_of_a_later_export_count(place: Any) -> None:
    head = "Name,Email,Financial Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    head += "Lineitem sku,Discount Amount,Refunded Amount\n"
    line = "{},a@x.com,{},GBP,2024-01-01 10:00:00 +0000,2,Mug,10.00,M1,0.00,{}\n"
    place.file("s.csv", head + line.format("#1", "paid", "0.00") + line.format("#2", "paid", "0.00"))
    source = {"s": Source(path="s.csv", preset="shopify_orders")}
    place.ingest(source)
    place.file("s.csv", head + line.format("#1", "refunded", "20.00") + line.format("#2", "voided", "0.00"))
    place.ingest(source)
    assert amounts(place) == [("#1", -2000), ("#1", 2000)]


def test_a_discount_of_the_order_is_taken_off(place: Any) -> None:
    head = "Name,Email,Financial Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    head += "Lineitem sku,Discount Amount,Refunded Amount\n"
    rest = "#1,a@x.com,,,2024-01-01 10:00:00 +0000,1,Cup,5.00,C1,,\n"
    place.file("s.csv", head + "#1,a@x.com,paid,GBP,2024-01-01 10:00:00 +0000,2,Mug,10.00,M1,2.50,5.00\n" + rest)
    place.ingest({"s": Source(path="s.csv", preset="shopify_orders")})
    revenue = {e["name"]: e["revenue_minor"] for e in place.rows("event")}
    assert revenue == {"Order Completed": 2250, "Order Refunded": -500}
    assert sum(amount for _, amount in amounts(place)) == 1750


def test_american_clocks(place: Any) -> None:
    place.file("o.csv", HEAD + "1,A,1,7/14/2024 9:05:06 PM,2.00,,\n2,A,1,7/4/2024 12:00 AM,2.00,,\n")
    place.ingest({"o": Source(path="o.csv", preset="order_lines", currency="GBP", day_first=False)})
    at = sorted(str(line["occurred_at"]) for line in place.rows("order_line"))
    assert at == ["2024-07-04 00:00:00", "2024-07-14 21:05:06"]
