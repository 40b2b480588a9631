"""The console's application: routes, sign-in, decisions.

in   a workspace, opened
out  a FastAPI application
"""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Form, Request
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from omnimix.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, OmnimixError, Unavailable
from omnimix.creative.copy.columns import columns
from omnimix.creative.image.render import FONTS
from omnimix.creative.review.decision import approve, reject
from omnimix.creative.review.queue import Status
from omnimix.creative.variant import EmailCopy
from omnimix.flow.edit import Words, edit, tried
from omnimix.flow.machine import Job, Machine
from omnimix.flow.stop import set_stop
from omnimix.governance.access.account import check_password
from omnimix.governance.access.role import Right, rights_of
from omnimix.governance.access.sign_in import sign_in, sign_out
from omnimix.governance.audit import entries, verify
from omnimix.web.console.guard import COOKIE, Guard, permit
from omnimix.web.console.room import campaigns, listed, sheet

_STATUS = {InvalidInput: 422, NotFound: 404, NotAllowed: 403, Conflict: 409, Unavailable: 503}
_HERE = Path(__file__).parent
_LAST = 200  # audit entries on the page
Text = Annotated[str, Form()]


class Console:
    """The pages of one workspace. Changes take turns: the warehouse has one connection."""

    def __init__(self, machine: Machine, jobs: Mapping[str, Job], guard: Guard) -> None:
        self.machine, self.jobs, self.guard = machine, jobs, guard
        self._turn = Lock()
        self._templates = Environment(
            loader=PackageLoader("omnimix.web.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["columns"] = columns
        self._templates.filters["quoted"] = lambda text: quote(text, safe="")

    def page(self, request: Request, name: str, /, code: int = 200, **content: Any) -> HTMLResponse:
        """A template, filled; every page knows who looks and what they may do."""
        who = getattr(request.state, "account", None)
        rights = {str(r) for r in rights_of(who.roles)} if who else set()
        token = getattr(request.state, "form_token", "")
        text = self._templates.get_template(name).render(
            who=who, rights=rights, form_token=token, brand=self.machine.brand, path=request.url.path, **content
        )
        return HTMLResponse(text, code)

    def job(self, key: str) -> Job:
        """A campaign. Raises NotFound."""
        if key not in self.jobs:
            raise NotFound(f"there is no campaign {key!r}", where="console")
        return self.jobs[key]

    # Signing in -----------------------------------------------------------------------------------------------

    def ask(self, request: Request, next: str = "/") -> Response:
        """The form."""
        return self.page(request, "sign_in.html", next=next, why="")

    def sign_in(self, request: Request, name: Text, password: Text, next: Text = "/") -> Response:
        """A session for who knows the password; which of name and password was wrong is not told."""
        now = self.guard.clock()
        with self.machine.ledger.begin() as session:
            who = check_password(session, name.strip(), password, now=now)
            token = sign_in(session, who, now=now) if who else ""
        self._anchor()
        if not token:
            why = "Name and password do not belong together, or the account is locked for a while."
            return self.page(request, "sign_in.html", code=403, next=next, why=why)
        safe = next if next.startswith("/") and not next.startswith(("//", "/\\")) else "/"
        answer = RedirectResponse(safe, 303)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    def sign_out(self, request: Request, form_token: Text) -> Response:
        """The end of a session."""
        self.guard.check_form(request, form_token)
        with self.machine.ledger.begin() as session:
            sign_out(session, request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    # Looking --------------------------------------------------------------------------------------------------

    def home(self, request: Request) -> Response:
        """All campaigns."""
        permit(request, Right.SEE)
        return self.page(request, "home.html", rows=campaigns(self.machine, self.jobs))

    def campaign(self, request: Request, key: str, status: str = "") -> Response:
        """A campaign's variants as cards."""
        permit(request, Right.SEE)
        job = self.job(key)
        if status and status not in set(Status):
            raise NotFound(f"there is no status {status!r}", where=key)
        row = next(r for r in campaigns(self.machine, {key: job}))
        shown = listed(self.machine, job, status=status)
        return self.page(request, "campaign.html", job=job, row=row, shown=shown, status=status, all=tuple(Status))

    def variant(self, request: Request, key: str, variant_id: str) -> Response:
        """One variant with everything about it."""
        permit(request, Right.SEE)
        job = self.job(key)
        return self.page(request, "variant.html", job=job, sheet=sheet(self.machine, job, variant_id), error=None)

    def compare(self, request: Request, key: str, left: str, right: str = "") -> Response:
        """Two variants side by side."""
        permit(request, Right.SEE)
        job = self.job(key)
        names = [c.variant_id for c in listed(self.machine, job)]
        other = right or next((n for n in names if n != left), left)
        both = (sheet(self.machine, job, left), sheet(self.machine, job, other))
        return self.page(request, "compare.html", job=job, both=both, names=names)

    def picture(self, request: Request, path: str) -> Response:
        """A rendered picture: a file below out/creatives and nothing else."""
        permit(request, Right.SEE)
        home = (self.machine.out / "creatives").resolve()
        file = (self.machine.out / path).resolve()
        if not file.is_relative_to(home) or file.suffix not in (".png", ".jpg") or not file.is_file():
            raise NotFound("there is no such picture", where=path)
        return FileResponse(file, headers={"cache-control": "private, max-age=60"})

    def audit(self, request: Request) -> Response:
        """The newest entries of the audit, and whether the chain holds."""
        permit(request, Right.AUDIT)
        with self.machine.ledger() as session:
            found, verdict = list(entries(session))[-_LAST:], verify(session, self.machine.anchor)
        return self.page(request, "audit.html", entries=found[::-1], verdict=verdict)

    # Deciding -------------------------------------------------------------------------------------------------

    def approve(self, request: Request, key: str, variant_id: str, form_token: Text, digest: Text) -> Response:
        """Approve exactly what was shown."""
        who = self._may(request, form_token, Right.DECIDE)
        job = self.job(key)
        after = sheet(self.machine, job, variant_id).after
        with self.machine.ledger.begin() as session:
            now, pictures = self.machine.clock(), self.machine.out
            approve(session, key, variant_id, digest=digest, approver=who, now=now, pictures=pictures)
        self._anchor()
        return self._to(key, after or variant_id)

    def reject(
        self, request: Request, key: str, variant_id: str, form_token: Text, digest: Text, reason: Text = ""
    ) -> Response:
        """Reject what was shown, with the reason."""
        who = self._may(request, form_token, Right.DECIDE)
        after = sheet(self.machine, self.job(key), variant_id).after
        with self.machine.ledger.begin() as session:
            now = self.machine.clock()
            reject(session, key, variant_id, digest=digest, approver=who, reason=reason, now=now)
        self._anchor()
        return self._to(key, after or variant_id)

    def edit(
        self,
        request: Request,
        key: str,
        variant_id: str,
        form_token: Text,
        digest: Text,
        headlines: Text,
        descriptions: Text,
        long_headline: Text,
        primary_text: Text,
        subject: Text,
        preheader: Text,
        body: Text,
    ) -> Response:
        """New words: checked, drawn and queued again."""
        who = self._may(request, form_token, Right.EDIT)
        words = _words(headlines, descriptions, long_headline, primary_text, subject, preheader, body)
        with self._turn:
            done = edit(self.machine, self.job(key), variant_id, words, digest=digest, person=who)
        return self._to(key, done.variant_id)

    def try_words(
        self,
        request: Request,
        key: str,
        variant_id: str,
        form_token: Text,
        headlines: Text = "",
        descriptions: Text = "",
        long_headline: Text = "",
        primary_text: Text = "",
        subject: Text = "",
        preheader: Text = "",
        body: Text = "",
    ) -> Response:
        """What the checks say of words under way: a part of the page."""
        self._may(request, form_token, Right.EDIT)
        words = _words(headlines, descriptions, long_headline, primary_text, subject, preheader, body)
        with self._turn:
            found = tried(self.machine, self.job(key), variant_id, words)
        return self.page(request, "tried.html", found=found)

    def stop(self, request: Request, key: str, form_token: Text, act: Text, why: Text = "") -> Response:
        """The kill switch of a campaign, both ways."""
        who = self._may(request, form_token, Right.STOP)
        self.job(key)
        set_stop(self.machine, key, stopped=act == "stop", by=who, why=why)
        return RedirectResponse(f"/campaigns/{quote(key)}", 303)

    def _may(self, request: Request, form_token: str, right: Right) -> str:
        self.guard.check_form(request, form_token)
        return permit(request, right).name

    def _anchor(self) -> None:
        with self.machine.ledger() as session:
            self.machine.anchor.write(session)

    def _to(self, key: str, variant_id: str) -> Response:
        return RedirectResponse(f"/campaigns/{quote(key)}/variants/{quote(variant_id, safe='')}", 303)

    def refused(self, request: Request, error: Exception) -> Response:
        """An error of ours as a page, with its status."""
        error = error if isinstance(error, OmnimixError) else OmnimixError(type(error).__name__)
        status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), 500)
        return self.page(request, "refused.html", code=status, error=error)


def _words(
    headlines: str,
    descriptions: str,
    long_headline: str,
    primary_text: str,
    subject: str,
    preheader: str,
    body: str,
) -> Words:
    email = EmailCopy(subject.strip(), preheader.strip(), _lines(body))
    return Words(_lines(headlines), _lines(descriptions), long_headline.strip(), primary_text.strip(), email)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def application(console: Console) -> FastAPI:
    """The routes of a console."""
    app = FastAPI(title="Omnimix console", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(BaseHTTPMiddleware, dispatch=console.guard)
    app.add_exception_handler(OmnimixError, console.refused)
    app.mount("/static/fonts", StaticFiles(directory=FONTS), name="fonts")
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    options: dict[str, Any] = {"response_class": HTMLResponse, "response_model": None}
    variant = "/campaigns/{key}/variants/{variant_id}"
    for path, page in (
        ("/", console.home),
        ("/sign-in", console.ask),
        ("/campaigns/{key}", console.campaign),
        ("/campaigns/{key}/compare", console.compare),
        (variant, console.variant),
        ("/pictures/{path:path}", console.picture),
        ("/audit", console.audit),
    ):
        app.add_api_route(path, page, methods=["GET"], **options)
    for path, act in (
        ("/sign-in", console.sign_in),
        ("/sign-out", console.sign_out),
        (f"{variant}/approve", console.approve),
        (f"{variant}/reject", console.reject),
        (f"{variant}/edit", console.edit),
        (f"{variant}/try", console.try_words),
        ("/campaigns/{key}/stop", console.stop),
    ):
        app.add_api_route(path, act, methods=["POST"], **options)
    app.add_api_route("/health", lambda: {"status": "ok"}, methods=["GET"])
    return app
