"""The quarantine: every fault with place and reason; corrected lines pass, once, and stay corrected."""

from typing import Any

import pytest

from omnimix.core.errors import NotFound
from omnimix.data.replay import Correction
from omnimix.data.source.spec import Source

HEAD = "order_id,sku,qty,date,price,email\n"
ORDERS = {"orders": Source(path="orders.csv", preset="order_lines", currency="GBP")}
GOOD = "1,A,2,2024-01-01,2.00,a@b.example\n"


def test_faults_name_file_line_field_value_and_reason(place: Any) -> None:
    bad = [
        ("2,A,two,2024-01-01,2.00,\n", "quantity", "two", "is not a whole number"),
        ("3,A,1,2024-02-31,2.00,\n", "occurred_at", "2024-02-31", "is not a date and time"),
        ("4,A,1,2024-01-01,cheap,\n", "unit_price", "cheap", "is not a number"),
        ("5,,1,2024-01-01,2.00,\n", "product_id", None, "is missing"),
        ("6,A,0,2024-01-01,2.00,\n", "quantity", "0", "is zero"),
        ("7,A,1,2099-01-01,2.00,\n", "occurred_at", "2099-01-01", "is in the future"),
        ("8,A,1,2024-01-01,2.00,nobody\n", "email", "nobody", "is not an e-mail address"),
        ("9,A,1,2024-01-01\n", "(record)", "", "has 4 fields, the header has 6"),
        ("10,A,1,2024-01-01,2.00,,,x\n", "(record)", "\x1fx", "has 8 fields, the header has 6"),
    ]
    place.file("orders.csv", HEAD + GOOD + "".join(line for line, *_ in bad))
    counts = place.ingest(ORDERS).total
    assert (counts.lines_read, counts.accepted, counts.rejected) == (10, 1, 9)
    found = place.quarantined()
    assert [(q.line, q.field, q.value, q.reason) for q in found if q.reason != "is missing" or q.line == 6] == [
        (n, field, value, reason) for n, (_, field, value, reason) in enumerate(bad, start=3)
    ]
    assert {q.file for q in found} == {"orders.csv"}
    assert found[0].record["qty"] == "two"


def test_corrected_line_joins_the_facts_once_and_stays(place: Any) -> None:
    place.file("orders.csv", HEAD + GOOD + "1,A,x,2024-01-01,2.00,a@b.example\n")
    place.ingest(ORDERS)
    (fault,) = place.quarantined()
    tried = place.replay(ORDERS)
    assert (tried.total.lines_read, tried.total.rejected) == (1, 1)
    right = Correction(fault.source, fault.digest, fault.line, {"qty": "2"})
    assert place.replay(ORDERS, right).total.accepted == 1
    assert place.quarantined() == []
    lines = place.rows("order_line")
    assert [line["quantity"] for line in lines] == [2, 2], "put right, it equals the line above and still counts"
    assert place.rows("event")[0]["revenue_minor"] == 800
    assert place.replay(ORDERS).total.lines_read == 0
    counts = place.ingest(ORDERS).total
    assert (counts.accepted, counts.rejected, counts.skipped) == (2, 0, 1)
    changed = {"orders": Source(path="orders.csv", preset="order_lines", currency="GBP", timezone="Europe/Paris")}
    counts = place.ingest(changed).total
    assert (counts.accepted, counts.rejected) == (2, 0), "the correction outlives a new reading of the file"


def test_corrected_mapping(place: Any) -> None:
    place.file("orders.csv", HEAD + "1,A,2,01-31-2024,2.00,a@b.example\n")
    assert place.ingest(ORDERS).total.rejected == 1
    american = {"orders": Source(path="orders.csv", preset="order_lines", currency="GBP", day_first=False)}
    assert place.replay(american).total.accepted == 1
    assert place.quarantined() == []
    assert place.ingest(american).total.accepted == 1
    assert len(place.rows("order_line")) == 1


def test_a_line_of_no_shape_can_be_put_right(place: Any) -> None:
    place.file("orders.csv", HEAD + GOOD + "9,A,1,2024-01-01\n")
    place.ingest(ORDERS)
    fault = place.quarantined()[0]
    assert place.replay(ORDERS).total.rejected == 1
    right = Correction(fault.source, fault.digest, fault.line, {"price": "3.00", "email": None})
    assert place.replay(ORDERS, right).total.accepted == 1


def test_broken_json_can_be_put_right(place: Any) -> None:
    place.file("e.jsonl", '{"messageId":"m1","type":"track","event":"X","timestamp":"2024-01-01","userId":"1"\n')
    events = {"web": Source(path="e.jsonl", preset="segment_jsonl")}
    assert place.ingest(events).total.rejected == 1
    (fault,) = place.quarantined()
    right = Correction("web", fault.digest, 1, {"(line)": (fault.record["(line)"] or "") + "}"})
    assert place.replay(events, right).total.accepted == 1
    assert [e["event_id"] for e in place.rows("event")] == ["m1"]


def test_a_corrected_file_clears_its_older_faults(place: Any) -> None:
    place.file("orders.csv", HEAD + GOOD + "2,A,x,2024-01-01,2.00,\n")
    place.ingest(ORDERS)
    place.file("orders.csv", HEAD + GOOD + "2,A,1,2024-01-01,2.00,\n")
    counts = place.ingest(ORDERS).total
    assert (counts.accepted, counts.duplicates) == (2, 0), "the file says all of it anew"
    assert len(place.rows("order_line")) == 2
    assert place.quarantined() == []


def test_unknown_correction(place: Any) -> None:
    place.file("orders.csv", HEAD + GOOD)
    place.ingest(ORDERS)
    with pytest.raises(NotFound, match="line 7 of 'orders' is not in quarantine"):
        place.replay(ORDERS, Correction("orders", "0", 7, {"qty": "1"}))
