"""A real Chromium, a shop with the snippet, and what its collector was sent."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from omnimix.web.snippet import snippet

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECONDS = 5.0


def free_port() -> int:
    """A port nobody listens on, found by a program of its own: sockets are closed in tests."""
    code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


def eventually(found: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What `found` returns, once it is true."""
    until = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < until, "nothing came in time"
        time.sleep(0.03)
    return value


class Shop:
    """The site and what its collector was sent so far."""

    def __init__(self, folder: Path, port: int, browser: Browser) -> None:
        self.folder, self.url, self.browser = folder, f"http://127.0.0.1:{port}", browser
        self.contexts: list[BrowserContext] = []
        self.key = uuid4().hex  # a visitor of an earlier test may still be sending
        (folder / "key").write_text(self.key)
        self.answer(200)

    def answer(self, status: int) -> None:
        """What the collector answers from now on."""
        draft = self.folder / "draft"
        draft.write_text(str(status))
        draft.replace(self.folder / "status")

    def visitor(self, *, gpc: bool = False) -> BrowserContext:
        """A new visitor with an empty browser."""
        context = self.browser.new_context(extra_http_headers={"Sec-GPC": "1"} if gpc else {})
        if gpc:  # Chromium has no switch for it
            context.add_init_script(
                "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
            )
        self.contexts.append(context)
        return context

    def page(self, path: str = "/", *, gpc: bool = False) -> Page:
        """A new visitor's first page."""
        page = self.visitor(gpc=gpc).new_page()
        page.goto(self.url + path)
        return page

    def requests(self) -> list[dict[str, Any]]:
        """Every batch, in the order in which they came."""
        told = map(json.loads, (self.folder / "seen.jsonl").read_text().splitlines())
        return [request for request in told if request["writeKey"] == self.key]

    def events(self) -> list[dict[str, Any]]:
        """Every accepted event once, in the order of their times."""
        found = {e["messageId"]: e for r in self.requests() if r["status"] == 200 for e in r["batch"]}
        return sorted(found.values(), key=lambda e: e["timestamp"])

    def wait(self, count: int) -> list[dict[str, Any]]:
        """The events, once there are so many."""
        eventually(lambda: len(self.events()) >= count)
        return self.events()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: make chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder and the port of a running shop."""
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    (folder / "omnimix.js").write_bytes(snippet())
    (folder / "seen.jsonl").touch()
    command = [sys.executable, str(Path(__file__).with_name("site.py")), str(folder), str(port)]
    with subprocess.Popen([*command, str(folder / "omnimix.js")]) as process:
        yield folder, port
        process.terminate()


@pytest.fixture
def shop(site: tuple[Path, int], browser: Browser) -> Iterator[Shop]:
    """The shop, with nothing seen yet."""
    made = Shop(*site, browser)
    yield made
    for context in made.contexts:
        context.close()
