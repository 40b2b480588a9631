"""Their columns by our names.

in   a Source and the columns a file has
out  a Shape (source and preset in one), and tables of canonical text columns
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from omnimix.core.errors import InvalidInput
from omnimix.core.hashing import digest
from omnimix.data.source.fields import FIELDS, Field
from omnimix.data.source.parse import trimmed
from omnimix.data.source.preset import Preset
from omnimix.data.source.presets import preset
from omnimix.data.source.spec import Holds, Source
from omnimix.governance.consent import Purpose
from omnimix.governance.consent.signals import Signals

PROPERTY, CONSENT = "property:", "consent:"  # prefixes of canonical columns that the source itself names
CATEGORY = "category:"  # prefix of what a consent tool sends along with events: Segment's `categoryPreferences`
_PREFERENCES = "context.consent.categoryPreferences."


@dataclass(frozen=True, slots=True)
class Shape:
    """What a source's rows are and where each canonical field is found: the source over its preset."""

    key: str
    source: Source
    holds: Holds
    columns: Mapping[str, tuple[str, ...]]  # canonical field → their columns, the first with a value counts
    declared: frozenset[str]  # canonical fields the source itself mapped: those columns must be there
    constants: Mapping[str, str]
    names: Mapping[str, str]
    properties: tuple[str, ...]
    carried: tuple[str, ...]
    fees: tuple[str, ...]
    void_statuses: tuple[str, ...]
    cancellation_prefix: str | None
    day_first: bool

    @property
    def fields(self) -> tuple[Field, ...]:
        """The canonical fields of what the source holds."""
        return FIELDS[self.holds]

    @property
    def signals(self) -> Signals:
        """How consent that comes with events is read."""
        return self.source.signals or Signals()

    @property
    def digest(self) -> str:
        """Changes whenever the meaning of a file under this source changes."""
        return digest([str(self.source), {k: list(v) for k, v in self.columns.items()}])


def shape(key: str, source: Source) -> Shape:
    """Lay a source over its preset. Raises InvalidInput for an unknown preset, field or purpose."""
    where = f"sources.{key}"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        raise InvalidInput(
            f"{key!r} cannot name a source", where=where, fix="use letters, digits, hyphen and underscore"
        )
    under = preset(source.preset, where=where) if source.preset else None
    holds = source.holds or (under.holds if under else None)
    if holds is None:
        raise InvalidInput(
            "it does not say what it holds",
            where=where,
            fix=f"add holds = {json.dumps(Holds.ORDERS)} (or {', '.join(Holds)}), or a preset",
        )
    holds = Holds(holds)
    names = {f.name for f in FIELDS[holds]}
    if under and under.holds is not holds:
        raise InvalidInput(
            f"preset {source.preset!r} is for {under.holds}, not for {holds}",
            where=where,
            fix="drop one of the two",
        )
    if under is None:
        under = Preset(holds, {name: (name,) for name in names})
    if holds is Holds.EVENTS and not source.preset:
        under = Preset(holds, {**under.columns, "name_of_event": ("name", "event", "event_name")})
    _known(source.columns, names, where=f"{where}.columns")
    _known(source.constants, names, where=f"{where}.constants")
    _known(source.consent, set(Purpose), where=f"{where}.consent")
    return Shape(
        key=key,
        source=source,
        holds=holds,
        columns={**under.columns, **{ours: (theirs,) for ours, theirs in source.columns.items()}},
        declared=frozenset(source.columns),
        constants={**under.constants, **source.constants},
        names={**under.names, **source.names},
        properties=tuple(dict.fromkeys((*under.properties, *source.properties))),
        carried=under.carried,
        fees=under.fees if source.fees is None else source.fees,
        void_statuses=under.void_statuses if source.void_statuses is None else source.void_statuses,
        cancellation_prefix=(
            under.cancellation_prefix if source.cancellation_prefix is None else source.cancellation_prefix
        ),
        day_first=source.day_first if under.day_first is None else under.day_first,
    )


def _known(given: Mapping[str, str], names: set[str], *, where: str) -> None:
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InvalidInput(
                f"there is no field {name!r}", where=where, fix=f"{hint}choose from {', '.join(sorted(names))}"
            )


def spelling(column: str) -> str:
    """A column's name as it is compared: lower case, letters, digits and dots only."""
    return re.sub(r"[^\w.]|_", "", column.lower().lstrip("\ufeff")).rstrip(".") or column


@dataclass(frozen=True, slots=True)
class Found:
    """Which of a file's columns hold which canonical field, property or consent.

    Of an `open_ended` file each batch has columns of its own and is located by itself.
    """

    columns: Mapping[str, tuple[str, ...]]
    open_ended: bool = False


def locate(form: Shape, have: Sequence[str], *, where: str, open_ended: bool = False) -> Found:
    """Find every canonical field among a file's columns.

    Raises InvalidInput for a required or declared column that is not there, naming what the file has and the
    nearest. `open_ended` files (JSON) name a column only where it has a value: there nothing is missing.
    """
    spelt = {spelling(column): column for column in reversed(have)}
    found: dict[str, tuple[str, ...]] = {}
    for ours, theirs in form.columns.items():
        there = tuple(spelt[spelling(t)] for t in theirs if spelling(t) in spelt)
        if there:
            found[ours] = there
        elif not open_ended and ours not in form.constants and (ours in form.declared or _is_required(form, ours)):
            _missing(ours, theirs, have, where=where)
    if not open_ended:
        _one_of(form, found, have, where=where)
    for ours, column, must in _named(form):
        if spelling(column) in spelt:
            found[ours] = (spelt[spelling(column)],)
        elif must and not open_ended:
            _missing(column, (column,), have, where=where)
    return Found(found, open_ended)


def _named(form: Shape) -> Iterator[tuple[str, str, bool]]:
    """Canonical name, column, and whether it has to be there: what the source itself names."""
    for column in form.properties:
        yield PROPERTY + column, column, column in form.source.properties
    for purpose, column in form.source.consent.items():
        yield CONSENT + purpose, column, True
    for category in form.signals.purposes if form.holds is Holds.EVENTS else ():
        yield CATEGORY + category, _PREFERENCES + category, False


def _is_required(form: Shape, name: str) -> bool:
    return any(f.name == name and f.required for f in form.fields)


def _one_of(form: Shape, found: Mapping[str, object], have: Sequence[str], *, where: str) -> None:
    either = {
        Holds.ORDERS: ("unit_price", "amount"),
        Holds.EVENTS: ("name_of_event", "type"),
        Holds.PROFILES: ("user_id", "anonymous_id", "email", "phone", "handle"),
        Holds.ENRICHMENT: ("user_id", "anonymous_id", "email", "phone"),
    }.get(form.holds, ())
    if either and not any(name in found or name in form.constants for name in either):
        _missing(either[0], form.columns.get(either[0], either), have, where=where)


def _missing(ours: str, theirs: Sequence[str], have: Sequence[str], *, where: str) -> None:
    near = [c for t in theirs for c in difflib.get_close_matches(t, have, n=1)]
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InvalidInput(
        f"there is no column {theirs[0]!r} for {ours!r}; it has {', '.join(map(repr, have[:40]))}",
        where=where,
        fix=f'{hint}map it in the source: columns = {{ {ours} = "their column" }}',
    )


def canonical(form: Shape, found: Found, raw: pa.Table) -> pa.Table:
    """The batch's text under canonical names, trimmed, blanks as null; a field with no column is all null."""
    nothing = pa.nulls(raw.num_rows, pa.string())
    columns: dict[str, pa.Array] = {}
    wanted = [f.name for f in form.fields]
    wanted += [name for name in found.columns if name.startswith((PROPERTY, CONSENT, CATEGORY))]
    for name in wanted:
        there = [trimmed(_whole(raw[c])) for c in found.columns.get(name, ()) if c in raw.column_names]
        text = pc.coalesce(*there) if there else nothing
        constant = form.constants.get(name)
        columns[name] = pc.fill_null(text, constant) if constant is not None else text
    if columns.get("handle", nothing).null_count < raw.num_rows:
        columns["handle"] = _of_network(form, columns)
    return pa.table(columns)


def _of_network(form: Shape, columns: Mapping[str, pa.Array]) -> pa.Array:
    """Handles as `network:name`, the first of several; a source that names no network is its own."""
    network = pc.utf8_lower(columns["platform"]) if "platform" in columns else pa.scalar(None, pa.string())
    first = pc.replace_substring_regex(columns["handle"], r"\s*[;,].*$", "")
    return pc.binary_join_element_wise(pc.coalesce(network, pa.scalar(form.key)), first, ":")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


class Carry:
    """Fills what an export writes on the first line of each order only, also across batches."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._known: dict[str, dict[str, str]] = {}  # order → carried field → its first value

    def fill(self, table: pa.Table) -> pa.Table:
        """The table with each carried field taken from an earlier line of its order, where it is blank."""
        if not self._fields or not table.num_rows:
            return table
        orders = table["order_id"].to_pylist()
        for name in self._fields:
            filled = []
            for order, value in zip(orders, table[name].to_pylist(), strict=True):
                if order is None:
                    filled.append(value)
                elif value is None:
                    filled.append(self._known.get(order, {}).get(name))
                else:
                    self._known.setdefault(order, {}).setdefault(name, value)
                    filled.append(value)
            place = table.column_names.index(name)
            table = table.set_column(place, name, pa.array(filled, pa.string()))
        last = orders[-1]
        self._known = {last: self._known[last]} if last in self._known else {}
        return table
