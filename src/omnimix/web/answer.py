"""Answers of the edge: a status, headers, a small body.

in   what came of a request
out  an Answer to be sent; Refused, which carries one
"""

import msgspec

Headers = tuple[tuple[str, str], ...]
_JSON = (("content-type", "application/json"),)


class Answer(msgspec.Struct, frozen=True):
    """Status, headers, body."""

    status: int
    body: bytes = b""
    headers: Headers = ()

    def with_headers(self, headers: Headers) -> "Answer":
        """The same with more headers."""
        return msgspec.structs.replace(self, headers=self.headers + headers) if headers else self


class Refused(Exception):
    """A request that is not accepted, with the answer that says why."""

    def __init__(self, status: int, why: str, *headers: tuple[str, str]) -> None:
        super().__init__(why)
        body = msgspec.json.encode({"success": False, "message": why})
        self.answer = Answer(status, body, _JSON + headers)


ACCEPTED = Answer(200, b'{"success":true}', _JSON)


def told(status: int, /, **content: object) -> Answer:
    """A small JSON answer."""
    return Answer(status, msgspec.json.encode(content), _JSON)
