"""The review room: in a real browser, and asked directly by somebody who would publish without approval."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.cli.conftest import lay_out
from tests.web.snippet.conftest import CHROMIUM

from omnimix.app import machine_of, settings_of
from omnimix.core.finding import Finding
from omnimix.creative.brief.brief import BROAD
from omnimix.creative.brief.make import make_briefs
from omnimix.creative.copy.write import write_variants
from omnimix.creative.policy.check import run_checks
from omnimix.creative.policy.checks import CHECKS
from omnimix.creative.review.decision import approved
from omnimix.creative.review.queue import candidates, submit
from omnimix.creative.variant import Variant
from omnimix.flow.collect import gather
from omnimix.flow.create import drawn_again, policy_facts
from omnimix.flow.machine import Job, Machine
from omnimix.flow.people import products_of
from omnimix.governance.access.account import make
from omnimix.governance.access.role import Role
from omnimix.governance.audit import entries, verify
from omnimix.testing.collector import free_port

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.xdist_group("console")]
PASSWORD = "seven green teapots"  # noqa: S105
PEOPLE = {
    "Ann": [Role.APPROVER],
    "Bob": [Role.APPROVER],
    "Eddy": [Role.EDITOR],
    "Vic": [Role.VIEWER],
    "Root": [Role.ADMIN],
}
AXE = Path(__file__).parent / "node" / "node_modules" / "axe-core" / "axe.min.js"


@dataclass
class Room:
    """A console that runs on a small shop whose variants wait."""

    machine: Machine
    port: int
    examined: tuple[tuple[Variant, tuple[Finding, ...]], ...]

    def reset(self, approvals: int = 1) -> dict[str, str]:
        """Everything waits again, of `approvals` people; digests by variant id."""
        self.machine.artifacts.save("first/variants", tuple(v for v, _ in self.examined))
        with self.machine.ledger.begin() as session:
            for table in ("review_decision", "review_candidate"):
                session.connection().exec_driver_sql(f"delete from {table}")
            submit(session, self.examined, now=datetime(2026, 11, 1), approvals=approvals)
            return {c.variant_id: c.digest for c in candidates(session, "first")}

    def published(self) -> set[str]:
        """What may be published now."""
        with self.machine.ledger() as session:
            assert verify(session, self.machine.anchor).intact
            return {v.variant_id for v in approved(session, "first", pictures=self.machine.out)}

    def acts(self) -> list[tuple[str, str]]:
        """The audit: who did what."""
        with self.machine.ledger() as session:
            return [(e.actor, e.action) for e in entries(session)]

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, str, Any]:
        """Status, text and headers of one request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {k.replace("_", "-"): v for k, v in headers.items()}
        if form is not None:
            given["content-type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urlencode(form) if form is not None else None, given)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, text, answer.headers

    def signed_in(self, name: str) -> tuple[str, str]:
        """A session's cookie and the token of its forms."""
        status, _, headers = self.ask("POST", "/sign-in", {"name": name, "password": PASSWORD})
        assert status == 303
        cookie = headers["set-cookie"].split(";")[0]
        _, text, _ = self.ask("GET", "/", Cookie=cookie)
        return cookie, text.split('name="form_token" value="')[1].split('"')[0]


def _examined(machine: Machine, job: Job) -> tuple[tuple[Variant, tuple[Finding, ...]], ...]:
    """Variants of the starter's campaign, drawn; the last one with a claim that nothing carries."""
    gather(machine)
    products = products_of(machine)
    everybody = {BROAD: {p.product_id: 30 for p in products}}
    brief = make_briefs(job.campaign, machine.brand, products, (), bought=everybody)[0]
    written = write_variants(brief, job.campaign, machine.brand, seed=0)
    drawn = tuple(drawn_again(machine, job, v) for v in written[:2])
    false = replace(drawn[1], descriptions=("The best mugs in Britain.", *drawn[1].descriptions[1:]))
    facts = policy_facts(machine, job, drawn)
    return tuple((v, run_checks(v, facts, CHECKS)) for v in (*drawn, false))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    root = lay_out(tmp_path_factory.mktemp("console") / "shop", lambda: None).root
    shop = settings_of(root, os.environ)
    with machine_of(shop, os.environ) as machine:
        room = Room(machine, free_port(), _examined(machine, shop.job("first")))
        with machine.ledger.begin() as session:
            for name, roles in PEOPLE.items():
                make(session, name, PASSWORD, roles, by="test", now=datetime(2026, 11, 1))
        command = [sys.executable, "-c", "import sys; from omnimix.cli import main; sys.exit(main())"]
        process = subprocess.Popen(
            [*command, "console", "-w", str(root), "--port", str(room.port)], stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            try:
                if room.ask("GET", "/health")[0] == 200:
                    break
            except OSError:
                time.sleep(0.1)
        yield room
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@pytest.fixture
def room(running: Room) -> Room:
    running.reset()
    return running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def opened(browser: Browser, room: Room, name: str, *, width: int = 1280, bypass: bool = False) -> Page:
    """A page of somebody who signed in by hand. A message of the browser's console is a fault."""
    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=bypass)
    page = context.new_page()
    page.on("console", lambda m: pytest.fail(m.text) if m.type in ("error", "warning") else None)
    page.goto(f"http://127.0.0.1:{room.port}/campaigns/first")
    page.fill("[name=name]", name)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".cards")
    return page


def test_approve_reject_and_edit_by_keyboard_alone(browser: Browser, room: Room) -> None:
    page = opened(browser, room, "Ann")
    assert page.locator(".card.queued").count() == 2
    assert page.locator(".card.blocked").count() == 1
    page.locator(".card.queued a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".decide")
    one = page.url.rsplit("/", 1)[1]
    page.keyboard.press("a")
    page.wait_for_url(lambda url: not url.endswith(one))
    assert room.published() == {one}
    page.keyboard.press("r")
    page.keyboard.type("Too plain")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert ("Ann", "variant.reject") in room.acts()
    page.goto(page.url.rsplit("/", 1)[0] + "/" + one)
    page.keyboard.press("e")
    page.keyboard.press("Tab")
    page.keyboard.press("Control+Home")
    page.keyboard.type("The best mugs ever. ")
    page.wait_for_selector("#tried .blocking")  # the checks speak while one writes
    for _ in range(len("The best mugs ever. ")):
        page.keyboard.press("Backspace")
    page.keyboard.type("Small things. ")
    page.wait_for_selector("#tried .fine")
    page.locator("#edit button").press("Enter")
    page.wait_for_url(lambda url: not url.endswith(one), timeout=60_000)
    assert "queued" in page.locator(".head .chip").inner_text()
    assert room.published() == set()  # new words, new approval
    page.keyboard.press("c")
    page.wait_for_selector(".both article >> nth=1")
    page.keyboard.press("u")
    page.wait_for_selector(".cards")
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1


def test_four_eyes(browser: Browser, room: Room) -> None:
    one = sorted(room.reset(approvals=2))[0]
    for name, done in (("Ann", False), ("Bob", True)):
        page = opened(browser, room, name)
        page.goto(f"http://127.0.0.1:{room.port}/campaigns/first/variants/{one}")
        with page.expect_navigation():
            page.keyboard.press("a")
        assert (one in room.published()) is done


@pytest.mark.skipif(not AXE.exists(), reason="npm ci in tests/web/node brings axe-core")
@pytest.mark.parametrize("width", [1280, 390])
def test_no_barriers_and_no_sideways_scrolling(browser: Browser, room: Room, width: int) -> None:
    one = sorted(room.reset())[0]
    page = opened(browser, room, "Ann", width=width, bypass=True)
    base = f"http://127.0.0.1:{room.port}"
    for path in (
        "/",
        "/campaigns/first",
        f"/campaigns/first/variants/{one}",
        f"/campaigns/first/compare?left={one}",
    ):
        page.goto(base + path)
        page.wait_for_load_state("networkidle")
        if "/variants/" in path:
            page.locator("#edit summary").click()
        page.add_script_tag(path=AXE)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")
        serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        assert not serious, json.dumps([(v["id"], v["nodes"][0]["html"][:200]) for v in serious], indent=1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nobody_publishes_without_a_valid_approval(room: Room) -> None:
    digests = room.reset(approvals=2)
    good = sorted(digests)[0]
    path = f"/campaigns/first/variants/{good}/approve"
    ann, viewer, editor, root = (room.signed_in(n) for n in ("Ann", "Vic", "Eddy", "Root"))
    right = {"form_token": ann[1], "digest": digests[good]}
    assert room.ask("POST", path, right, Cookie=ann[0])[0] == 303  # the first of two
    tries = []
    for i in range(20):
        changed = digests[good][:i] + ("0" if digests[good][i] != "0" else "1") + digests[good][i + 1 :]
        tries += [
            (ann[0], {**right, "digest": changed}),  # something else than what was shown
            ((viewer, editor, root)[i % 3][0], {**right, "form_token": (viewer, editor, root)[i % 3][1]}),
            (ann[0], right),  # the same form again: the second approver is the first
            (ann[0], {"digest": digests[good], "form_token": ("", viewer[1], secrets.token_hex(32))[i % 3]}),
            (("", "omnimix_session=" + secrets.token_urlsafe(32))[i % 2], right),  # nobody's session
        ]
    statuses = [room.ask("POST", path, form, Cookie=cookie)[0] for cookie, form in tries]
    assert len(statuses) == 100
    assert set(statuses) <= {401, 403, 409, 422}
    assert room.published() == set()
    bob = room.signed_in("Bob")
    other = {"form_token": bob[1], "digest": digests[good]}
    assert room.ask("POST", path, other, Cookie=bob[0], Origin="https://evil.example")[0] == 403
    assert room.published() == set()
    assert room.ask("POST", path, other, Cookie=bob[0])[0] == 303
    assert room.published() == {good}


def test_doors(room: Room) -> None:
    assert room.ask("GET", "/campaigns/first")[0] == 303
    assert room.ask("GET", "/", Host="evil.example")[0] == 421
    cookie, token = room.signed_in("Vic")
    assert room.ask("GET", "/audit", Cookie=cookie)[0] == 403
    for path in ("/pictures/../../.omnimix/keys/workspace.key", "/pictures/creatives/%2e%2e/%2e%2e/brand.toml"):
        assert room.ask("GET", path, Cookie=cookie)[0] == 404
    assert room.ask("POST", "/campaigns/first/stop", {"form_token": token, "act": "stop"}, Cookie=cookie)[0] == 403
    status, _, headers = room.ask("POST", "/sign-in", {"name": "Vic", "password": "x", "next": "//evil.example"})
    assert status == 403
    status, _, headers = room.ask(
        "POST", "/sign-in", {"name": "Vic", "password": PASSWORD, "next": "//evil.example"}
    )
    assert (status, headers["location"]) == (303, "/")
    assert "HttpOnly" in headers["set-cookie"]
    assert "samesite=strict" in headers["set-cookie"].lower()
    assert room.ask("POST", "/sign-out", {"form_token": token}, Cookie=cookie)[0] == 303
    assert room.ask("GET", "/", Cookie=cookie)[0] == 303


def test_the_kill_switch_of_the_room(room: Room) -> None:
    cookie, token = room.signed_in("Ann")
    path = "/campaigns/first/stop"
    assert (
        room.ask("POST", path, {"form_token": token, "act": "stop", "why": "wrong price"}, Cookie=cookie)[0] == 303
    )
    assert "stopped by Ann" in room.ask("GET", "/campaigns/first", Cookie=cookie)[1]
    assert room.ask("POST", path, {"form_token": token, "act": "resume"}, Cookie=cookie)[0] == 303
    assert "stopped by Ann" not in room.ask("GET", "/campaigns/first", Cookie=cookie)[1]
    assert [a for a in room.acts() if a[0] == "Ann"][-2:] == [("Ann", "campaign.stop"), ("Ann", "campaign.resume")]
