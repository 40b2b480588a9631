"""Stored batches as rows that intake reads like the lines of any file.

in   a closed log of the inbox, the seal
out  batches of flat text records: each event with its id, its corrected time, and what its request said

An event's time is corrected for the clock of its sender (Segment spec): receivedAt − (sentAt − originalTimestamp),
never later than when it arrived. An event that names no time happened when it arrived.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from omnimix.core.errors import InvalidInput
from omnimix.data.live.call import MOST_EVENT, Envelope, Outer, own_id, split, unpacked
from omnimix.data.source.batch import LINE, Batches, Broken, Record, from_records
from omnimix.data.source.json_file import flat
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Frame, frames

_ROWS = 16_384  # of one batch: records of events are wide
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 2_000  # characters of an event that is too large, in quarantine


def sources_in(log: Path, seal: Seal) -> list[str]:
    """The sources whose events a log holds, sorted."""
    return sorted({unpacked(seal.open(frame.sealed)).source for frame in frames(log)})


def batches(log: Path, seal: Seal, *, source: str) -> Batches:
    """A log's new events of one source, numbered from 1 in the order in which they came."""
    numbered = enumerate(_events(log, seal, source), start=1)
    while chunk := list(islice(numbered, _ROWS)):
        broken = {place: found for place, (_, found) in enumerate(chunk) if isinstance(found, Broken)}
        records = [{} if isinstance(found, Broken) else found for _, found in chunk]
        yield from_records(records, [line for line, _ in chunk], broken)


def _events(log: Path, seal: Seal, source: str) -> Iterator[Record | Broken]:
    for frame in frames(log):
        envelope = unpacked(seal.open(frame.sealed))
        if envelope.source == source:
            yield from records(envelope, frame)


def records(envelope: Envelope, frame: Frame) -> Iterator[Record | Broken]:
    """The new events of one stored request."""
    try:
        outer, events = split(envelope.call, envelope.body)
    except InvalidInput as error:  # the edge read it; should it not be read here, nothing may get stuck behind it
        yield from (Broken(error.message, {LINE: None}) for new in frame.new if new)
        return
    for place, (event, new) in enumerate(zip(events, frame.new, strict=True)):
        if new:
            yield _record(event, place, outer, envelope)


def _record(event: msgspec.Raw, place: int, outer: Outer, envelope: Envelope) -> Record | Broken:
    """One event as a flat record, or why it is none."""
    raw = bytes(event)
    if len(raw) > MOST_EVENT:
        shown = raw[:_SHOWN].decode("utf-8", "replace")
        return Broken(f"is larger than {MOST_EVENT >> 10} kB", {LINE: shown})
    try:
        said = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Broken(f"is not JSON: {error}", {LINE: raw.decode("utf-8", "replace")})
    if not isinstance(said, dict):
        return Broken("is JSON but not an object", {LINE: raw.decode()})
    said.pop("request", None)  # ours: nobody may say it for their request
    said.pop("writeKey", None)
    if envelope.call != "batch":
        said["type"] = envelope.call
    if isinstance(outer.context, dict) and envelope.call == "batch":
        own = said.get("context")
        said["context"] = {**outer.context, **own} if isinstance(own, dict) else outer.context
    said["messageId"] = envelope.ids.get(place) or own_id(said.get("messageId"))
    _dated(said, outer.sent_at, envelope.received_us)
    try:
        record = flat(said)
    except (RecursionError, TypeError, ValueError):
        return Broken("is nested too deeply", {LINE: raw.decode("utf-8", "replace")[:_SHOWN]})
    return record | _request(envelope)


def _request(envelope: Envelope) -> Record:
    sender = envelope.sender
    return {
        "request.userAgent": sender.user_agent,
        "request.ip": sender.address,
        "request.gpc": "true" if sender.gpc else None,
        "request.purpose": sender.purpose,
    }


def _dated(said: dict[str, Any], sent_at: Any, received_us: int) -> None:
    """Put the corrected time into `timestamp`; a time that cannot be read stays, to be told as a fault."""
    received = _EPOCH + timedelta(microseconds=received_us)
    said["receivedAt"] = _text(received)
    given = said.get("timestamp") if said.get("timestamp") is not None else said.get("originalTimestamp")
    if given is None:
        said["timestamp"] = said["receivedAt"]
        return
    original = _instant(given)
    if original is None:
        said["timestamp"] = given
        return
    said["originalTimestamp"] = given
    sent = _instant(said.get("sentAt") if said.get("sentAt") is not None else sent_at)
    said["timestamp"] = _text(corrected(original, sent, received))


def corrected(original: datetime, sent: datetime | None, received: datetime) -> datetime:
    """When it happened by our clock: `received` less the time from happening to sending; not after `received`."""
    if sent is None:
        return min(original, received)
    try:
        return min(received - (sent - original), received)
    except OverflowError:
        return min(original, received)


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
