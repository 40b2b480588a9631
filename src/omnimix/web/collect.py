"""Collection: the Segment HTTP API.

in   POST /v1/{identify,track,page,screen,group,alias,batch} (also /v1/import, one-letter paths)
out  200 once every event of the request is on disk and known by its id; else the status that says what is wrong
"""

from typing import Any

from omnimix.core.errors import InvalidInput
from omnimix.data.live.call import MOST_BODY, read_call
from omnimix.web.answer import ACCEPTED, Answer, Headers, Refused
from omnimix.web.endpoint import Endpoint, body_of, cors_of, preflight
from omnimix.web.gate import PATHS, basic_key


class Collecting(Endpoint):
    """Takes events in."""

    paths = tuple(PATHS)

    def trouble(self) -> str | None:
        """A full inbox."""
        return "the inbox is full" if self.desk.commits.is_full() else None

    async def answer(self, scope: Any, protocol: Any) -> Answer:
        """200 when its events are on disk."""
        if scope.method == "OPTIONS":
            return preflight(scope, self.desk)
        if scope.method != "POST":
            raise Refused(405, "events are sent with POST", ("allow", "POST, OPTIONS"))
        cors: Headers = ()
        try:
            cors = cors_of(scope, self.desk)
            return (await self._collected(scope, protocol)).with_headers(cors)
        except Refused as refused:
            return refused.answer.with_headers(cors)

    async def _collected(self, scope: Any, protocol: Any) -> Answer:
        desk, call = self.desk, PATHS[scope.path]
        key = basic_key(scope.headers.get("authorization"))
        source = desk.write_keys.source(key) if key is not None else None
        body = await body_of(scope.headers, protocol, most=MOST_BODY, seconds=desk.serve.seconds)
        try:
            found = read_call(call, body, secret=desk.secret)
        except InvalidInput as error:
            raise Refused(400, error.message) from None
        source = source or desk.write_keys.source(found.write_key)
        if found.keys:
            await desk.keep(call, source, found, body, desk.sender(scope))
        return ACCEPTED
