"""From a real browser through the real collector to facts."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from omnimix.app import machine_of, settings_of
from omnimix.flow.collect import settle_waiting
from omnimix.testing.collector import WRITE_KEY, Collector

PAGE = f"""<!doctype html><html><body><button data-omnimix-event="Size Guide Opened">Sizes</button>
<script src="/omnimix.js" data-key="{WRITE_KEY}"></script></body></html>"""


@pytest.mark.enable_socket
def test_a_visit_becomes_events_and_consent(browser: Browser, tmp_path: Path) -> None:
    with Collector(tmp_path / "shop").start() as collector:
        context = browser.new_context(extra_http_headers={"Sec-GPC": "1"})
        page = context.new_page()
        page.route("**/shop/**", lambda route: show(route))
        page.goto(f"{collector.url}/shop/mugs?utm_source=news&utm_medium=email")
        page.evaluate("omnimix.consent({measurement: true, advertising: true})")
        page.click("button")
        page.wait_for_function("!Object.keys(localStorage).some(key => key.startsWith('omnimix.e.'))")
        context.close()
    root = tmp_path / "shop"
    with machine_of(settings_of(root, os.environ), os.environ) as machine:
        settle_waiting(machine)
        events, consent = (machine.warehouse.arrow(machine.warehouse.table(n)) for n in ("event", "consent"))
    found = sorted(events.to_pylist(), key=lambda r: r["occurred_at"])
    assert [r["name"] for r in found] == ["Page Viewed", "Size Guide Opened"]
    first = found[0]
    assert (first["page_path"], first["utm_source"], first["medium"]) == ("/shop/mugs", "news", "email")
    assert first["device"] == "desktop"
    assert first["network"].startswith("net:")
    assert first["robot"] == "known agent"  # a Chromium without a window says so itself
    decided = {(r["purpose"], r["granted"], r["source"]) for r in consent.to_pylist()}
    # The browser of this test has no switch for Global Privacy Control; its requests say it.
    assert decided == {("measurement", True, "live"), ("advertising", True, "live"), ("advertising", False, "gpc")}
    assert len({r["person_key"] for r in [*found, *consent.to_pylist()]}) == 1


def show(route: Route) -> None:
    """The shop's page, on the collector's own host."""
    route.fulfill(body=PAGE, content_type="text/html")
