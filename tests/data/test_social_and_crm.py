"""Mentions, CRM and list exports: real-looking files become events, traits and answers; each fault is told."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from omnimix.data.canon.spoken import veil
from omnimix.data.source.spec import Source

FIXTURES = Path(__file__).parent / "fixtures"


def take(place: Any, name: str, **given: Any) -> Any:
    shutil.copy(FIXTURES / name, place.root / name)
    report = place.ingest({"s": Source(path=name, **given)})
    assert report.total.adds_up
    return report.total


def faults(place: Any) -> set[tuple[int, str, str]]:
    return {(q.line, q.field, q.reason) for q in place.quarantined()}


def everything(place: Any) -> str:
    return json.dumps(place.facts(), default=str).lower()


def said(place: Any) -> dict[str, dict[str, Any]]:
    return {e["event_id"]: json.loads(e["properties"]) for e in place.rows("event")}


def test_comments_carry_sentiment_and_nobody(place: Any) -> None:
    counts = take(place, "social_comments.csv", preset="social_comments")
    assert (counts.lines_read, counts.accepted, counts.duplicates, counts.rejected) == (7, 4, 1, 2)
    assert faults(place) == {
        (7, "occurred_at", "is not a date and time"),
        (8, "likes", "is not a whole number"),
    }
    spoken = said(place)
    assert {k: v["sentiment_label"] for k, v in spoken.items()} == {
        "c1": "positive",
        "c2": "negative",
        "c3": "unknown",
        "c4": "neutral",
    }
    assert spoken["c1"]["sentiment"] > 0.5
    assert -1 <= spoken["c2"]["sentiment"] < -0.5
    assert "sentiment" not in spoken["c3"], "no score is guessed for German"
    assert spoken["c1"]["text"] == "I love this mug, thank you (handle)! Write me at (e-mail)"
    assert spoken["c2"]["text"].endswith("Call (phone) or see (link)")
    assert (spoken["c1"]["likes"], spoken["c1"]["replies"], spoken["c1"]["platform"]) == (12, 1, "Instagram")
    names = {e["event_id"]: (e["name"], e["medium"]) for e in place.rows("event")}
    assert names["c1"] == ("Comment Posted", "social")
    assert names["c4"] == ("Mention Posted", "social")
    people = {e["event_id"]: e["person_key"] for e in place.rows("event")}
    assert people["c1"] == people["c2"], "the @ and capitals of a handle do not matter"
    assert people["c1"] != people["c4"], "the same name on another network may be somebody else"
    for trace in ("ada.l", "berta example", "ada@", "7946", "x.example"):
        assert trace not in everything(place)
    profile = next(k["profile_id"] for k in place.rows("link") if k["key"] == people["c1"])
    assert place.known(profile)["handle"] == ("instagram:ada.l",)


def test_comments_of_the_graph_api(place: Any) -> None:
    counts = take(place, "meta_comments.jsonl", preset="social_comments", constants={"platform": "facebook"})
    assert counts.accepted == 2
    assert [v["sentiment_label"] for _k, v in sorted(said(place).items())] == ["positive", "unknown"]
    assert "example" not in everything(place), "an author's name is left behind"


def test_a_comment_exported_again_with_more_likes_is_the_same(place: Any) -> None:
    head = "Timestamp,Network,From Username,Message,Likes\n"
    place.file("a.csv", head + "2026-03-01 10:00:00,X,ada,It is great,1\n")
    place.file("b.csv", head + "2026-03-01 10:00:00,X,ada,It is great,7\n2026-03-01 10:00:00,X,ada,It is bad,7\n")
    total = place.ingest({"s": Source(path="*.csv", preset="social_comments")}).total
    assert (total.accepted, total.duplicates) == (2, 1)


def test_a_customer_known_by_handle_is_one_profile(place: Any) -> None:
    place.file("p.csv", "user_id,email,handle,joined\n17,ada@example.com,@Ada,2026-01-01\n")
    place.file("m.csv", "Timestamp,Network,From Username,Message\n2026-03-01 10:00:00,X,ada,It is great\n")
    people = Source(path="p.csv", holds="profiles", constants={"platform": "x"}, columns={"observed_at": "joined"})
    place.ingest({"people": people, "m": Source(path="m.csv", preset="social_mentions")})
    assert len({link["profile_id"] for link in place.rows("link")}) == 1


@pytest.mark.parametrize(
    ("text", "veiled"),
    [
        ("see www.example.com/a?b=1 now", "see (link) now"),
        ("thanks @ada_l, and u/berta-9", "thanks (handle), and (handle)"),
        ("call 020 7946 0018 today", "call (phone) today"),
        ("pay to DE89 3704 0044 0532 0130 00", "pay to (account)"),
        ("I paid 12.50 for 3 mugs in 2026", "I paid 12.50 for 3 mugs in 2026"),
    ],
)
def test_texts_are_veiled(text: str, veiled: str) -> None:
    assert veil(text) == veiled


def test_hubspot_contacts(place: Any) -> None:
    counts = take(place, "hubspot_contacts.csv", preset="hubspot_contacts")
    assert (counts.accepted, counts.rejected) == (2, 2)
    assert faults(place) == {
        (4, "lead_score", "is not a number"),
        (5, "email", "is not an e-mail address"),
    }
    traits = {(t["trait"], t["value"]) for t in place.rows("trait")}
    assert {("lead_score", "42"), ("lead_score", "7.5"), ("lifecycle_stage", "Opportunity")} <= traits
    assert {("lead_status", "Open"), ("country", "GB"), ("country", "DE")} <= traits
    assert {str(t["observed_at"]) for t in place.rows("trait")} == {"2026-03-01 10:00:00", "2026-03-02 10:00:00"}
    answers = [(c["purpose"], c["granted"]) for c in place.rows("consent")]
    assert answers == [("email", False)], "not having opted out is no consent"
    assert "ada" not in everything(place)


def test_hubspot_deals_join_their_contact_and_count_each_stage_once(place: Any) -> None:
    shutil.copy(FIXTURES / "hubspot_deals.csv", place.root / "d.csv")
    shutil.copy(FIXTURES / "hubspot_contacts.csv", place.root / "c.csv")
    sources = {
        "deals": Source(path="d.csv", preset="hubspot_deals"),
        "contacts": Source(path="c.csv", preset="hubspot_contacts"),
    }
    counts = place.ingest(sources).sources["deals"]
    assert (counts.lines_read, counts.accepted, counts.duplicates, counts.rejected) == (5, 3, 1, 1)
    assert {q for q in faults(place) if q[1] == "stage_since"} == {(6, "stage_since", "is not a date and time")}
    moved = [
        (e["name"], json.loads(e["properties"])["deal_stage"], str(e["occurred_at"])) for e in place.rows("event")
    ]
    assert sorted(moved) == [
        ("Deal Stage Changed", "Appointment Scheduled", "2026-02-02 09:00:00"),
        ("Deal Stage Changed", "Closed Lost", "2026-02-12 09:00:00"),
        ("Deal Stage Changed", "Contract Sent", "2026-02-10 09:00:00"),
    ]
    assert all(e["revenue_minor"] is None for e in place.rows("event")), "a deal's amount is no revenue yet"
    stages = {t["value"] for t in place.rows("trait") if t["trait"] == "deal_stage"}
    assert stages == {"Appointment Scheduled", "Contract Sent", "Closed Lost"}
    of = {link["key"]: link["profile_id"] for link in place.rows("link")}
    contact = next(t for t in place.rows("trait") if t["value"] == "42")["person_key"]
    deal = next(e for e in place.rows("event") if "Contract" in e["properties"])["person_key"]
    assert of[deal] == of[contact], "the deal belongs to the first of its contacts"
    assert "wedding" not in everything(place)


def test_a_crm_number_is_no_customer_number(place: Any) -> None:
    place.file("orders.csv", "order_id,sku,qty,date,price,customer\n1,A,1,2026-01-01,2.50,101\n")
    shutil.copy(FIXTURES / "hubspot_contacts.csv", place.root / "c.csv")
    place.ingest(
        {
            "orders": Source(path="orders.csv", preset="order_lines", currency="GBP"),
            "contacts": Source(path="c.csv", preset="hubspot_contacts"),
        }
    )
    assert len({link["profile_id"] for link in place.rows("link")}) == 3


def test_salesforce(place: Any) -> None:
    assert take(place, "salesforce_leads.csv", preset="salesforce_leads").accepted == 2
    traits = {(t["trait"], t["value"]) for t in place.rows("trait")}
    assert {("lead_score", "88"), ("lead_status", "Working - Contacted"), ("LeadSource", "Web")} <= traits
    assert [c["granted"] for c in place.rows("consent")] == [False]
    counts = take(place, "salesforce_opportunities.csv", preset="salesforce_opportunities")
    assert (counts.accepted, counts.rejected) == (2, 0)
    moved = {json.loads(e["properties"])["deal_stage"]: str(e["occurred_at"]) for e in place.rows("event")}
    assert moved == {"Prospecting": "2026-03-01 09:00:00", "Closed Won": "2026-03-09 16:30:00"}


def test_mautic(place: Any) -> None:
    assert take(place, "mautic_contacts.csv", preset="mautic_contacts").accepted == 2
    traits = {(t["trait"], t["value"]) for t in place.rows("trait")}
    assert {("lead_score", "120"), ("lead_score", "-5"), ("lifecycle_stage", "Customer")} <= traits
    assert [c["granted"] for c in place.rows("consent")] == [False]


def test_mailchimp_members(place: Any) -> None:
    counts = take(place, "mailchimp_members.csv", preset="mailchimp_members")
    assert (counts.accepted, counts.rejected) == (4, 1)
    assert faults(place) == {(6, "email_status", "is no subscription status")}
    answers = {str(c["decided_at"]): c["granted"] for c in place.rows("consent")}
    assert answers == {
        "2025-06-01 10:00:00": True,
        "2026-01-05 08:00:00": False,
        "2025-06-02 10:00:00": False,
    }, "who is pending said nothing; an address that bounces may not be written to"


def test_email_activity(place: Any) -> None:
    counts = take(place, "email_activity.csv", preset="email_activity")
    assert (counts.accepted, counts.rejected) == (5, 1)
    assert faults(place) == {(7, "email", "is not an e-mail address")}
    names = sorted(e["name"] for e in place.rows("event"))
    assert names == ["Email Delivered", "Email Delivered", "Email Link Clicked", "Email Opened", "Unsubscribed"]
    assert {e["utm_campaign"] for e in place.rows("event")} == {"Spring"}
    assert [c["granted"] for c in place.rows("consent")] == [False], "who leaves the list may not be written to"


def test_sendgrid_events(place: Any) -> None:
    counts = take(place, "sendgrid_events.jsonl", preset="email_activity")
    assert (counts.accepted, counts.duplicates) == (3, 1)
    names = sorted(e["name"] for e in place.rows("event"))
    assert names == ["Email Delivered", "Email Marked as Spam", "Email Opened"]
    assert [c["granted"] for c in place.rows("consent")] == [False]


def test_enrichment_without_a_provider_is_never_the_persons_own_word(place: Any) -> None:
    place.file("e.csv", "email,observed_at,income\na@b.example,2024-01-01,high\n")
    place.ingest({"bought": Source(path="e.csv", holds="enrichment", properties=("income",))})
    assert [t["provider"] for t in place.rows("trait")] == ["bought"]
