"""One request's body by the grammar of the Segment HTTP API, and the envelope in which it is kept.

in   the call's name (track, …, batch) and the body's bytes
out  a Call: its events as raw JSON and an id for each; Envelopes, to and from bytes

What a single event says is not judged here: it is acknowledged, and quarantined later with its reason if it is
wrong. Only a body that is no call at all is refused (InvalidInput).
"""

import hashlib
import os
from dataclasses import dataclass
from typing import Any

import msgspec

from omnimix.core.errors import InvalidInput

CALLS = ("identify", "track", "page", "screen", "group", "alias")
MOST_EVENTS, MOST_BODY, MOST_EVENT = 2_500, 500 << 10, 32 << 10  # events, bytes of a request, bytes of an event
_LONGEST_ID = 100  # characters; a longer message id is known by its hash
_KEY_BYTES = 16


class Sender(msgspec.Struct, frozen=True, array_like=True):
    """What the request itself says of its sender. `address` is the client's network address as text."""

    user_agent: str | None = None
    address: str | None = None
    gpc: bool = False  # Sec-GPC: 1
    purpose: str | None = None  # Sec-Purpose or Purpose: prefetch …


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """One acknowledged request. `ids` are those that events without a message id were given, by place."""

    received_us: int  # microseconds since 1970, UTC
    source: str
    call: str
    sender: Sender
    ids: dict[int, str]
    body: bytes


class Outer(msgspec.Struct, rename="camel"):
    """What stands beside the events of a body. For a call of one event it is the event itself."""

    write_key: Any = None
    sent_at: Any = None
    context: Any = None


class _Batch(Outer, rename="camel"):
    batch: list[msgspec.Raw] | None = None


class _Named(msgspec.Struct, rename="camel"):
    message_id: str


class _NamedBatch(Outer, rename="camel"):  # with the same fields beside, so that `split` reads what this reads
    batch: list[_Named] | None = None


class _Event(msgspec.Struct, rename="camel"):
    message_id: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """A body read: for each event the 16 bytes it is known by, ids for those without one, the body's write key."""

    keys: tuple[bytes, ...]
    ids: dict[int, str]
    write_key: str | None


_OUTER, _BATCH = msgspec.json.Decoder(Outer), msgspec.json.Decoder(_Batch)
_NAMED, _EVENT = msgspec.json.Decoder(_NamedBatch), msgspec.json.Decoder(_Event)
_PACK, _UNPACK = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Envelope)


def read_call(call: str, body: bytes, *, secret: bytes) -> Call:
    """Read a body. `secret` keys the ids of events without a message id, so that they reveal nothing.

    Raises InvalidInput when it is no JSON, no object, has no list of events where one belongs, or too many.
    """
    try:
        body.decode()  # decoders pass over what they do not need, also when it is no UTF-8
    except UnicodeDecodeError:
        raise InvalidInput("the body is not UTF-8", fix="send JSON in UTF-8") from None
    if call == "batch" and (quick := _all_named(body)) is not None:
        return quick
    outer, events = split(call, body)
    keys: list[bytes] = []
    ids: dict[int, str] = {}
    for place, event in enumerate(events):
        given, dated = _own(event)
        if given is None:
            # Without an id a repetition is told by its content; without a time, too, nothing tells it from news.
            told = bytes(event) if dated or outer.sent_at is not None else os.urandom(_KEY_BYTES)
            given = ids[place] = "live_" + _mark(told, secret).hex()
        keys.append(_mark(given.encode("utf-8", "surrogatepass"), b""))
    return Call(tuple(keys), ids, outer.write_key if isinstance(outer.write_key, str) else None)


def _all_named(body: bytes) -> Call | None:
    """The call when it is a batch in which every event has an id, as libraries send it; None for any other."""
    try:
        found = _NAMED.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    ids = [event.message_id for event in found.batch or ()]
    if (
        found.batch is None
        or len(ids) > MOST_EVENTS
        or not all(0 < len(i) <= _LONGEST_ID and not i.isspace() for i in ids)
    ):
        return None
    write_key = found.write_key if isinstance(found.write_key, str) else None
    return Call(tuple([_mark(i.strip().encode("utf-8", "surrogatepass"), b"") for i in ids]), {}, write_key)


def split(call: str, body: bytes) -> tuple[Outer, tuple[msgspec.Raw, ...]]:
    """A body's own fields and its events as raw JSON. Raises InvalidInput."""
    try:
        if call != "batch":
            return _OUTER.decode(body), (msgspec.Raw(body),)
        outer = _BATCH.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"the body is not such a call: {error}", fix="send one JSON object") from None
    if outer.batch is None:
        raise InvalidInput("the body has no list named batch", fix='send {"batch": […]}')
    if len(outer.batch) > MOST_EVENTS:
        raise InvalidInput(f"the batch has more than {MOST_EVENTS} events", fix="send smaller batches")
    return outer, tuple(outer.batch)


def _own(event: msgspec.Raw) -> tuple[str | None, bool]:
    """An event's own message id, and whether it says when it was."""
    try:
        said = _EVENT.decode(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, True  # no object: the same nonsense twice is the same
    dated = said.timestamp is not None or said.original_timestamp is not None or said.sent_at is not None
    return own_id(said.message_id), dated


def own_id(message_id: Any) -> str | None:
    """A message id as it is kept: text, a long one as its hash; None for nothing that could be one."""
    if isinstance(message_id, int | float) and not isinstance(message_id, bool):
        message_id = str(message_id)
    if not isinstance(message_id, str) or not message_id.strip():
        return None
    if len(message_id) > _LONGEST_ID:
        return "long_" + _mark(message_id.encode("utf-8", "surrogatepass"), b"").hex()
    return message_id.strip()


def _mark(content: bytes, secret: bytes) -> bytes:
    """Keyed BLAKE2b (RFC 7693), 16 bytes."""
    return hashlib.blake2b(content, digest_size=_KEY_BYTES, key=secret).digest()


def packed(envelope: Envelope) -> bytes:
    """The envelope as MessagePack."""
    return _PACK.encode(envelope)


def unpacked(plain: bytes) -> Envelope:
    """What `packed` made."""
    return _UNPACK.decode(plain)
