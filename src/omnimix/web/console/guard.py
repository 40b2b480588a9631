"""What every page stands behind: who is signed in, whose form it is, which host was asked, what a page may load.

in   requests
out  the Account they speak for; an answer that refuses; headers on every answer
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from omnimix.core.clock import Clock
from omnimix.core.errors import NotAllowed
from omnimix.governance.access.account import Account
from omnimix.governance.access.role import Right, require
from omnimix.governance.access.sign_in import form_is_ours, form_token, signed_in
from omnimix.store.ledger import Ledger

COOKIE = "omnimix_session"
_OPEN = ("/sign-in", "/static/", "/health")
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
}
Next = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Guard:
    """`hosts`: names that the console is asked by; any other is a page of a stranger that points here."""

    ledger: Ledger
    secret: bytes
    clock: Clock
    hosts: frozenset[str]

    async def __call__(self, request: Request, call_next: Next) -> Response:
        """Let a request through or refuse it; a browser that is not signed in is led to the form."""
        answer = self._refused(request) or await call_next(request)
        for name, value in _HEADERS.items():
            if name != "cache-control" or not request.url.path.startswith("/static/"):
                answer.headers.setdefault(name, value)
        return answer

    def _refused(self, request: Request) -> Response | None:
        host = (urlsplit(f"//{request.headers.get('host', '')}").hostname or "").lower()
        if host not in self.hosts:
            return PlainTextResponse("this host is not served here: see [console] hosts in omnimix.toml", 421)
        origin = request.headers.get("origin")
        if request.method not in ("GET", "HEAD") and origin and (urlsplit(origin).hostname or "") != host:
            return PlainTextResponse("this form belongs to another site", 403)
        if request.url.path.startswith(_OPEN):
            return None
        token = request.cookies.get(COOKIE, "")
        with self.ledger.begin() as session:
            who = signed_in(session, token, now=self.clock()) if token else None
        if who is None:
            if request.method in ("GET", "HEAD"):
                return RedirectResponse(f"/sign-in?next={request.url.path}", 303)
            return PlainTextResponse("sign in first", 401)
        request.state.account = who
        request.state.form_token = form_token(token, self.secret)
        return None

    def check_form(self, request: Request, given: object) -> None:
        """Raises NotAllowed for a form that no page of this session made."""
        token = request.cookies.get(COOKIE, "")
        if not isinstance(given, str) or not form_is_ours(token, given, self.secret):
            raise NotAllowed("the form is not of this session", where="form", fix="load the page again")


def account_of(request: Request) -> Account:
    """Who is signed in."""
    found: Account = request.state.account
    return found


def permit(request: Request, right: Right) -> Account:
    """Who is signed in, if they have the right. Raises NotAllowed."""
    who = account_of(request)
    require(who.roles, right, who=who.name)
    return who
