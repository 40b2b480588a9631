"""Stored batches read before they are settled, by the very functions that settling uses.

in   frames of the inbox, how each source is read, the present instant
out  for every new event, in order: whom it names, its EVENT row and its CONSENT rows, or nothing where settling
     would put it into quarantine
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from omnimix.data.canon.answers import answer_rows
from omnimix.data.canon.events import event_rows
from omnimix.data.canon.people import consent_rows, subscription_rows
from omnimix.data.canon.table import LINE, column
from omnimix.data.checked import KEY, checked
from omnimix.data.live.call import unpacked
from omnimix.data.live.lines import records
from omnimix.data.source.batch import Broken, Record, from_records
from omnimix.data.source.fields import IDENTIFIERS
from omnimix.data.source.mapping import Shape, canonical, locate
from omnimix.governance.pseudonym import Pseudonyms
from omnimix.governance.seal import Seal
from omnimix.store.inbox import Frame

COLUMNS = (  # of EVENT, besides event_id, that online state looks at
    "source",
    "name",
    "occurred_at",
    "person_key",
    "product_id",
    "quantity",
    "medium",
    "utm_campaign",
    "properties",
    "robot",
)
_CONSENT = ("person_key", "purpose", "granted", "decided_at", "source", "repeated")
Row = Mapping[str, Any]


@dataclass(slots=True)
class Seen:
    """One event. `keys`: pseudonyms of one person, the strongest first. `event` has COLUMNS,
    instants as µs; None where the call only says who somebody is.
    """

    event_id: str
    keys: tuple[str, ...]
    event: Row | None
    consents: list[Row]


def seen(
    stored: Iterable[Frame],
    *,
    seal: Seal,
    form: Callable[[str], Shape],
    pseudonyms: Pseudonyms,
    now: datetime,
) -> list[Seen | None]:
    """One element for each new event, in the order in which they came. `form` tells how a source is read."""
    places: dict[str, list[int]] = defaultdict(list)
    told: dict[str, list[Record | Broken]] = defaultdict(list)
    total = 0
    for frame in stored:
        envelope = unpacked(seal.open(frame.sealed))
        for record in records(envelope, frame):
            places[envelope.source].append(total)
            told[envelope.source].append(record)
            total += 1
    found: list[Seen | None] = [None] * total
    for source, rows in told.items():
        _read(form(source), rows, places[source], found, pseudonyms, now)
    return found


def _read(
    form: Shape,
    rows: list[Record | Broken],
    places: list[int],
    found: list[Seen | None],
    pseudonyms: Pseudonyms,
    now: datetime,
) -> None:
    broken = {i: row for i, row in enumerate(rows) if isinstance(row, Broken)}
    batch = from_records([{} if isinstance(row, Broken) else row for row in rows], places, broken)
    located = locate(form, batch.table.column_names, where=form.key, open_ended=True)
    result = checked(form, canonical(form, located, batch.table), pseudonyms=pseudonyms, now=now)
    good = np.ones(len(rows), dtype=np.bool_)
    good[[*broken, *{fault.position for fault in result.faults}]] = False
    typed, lines = result.table.filter(pa.array(good)), batch.lines[good]
    if not len(lines):
        return
    at = column(typed, "occurred_at")
    answers = [*consent_rows(form, typed, lines, at), *subscription_rows(form, typed, lines, at)]
    answers += answer_rows(form, typed, lines)
    consents: dict[int, list[Row]] = defaultdict(list)
    for table in answers:
        for row in _rows(table, _CONSENT):
            consents[row[LINE]].append(row)
    events = event_rows(form, typed, lines)
    of_line = {row[LINE]: row for row in _rows(events.facts["event"], COLUMNS)}
    ids = events.ids.to_pylist() if events.ids is not None else [None] * len(lines)
    named = [column(typed, KEY + name).to_pylist() for name in IDENTIFIERS]
    named.append(column(typed, KEY + "previous_id").to_pylist())
    for place, event_id, keys in zip(lines.tolist(), ids, zip(*named, strict=True), strict=True):
        distinct = tuple(dict.fromkeys([key for key in keys if key]))
        found[place] = Seen(event_id or "", distinct, of_line.get(place), consents.get(place, []))


def _rows(table: pa.Table, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows with these columns, so far as they are there; instants as µs."""
    there = {n: table[n] for n in (LINE, *names) if n in table.column_names}
    plain = {n: c.cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for n, c in there.items()}
    found: list[dict[str, Any]] = pa.table(plain).to_pylist()
    return found
