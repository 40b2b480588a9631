"""Ingest: counts add up, duplicates count once, running again or crashing changes nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.data.source.spec import Source

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
ORDERS = {"orders": Source(path="orders*.csv", preset="order_lines", currency="GBP", timezone="Europe/London")}

LINES = [
    "1001,A1,BLUE MUG,2,2011-06-01 10:00,2.55,17850,UK\n",
    "1001,A1,BLUE MUG,2,2011-06-01 10:00,2.55,17850,UK\n",  # the same line twice on one invoice: both count
    "1001,POST,POSTAGE,1,2011-06-01 10:00,4.95,17850,UK\n",
    "C1002,A1,BLUE MUG,-1,2011-06-03 09:00,2.55,17850.0,UK\n",
    "1003,B2,RED BAG,1,2011-01-05 12:30,10.005,,France\n",
    "1004,B2,damaged,-5,2011-01-06 12:30,0,,UK\n",
]


def test_order_lines_become_facts_and_events(place: Any) -> None:
    place.file("orders.csv", HEAD + "".join(LINES))
    report = place.ingest(ORDERS)
    counts = report.sources["orders"]
    assert (counts.lines_read, counts.accepted, counts.duplicates, counts.rejected) == (6, 6, 0, 0)
    assert counts.unidentified == 2
    assert report.profiles == 1
    lines = place.rows("order_line")
    assert sorted((line["order_id"], line["kind"], line["amount_minor"]) for line in lines) == [
        ("1001", "fee", 495),
        ("1001", "sale", 510),
        ("1001", "sale", 510),
        ("1003", "sale", 1000),  # 10.005 rounds half to even
        ("1004", "fee", 0),  # stock written off is no return
        ("C1002", "return", -255),
    ]
    assert len({line["line_id"] for line in lines}) == 6
    assert min(line["occurred_at"] for line in lines) == datetime(2011, 1, 5, 12, 30)
    assert max(line["occurred_at"] for line in lines) == datetime(2011, 6, 3, 8, 0), (
        "summer time is one hour ahead"
    )
    events = {event["event_id"]: event for event in place.rows("event")}
    assert {e: events[e]["revenue_minor"] for e in events} == {
        "completed:orders:1001": 1020,
        "completed:orders:1003": 1000,
        "refunded:orders:C1002": -255,
    }
    assert events["refunded:orders:C1002"]["name"] == "Order Refunded"
    assert '"product_id":"A1"' in events["completed:orders:1001"]["properties"]
    revenue = sum(e["revenue_minor"] for e in events.values())
    fees = sum(line["amount_minor"] for line in lines if line["kind"] == "fee")
    assert revenue + fees == sum(line["amount_minor"] for line in lines)


def test_running_again_changes_nothing(place: Any) -> None:
    place.file("orders.csv", HEAD + "".join(LINES))
    first = place.ingest(ORDERS)
    before = place.facts()
    again = place.ingest(ORDERS, now=datetime(2026, 12, 1))
    assert place.facts() == before
    assert again.sources["orders"].skipped == 1
    assert again.sources["orders"].accepted == first.sources["orders"].accepted
    assert again.facts == first.facts


def test_overlapping_export_counts_once(place: Any) -> None:
    place.file("orders1.csv", HEAD + "".join(LINES[:4]))
    place.ingest(ORDERS)
    place.file("orders2.csv", HEAD + "".join(LINES[1:]))
    counts = place.ingest(ORDERS).sources["orders"]
    assert counts.lines_read == 4 + 5
    assert counts.duplicates == 3, "1001 A1 once, its postage and the return are known"
    assert counts.adds_up
    assert sum(line["amount_minor"] for line in place.rows("order_line")) == 495 + 510 + 510 + 1000 - 255


@given(
    lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=10),
    cut=st.integers(0, 10),
    bad=st.lists(st.sampled_from(["x,A1,MUG,two,2011-01-01,1,,UK\n", "y,A1,MUG,1,soon,1,,UK\n"]), max_size=3),
)
@settings(max_examples=12)
def test_counts_add_up_and_order_does_not_matter(
    make_place: Callable[[], Any], lines: list[str], cut: int, bad: list[str]
) -> None:
    one, other = make_place(), make_place()
    one.file("orders.csv", HEAD + "".join(lines + bad))
    other.file("orders.csv", HEAD + "".join([*bad, *reversed(lines)]))
    reports = [shop.ingest(ORDERS) for shop in (one, other)]
    for report in reports:
        assert report.total.adds_up
        assert report.total.rejected == len(bad)
        assert report.total.accepted == len(lines)
    mine, theirs = one.facts(), other.facts()
    assert mine["order_line"] == theirs["order_line"]
    assert mine["event"] == theirs["event"]
    assert mine["product"] == theirs["product"]


class Crash(Exception):
    """Power went off."""


def crash_at(step: int) -> Callable[[str], None]:
    left = [step]

    def progress(_name: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Crash

    return progress


def steps_of(place: Any, sources: dict[str, Source]) -> list[str]:
    seen: list[str] = []
    place.ingest(sources, progress=seen.append)
    return seen


def fill(place: Any) -> dict[str, Source]:
    place.file("orders1.csv", HEAD + "".join(LINES[:4]) + "1009,A1,MUG,none,2011-01-01,1,1,UK\n")
    place.file("orders2.csv", HEAD + "".join(LINES[2:]))
    place.file("people.csv", "user_id,email,anonymous_id\n17850,a@b.example,\n2,,x\n,a@b.example,x\n")
    people = Source(path="people.csv", holds="profiles")
    return {**ORDERS, "people": people}


def test_a_crash_at_any_step_heals(make_place: Callable[[], Any]) -> None:
    calm = make_place()
    sources = fill(calm)
    steps = steps_of(calm, sources)
    assert len(steps) > 12
    wanted, faults = calm.facts(), [(q.file, q.line, q.field) for q in calm.quarantined()]
    profiles = {link["profile_id"] for link in wanted["link"]}
    vault = {p: calm.known(p) for p in profiles}
    for step in range(1, len(steps) + 1):
        shop = make_place()
        fill(shop)
        with pytest.raises(Crash):
            shop.ingest(sources, progress=crash_at(step))
        report = shop.ingest(sources)
        assert shop.facts() == wanted, f"crash before {steps[step - 1]!r}"
        assert [(q.file, q.line, q.field) for q in shop.quarantined()] == faults
        assert {p: shop.known(p) for p in profiles} == vault
        assert report.total.adds_up
        assert report.total.lines_read == 5 + 4 + 3


def test_changed_mapping_takes_the_files_in_anew(place: Any) -> None:
    place.file("orders1.csv", HEAD + "".join(LINES[:4]))
    place.file("orders2.csv", HEAD + "".join(LINES[1:]))
    place.ingest(ORDERS)
    euro = {"orders": Source(path="orders*.csv", preset="order_lines", currency="EUR", timezone="Europe/London")}
    counts = place.ingest(euro).sources["orders"]
    assert (counts.accepted, counts.duplicates) == (6, 3)
    assert {line["currency"] for line in place.rows("order_line")} == {"EUR"}


def test_one_customer_all_returns(place: Any) -> None:
    place.file("orders.csv", HEAD + LINES[3])
    report = place.ingest(ORDERS)
    assert report.total.accepted == 1
    assert [e["name"] for e in place.rows("event")] == ["Order Refunded"]
    assert place.rows("product") == []


def test_personal_values_stay_out_of_everything_but_the_vault(place: Any) -> None:
    private = "very.private@person.example"
    place.file(
        "shop.csv",
        f"order_id,sku,qty,date,price,email\n1,A,1,2024-01-01,2.00,{private}\n2,A,{private},2024-01-01,2.00,\n",
    )
    report = place.ingest({"orders": Source(path="shop.csv", preset="order_lines", currency="GBP")})
    assert (report.total.accepted, report.total.rejected) == (1, 1)
    assert place.quarantined()[0].value == private
    (link,) = place.rows("link")
    assert place.known(link["profile_id"]) == {"email": (private,)}
    place.close()
    for path in (place.root / "state").rglob("*"):
        if path.is_file():
            assert private.encode() not in path.read_bytes(), path
