"""Types checked: canonical text becomes typed columns, and every fault is told.

in   a Shape, a table of canonical text, the present instant
out  typed columns (numbers as millionths), faults by row, and keys of people in place of their identifiers
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.core.errors import InvalidInput
from omnimix.data.robots.network import networks
from omnimix.data.robots.words import from_browser, robots
from omnimix.data.source.country import read_country
from omnimix.data.source.fields import IDENTIFIERS, PERSONAL, Field, Kind
from omnimix.data.source.mapping import CATEGORY, CONSENT, Shape
from omnimix.data.source.parse import (
    MICRO,
    Reading,
    by_distinct,
    mask,
    no_rows,
    read_currency,
    read_date,
    read_instant,
    read_number,
    read_status,
    read_truth,
    read_whole,
    veiled,
)
from omnimix.data.source.spec import Holds
from omnimix.governance.consent.tcf import answer_of
from omnimix.governance.pseudonym import KeyKind, Pseudonyms, normalised

# Text that is not looked through: what the vault takes, and names that must stay distinct.
_NAMES = frozenset({*IDENTIFIERS, *PERSONAL, "previous_id", "order_id", "product_id", "message_id"})
_EARLIEST = datetime(1990, 1, 1)  # noqa: DTZ001 - instants are naive UTC
_LONGEST_ID = 200
_WHAT = {
    Kind.WHOLE: "is not a whole number",
    Kind.NUMBER: "is not a number",
    Kind.INSTANT: "is not a date and time",
    Kind.DATE: "is not a date",
    Kind.TRUTH: "is neither yes nor no",
    Kind.STATUS: "is no subscription status",
    Kind.CURRENCY: "is not a three-letter currency code",
}
KEY = "key:"  # prefix of the pseudonym columns that stand beside the identifiers


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the row's position, the canonical field, the value as text, and why."""

    position: int
    field: str
    value: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """Typed canonical columns. Identifiers are normalised; `key:<field>` holds their pseudonyms."""

    table: pa.Table
    faults: list[Fault]


def checked(form: Shape, text: pa.Table, *, pseudonyms: Pseudonyms, now: datetime) -> Checked:
    """Read every field of a batch by its type."""
    faults: list[Fault] = []
    columns: dict[str, pa.Array] = {}
    kinds = {f.name: f for f in form.fields}
    for name in text.column_names:
        column = text[name].combine_chunks() if text[name].num_chunks != 1 else text[name].chunk(0)
        field = kinds.get(name) or Field(name, Kind.TRUTH if name.startswith((CONSENT, CATEGORY)) else Kind.TEXT)
        reading = by_distinct(column, partial(_reading, form, field))
        faults += _told(column, reading.bad, name, _WHAT.get(field.kind, ""))
        columns[name] = reading.values
        faults += _limits(field, column, reading.values, now)
        if field.required:
            faults += _told(column, mask(pc.is_null(column)), name, "is missing")
    for name, kind in (*IDENTIFIERS.items(), ("previous_id", KeyKind.ANONYMOUS)):
        if name in columns:
            columns[KEY + name], found = _keys(columns[name], name, kind, form.source.region, pseudonyms)
            faults += found
    faults += _together(form, columns)
    if form.holds is Holds.EVENTS:
        columns |= _origin(columns, pseudonyms)
    return Checked(pa.table(columns), faults)


def _origin(columns: Mapping[str, pa.Array], pseudonyms: Pseudonyms) -> dict[str, pa.Array]:
    """Columns that say which robot sent an event, and from which network it came: never the address itself."""
    browser = from_browser(columns["library"])
    sent_from = pc.if_else(browser, columns["sent_from"], pa.scalar(None, pa.string()))
    address = pc.coalesce(columns["ip_address"], sent_from)
    return {
        "robot": robots(*(columns[n] for n in ("library", "user_agent", "sent_by", "fetched_for"))),
        "network": networks(address, columns["occurred_at"], pseudonyms),
    }


def _reading(form: Shape, field: Field, column: pa.Array) -> Reading:
    source, given = form.source, form.source.date_format
    if field.kind is Kind.WHOLE:
        return read_whole(column, decimal_comma=source.decimal_comma)
    if field.kind is Kind.NUMBER:
        return read_number(column, decimal_comma=source.decimal_comma)
    if field.kind is Kind.INSTANT:
        return read_instant(column, zone=source.timezone or "UTC", day_first=form.day_first, given=given)
    if field.kind is Kind.DATE:
        return read_date(column, day_first=form.day_first, given=given)
    if field.kind is Kind.TRUTH:
        return read_truth(column)
    if field.kind is Kind.STATUS:
        return read_status(column)
    if field.kind is Kind.CURRENCY:
        return read_currency(column)
    if field.kind is Kind.COUNTRY:
        return Reading(read_country(column), no_rows(len(column)))
    return Reading(_veiled(form, field, column), no_rows(len(column)))


def _veiled(form: Shape, field: Field, column: pa.Array) -> pa.Array:
    """What people type into searches and sites write into URLs may be an address: it stays out of every fact."""
    if field.name in _NAMES or form.holds in (Holds.PRODUCTS, Holds.SPEND):
        return column
    return veiled(column)


def _told(column: pa.Array, bad: npt.NDArray[np.bool_], name: str, reason: str) -> Iterator[Fault]:
    for position in np.flatnonzero(bad):
        yield Fault(int(position), name, column[int(position)].as_py(), reason)


def _limits(field: Field, text: pa.Array, values: pa.Array, now: datetime) -> Iterator[Fault]:
    scale = MICRO if field.kind is Kind.NUMBER else 1
    if field.low is not None:
        yield from _told(
            text, mask(pc.less(values, int(field.low * scale))), field.name, f"is below {field.low:g}"
        )
    if field.high is not None:
        high = int(field.high * scale)
        yield from _told(text, mask(pc.greater(values, high)), field.name, f"is above {field.high:g}")
    if field.kind in (Kind.INSTANT, Kind.DATE):
        at = values.cast(pa.timestamp("us"))
        late, early = now + timedelta(days=1), _EARLIEST
        yield from _told(
            text, mask(pc.greater(at, pa.scalar(late, pa.timestamp("us")))), field.name, "is in the future"
        )
        yield from _told(
            text, mask(pc.less(at, pa.scalar(early, pa.timestamp("us")))), field.name, "is before 1990"
        )
    if field.required and field.kind is Kind.TEXT:
        long = mask(pc.greater(pc.utf8_length(text), _LONGEST_ID))
        yield from _told(text, long, field.name, f"is longer than {_LONGEST_ID} characters")


def _keys(
    column: pa.Array, name: str, kind: KeyKind, region: str, pseudonyms: Pseudonyms
) -> tuple[pa.Array, list[Fault]]:
    """Pseudonyms of a column of identifiers: each distinct value is normalised and hashed once."""
    coded = column.dictionary_encode()
    keys: list[str | None] = []
    wrong: dict[int, str] = {}
    for code, value in enumerate(coded.dictionary.to_pylist()):
        try:
            plain = normalised(kind, value, region=region)
            keys.append(None if plain is None else pseudonyms.of(kind, plain))
        except InvalidInput as error:
            keys.append(None)
            wrong[code] = error.message
    found = pc.take(pa.array(keys, pa.string()), coded.indices) if keys else pa.nulls(len(column), pa.string())
    faults = []
    if wrong:
        codes = np.asarray(pc.fill_null(coded.indices, -1))
        for position in np.flatnonzero(np.isin(codes, list(wrong))):
            reason = wrong[int(codes[position])]
            faults.append(Fault(int(position), name, column[int(position)].as_py(), reason))
    return found, faults


def _together(form: Shape, columns: dict[str, pa.Array]) -> Iterator[Fault]:
    """Faults that only several fields together show."""
    if form.holds is Holds.ORDERS:
        yield from _order_faults(columns)
    if form.holds in (Holds.PROFILES, Holds.ENRICHMENT):
        keys = [columns[KEY + name] for name in IDENTIFIERS]
        nobody = mask(pc.is_null(pc.coalesce(*keys)))
        yield from _told(
            columns["user_id"], nobody, "user_id", "names nobody: no user id, anonymous id, e-mail or phone"
        )
    if form.holds is Holds.EVENTS:
        tracks = pc.equal(pc.utf8_lower(columns["type"]), "track")  # only the other calls are named by their type
        called = pc.if_else(pc.fill_null(tracks, False), pa.scalar(None, pa.string()), columns["type"])
        named = pc.coalesce(columns["name_of_event"], called)
        yield from _told(named, mask(pc.is_null(named)), "name_of_event", "is missing")
        yield from _consent_faults(form, columns["tcf"])
    if form.holds is Holds.EVENTS and form.source.currency is None:
        lacks = pc.and_(pc.is_valid(columns["revenue"]), pc.is_null(columns["currency"]))
        yield from _told(columns["currency"], mask(lacks), "currency", "is missing beside revenue")
    if form.holds in (Holds.ORDERS, Holds.SPEND) and form.source.currency is None:
        yield from _told(columns["currency"], mask(pc.is_null(columns["currency"])), "currency", "is missing")


def _consent_faults(form: Shape, strings: pa.Array) -> Iterator[Fault]:
    """Consent strings that cannot be read: their events wait in quarantine, since nobody knows what is allowed."""
    coded = strings.dictionary_encode()
    answers = [answer_of(text, form.signals) for text in coded.dictionary.to_pylist()]
    for position, code in enumerate(coded.indices.to_pylist() if answers else ()):
        answer = answers[code] if code is not None else None
        if isinstance(answer, InvalidInput):
            yield Fault(position, "tcf", strings[position].as_py(), answer.message)


def _order_faults(columns: dict[str, pa.Array]) -> Iterator[Fault]:
    quantity, price, amount = (columns[name] for name in ("quantity", "unit_price", "amount"))
    yield from _told(quantity.cast(pa.string()), mask(pc.equal(quantity, 0)), "quantity", "is zero")
    neither = mask(pc.and_(pc.is_null(price), pc.is_null(amount)))
    yield from _told(columns["order_id"], neither, "unit_price", "is missing")
    size = pc.abs(pc.multiply(quantity.cast(pa.float64()), price.cast(pa.float64())))
    large = mask(pc.greater(size, 9e18))
    yield from _told(price.cast(pa.string()), large, "unit_price", "times quantity is too large")
