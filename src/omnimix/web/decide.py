"""What should this person see here, now? Over HTTP.

in   POST /v1/decide, POST /v1/decide/batch ({"requests": […]}, for e-mail sends)
out  200 with slots; by then the decision is in the journal and counted

Raw ids of people end here: behind this file a person is a pseudonym.
"""

import asyncio
from typing import Annotated, Any, TypeVar

import msgspec

from omnimix.activation.decide.answer import answer_of, encoded
from omnimix.activation.decide.decide import Made
from omnimix.activation.decide.decision import MOST_BATCH, Request
from omnimix.activation.decide.turn import Named
from omnimix.core.errors import InvalidInput, NotFound, Unavailable
from omnimix.data.robots.words import is_prefetch, robot_of
from omnimix.governance.pseudonym import KeyKind, Pseudonyms, normalised
from omnimix.web.answer import Answer, Headers, Refused
from omnimix.web.decider import Decider
from omnimix.web.desk import RETRY_SECONDS, Desk
from omnimix.web.endpoint import Endpoint, body_of, preflight
from omnimix.web.gate import basic_key, origin_headers

PATH, BATCH = "/v1/decide", "/v1/decide/batch"
_JSON = (("content-type", "application/json"), ("cache-control", "no-store"))
_MOST_BODY, _MOST_BATCH_BODY = 16 << 10, 2 << 20
_DAY_US = 86_400_000_000


class _Batch(msgspec.Struct):
    requests: Annotated[list[Request], msgspec.Meta(max_length=MOST_BATCH)]
    write_key: str | None = msgspec.field(default=None, name="writeKey")


_Said = TypeVar("_Said", Request, _Batch)
_ONE, _MANY = msgspec.json.Decoder(Request), msgspec.json.Decoder(_Batch)


class Deciding(Endpoint):
    """Answers what should be shown."""

    paths = (PATH, BATCH)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._decider: Decider = desk.decider
        self._pseudonyms: Pseudonyms = desk.pseudonyms
        self._seconds = desk.serve.seconds
        self._token_us = desk.settings.file.feedback.token_days * _DAY_US
        self._rungs = {rung: desk.tally.counter("decisions", rung=rung) for rung in ("default",)}

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Load the release."""
        self._decider.begin(loop)

    def trouble(self) -> str | None:
        """The release cannot be read, or the online state does not answer. To have no release yet is none."""
        return self._decider.trouble

    async def answer(self, scope: Any, protocol: Any) -> Answer:
        """200 when what was decided is in the journal."""
        if scope.method != "POST":
            if scope.method == "OPTIONS":
                return preflight(scope, self.desk)
            raise Refused(405, "decisions are asked for with POST", ("allow", "POST, OPTIONS"))
        cors: Headers = ()
        try:
            headers, one = scope.headers, scope.path == PATH
            origin = headers.get("origin")
            cors = origin_headers(origin, self.desk.collect.origins)
            key = basic_key(headers.get("authorization"))
            most = _MOST_BODY if one else _MOST_BATCH_BODY
            body = await body_of(headers, protocol, most=most, seconds=self._seconds)
            if one:
                named = self._named(self._read(_ONE, body, key), headers, origin)
                return Answer(200, self._told(named, await self._decider.decide(named)), _JSON + cors)
            many = [self._named(r, headers, origin) for r in self._read(_MANY, body, key).requests]
            made = await asyncio.gather(*(self._decider.decide(n) for n in many))
            told = b",".join([self._told(n, m) for n, m in zip(many, made, strict=True)])
            return Answer(200, b'{"answers":[' + told + b"]}", _JSON + cors)
        except Refused as refused:
            return refused.answer.with_headers(cors)
        except Unavailable as error:
            away = Refused(503, error.message, ("retry-after", str(RETRY_SECONDS)))
            return away.answer.with_headers(cors)

    def _read(self, decoder: msgspec.json.Decoder[_Said], body: bytes, key: str | None) -> _Said:
        """What a body says. Raises Refused: 400 no such request, 401 no key, 503 nothing published yet."""
        try:
            said = decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, f"the body is no such request: {error}") from None
        self.desk.write_keys.source(key or said.write_key)
        if self._decider.serving is None:
            raise Refused(503, "nothing is published yet", ("retry-after", str(RETRY_SECONDS)))
        return said

    def _named(self, request: Request, headers: Any, origin: str | None) -> Named:
        """The request with pseudonyms for ids. Raises Refused (404) for an unknown placement."""
        found = self._decider.serving
        assert found is not None  # noqa: S101 - the caller looked
        try:
            placement = found.placement(request.placement)
        except NotFound as error:
            raise Refused(404, f"{error.message}; {error.fix}") from None
        marks = [] if request.profile_id is None else [request.profile_id]
        try:
            for kind, given in ((KeyKind.USER, request.user_id), (KeyKind.ANONYMOUS, request.anonymous_id)):
                if given and (name := normalised(kind, given)):
                    marks.append(self._pseudonyms.of(kind, name))
        except InvalidInput as error:
            raise Refused(400, error.message) from None
        if origin is not None and headers.get("sec-gpc") == "1":
            # Global Privacy Control, which the visitor's browser says by itself, refuses advertising.
            request = msgspec.structs.replace(request, consent={**request.consent, "advertising": False})
        return Named(request, tuple(marks), placement, _is_robot(request, headers, origin))

    def _told(self, named: Named, made: list[Made]) -> bytes:
        for one in made:
            name = one.decided.rung if one.decided.chosen >= 0 else "default"
            counter = self._rungs.get(name)
            if counter is None:
                counter = self._rungs[name] = self.desk.tally.counter("decisions", rung=name)
            counter.add()
        log = made[0].decided
        tokens = self.desk.tokens if named.request.links else None
        return encoded(
            answer_of(made, release=log.release, now_us=log.at_us, tokens=tokens, token_us=self._token_us)
        )


def _is_robot(request: Request, headers: Any, origin: str | None) -> bool:
    """Whether nobody will look. A server asks under its own name: there only `context.user_agent` counts."""
    agent = request.context.get("user_agent")
    if origin is not None:
        agent = agent or headers.get("user-agent")
        if is_prefetch(headers.get("sec-purpose") or headers.get("purpose")):
            return True
    return bool(agent) and robot_of(str(agent)) is not None
