"""The language of rule segments: one condition in a line that a person would write.

in   text such as `orders >= 5` or `no Order Completed within 14 days`
out  Clauses, or InvalidInput that says what cannot be read

| written | holds for |
|---|---|
| `orders >= 5`, `country = GB`, `category_share:Candles >= 0.3` | a feature of `features.FEATURE` |
| `p_churn >= 0.6` | a figure of the fact `value` |
| `trait:plan = gold`, `trait:lead_score >= 50`, `trait:plan` | what is known of the person; the last: anything |
| `Product Viewed >= 3 within 14 days`, `Order Completed` | so many such events (or one), lately or ever |
| `Product Viewed where device = mobile within 2 days` | the same with columns of the event |
| `no Order Completed within 14 days` | no such event |
| `no Order Completed since Product Added` | the last Product Added was followed by none; there must be one |
| `in:vip` | members of another rule segment |

`not` in front turns any of them round. What is not known does not hold; turned round it does.
"""

import difflib
import re
from dataclasses import dataclass

from omnimix.audience.segment.features import FEATURE
from omnimix.audience.segment.sensitive import is_sensitive, refuse_sensitive
from omnimix.core.errors import InvalidInput

VALUES = ("expected_orders", "p_alive", "clv_minor", "clv_low", "clv_high", "p_buy", "p_churn", "p_respond")
"""Columns of the fact `value` that a clause may name."""

EVENT_COLUMNS = (
    "source",
    "order_id",
    "product_id",
    "page_path",
    "medium",
    "utm_source",
    "utm_campaign",
    "click_id_kind",
    "referrer_host",
    "device",
    "country",
    "language",
)
"""Columns of an event that `where` may name."""

_HOURS = {"hour": 1, "day": 24, "week": 168}
_SIGNS = {"=": "==", "≥": ">=", "≤": "<=", "≠": "!="}
_SIGN = r"(?P<sign>>=|<=|==|!=|=|<|>|≥|≤|≠)"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_COMPARED = re.compile(rf"(?P<name>[a-z][a-z_]*(?::.+?)?)\s*{_SIGN}\s*(?P<value>.+)")
_EVENT = re.compile(
    r"(?P<no>no\s+)?(?:event:)?(?P<name>\S.*?)"
    r"(?:\s+where\s+(?P<where>[a-z_]+\s*=\s*.+?))?"
    rf"(?:\s*{_SIGN}\s*(?P<count>\d+))?"
    r"(?:\s+within\s+(?P<span>\d+)\s+(?P<unit>hour|day|week)s?|\s+since\s+(?P<since>\S.*))?"
)


@dataclass(frozen=True, slots=True)
class Compared:
    """A feature (or a key of a share, `family:key`) or value figure against a number or word."""

    column: str
    sign: str  # >=, <=, ==, !=, <, >
    value: float | str


@dataclass(frozen=True, slots=True)
class Known:
    """A trait against a number or word; sign "" asks only whether anything is known."""

    trait: str
    sign: str = ""
    value: float | str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """How many events of a name, in the last `hours` before the day in question, or since another event."""

    event: str
    sign: str = ">="
    count: int = 1
    where: tuple[tuple[str, str], ...] = ()
    hours: int | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """Membership of another rule segment."""

    segment: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition, and whether it is turned round. `text` is as the person wrote it."""

    text: str
    asks: Compared | Known | Happened | Member
    negated: bool = False


def read_clause(text: str, *, where: str) -> Clause:
    """Read one condition. Raises InvalidInput (`where` is the place in the file) for anything not understood.

    Sensitive attributes, and events or products that would give one away, are refused too.
    """
    said = " ".join(text.split())
    inner = said.removeprefix("not ")
    if inner.startswith("in:"):
        return Clause(said, Member(inner.removeprefix("in:").strip()), inner != said)
    if inner.startswith("trait:"):
        return Clause(said, _known(inner.removeprefix("trait:"), said, where), inner != said)
    if re.match(r"(no |event:|[A-Z])", inner):
        return Clause(said, _happened(inner, said, where), inner != said)
    return Clause(said, _compared(inner, said, where), inner != said)


def _compared(text: str, said: str, where: str) -> Compared:
    found = _COMPARED.fullmatch(text)
    if found is None:
        raise _unreadable(said, where)
    name, sign = found["name"], _SIGNS.get(found["sign"], found["sign"])
    family, _, key = name.partition(":")
    kind = FEATURE.get(family)
    refuse_sensitive([family])
    if key and is_sensitive(key):
        raise _sensitive(key, where)
    if kind is None and family not in VALUES:
        known = [*FEATURE.names, *VALUES]
        near = difflib.get_close_matches(family, known, n=1)
        fix = (
            f"did you mean {near[0]!r}?"
            if near
            else f"features are {', '.join(n for n in known if n != 'profile_id')}"
        )
        raise InvalidInput(f"there is no feature {family!r}", where=where, fix=fix)
    if family == "profile_id" or (kind is not None and kind.is_map()) != bool(key):
        fix = f"name one of its keys: {family}:Candles >= 0.3" if not key else f"leave out :{key}"
        raise InvalidInput(f"{said!r} does not name one figure", where=where, fix=fix)
    value = found["value"].strip().strip("\"'")
    if kind is not None and kind.is_string():
        if sign not in ("==", "!="):
            raise InvalidInput(f"{family!r} is a word: it has no more or less", where=where, fix="use = or !=")
        if is_sensitive(value):
            raise _sensitive(value, where)
        return Compared(name, sign, value)
    if not _NUMBER.fullmatch(value):
        raise InvalidInput(f"{value!r} is no number", where=where, fix=f"write {name} {found['sign']} 1")
    return Compared(name, sign, float(value))


def _known(text: str, said: str, where: str) -> Known:
    found = re.fullmatch(rf"(?P<name>[^<>=!≥≤≠]+?)(?:\s*{_SIGN}\s*(?P<value>.+))?", text)
    if found is None:
        raise _unreadable(said, where)
    name = found["name"].strip()
    if is_sensitive(name, column=True):
        raise _sensitive(name, where)
    if found["sign"] is None:
        return Known(name)
    sign, value = _SIGNS.get(found["sign"], found["sign"]), found["value"].strip().strip("\"'")
    if is_sensitive(value):
        raise _sensitive(value, where)
    if _NUMBER.fullmatch(value):
        return Known(name, sign, float(value))
    if sign not in ("==", "!="):
        raise InvalidInput(f"{value!r} is a word: it has no more or less", where=where, fix="use = or !=")
    return Known(name, sign, value)


def _happened(text: str, said: str, where: str) -> Happened:
    found = _EVENT.fullmatch(text)
    if found is None:
        raise _unreadable(said, where)
    named = [n for n in (found["name"], found["since"]) if n]
    columns = (
        tuple(_column(part, where) for part in re.split(r"\s+and\s+", found["where"])) if found["where"] else ()
    )
    for word in [*named, *(v for _, v in columns)]:
        if is_sensitive(word):
            raise _sensitive(word, where)
    if found["no"] and found["count"] is not None:
        raise InvalidInput(f"{said!r} says both no and a number", where=where, fix="leave one of them out")
    if found["since"] and found["count"] is not None:
        raise InvalidInput(
            f"{said!r} counts since an event", where=where, fix="ask only whether: no A since B, or A since B"
        )
    hours = int(found["span"]) * _HOURS[found["unit"]] if found["span"] else None
    if hours == 0:
        raise InvalidInput(f"{said!r} has an empty window", where=where, fix="write within 1 hour or more")
    if found["no"]:
        sign, count = "==", 0
    elif found["count"] is None:
        sign, count = ">=", 1
    else:
        sign, count = _SIGNS.get(found["sign"], found["sign"]), int(found["count"])
    return Happened(found["name"], sign, count, columns, hours, found["since"])


def _column(text: str, where: str) -> tuple[str, str]:
    name, _, value = (part.strip() for part in text.partition("="))
    if name not in EVENT_COLUMNS or not value:
        raise InvalidInput(
            f"an event has no column {name!r}", where=where, fix=f"choose from {', '.join(EVENT_COLUMNS)}"
        )
    refuse_sensitive([] if name == "language" else [name])
    return name, value.strip("\"'")


def _sensitive(word: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"{word!r} is, or gives away, a sensitive attribute and is never used to tell customers apart",
        where=where,
        fix="leave the condition out",
    )


def _unreadable(said: str, where: str) -> InvalidInput:
    return InvalidInput(
        f"{said!r} is no condition",
        where=where,
        fix='write one like "orders >= 5", "no Order Completed within 14 days", "trait:plan = gold" or "in:vip"',
    )
