"""Consent and the sender's own words as they come with events: what becomes of them at intake."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from omnimix.data.source.spec import Source
from omnimix.governance.consent import Purpose
from omnimix.governance.consent.signals import Signals
from omnimix.testing.consent import tcf_string

AT = datetime(2026, 10, 20, 9)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
SIGNALS = Signals(categories={"Targeting & ads": Purpose.ADVERTISING, "Stats": Purpose.MEASUREMENT})


def event(number: int, *, request: dict[str, Any] | None = None, **context: Any) -> dict[str, Any]:
    at = (AT + timedelta(minutes=number)).isoformat() + "Z"
    told = {"type": "track", "event": "Page Seen", "messageId": f"m{number}", "userId": "u1", "timestamp": at}
    return told | {"context": context} | ({"request": request} if request else {})


def taken(place: Any, *events: dict[str, Any], signals: Signals | None = None) -> Any:
    place.file("e.jsonl", "\n".join(map(json.dumps, events)))
    return place.ingest({"web": Source(path="e.jsonl", preset="segment_jsonl", currency="GBP", signals=signals)})


def answers(place: Any) -> list[tuple[str, bool, str, bool]]:
    rows = sorted(place.rows("consent"), key=lambda r: (r["decided_at"], r["purpose"], r["source"]))
    return [(r["purpose"], r["granted"], r["source"], r["repeated"]) for r in rows]


def test_categories_by_our_names_and_by_theirs(place: Any) -> None:
    said = {"Targeting & ads": False, "Stats": True, "email": True, "Unknown": True}
    taken(place, event(0, consent={"categoryPreferences": said}), signals=SIGNALS)
    wanted = [("advertising", False), ("email", True), ("measurement", True)]
    assert answers(place) == [(purpose, yes, "web", True) for purpose, yes in wanted]


def test_a_decisions_own_time_counts_but_none_after_the_event(place: Any) -> None:
    for number, given in enumerate((AT - timedelta(days=3), AT + timedelta(hours=9))):
        said = {"categoryPreferences": {"email": True}, "decidedAt": given.isoformat() + "Z"}
        taken(place, event(number, consent=said))
    rows = {r["decided_at"]: r["repeated"] for r in place.rows("consent")}
    assert rows == {AT - timedelta(days=3): False, AT + timedelta(minutes=1): False}


def test_tcf_strings_and_privacy_control(place: Any) -> None:
    text = tcf_string((1, 8, 9), at=AT - timedelta(days=9))
    taken(place, event(0, consent={"tcf": text}), event(1, consent={"gpc": True}), event(2, gpc=False))
    assert answers(place) == [
        ("advertising", False, "tcf", False),
        ("measurement", True, "tcf", False),
        ("personalisation", False, "tcf", False),
        ("advertising", False, "gpc", False),
    ]
    assert min(r["decided_at"] for r in place.rows("consent")) == AT - timedelta(days=9)


def test_a_string_that_cannot_be_read_waits_in_quarantine(place: Any) -> None:
    report = taken(
        place, event(0, consent={"tcf": "CPabc"}), event(1, consent={"categoryPreferences": {"email": "?"}})
    )
    assert (report.total.accepted, report.total.rejected) == (0, 2)
    assert place.rows("consent") == []
    told = {q.field: q.reason for q in place.quarantined()}
    assert "TCF" in told["tcf"]
    assert told["category:email"] == "is neither yes nor no"


def test_an_identify_call_carries_consent_and_is_no_event(place: Any) -> None:
    call = {**event(0, consent={"categoryPreferences": {"measurement": False}}), "type": "identify"}
    taken(place, call)
    assert place.rows("event") == []
    assert answers(place) == [("measurement", False, "web", True)]


@pytest.mark.parametrize("library", ["omnimix.js", "analytics-python"])
def test_robots_and_networks(place: Any, library: str) -> None:
    request = {"userAgent": "python-requests/2.32", "ip": "203.0.113.9", "gpc": None, "purpose": None}
    own = {"userAgent": CHROME, "ip": "198.51.100.7"}
    taken(
        place,
        event(0, request=request, library={"name": library}),
        event(1, request=request, library={"name": library}, **own),
        event(2, request={**request, "ip": "203.0.113.200"}, library={"name": library}),
    )
    rows = sorted(place.rows("event"), key=lambda r: r["event_id"])
    by_browser = library == "omnimix.js"
    assert [r["robot"] for r in rows] == (["known agent"] * 3 if by_browser else [None] * 3)
    networks = [r["network"] for r in rows]
    assert networks[0] == networks[2]
    assert (networks[0] is not None) == by_browser
    assert networks[1] not in (None, networks[0])
    kept = "".join(str(place.rows(name)) for name in ("event", "consent", "trait"))
    assert not any(part in kept for part in ("203.0.113", "198.51.100", "python-requests"))
