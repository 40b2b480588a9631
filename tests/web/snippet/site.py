"""A shop's pages and a collector that writes down what it is sent; started by the tests as a program of its own.

python site.py FOLDER PORT SNIPPET: FOLDER gets `seen.jsonl`; `status` in it holds what the collector answers and
`key` the write key of the pages.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

FOLDER, PORT, SNIPPET = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
CONSENT_TOOL = """<script>
  window.__tcfapi = (call, version, listen) => { window.answer = (found) => listen(found, true); };
</script>"""
PAGE = """<!doctype html><html><head><title>Shop of {path}</title>{tool}
<script src="/omnimix.js" data-key="{key}" {more} defer></script></head><body>
<button data-omnimix-event="Size Guide Opened" data-omnimix-product="A1"><span>Sizes</span></button>
<a id="product" data-omnimix-product="B2" href="#b2">Cushion</a>
<a id="out" href="http://elsewhere.example/page?private=1">Elsewhere</a>
<p>Hello</p></body></html>"""


class Site(BaseHTTPRequestHandler):
    """Any path is a page; `?with=` chooses the script's attributes."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/omnimix.js":
            return self._send(SNIPPET.read_bytes(), "text/javascript; charset=utf-8")
        chosen = parse_qs(asked.query).get("with", [""])[0].split(",")
        more = 'data-consent="granted"' if "granted" in chosen else ""
        tool = CONSENT_TOOL if "tcf" in chosen else ""
        page = PAGE.format(path=asked.path, tool=tool, more=more, key=(FOLDER / "key").read_text())
        return self._send(page.encode(), "text/html; charset=utf-8", strict="strict" in chosen)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        status = int((FOLDER / "status").read_text())
        told = {"status": status, "headers": {k.lower(): v for k, v in self.headers.items()}, **json.loads(body)}
        with (FOLDER / "seen.jsonl").open("a") as file:
            file.write(json.dumps(told) + "\n")
        self._send(b"{}", "application/json", status=status)

    def _send(self, body: bytes, kind: str, *, status: int = 200, strict: bool = False) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        if strict:
            self.send_header("content-security-policy", "default-src 'self'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_given: Any) -> None:
        """Nothing."""


ThreadingHTTPServer(("127.0.0.1", PORT), Site).serve_forever()
