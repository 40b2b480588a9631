"""Clock: instants are naive UTC datetimes; a clock is an argument, so that a run can be repeated.

in   nothing
out  the present instant
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant in UTC without zone, to the microsecond."""
    return datetime.now(UTC).replace(tzinfo=None)
