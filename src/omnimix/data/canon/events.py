"""What visitors did.

in   typed columns of events
out  rows of `event`; calls that only name a person (identify, alias, group) are no events
"""

from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.data.canon.spoken import same_content, same_time, spoken
from omnimix.data.canon.table import (
    LINE,
    SUFFIX,
    Rows,
    Whole,
    column,
    constant,
    masked,
    minor,
    numbers,
    person_key,
)
from omnimix.data.source.mapping import PROPERTY, Shape

# Click ids of landing URLs and the medium that each one proves.
CLICK_IDS = {
    "gclid": "cpc",
    "gbraid": "cpc",
    "wbraid": "cpc",
    "dclid": "display",
    "msclkid": "cpc",
    "fbclid": "social",
    "li_fat_id": "social",
    "twclid": "social",
    "ttclid": "social",
}
_CALLS = {"page": "Page Viewed", "screen": "Screen Viewed"}
_ONLY_PEOPLE = pa.array(["identify", "alias", "group"])
_KEPT = ("message_id", "name_of_event", "type", "occurred_at", "order_id", "product_id", "quantity", "revenue")
_URL_PARTS = ("path", "medium", "utm_source", "utm_campaign", "click_id_kind")


def event_rows(form: Shape, table: pa.Table, lines: Whole) -> Rows:
    """One `event` a line."""
    size = table.num_rows
    currency = pc.fill_null(column(table, "currency"), form.source.currency or "")
    revenue = column(table, "revenue")
    urls = _url_columns(column(table, "page_url"))
    click = pc.coalesce(pc.if_else(pc.is_valid(column(table, "gclid")), "gclid", None), urls["click_id_kind"])
    medium = pc.coalesce(column(table, "medium"), urls["medium"], _proved(click))
    table = spoken(table)
    people = person_key(table)
    properties = _properties(table, size)
    events = pa.table(
        {
            LINE: pa.array(lines),
            SUFFIX: constant("", size),
            "source": constant(form.key, size),
            "name": event_names(form, table),
            "occurred_at": column(table, "occurred_at"),
            "person_key": people,
            "order_id": column(table, "order_id"),
            "product_id": column(table, "product_id"),
            "quantity": column(table, "quantity"),
            "revenue_minor": masked(minor(numbers(revenue), currency), revenue),
            "currency": pc.if_else(pc.is_valid(revenue), currency, pa.scalar(None, pa.string())),
            "page_path": pc.coalesce(column(table, "page_path"), urls["path"]),
            "medium": pc.utf8_lower(medium),
            "utm_source": pc.coalesce(column(table, "utm_source"), urls["utm_source"]),
            "utm_campaign": pc.coalesce(column(table, "utm_campaign"), urls["utm_campaign"]),
            "click_id_kind": click,
            "referrer_host": _hosts(column(table, "referrer")),
            "device": pc.utf8_lower(column(table, "device")),
            "country": column(table, "country"),
            "language": column(table, "language"),
            "properties": properties,
            "robot": column(table, "robot"),
            "network": column(table, "network"),
        }
    )
    is_person = pc.fill_null(pc.is_in(pc.utf8_lower(column(table, "type")), value_set=_ONLY_PEOPLE), False)
    events = events.filter(pc.invert(is_person))
    identity = [constant(form.key, size), people, same_content(table, properties), column(table, "page_url")]
    identity += [same_time(table) if name == "occurred_at" else column(table, name) for name in _KEPT]
    return Rows({"event": events}, identity, ids=column(table, "message_id"))


def event_names(form: Shape, table: pa.Table) -> pa.Array:
    """Segment's names: by the source's own table, else as they are; page and screen calls have fixed ones."""
    given = column(table, "name_of_event")
    calls = pc.utf8_lower(column(table, "type")).dictionary_encode()
    by_call = pa.array([_CALLS.get(c) for c in calls.dictionary.to_pylist()], pa.string())
    called = pc.take(by_call, calls.indices) if len(by_call) else pa.nulls(len(given), pa.string())
    coded = pc.coalesce(called, given, column(table, "type")).dictionary_encode()
    plain = {their.lower(): ours for their, ours in form.names.items()}
    said = [form.names.get(n, plain.get(n.lower(), n)) for n in coded.dictionary.to_pylist()]
    names = pa.array(said, pa.string())
    return pc.take(names, coded.indices)


def _proved(click: pa.Array) -> pa.Array:
    coded = click.dictionary_encode()
    mediums = pa.array([CLICK_IDS[c] for c in coded.dictionary.to_pylist()], pa.string())
    return pc.take(mediums, coded.indices) if len(mediums) else pa.nulls(len(click), pa.string())


@lru_cache(maxsize=50_000)
def _url_parts(url: str) -> tuple[str | None, ...]:
    try:
        split = urlsplit(url)
        asked = parse_qs(split.query)
    except ValueError:
        return (None,) * len(_URL_PARTS)
    kind = next((name for name in CLICK_IDS if name in asked), None)
    tagged = (asked.get(name, [None])[0] for name in ("utm_medium", "utm_source", "utm_campaign"))
    return (split.path or None, *tagged, kind)


def _url_columns(urls: pa.Array) -> dict[str, pa.Array]:
    coded = urls.dictionary_encode()
    parts = [_url_parts(url) for url in coded.dictionary.to_pylist()]
    found = {}
    for place, name in enumerate(_URL_PARTS):
        values = pa.array([p[place] for p in parts], pa.string())
        found[name] = pc.take(values, coded.indices) if parts else pa.nulls(len(urls), pa.string())
    return found


def _hosts(referrers: pa.Array) -> pa.Array:
    coded = referrers.dictionary_encode()
    hosts = [_host(r) for r in coded.dictionary.to_pylist()]
    return pc.take(pa.array(hosts, pa.string()), coded.indices) if hosts else pa.nulls(len(referrers), pa.string())


def _host(referrer: str) -> str | None:
    try:
        host = urlsplit(referrer if "//" in referrer else f"//{referrer}").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None


def _properties(table: pa.Table, size: int) -> pa.Array:
    """The listed columns as a JSON object; null where none has a value."""
    names = [name for name in table.column_names if name.startswith(PROPERTY)]
    if not names:
        return pa.nulls(size, pa.string())
    shown = [name.removeprefix(PROPERTY).removeprefix("properties.") for name in names]
    texts: list[str | None] = []
    for values in zip(*(table[name].to_pylist() for name in names), strict=True):
        kept = {n: _json(v) for n, v in zip(shown, values, strict=True) if v is not None}
        texts.append(msgspec.json.encode(kept, order="sorted").decode() if kept else None)
    return pa.array(texts, pa.string())


def _json(text: object) -> object:
    if not isinstance(text, str) or not text.startswith(("[", "{")):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
