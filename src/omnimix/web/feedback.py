"""Feedback over HTTP: links that count a click, pixels that count a view, reports of both and of orders.

in   GET /c/<token>?u=<url>, GET /o/<token>.gif, POST /v1/feedback
out  a redirect to the url the token was made for, a picture, 200 once the feedback is on disk

All of it goes through the inbox as events do, so it is lost or doubled no more than they are. A person who follows
a link is led on even where the click can no longer be counted. Who only looks (HEAD) did not click; prefetchers
and link scanners are told apart like everywhere, by what their request says.
"""

from typing import Any
from urllib.parse import parse_qs, quote

import msgspec
import structlog

from omnimix.activation.decide.feedback import (
    CLICKS,
    FEEDBACK,
    MOST_REPORTS,
    PIXELS,
    Report,
    event_of,
    leads_somewhere,
    reported,
    token_of,
)
from omnimix.activation.decide.token import Token
from omnimix.core.errors import InvalidInput, NotAllowed
from omnimix.data.live.call import MOST_BODY, Call, Sender, read_call
from omnimix.data.robots.words import FOLLOWED
from omnimix.web.answer import Answer, Headers, Refused, told
from omnimix.web.desk import Desk
from omnimix.web.endpoint import Endpoint, body_of, cors_of, preflight
from omnimix.web.gate import basic_key

_FEEDBACK = "/v1/feedback"
_NEVER_KEPT = (("cache-control", "no-store, max-age=0"), ("referrer-policy", "no-referrer"))
_GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
_PICTURE = (("content-type", "image/gif"), ("cross-origin-resource-policy", "cross-origin"), *_NEVER_KEPT)
_SERVER = "omnimix feedback"  # named by whoever sends on a visitor's behalf
_Events = list[dict[str, Any]]
_SAFE = "%/:=&?~#+!$,;'@()*[]"  # of a url, as it stands in a header
log = structlog.get_logger("omnimix.feedback")


class _Body(msgspec.Struct, rename="camel"):
    write_key: str = ""
    feedback: list[msgspec.Raw] = []


_BODY, _REPORT = msgspec.json.Decoder(_Body), msgspec.json.Decoder(Report)


class Feedback(Endpoint):
    """Takes feedback in."""

    paths = (CLICKS, PIXELS, _FEEDBACK)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._uncounted = desk.tally.counter("clicks_not_counted")

    async def answer(self, scope: Any, protocol: Any) -> Answer:
        """By path."""
        path = scope.path
        if path != _FEEDBACK:
            if scope.method not in ("GET", "HEAD"):
                raise Refused(405, "this is read with GET", ("allow", "GET, HEAD"))
            return await (self._click(scope) if path.startswith(CLICKS) else self._pixel(scope))
        if scope.method == "OPTIONS":
            return preflight(scope, self.desk)
        if scope.method != "POST":
            raise Refused(405, "feedback is sent with POST", ("allow", "POST, OPTIONS"))
        cors: Headers = ()
        try:
            cors = cors_of(scope, self.desk)
            return (await self._reports(scope, protocol)).with_headers(cors)
        except Refused as refused:
            return refused.answer.with_headers(cors)

    async def _click(self, scope: Any) -> Answer:
        url = parse_qs(scope.query_string, keep_blank_values=True).get("u", [""])[0]
        token = self._read(scope.path[len(CLICKS) :], bound=url)
        if token.kind != "click" or not leads_somewhere(url):
            raise Refused(404, "this link is not one of ours")
        if scope.method == "GET" and not token.lapsed(self.desk.now_us()):
            try:
                await self._counted(token, scope)
            except (Refused, OSError) as error:  # the person goes where they wanted to, counted or not
                self._uncounted.add()
                log.error("a click could not be counted", error=type(error).__name__)
        return Answer(302, headers=(("location", quote(url, safe=_SAFE)), *_NEVER_KEPT))

    async def _pixel(self, scope: Any) -> Answer:
        token = self._read(scope.path[len(PIXELS) :].removesuffix(".gif"))
        if token.kind not in ("view", "open"):
            raise Refused(404, "this picture is not one of ours")
        if scope.method == "GET" and not token.lapsed(self.desk.now_us()):
            await self._counted(token, scope)
        return Answer(200, _GIF, _PICTURE)

    def _read(self, text: str, *, bound: str = "") -> Token:
        try:
            return self.desk.tokens.read(text, bound=bound)
        except NotAllowed:
            raise Refused(404, "this address is not one of ours") from None

    async def _counted(self, token: Token, scope: Any) -> None:
        sender = self.desk.sender(scope)
        await self._put([self._event(token, sender, FOLLOWED)], FEEDBACK, sender)

    def _event(self, token: Token, sender: Sender, library: str) -> dict[str, Any]:
        who = f"{sender.user_agent}\x1f{sender.address}"
        return event_of(token, sender=who, secret=self.desk.secret, library=library)

    async def _put(self, events: _Events, source: str, sender: Sender) -> None:
        body = msgspec.json.encode({"batch": events})
        found: Call = read_call("batch", body, secret=self.desk.secret)
        await self.desk.keep("batch", source, found, body, sender)

    async def _reports(self, scope: Any, protocol: Any) -> Answer:
        desk = self.desk
        key = basic_key(scope.headers.get("authorization"))
        body = await body_of(scope.headers, protocol, most=MOST_BODY, seconds=desk.serve.seconds)
        try:
            said = _BODY.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, f"the body is no list of feedback: {error}") from None
        if len(said.feedback) > MOST_REPORTS:
            raise Refused(413, f"a request holds at most {MOST_REPORTS} reports")
        sender = desk.sender(scope)
        library = _SERVER if scope.headers.get("origin") is None else FOLLOWED
        by_token, by_key = self._sorted(said.feedback, sender, library)
        if by_key or key is not None:
            source = desk.write_keys.source(key or said.write_key)
        if by_token:
            await self._put(by_token, FEEDBACK, sender)
        if by_key:
            await self._put(by_key, source, sender)
        return told(200, success=True, accepted=len(said.feedback))

    def _sorted(self, raw: list[msgspec.Raw], sender: Sender, library: str) -> tuple[_Events, _Events]:
        """Events of reports with a token, and of those without. One that is wrong refuses all of them."""
        by_token: _Events = []
        by_key: _Events = []
        now_us = self.desk.now_us()
        for place, one in enumerate(raw):
            try:
                report = _REPORT.decode(one)
                if report.token:
                    token = token_of(report, self.desk.tokens, now_us=now_us)
                    by_token.append(self._event(token, sender, library))
                else:
                    by_key.append(reported(report, secret=self.desk.secret))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise Refused(400, f"feedback[{place}]: {error}") from None
            except InvalidInput as error:
                raise Refused(400, f"feedback[{place}]: {error.message}; {error.fix}") from None
            except NotAllowed as error:
                raise Refused(403, f"feedback[{place}]: {error.message}") from None
        return by_token, by_key
