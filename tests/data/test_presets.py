"""Presets: a realistic file of each shape becomes the right facts."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from omnimix.data.source.spec import Source

FIXTURES = Path(__file__).parent / "fixtures"


def take(place: Any, name: str, **given: Any) -> Any:
    shutil.copy(FIXTURES / name, place.root / name)
    report = place.ingest({"s": Source(path=name, **given)})
    assert report.total.adds_up
    assert place.quarantined() == []
    return report


def test_shopify(place: Any) -> None:
    counts = take(place, "shopify_orders.csv", preset="shopify_orders").total
    assert (counts.lines_read, counts.accepted, counts.ignored) == (4, 3, 1), "a voided order never was"
    lines = {(r["order_id"], r["product_id"]): r for r in place.rows("order_line")}
    assert lines["#1001", "SNU-01"]["currency"] == "GBP", "taken over from the order's first line"
    assert lines["#1001", "SNU-01"]["person_key"] == lines["#1001", "CAN-01"]["person_key"]
    assert lines["#1002", "(refund)"]["amount_minor"] == -1500
    revenue = {e["event_id"]: e["revenue_minor"] for e in place.rows("event")}
    assert revenue == {"completed:s:#1001": 4000, "completed:s:#1002": 3000, "refunded:s:#1002": -1500}
    profile = place.rows("link")[0]["profile_id"]
    assert set(place.known(profile)) >= {"email", "name"}
    assert "Gate code" not in json.dumps(place.facts(), default=str)


def test_woocommerce(place: Any) -> None:
    counts = take(place, "woocommerce_orders.csv", preset="woocommerce_orders").total
    assert (counts.lines_read, counts.accepted, counts.ignored) == (4, 3, 1)
    revenue = {e["event_id"]: e["revenue_minor"] for e in place.rows("event")}
    assert revenue == {"completed:s:881": 4980, "refunded:s:883": -1990}
    assert len(place.rows("link")) == 1, "the e-mail's case does not matter"


def test_ga4(place: Any) -> None:
    counts = take(place, "ga4_events.jsonl", preset="ga4_events").total
    assert (counts.lines_read, counts.accepted, counts.duplicates) == (4, 3, 1), "identical events are duplicates"
    events = {e["name"]: e for e in place.rows("event")}
    page = events["Page Viewed"]
    assert (page["medium"], page["utm_source"], page["utm_campaign"]) == ("cpc", "google", "spring")
    assert (page["click_id_kind"], page["referrer_host"], page["page_path"]) == ("gclid", "google.com", "/candles")
    assert page["occurred_at"].microsecond == 123456
    assert events["Product Viewed"]["product_id"] == "CAN-01"
    assert events["Order Completed"]["revenue_minor"] == 3050
    assert len({link["profile_id"] for link in place.rows("link")}) == 1, "user and device are one person"


@pytest.mark.parametrize("preset", ["segment_jsonl", "rudderstack_jsonl"])
def test_segment(place: Any, preset: str) -> None:
    counts = take(place, "segment.jsonl", preset=preset).total
    assert (counts.lines_read, counts.accepted, counts.duplicates) == (7, 6, 1), "one message id came twice"
    events = place.rows("event")
    assert sorted(e["name"] for e in events) == ["Order Completed", "Page Viewed", "Product Viewed"]
    links = place.rows("link")
    assert len({link["profile_id"] for link in links}) == 1
    assert sorted(link["kind"] for link in links) == ["anon", "anon", "email", "phone", "user"]
    known = place.known(links[0]["profile_id"])
    assert known["email"] == ("ada@example.com",)
    assert known["phone"] == ("+442079460018",)
    assert "ada@" not in json.dumps(place.facts(), default=str).lower()
    page = next(e for e in events if e["name"] == "Page Viewed")
    assert (page["click_id_kind"], page["medium"], page["referrer_host"]) == ("fbclid", "social", "m.facebook.com")
    assert (page["device"], page["language"]) == ("mobile", "en-GB")


@pytest.mark.parametrize(
    ("name", "rows", "impressions", "clicks", "cost", "value", "ignored"),
    [
        ("google_ads_report", 2, 2180, 64, 3245, 10125, 1),
        ("meta_ads_report", 2, 10500, 156, 4912, 9200, 1),
        ("mailchimp_campaigns", 1, 985, 45, 0, 18000, 0),
        ("klaviyo_campaigns", 1, 2000, 96, 0, 123450, 0),
    ],
)
def test_spend(
    place: Any, name: str, rows: int, impressions: int, clicks: int, cost: int, value: int, ignored: int
) -> None:
    report = take(place, f"{name}.csv", preset=name, currency="GBP")
    assert (report.total.accepted, report.total.ignored) == (rows, ignored), "rows of totals are no spend"
    spend = place.rows("spend")
    assert sum(r["impressions"] for r in spend) == impressions
    assert sum(r["clicks"] for r in spend) == clicks
    assert sum(r["cost_minor"] for r in spend) == cost
    assert sum(r["claimed_value_minor"] or 0 for r in spend) == value
    assert min(str(r["spent_on"]) for r in spend) == "2024-03-01"


def test_restated_spend_counts_as_last_reported(place: Any) -> None:
    head = "Day,Campaign,Impr.,Clicks,Cost,Currency code\n"
    source = {"ads": Source(path="r*.csv", preset="google_ads_report")}
    place.file(
        "r1.csv", head + "2024-03-01,A,100,5,2.00,GBP\n2024-03-01,A,50,1,1.00,GBP\n2024-03-02,A,10,1,1.00,GBP\n"
    )
    place.ingest(source)
    assert sum(r["impressions"] for r in place.rows("spend")) == 160
    place.file("r2.csv", head + "2024-03-02,A,90,9,7.00,GBP\n2024-03-03,A,1,0,0.10,GBP\n")
    place.ingest(source, now=place.now.replace(day=2))
    assert sorted(r["impressions"] for r in place.rows("spend")) == [1, 50, 90, 100]


def test_profiles_with_consent_and_traits(place: Any) -> None:
    take(
        place,
        "profiles.csv",
        holds="profiles",
        columns={
            "user_id": "customer_id",
            "email": "mail",
            "phone": "mobile",
            "first_name": "first name",
            "observed_at": "joined",
        },
        consent={"email": "marketing", "advertising": "ads"},
        properties=("plan",),
    )
    consents = [(c["purpose"], c["granted"]) for c in place.rows("consent")]
    assert sorted(consents) == [("advertising", False), ("advertising", True), ("email", False), ("email", True)]
    assert sorted(t["value"] for t in place.rows("trait")) == ["gold", "silver"]
    assert {t["value"]: str(t["observed_at"]) for t in place.rows("trait")}["gold"] == "2024-02-01 10:00:00"
    assert "Ada" not in json.dumps(place.facts(), default=str)


def test_enrichment(place: Any) -> None:
    place.file("e.csv", "email,observed_at,income,confidence\na@b.example,2024-01-01,high,0.8\n")
    source = Source(path="e.csv", holds="enrichment", provider="Datahouse", properties=("income",))
    place.ingest({"e": source})
    (trait,) = place.rows("trait")
    assert (trait["trait"], trait["value"], trait["provider"], trait["confidence"]) == (
        "income",
        "high",
        "Datahouse",
        0.8,
    )


ROWS = [("1", "A", 2, "2024-01-01T10:00:00", 2.5), ("2", "B", -1, "2024-01-02T10:00:00", 3.25)]
NAMES = ("order_id", "sku", "qty", "date", "price")


def test_every_format_says_the_same(place: Any) -> None:
    place.file("a.csv", "\n".join([",".join(NAMES), *(",".join(map(str, r)) for r in ROWS)]))
    place.file("b.csv", "sep\n" + "\n".join([";".join(NAMES), *(";".join(map(str, r)) for r in ROWS)]), "utf-16")
    place.file("c.jsonl", "\n".join(json.dumps(dict(zip(NAMES, r, strict=True))) for r in ROWS))
    place.file("d.json", json.dumps([dict(zip(NAMES, r, strict=True)) for r in ROWS]))
    columns = list(zip(*ROWS, strict=True))
    pq.write_table(pa.table(dict(zip(NAMES, columns, strict=True))), place.root / "e.parquet")
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Orders")
    sheet.append(["exported yesterday"])
    for row in (NAMES, *ROWS):
        sheet.append(row)
    book.save(place.root / "f.xlsx")
    with sqlite3.connect(place.root / "g.db") as database:
        database.execute("CREATE TABLE lines (order_id, sku, qty, date, price)")
        database.executemany("INSERT INTO lines VALUES (?, ?, ?, ?, ?)", ROWS)
    database.close()
    orders = {"preset": "order_lines", "currency": "GBP"}
    sources = {p[0]: Source(path=p, **orders) for p in ("a.csv", "b.csv", "c.jsonl", "d.json", "e.parquet")}
    sources["f"] = Source(path="f.xlsx", sheet="Orders", **orders)
    sources["g"] = Source(url=f"sqlite:///{place.root / 'g.db'}", table="lines", **orders)
    sources["h"] = Source(
        url=f"adbc:{adbc_driver_sqlite.__name__}:{place.root / 'g.db'}", query="SELECT * FROM lines", **orders
    )
    report = place.ingest(sources)
    assert place.quarantined() == []
    wanted = [("1", "A", 2, 500), ("2", "B", -1, -325)]
    for key in sources:
        found = [
            (r["order_id"], r["product_id"], r["quantity"], r["amount_minor"])
            for r in place.rows("order_line")
            if r["source"] == key
        ]
        assert sorted(found) == wanted, key
    assert {key: c.accepted for key, c in report.sources.items()} == dict.fromkeys(sources, 2)
    assert place.ingest(sources).total.skipped == len(sources)
