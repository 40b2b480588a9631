from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from journeys import Event, event_lists, event_table, timelines

from omnimix.audience.journey.behind import behind_medium
from omnimix.audience.journey.sessions import in_sessions, sessions
from omnimix.audience.journey.touches import mediums, touches
from omnimix.store.warehouse import Warehouse

GAP = timedelta(minutes=30)
SIGNS = ("medium", "utm_source", "click_id_kind", "referrer_host", "page_path")


@settings(max_examples=10)  # each compiles its queries anew
@given(events=event_lists())
def test_sessions_are_cut_at_pauses(warehouse: Warehouse, events: list[Event]) -> None:
    expected: dict[str, int] = {}
    for line in timelines(events).values():
        number = 1
        expected[line[0][0]] = number
        for before, after in pairwise(line):
            number += after[3] - before[3] > GAP
            expected[after[0]] = number
    placed = in_sessions(event_table(events), gap_minutes=30)
    rows = warehouse.arrow(placed).to_pylist()
    assert {r["event_id"]: r["session"] for r in rows} == expected
    assert sum(r["opens"] for r in rows) == len({(r["profile_id"], r["session"]) for r in rows})


@settings(max_examples=10)  # each compiles its queries anew
@given(events=event_lists())
def test_sessions_lose_no_event(warehouse: Warehouse, events: list[Event]) -> None:
    rows = warehouse.arrow(sessions(in_sessions(event_table(events), gap_minutes=30))).to_pylist()
    identified = [e for e in events if e[1] is not None]
    assert sum(r["events"] for r in rows) == len(identified)
    assert sum(r["orders"] for r in rows) == sum(e[2] == "Order Completed" for e in identified)
    assert sum(r["revenue_minor"] for r in rows) == 100 * sum(e[2] == "Order Completed" for e in identified)
    assert all(r["started_at"] <= r["ended_at"] for r in rows)


@settings(max_examples=6)
@given(events=event_lists())
def test_each_session_has_a_touch_and_each_number_its_profiles(warehouse: Warehouse, events: list[Event]) -> None:
    said = [("cpc" if place % 3 == 0 else None) for place, _ in enumerate(events)]
    placed = warehouse.materialise(in_sessions(event_table(events, medium=said), gap_minutes=30))
    touched = warehouse.materialise(touches(placed))
    rows = warehouse.arrow(touched).to_pylist()
    visits = {(r["profile_id"], r["session"]) for r in warehouse.arrow(placed).to_pylist()}
    assert {(r["profile_id"], r["session"]) for r in rows} == visits
    counts = warehouse.arrow(mediums(touched)).to_pylist()
    assert sum(r["touches"] for r in counts) == len(rows)
    for row in counts:
        ids = warehouse.arrow(behind_medium(touched, row["medium"]))["profile_id"].to_pylist()
        assert len(ids) == len(set(ids)) == row["profiles"]
        of_it = [r for r in rows if r["medium"] == row["medium"]]
        assert row["sessions"] == len({(r["profile_id"], r["session"]) for r in of_it})


def test_what_a_link_a_click_id_or_a_referrer_says(warehouse: Warehouse) -> None:
    cases: list[tuple[dict[str, str], tuple[str, str]]] = [
        ({}, ("unknown", "(none)")),
        ({"page_path": "/"}, ("direct", "(none)")),
        ({"medium": "CPC", "utm_source": "Google"}, ("paid_search", "google")),
        ({"medium": "cpc", "utm_source": "facebook"}, ("paid_social", "facebook")),
        ({"medium": "cpc", "click_id_kind": "fbclid"}, ("paid_social", "fbclid")),
        ({"medium": "newsletter", "utm_source": "november"}, ("email", "november")),
        ({"medium": "podcast", "utm_source": "acme"}, ("other", "acme")),
        ({"medium": "(none)"}, ("direct", "(none)")),
        ({"click_id_kind": "gclid"}, ("paid_search", "gclid")),
        ({"click_id_kind": "gclid", "referrer_host": "www.google.co.uk"}, ("paid_search", "google.co.uk")),
        ({"click_id_kind": "fbclid", "referrer_host": "l.facebook.com"}, ("organic_social", "l.facebook.com")),
        ({"referrer_host": "www.google.co.uk"}, ("organic_search", "google.co.uk")),
        ({"referrer_host": "WWW.BING.COM"}, ("organic_search", "bing.com")),
        ({"referrer_host": "notbing.com"}, ("referral", "notbing.com")),
        ({"referrer_host": "google.com.evil.example"}, ("referral", "google.com.evil.example")),
        ({"referrer_host": "mail.google.com"}, ("email", "mail.google.com")),
        ({"referrer_host": "t.co"}, ("organic_social", "t.co")),
        ({"referrer_host": "blog.example"}, ("referral", "blog.example")),
        ({"referrer_host": "checkout.shop.example"}, ("direct", "(none)")),
        ({"medium": "organic_search", "referrer_host": "google.com"}, ("organic_search", "google.com")),
        ({"name": "Email Opened"}, ("email", "(none)")),
    ]
    at = datetime(2026, 1, 1)
    events = [(f"e{n}", f"p{n}", c.get("name", "Page Viewed"), at) for n, (c, _) in enumerate(cases)]
    columns = {name: [c.get(name) for c, _ in cases] for name in SIGNS}
    placed = in_sessions(event_table(events, **columns), gap_minutes=30)
    rows = warehouse.arrow(touches(placed, own_hosts=("shop.example",))).to_pylist()
    found = {r["touch_id"]: (r["medium"], r["source"]) for r in rows}
    assert len(rows) == len(cases)
    for place, (column, expected) in enumerate(cases):
        assert found[f"e{place}"] == expected, column


def test_the_same_sign_again_in_a_session_is_one_touch_and_another_is_two(warehouse: Warehouse) -> None:
    at = datetime(2026, 1, 1)
    events: list[Event] = [(f"e{n}", "a", "Page Viewed", at + timedelta(minutes=n)) for n in range(5)]
    table = event_table(events, medium=["email", "email", None, "cpc", "email"])
    found = warehouse.arrow(touches(in_sessions(table, gap_minutes=30))).to_pylist()
    assert [r["touch_id"] for r in sorted(found, key=lambda r: r["touch_id"])] == ["e0", "e3", "e4"]
