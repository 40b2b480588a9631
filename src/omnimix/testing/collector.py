"""A real collector for tests, proofs and benchmarks: a small workspace, and the server as processes of its own.

in   a folder, lines for [collect] and [serve], further tables
out  a Collector that can be started, asked, killed and stopped; made-up batches of events
"""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omnimix.core.errors import Unavailable
from omnimix.governance.keys import create_key

WRITE_KEY = "write-key-of-a-test"
_WORKSPACE = """[workspace]
name = "Test shop"
[consent]
assume = ["measurement", "personalisation", "advertising", "email"]
[serve]
port = {port}
{serve}
[collect]
{lines}
[collect.write_keys]
live = "{key}"
{tables}
"""
_BRAND = """name = "Test shop"
website = "https://shop.example"
promise = "Things for the home"
sells = "things for the home"
"""
_SERVE = "import sys; from omnimix.cli import main; sys.exit(main(sys.argv[1:]))"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Collector:
    """A workspace at `root` and its server.

    `lines` are further keys of [collect], `serve` of [serve]; `tables` are further tables of omnimix.toml.
    """

    root: Path
    lines: str = ""
    serve: str = ""
    tables: str = ""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        text = _WORKSPACE.format(
            port=self.port, lines=self.lines, serve=self.serve, tables=self.tables, key=WRITE_KEY
        )
        (self.root / "omnimix.toml").write_text(text, encoding="utf-8")
        (self.root / "brand.toml").write_text(_BRAND, encoding="utf-8")
        if not (self.root / ".omnimix" / "keys" / "workspace.key").exists():
            create_key(self.root / ".omnimix" / "keys" / "workspace.key")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.root / "serve.log"

    def start(self, *options: str, seconds: float = 60) -> "Collector":
        """Start `omnimix serve` and wait until it answers. Raises Unavailable when it does not."""
        self.process = self.spawned(*options)
        self.wait(seconds)
        return self

    def spawned(self, *options: str) -> "subprocess.Popen[bytes]":
        """The process of `omnimix serve`, just started."""
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-c", _SERVE, "serve", "--workspace", str(self.root), *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, seconds: float = 60) -> None:
        """Wait until the server answers. Raises Unavailable when it does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                if self.ask("GET", "/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise Unavailable(f"the server does not answer: {self.log.read_text(errors='replace')[-2000:]}")

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Status and body of one request; underscores in names of headers stand for hyphens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def head(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str]]:
        """Status and headers (names in small letters) of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            answer.read()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL to every process of the server at once."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait until it has stopped."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        if number == signal.SIGKILL:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        self.process.wait(30)
        self.process = None

    def __enter__(self) -> "Collector":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def made_up(count: int, *, seed: int, source: str = "b") -> list[dict[str, Any]]:
    """Events of a shop as a Segment library sends them, each with an id that tells source, seed and place."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    found = []
    for place in range(count):
        product, person = rng.randrange(500), rng.randrange(5_000)
        path = f"/products/{product}"
        found.append(
            {
                "messageId": f"{source}-{seed:08d}-{place:05d}",
                "type": "track",
                "event": rng.choice(("Product Viewed", "Product Added", "Product List Viewed")),
                "anonymousId": f"a-{person:06d}",
                "userId": None,
                "timestamp": "2026-10-01T12:00:00.000Z",
                "properties": {
                    "product_id": f"P{product}",
                    "price": 4.5,
                    "currency": "GBP",
                    "category": "Kitchen",
                },
                "context": {
                    "library": {"name": "made-up", "version": "1"},
                    "page": {"path": path, "url": f"https://shop.example{path}?utm_source=mail", "title": "Mug"},
                    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
                    "locale": "en-GB",
                },
                "integrations": {},
            }
        )
    return found


def batch_of(events: list[dict[str, Any]]) -> bytes:
    """A body for /v1/batch with the write key in it."""
    return json.dumps({"batch": events, "sentAt": "2026-10-01T12:00:00.000Z", "writeKey": WRITE_KEY}).encode()
