"""Clock: instants are naive UTC datetimes; a clock is an argument, so that a run can be repeated.

in   nothing
out  the present instant; instants as whole microseconds
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - instants are naive UTC


def utc_now() -> datetime:
    """The present instant in UTC without zone, to the microsecond."""
    return datetime.now(UTC).replace(tzinfo=None)


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)
