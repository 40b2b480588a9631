"""The snippet in a real browser: what it sends, and what it keeps to itself."""

import time

import pytest
from playwright.sync_api import Page
from tests.web.snippet.conftest import Shop, eventually

from omnimix.web.snippet import snippet

QUIET = 0.6  # seconds in which anything that was to be sent would have been


def kept(page: Page) -> list[str]:
    """What the site keeps in the browser."""
    found: list[str] = page.evaluate("Object.keys(localStorage).sort()")
    return found + [c["name"] for c in page.context.cookies()]


def allow(page: Page, **choice: bool) -> None:
    page.evaluate("choice => omnimix.consent(choice)", choice)


def test_it_is_small_and_looks_at_no_device() -> None:
    text = snippet().decode()
    assert len(snippet()) <= 4096
    for word in (
        "screen",
        "plugins",
        "canvas",
        "fonts",
        "AudioContext",
        "hardwareConcurrency",
        "platform",
        "cookie",
    ):
        assert word not in text


def test_without_consent_nothing_is_kept_or_sent(shop: Shop) -> None:
    page = shop.page("/?utm_source=news")
    page.click("button")
    page.evaluate("history.pushState({}, '', '/next')")
    page.evaluate("omnimix.identify('u1', {email: 'a@example.com'})")
    page.goto(shop.url + "/third")
    time.sleep(QUIET)
    assert shop.requests() == []
    assert kept(page) == []


def test_a_no_is_remembered_without_an_identifier(shop: Shop) -> None:
    page = shop.page()
    allow(page, measurement=False, advertising=False)
    page.reload()
    page.click("button")
    time.sleep(QUIET)
    assert shop.requests() == []
    assert kept(page) == ["omnimix.consent"]


def test_with_consent_pages_come_with_the_choice_and_its_time(shop: Shop) -> None:
    page = shop.page("/first")
    allow(page, measurement=True, personalisation=True, advertising=False)
    page.goto(shop.url + "/second")
    told, first, second = shop.wait(3)
    assert [told["type"], first["type"], second["type"]] == ["identify", "page", "page"]
    assert [e["context"]["page"]["path"] for e in (first, second)] == ["/first", "/second"]
    assert len({e["anonymousId"] for e in (told, first, second)}) == 1
    consent = first["context"]["consent"]
    assert consent["categoryPreferences"] == {"measurement": True, "personalisation": True, "advertising": False}
    assert consent["decidedAt"] <= first["timestamp"] < second["timestamp"]
    assert second["context"]["consent"] == consent
    request = shop.requests()[0]
    assert request["writeKey"] == shop.key
    assert request["headers"]["content-type"].startswith("text/plain")
    assert set(first["context"]) == {"consent", "library", "locale", "device", "page"}


def test_another_visitor_is_somebody_else(shop: Shop) -> None:
    for _ in range(2):
        shop.page("/?with=granted")
    assert len({e["anonymousId"] for e in shop.wait(2)}) == 2


def test_a_withdrawal_is_told_and_then_all_is_forgotten(shop: Shop) -> None:
    page = shop.page("/?with=granted")
    known = shop.wait(1)[0]["anonymousId"]
    allow(page, measurement=False)
    last = shop.wait(2)[-1]
    assert (last["type"], last["anonymousId"]) == ("identify", known)
    assert last["context"]["consent"]["categoryPreferences"] == {"measurement": False}
    assert eventually(lambda: kept(page) == ["omnimix.consent"])
    page.click("button")
    page.goto(shop.url + "/later?with=granted")
    time.sleep(QUIET)
    assert len(shop.events()) == 2


def test_global_privacy_control_refuses_advertising_whatever_was_chosen(shop: Shop) -> None:
    page = shop.page("/?gclid=abc123", gpc=True)
    allow(page, measurement=True, advertising=True)
    assert page.evaluate("omnimix.allows('advertising')") is False
    event = shop.wait(2)[-1]
    assert event["context"]["consent"]["gpc"] is True
    assert event["context"]["consent"]["categoryPreferences"] == {"measurement": True, "advertising": False}
    assert event["context"]["page"]["url"].endswith("/?gclid=1")


def test_of_the_address_only_the_campaign_leaves_the_page(shop: Shop) -> None:
    query = "utm_source=news&utm_medium=email&utm_campaign=spring&gclid=abc&email=a%40example.com&token=secret"
    page = shop.page(f"/p?{query}")
    allow(page, measurement=True)
    url = shop.wait(2)[-1]["context"]["page"]["url"]
    assert url == f"{shop.url}/p?utm_source=news&utm_medium=email&utm_campaign=spring&gclid=1"
    allow(page, advertising=True)
    allow(page, advertising=True)
    url = shop.wait(4)[-1]["context"]["page"]["url"]
    assert "gclid=abc" in url
    assert "secret" not in url


def test_views_of_a_single_page_application(shop: Shop) -> None:
    page = shop.page("/?with=granted")
    for call in (
        "history.pushState({}, '', '/list')",
        "history.replaceState({scroll: 5}, '', '/list')",
        "location.hash = 'reviews'",
        "history.pushState({}, '', '/item')",
    ):
        page.evaluate(call)
    page.evaluate("history.go(-1)")
    paths = [e["context"]["page"]["path"] for e in shop.wait(4)]
    time.sleep(QUIET)
    assert paths == ["/", "/list", "/item", "/list"]
    assert len(shop.events()) == 4


def test_clicks(shop: Shop) -> None:
    page = shop.page("/?with=granted")
    page.route("http://elsewhere.example/**", lambda route: route.fulfill(body="elsewhere"))
    page.click("button span")
    page.click("p")
    page.click("#product")
    page.click("#out")
    page.wait_for_url("http://elsewhere.example/**")
    shop.page("/?with=granted").context.close()  # a beacon was sent on leaving
    clicks = [(e["event"], e.get("properties")) for e in shop.wait(4) if e["type"] == "track"]
    assert clicks == [
        ("Size Guide Opened", {"product_id": "A1"}),
        ("Product Clicked", {"product_id": "B2"}),
        ("Outbound Link Clicked", {"host": "elsewhere.example"}),
    ]


def test_the_hidden_link_is_for_robots(shop: Shop) -> None:
    page = shop.page("/?with=granted")
    trap = page.locator("a[rel=nofollow]")
    assert (trap.count(), trap.is_visible()) == (1, False)
    assert page.locator(":focus").count() == 0
    page.goto(shop.url + "/?with=granted&omnimix-hidden")
    assert "Hidden Link Clicked" in [e.get("event") for e in shop.wait(3)]


def test_what_happens_offline_comes_later_and_once(shop: Shop) -> None:
    page = shop.page("/?with=granted")
    shop.wait(1)
    page.context.set_offline(True)
    page.click("button")
    page.evaluate("history.pushState({}, '', '/offline')")
    time.sleep(QUIET)
    assert len(shop.events()) == 1
    page.context.set_offline(False)
    assert [e["type"] for e in shop.wait(3)] == ["page", "track", "page"]
    assert eventually(lambda: kept(page) == ["omnimix.id"])


@pytest.mark.parametrize("status", [429, 503])
def test_what_is_refused_for_now_waits_for_the_next_page(shop: Shop, status: int) -> None:
    shop.answer(status)
    page = shop.page("/first?with=granted")
    eventually(shop.requests)
    assert shop.events() == []
    shop.answer(200)
    page.goto(shop.url + "/second?with=granted")
    assert [e["context"]["page"]["path"] for e in shop.wait(2)] == ["/first", "/second"]


def test_what_is_refused_for_good_is_dropped(shop: Shop) -> None:
    shop.answer(400)
    page = shop.page("/first?with=granted")
    eventually(shop.requests)
    assert eventually(lambda: kept(page) == ["omnimix.id"])


def test_leaving_at_once_loses_nothing(shop: Shop) -> None:
    page = shop.page("/?with=granted")
    page.evaluate("() => { omnimix.track('Last Word'); location = 'about:blank' }")
    page.wait_for_url("about:blank")
    assert [e.get("event") for e in shop.wait(2)] == [None, "Last Word"]


def test_under_a_strict_content_security_policy(shop: Shop) -> None:
    page = shop.visitor().new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(shop.url + "/?with=granted,strict")
    page.click("button")
    shop.wait(2)
    assert [c for c in complaints if "favicon" not in c] == []


def test_a_consent_tool_of_the_tcf_is_asked(shop: Shop) -> None:
    page = shop.page("/?with=tcf,granted")
    time.sleep(QUIET)
    assert shop.requests() == []
    answer = {
        "eventStatus": "useractioncomplete",
        "tcString": "CPabc",
        "purpose": {"consents": {"1": True, "8": True}},
    }
    page.evaluate("found => answer(found)", answer)
    time.sleep(QUIET)
    assert shop.requests() == []
    answer["purpose"] = {"consents": {str(n): True for n in (1, 8, 9)}}
    page.evaluate("found => answer(found)", answer)
    events = shop.wait(2)
    assert [e["context"]["consent"] for e in events] == [{"tcf": "CPabc"}] * 2
    assert page.evaluate("['measurement', 'advertising', 'email'].map(omnimix.allows)") == [True, False, False]
