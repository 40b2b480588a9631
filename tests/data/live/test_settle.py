"""Settling: acknowledged events become facts, once, however often it is cut short."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.conftest import KEY, Place

from omnimix.data.counts import Counts
from omnimix.data.ingest import intake_of, silent
from omnimix.data.intake import Progress
from omnimix.data.live.call import Envelope, Sender, packed, read_call
from omnimix.data.live.lines import corrected
from omnimix.data.live.settle import settle
from omnimix.data.live.spec import Collect, live_source
from omnimix.data.settled import settled
from omnimix.data.source.spec import Source
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Entry, Inbox

SEAL = Seal(KEY, "inbox")
LIVE = {"web": live_source(Collect(), currency="GBP"), "app": live_source(Collect(), currency="GBP")}
MakePlace = Callable[[], Place]


class Desk:
    """A place with an inbox."""

    def __init__(self, place: Place) -> None:
        self.place, self.inbox = place, Inbox(place.root / "state" / "inbox")

    def receive(self, *events: Any, source: str = "web", call: str = "batch", **beside: Any) -> int:
        """Put a request's events into the inbox; how many were new."""
        body = json.dumps({"batch": events, **beside} if call == "batch" else {**events[0], **beside}).encode()
        found = read_call(call, body, secret=b"s")
        received = int(self.place.now.replace(tzinfo=UTC).timestamp() * 1e6)
        envelope = Envelope(received, source, call, Sender("Agent", "203.0.113.9"), found.ids, body)
        return sum(self.inbox.put([Entry(found.keys, SEAL.close(packed(envelope)))]))

    def settle(self, progress: Progress = silent) -> dict[str, Counts]:
        place = self.place
        intake = intake_of(
            warehouse=place.warehouse,
            ledger=place.ledger,
            vault=place.vault,
            key=KEY,
            now=place.now,
            progress=progress,
        )
        return settle(self.inbox, seal=SEAL, sources=LIVE, other=LIVE["web"], intake=intake)

    def total(self) -> dict[str, Counts]:
        return settled(self.place.ledger, LIVE)


@pytest.fixture
def desk(place: Place) -> Desk:
    return Desk(place)


def track(number: int, **more: Any) -> dict[str, Any]:
    return {
        "messageId": f"m{number}",
        "type": "track",
        "event": "Product Viewed",
        "userId": f"u{number % 3}",
        "timestamp": f"2026-10-{1 + number % 2:02}T10:00:00Z",
        **more,
    }


def test_events_land_in_their_day(desk: Desk) -> None:
    desk.receive(*(track(n) for n in range(10)))
    found = desk.settle()
    assert (found["web"].lines_read, found["web"].accepted) == (10, 10)
    assert desk.place.warehouse.parts("event") == ["web/2026-10-01/0000", "web/2026-10-02/0000"]
    events = desk.place.rows("event")
    assert Counter(e["event_id"] for e in events) == Counter(f"m{n}" for n in range(10))
    assert {e["source"] for e in events} == {"web"}
    assert desk.inbox.closed() == []
    assert desk.inbox.waiting() == 0


def test_every_call_of_the_specification(desk: Desk) -> None:
    who = {"anonymousId": "a1", "timestamp": "2026-10-01T10:00:00Z"}
    desk.receive({**who, "userId": "u1", "context": {"traits": {"email": "anna@shop.example"}}}, call="identify")
    desk.receive({**who, "event": "Product Added", "properties": {"product_id": "P1"}}, call="track")
    desk.receive({**who, "name": "Home", "properties": {"path": "/"}}, call="page")
    desk.receive({**who, "name": "Start"}, call="screen")
    desk.receive({**who, "groupId": "g"}, call="group")
    desk.receive({"userId": "u1", "previousId": "a2", "timestamp": "2026-10-01T10:00:00Z"}, call="alias")
    assert desk.settle()["web"].accepted == 6
    assert sorted(e["name"] for e in desk.place.rows("event")) == ["Page Viewed", "Product Added", "Screen Viewed"]
    links = desk.place.rows("link")
    assert len({link["profile_id"] for link in links}) == 1
    assert desk.place.vault.open([link["key"] for link in links])["email"] == ("anna@shop.example",)


def test_the_same_event_from_a_file_and_live_counts_once(desk: Desk) -> None:
    desk.place.file("events.jsonl", json.dumps(track(1)) + "\n")
    desk.place.ingest({"file": Source(path="events.jsonl", preset="segment_jsonl")})
    desk.receive(track(1), track(2))
    found = desk.settle()["web"]
    assert (found.accepted, found.duplicates) == (1, 1)
    assert Counter(e["event_id"] for e in desk.place.rows("event")) == {"m1": 1, "m2": 1}


def test_wrong_events_wait_in_quarantine_with_their_reason(desk: Desk) -> None:
    large = track(5, properties={"name": "x" * (33 << 10)})
    desk.receive(track(1), 7, track(2, timestamp="soon"), {"messageId": "m3", "timestamp": "2026-10-01"}, large)
    found = desk.settle()["web"]
    assert (found.lines_read, found.accepted, found.rejected) == (5, 1, 4)
    reasons = sorted(q.reason for q in desk.place.quarantined())
    assert reasons == ["is JSON but not an object", "is larger than 32 kB", "is missing", "is not a date and time"]
    place = desk.place
    assert place.replay(LIVE).total.rejected == 4
    soon = next(q for q in place.quarantined() if q.reason == "is not a date and time")
    assert soon.record["userId"] == "u2"


def test_one_bad_event_does_not_hold_up_the_next_log(desk: Desk) -> None:
    desk.receive(track(1))
    desk.settle()
    desk.receive({"batch": 1})
    desk.receive(track(2))
    desk.settle()
    assert {e["event_id"] for e in desk.place.rows("event")} == {"m1", "m2"}


class Stop(Exception):
    """The process ends here."""


def _stop_at(step: int) -> Progress:
    left = iter(range(step))

    def tell(_step: str) -> None:
        if next(left, None) is None:
            raise Stop

    return tell


def _steps(desk: Desk) -> int:
    told: list[str] = []
    desk.settle(told.append)
    return len(told)


def _fill(desk: Desk) -> None:
    desk.receive(*(track(n) for n in range(4)), 7)
    desk.settle()
    desk.receive(*(track(n) for n in range(3, 9)), track(30, event=None))


def test_cut_short_at_any_step_it_comes_to_the_same(make_place: MakePlace) -> None:
    calm = Desk(make_place())
    _fill(calm)
    steps = _steps(calm)
    assert steps > 5
    for step in (0, *range(steps - 4, steps)):  # before anything, and around every write
        cut = Desk(make_place())
        _fill(cut)
        with pytest.raises(Stop):
            cut.settle(_stop_at(step))
        cut.settle()
        assert cut.place.facts() == calm.place.facts(), f"cut short at step {step}"
        assert cut.total() == calm.total(), f"cut short at step {step}"
        assert len(cut.place.quarantined()) == len(calm.place.quarantined())
        cut.inbox.close()


def test_the_ledger_keeps_one_row_a_day(desk: Desk) -> None:
    for number in range(4):
        desk.receive(track(number))
        desk.settle()
    assert desk.total()["web"].accepted == 4
    with desk.place.ledger() as session:
        from_ledger = session.connection().exec_driver_sql("SELECT digest FROM ingest_file").scalars().all()
    assert len(from_ledger) == 1


def test_a_source_that_is_no_longer_named_keeps_its_events(desk: Desk) -> None:
    desk.receive(track(1), source="gone")
    assert desk.settle()["gone"].accepted == 1


def test_nothing_personal_stands_in_the_clear(desk: Desk) -> None:
    desk.receive(track(1, userId="anna-17", context={"traits": {"email": "anna@shop.example"}}), 7)
    desk.settle()
    desk.receive(track(2, userId="anna-17"))
    desk.place.warehouse.close()
    files = [p for p in (desk.place.root / "state").rglob("*") if p.is_file()]
    for path in files:
        data = path.read_bytes()
        assert b"anna" not in data, path.name
        assert b"203.0.113.9" not in data, path.name


instants = st.datetimes(datetime(2000, 1, 1), datetime(2026, 10, 1)).map(lambda d: d.replace(tzinfo=UTC))


@given(instants, instants, st.integers(-(10**9), 10**9), st.integers(0, 10**6))
def test_a_wrong_clock_moves_nothing(happened: datetime, received: datetime, wrong: int, waited: int) -> None:
    sent = received - timedelta(seconds=1)
    happened = min(happened, sent - timedelta(seconds=waited))
    clock = timedelta(seconds=wrong)
    seen = corrected(happened + clock, sent + clock, received)
    assert abs(seen - happened) <= timedelta(seconds=1)  # the second that the request was under way
    assert seen <= received


@given(instants, st.none() | instants, instants)
def test_never_later_than_it_arrived(original: datetime, sent: datetime | None, received: datetime) -> None:
    assert corrected(original, sent, received) <= received


def test_times_as_clients_send_them(desk: Desk) -> None:
    now = desk.place.now
    late = (now + timedelta(hours=2)).isoformat() + "Z"  # the sender's clock is two hours fast
    desk.receive(
        track(1, timestamp=(now + timedelta(hours=1)).isoformat() + "Z"),
        track(2, timestamp=None),
        track(3, timestamp=None, originalTimestamp="2026-10-01T12:00:00+02:00", sentAt="2026-10-01T10:00:05Z"),
        sentAt=late,
    )
    desk.settle()
    at = {e["event_id"]: e["occurred_at"] for e in desk.place.rows("event")}
    assert at["m1"] == now - timedelta(hours=1)
    assert at["m2"] == now
    assert at["m3"] == now - timedelta(seconds=5)
