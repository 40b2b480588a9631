"""Text into values, a whole column at a time.

in   Arrow string arrays as people's exports hold them
out  typed numpy or Arrow arrays, and which rows could not be read

A blank is a missing value, never a fault by itself. Numbers may carry a currency sign, thousands separators, a
percent sign, or brackets for a minus, as spreadsheets and ad platforms write them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MICRO = 1_000_000  # amounts are held in millionths of the major unit until they are rounded once

_BLANKS = pa.array(["", "-", "--", "---", "n/a", "N/A", "NA", "null", "NULL", "None", "nan", "NaN", "<NA>"])
_TRUE = pa.array(["true", "yes", "y", "1", "t", "on", "subscribed", "in stock", "instock", "active"])
_FALSE = pa.array(["false", "no", "n", "0", "f", "off", "unsubscribed", "out of stock", "outofstock", "inactive"])
_SUBSCRIBED = pa.array(["subscribed", "opted in", "opt in", "optin", "confirmed", "double opt in", "active"])
_LEFT = pa.array(
    ["unsubscribed", "opted out", "opt out", "optout", "cleaned", "bounced", "hard bounced", "complained"]
)
_UNASKED = pa.array(
    ["pending", "unconfirmed", "non subscribed", "nonsubscribed", "transactional", "archived", "never"]
)
_PLAIN = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
_ZONE = r"\s?(Z|UTC|[+-]\d{2}(:?\d{2})?)$"
_ADDRESS = r"[\pL\pN_.+%'-]+(?:@|%40)[\pL\pN-]+(?:\.[\pL\pN-]+)+"
_ISO = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y/%m/%dT%H:%M:%S",
    "%Y/%m/%dT%H:%M",
    "%Y/%m/%d",
    "%Y%m%d",
)
_CLOCKS = ("T%H:%M:%S", "T%H:%M", "", "T%I:%M:%S %p", "T%I:%M %p")
_DAY_FIRST = tuple(f"%d/%m/%Y{clock}" for clock in _CLOCKS)
_MONTH_FIRST = tuple(f"%m/%d/%Y{clock}" for clock in _CLOCKS)
_WORDS = ("%d %b %Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%b %d, %Y %I:%M %p", "%b %d, %Y, %I:%M %p")

Bad = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Reading:
    """A typed column (nulls where blank or unreadable) and the rows that could not be read."""

    values: pa.Array
    bad: Bad


def mask(array: pa.Array) -> Bad:
    """A boolean Arrow array as numpy, nulls as False."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def trimmed(array: pa.Array) -> pa.Array:
    """Text without surrounding space; blanks and the usual words for nothing become null."""
    coded = array.dictionary_encode()
    return pc.take(_trimmed(coded.dictionary), coded.indices) if len(coded.dictionary) else array


def veiled(array: pa.Array) -> pa.Array:
    """Text in which every e-mail address, also of a URL (`%40`), is `(e-mail)`."""
    if not pc.any(pc.match_substring_regex(array, "@|%40")).as_py():
        return array
    return pc.replace_substring_regex(array, _ADDRESS, "(e-mail)")


def by_distinct(array: pa.Array, read: Callable[[pa.Array], Reading]) -> Reading:
    """Read each distinct value once: columns repeat themselves."""
    coded = array.dictionary_encode()
    if 2 * len(coded.dictionary) > len(array):
        return read(array)
    if not len(coded.dictionary):
        return Reading(
            pc.take(read(array.slice(0, 1)).values, pa.array([0] * len(array), pa.int32())), no_rows(len(array))
        )
    once = read(coded.dictionary)
    bad = np.append(once.bad, False)[np.asarray(pc.fill_null(coded.indices, len(once.bad)))]
    return Reading(pc.take(once.values, coded.indices), bad)


def no_rows(size: int) -> Bad:
    """A mask of no row."""
    return np.zeros(size, dtype=np.bool_)


def _trimmed(array: pa.Array) -> pa.Array:
    text = pc.utf8_trim_whitespace(array)
    return pc.if_else(pc.is_in(text, value_set=_BLANKS), pa.scalar(None, pa.string()), text)


def _unreadable(text: pa.Array, values: pa.Array) -> Bad:
    return mask(pc.and_(pc.is_valid(text), pc.is_null(values)))


def read_number(text: pa.Array, *, decimal_comma: bool = False) -> Reading:
    """Decimal numbers as int64 millionths, rounded half to even beyond the sixth decimal."""
    plain = _plain_number(text, decimal_comma=decimal_comma)
    fits = pc.match_substring_regex(plain, _PLAIN)
    short = pc.match_substring_regex(plain, r"^[+-]?\d{1,12}(\.\d{0,6})?$")
    values = np.zeros(len(text), dtype=np.int64)
    valid = mask(fits)
    quick = mask(short)
    if quick.any():
        exact = pc.cast(plain.filter(pa.array(quick)), pa.decimal128(18, 6))
        values[quick] = _unscaled(exact)
    slow = valid & ~quick
    if slow.any():
        found = pc.cast(plain.filter(pa.array(slow)), pa.float64()).to_numpy(zero_copy_only=False)
        large = ~(np.abs(found) < 9e12)
        values[slow] = np.rint(np.where(large, 0.0, found) * MICRO).astype(np.int64)
        valid[np.flatnonzero(slow)[large]] = False
    typed = pa.array(values, mask=~valid)
    return Reading(typed, _unreadable(text, typed))


def _unscaled(exact: pa.Array) -> npt.NDArray[np.int64]:
    """The integers behind a decimal128 column: its low 64-bit words (18 digits always fit)."""
    whole = exact.combine_chunks() if isinstance(exact, pa.ChunkedArray) else exact
    words = np.frombuffer(whole.buffers()[1], dtype=np.int64)[2 * whole.offset : 2 * (whole.offset + len(whole))]
    return words[::2]


def _plain_number(text: pa.Array, *, decimal_comma: bool) -> pa.Array:
    simple = pc.match_substring_regex(text, r"^-?[0-9]+(\.[0-9]+)?$")
    if not decimal_comma and pc.all(pc.fill_null(simple, True)).as_py():
        return text
    bracketed = pc.match_substring_regex(text, r"^\(.*\)$")
    bare = pc.replace_substring_regex(text, r"^\((.*)\)$", r"-\1")
    bare = pc.replace_substring_regex(bare, r"^([+-]?)(?:[A-Z]{3}\s?|[$£€¥₹]\s?)", r"\1")
    bare = pc.replace_substring_regex(bare, r"\s?(?:%|[A-Z]{3}|[$£€¥₹])$", "")
    bare = pc.replace_substring_regex(bare, "[\u00a0\u202f '’]", "")
    if decimal_comma:
        grouped = pc.match_substring_regex(bare, r"^[+-]?\d{1,3}(\.\d{3})+(,\d*)?$")
        bare = pc.if_else(grouped, pc.replace_substring(bare, ".", ""), bare)
        bare = pc.replace_substring(bare, ",", ".")
    else:
        grouped = pc.match_substring_regex(bare, r"^[+-]?\d{1,3}(,\d{2,3})*,\d{3}(\.\d*)?$")
        bare = pc.if_else(grouped, pc.replace_substring(bare, ",", ""), bare)
    return pc.if_else(pc.fill_null(bracketed, False), pc.replace_substring(bare, "--", "-"), bare)


def read_whole(text: pa.Array, *, decimal_comma: bool = False) -> Reading:
    """Whole numbers as int64; `6.0` is 6, `6.5` cannot be read."""
    number = read_number(text, decimal_comma=decimal_comma)
    micros = np.asarray(pc.fill_null(number.values, 0))
    whole = micros % MICRO == 0
    typed = pa.array(micros // MICRO, mask=~whole | np.asarray(pc.is_null(number.values)))
    return Reading(typed, _unreadable(text, typed))


def read_truth(text: pa.Array) -> Reading:
    """Yes or no, in the words exports use."""
    lower = pc.utf8_lower(text)
    yes, no = pc.is_in(lower, value_set=_TRUE), pc.is_in(lower, value_set=_FALSE)
    typed = pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))
    return Reading(typed, _unreadable(text, typed))


def read_status(text: pa.Array) -> Reading:
    """Whether an address is subscribed, as list tools say it; null where nobody was asked yet.

    An address that bounces or complained counts as one that may not be written to.
    """
    lower = pc.replace_substring_regex(pc.utf8_lower(text), r"[\s_-]+", " ")
    yes, no = pc.is_in(lower, value_set=_SUBSCRIBED), pc.is_in(lower, value_set=_LEFT)
    typed = pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_()))
    known = pc.or_(pc.is_valid(typed), pc.is_in(lower, value_set=_UNASKED))
    return Reading(typed, mask(pc.and_(pc.is_valid(text), pc.invert(known))))


def read_currency(text: pa.Array) -> Reading:
    """ISO 4217 codes in capitals."""
    upper = pc.utf8_upper(text)
    typed = pc.if_else(pc.match_substring_regex(upper, "^[A-Z]{3}$"), upper, pa.scalar(None, pa.string()))
    return Reading(typed, _unreadable(text, typed))


def read_instant(text: pa.Array, *, zone: str, day_first: bool, given: str | None = None) -> Reading:
    """Instants as naive UTC timestamps in microseconds.

    Without an offset an instant is local to `zone`; of an hour that happens twice the first is taken, one that
    never happened moves forward. Numbers of 10, 13 or 16 digits count seconds, milliseconds or microseconds
    since 1970.
    """
    marked = mask(pc.match_substring_regex(text, rf":\d{{2}}(\.\d+)?{_ZONE}"))
    if not marked.any():
        local = _strptime(text, given=given, day_first=day_first)
        typed = _utc(local, zone)
    else:
        shown = pa.array(marked)
        bare = pc.if_else(shown, pc.replace_substring_regex(text, _ZONE, ""), text)
        local = _strptime(bare, given=given, day_first=day_first)
        typed = pc.if_else(shown, pc.subtract(local, _offset(text)), _utc(local, zone))
    typed = pc.coalesce(typed, _epoch(text))
    return Reading(typed, _unreadable(text, typed))


def _utc(local: pa.Array, zone: str) -> pa.Array:
    if zone == "UTC":
        return local
    there = pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest")
    return there.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us"))


def _offset(text: pa.Array) -> pa.Array:
    parts = pc.extract_regex(text, r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?$")
    told = (pc.if_else(pc.equal(part, ""), "0", part) for part in (pc.struct_field(parts, [i]) for i in (1, 2)))
    hours, minutes = (pc.cast(part, pa.int64()) for part in told)
    size = pc.add(pc.multiply(hours, 60), minutes)
    signed = pc.if_else(pc.equal(pc.struct_field(parts, [0]), "-"), pc.negate(size), size)
    seconds = pc.multiply(pc.fill_null(signed, 0), 60 * MICRO)
    return seconds.cast(pa.duration("us"))


def _epoch(text: pa.Array) -> pa.Array:
    digits = pc.if_else(
        pc.match_substring_regex(text, r"^(\d{10}|\d{13}|\d{16})$"), text, pa.scalar(None, pa.string())
    )
    if digits.null_count == len(digits):
        return pa.nulls(len(text), pa.timestamp("us"))
    number = pc.cast(digits, pa.int64())
    size = pc.utf8_length(digits)
    scale = pc.if_else(pc.equal(size, 10), MICRO, pc.if_else(pc.equal(size, 13), 1000, 1))
    return pc.multiply(number, scale.cast(pa.int64())).cast(pa.timestamp("us"))


def _strptime(text: pa.Array, *, given: str | None, day_first: bool) -> pa.Array:
    """Local instants by the first format that fits each value, fractions of a second to the microsecond."""
    if given:
        return _real(text, given)
    joined = pc.replace_substring_regex(text, r"^(\d[\d/.-]*\d),? +(\d)", r"\1T\2")
    fraction = pc.extract_regex(joined, r"(?P<clock>:\d{2})\.(?P<digits>\d{1,9})$")
    whole = pc.replace_substring_regex(joined, r"(:\d{2})\.\d{1,9}$", r"\1")
    day_dots = pc.replace_substring_regex(whole, r"^(\d{1,2})[.-](\d{1,2})[.-](\d{4})", r"\1/\2/\3")
    found = pa.nulls(len(text), pa.timestamp("us"))
    formats = (*_ISO, *(_DAY_FIRST if day_first else _MONTH_FIRST), *_WORDS)
    for format_ in formats:
        if found.null_count == text.null_count:
            break
        found = pc.coalesce(found, _real(day_dots, format_))
    if fraction.null_count == len(fraction):
        return found
    digits = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.struct_field(fraction, [1]), 6, "0"), 0, 6)
    return pc.add(found, pc.cast(pc.fill_null(digits, "0"), pa.int64()).cast(pa.duration("us")))


def _real(text: pa.Array, format_: str) -> pa.Array:
    """Parsed by a format, if the day exists: the parser takes 31 February, printing it back shows 2 March."""
    at = pc.strptime(text, format=format_, unit="s", error_is_null=True)
    same = pc.equal(_bare(pc.strftime(at, format=format_)), _bare(text))
    return pc.if_else(same, at, pa.scalar(None, at.type)).cast(pa.timestamp("us"))


def _bare(text: pa.Array) -> pa.Array:
    """Lower case, without leading zeros."""
    return pc.replace_substring_regex(pc.utf8_lower(text), r"(^|\D)0+(\d)", r"\1\2")


def read_date(text: pa.Array, *, day_first: bool, given: str | None = None) -> Reading:
    """Calendar dates."""
    at = _strptime(text, given=given, day_first=day_first)
    typed = at.cast(pa.date32(), safe=False)
    return Reading(typed, _unreadable(text, typed))
