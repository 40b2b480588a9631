"""What a feature looks at: one value of a person's State, of the call's context, or of the clock.

in   a source, as `[moment.features]` names it
out  a Reader: State, Context, instant → number, text or None where it is unknown
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from omnimix.activation.decide.state import COUNT_DAYS, DAY_US, State, basket, count
from omnimix.core.errors import InvalidInput

Value = float | int | str | bool | None
Context = Mapping[str, str | float | bool]  # of a call: what the caller knows of the moment
Reader = Callable[[State, Context, int], Value]

STANDING = ("segment", "stage", "country")
KINDS = ("context", "state", "trait", "count", "category", "time")
QUARTER_US = 900_000_000  # clocks are set forward and back on quarters of an hour
_DAYPARTS = ("night", "morning", "afternoon", "evening")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _days_since(then_us: int, now_us: int) -> float | None:
    return max(0, now_us - then_us) / DAY_US if then_us else None


def _middle_price(state: State) -> float | None:
    return (state.price_low + state.price_high) / 2 if state.price_high else None


DERIVED: Mapping[str, Callable[[State, int], Value]] = {
    "known": lambda state, _now: bool(state.profile_id),
    "seen_days": lambda state, now: _days_since(state.last_us, now),  # since the newest event
    "tenure_days": lambda state, now: _days_since(state.first_us, now),
    "ordered_days": lambda state, now: _days_since(state.ordered_us, now),
    "bought": lambda state, _now: len(state.bought),  # different products, newest 32
    "basket": lambda state, _now: sum(basket(state).values()) if state.basket else 0,  # pieces
    "viewed": lambda state, _now: len(state.views),  # products, newest 10
    "touched": lambda state, _now: len(state.touches),  # marketing contacts, newest 8
    "clicked": lambda state, _now: sum(seen[3] for seen in state.engaged.values()),
    "price": lambda state, _now: _middle_price(state),  # minor units
    "last_event": lambda state, _now: state.path[0][2] if state.path else None,
}
"""What `state.<name>` may be besides STANDING."""
TIMES = ("hour", "weekday", "daypart", "weekend")


def check(source: str, where: str) -> None:
    """Raise InvalidInput for a source that there is not."""
    kind, _, rest = source.partition(".")
    if kind not in KINDS or not rest:
        raise InvalidInput(
            f"{source!r} is no source", where=where, fix=f"begin with {', '.join(k + '.' for k in KINDS)}"
        )
    known = {"state": (*STANDING, *DERIVED), "time": TIMES}.get(kind)
    if known and rest not in known:
        raise InvalidInput(f"there is no {source!r}", where=where, fix=f"choose from {', '.join(known)}")
    if kind == "count":
        days = rest.rpartition(".")[2]
        if not (rest.rpartition(".")[0] and days.isdecimal() and 1 <= int(days) <= COUNT_DAYS):
            raise InvalidInput(
                f"{source!r} names no event and days", where=where, fix="write count.product_viewed.7"
            )


def reader(source: str, timezone: str) -> Reader:
    """The Reader of a source that `check` has passed."""
    kind, _, rest = source.partition(".")
    if kind == "time":
        return _time(rest, timezone)
    readers = {"context": _context, "state": _state, "trait": _trait, "count": _count, "category": _category}
    return readers[kind](rest)


def _context(name: str) -> Reader:
    return lambda _state, context, _now: context.get(name)


def _state(name: str) -> Reader:
    if name in STANDING:
        return lambda state, _context, _now: getattr(state, name) or None
    derive = DERIVED[name]
    return lambda state, _context, now_us: derive(state, now_us)


def _trait(name: str) -> Reader:
    return lambda state, _context, _now: state.traits.get(name)


def _count(rest: str) -> Reader:
    event, _, days = rest.rpartition(".")
    name, window = event.replace("_", " ").title(), int(days)  # the Segment specification's "Product Viewed"

    def read(state: State, _context: Context, now_us: int) -> Value:
        return count(state, name, window, now_us) if name in state.counts else 0

    return read


def _category(name: str) -> Reader:
    def read(state: State, _context: Context, _now: int) -> Value:
        views = state.views
        return [view[3] for view in views].count(name) / len(views) if views else None

    return read


def _time(name: str, timezone: str) -> Reader:
    zone = ZoneInfo(timezone)

    @lru_cache(maxsize=64)
    def at(quarter: int) -> Value:
        local = datetime.fromtimestamp(quarter * QUARTER_US / 1e6, UTC).astimezone(zone)
        if name == "hour":
            return local.hour
        if name == "weekday":
            return _WEEKDAYS[local.weekday()]
        if name == "daypart":
            return _DAYPARTS[local.hour // 6]
        return local.weekday() >= 5

    return lambda _state, _context, now_us: at(now_us // QUARTER_US)
